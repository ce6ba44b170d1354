//! How many tokens a request has: asked often, answered soon and never by an error of a vendor.
//!
//! Who counts, and what happens when nobody does, is in `pipeline/count.rs`; here are the two
//! endpoints and their shapes. A header says whether the number was counted or estimated.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;
use tollward_wire::view::Address;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::Ingress;
use crate::pipeline::count::count;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `POST /v1/messages/count_tokens`
pub async fn of_messages(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let shape = |tokens| json!({ "input_tokens": tokens });
    let mut response = counted(&gateway, Operation::Messages, request, shape).await;
    headers::name_for_anthropic(response.headers_mut());
    response
}

/// `POST /v1/responses/input_tokens`
pub async fn of_responses(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let shape = |tokens| json!({ "object": "response.input_tokens", "input_tokens": tokens });
    counted(&gateway, Operation::Responses, request, shape).await
}

/// `POST /v1beta/models/{model}:countTokens`
pub async fn of_contents(gateway: &Gateway, model: String, request: Request) -> Response {
    let shape = |tokens| json!({ "totalTokens": tokens });
    let address = Address {
        model,
        is_stream: false,
    };
    let ingress = Ingress::new(Operation::GenerateContent, request).at(address);
    answered(gateway, ingress, shape).await
}

async fn counted(
    gateway: &Gateway,
    operation: Operation,
    request: Request,
    shape: fn(u64) -> Value,
) -> Response {
    answered(gateway, Ingress::new(operation, request), shape).await
}

async fn answered(gateway: &Gateway, ingress: Ingress, shape: fn(u64) -> Value) -> Response {
    let operation = ingress.operation;
    let id = headers::own_id(ingress.request);
    // Boxed, because axum moves a handler's future several times.
    match Box::pin(count(gateway, ingress)).await {
        Ok(count) => {
            let source = HeaderValue::from_static(count.source.name());
            let mut response = match count.answer {
                Some(body) => ([(CONTENT_TYPE, JSON)], body).into_response(),
                None => Json(shape(count.tokens)).into_response(),
            };
            response.headers_mut().insert(headers::REQUEST_ID, id);
            response.headers_mut().insert(headers::TOKENS, source);
            response
        }
        Err(refused) => {
            let dialect = operation.dialect().unwrap_or(Dialect::OpenAiChat);
            error::respond_in(dialect, &Problem::from(refused), &id)
        }
    }
}
