//! How many tokens a request has: asked often, answered at once.
//!
//! No vendor is asked. The answer is the gateway's own estimate, the one that stands in
//! the ledger when a vendor reports nothing; clients use it to see when a conversation
//! gets too long.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tollward_wire::dialect::Dialect;
use tollward_wire::document::{Document, FieldError};
use tollward_wire::operation::Operation;
use tollward_wire::view::Address;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::Ingress;
use crate::pipeline::ServeError;
use crate::pipeline::admit::{AdmitError, Slot};
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::route::RouteError;
use crate::policy::estimate;

/// `POST /v1/messages/count_tokens`
pub async fn of_messages(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let shape = |tokens| json!({ "input_tokens": tokens });
    counted(&gateway, Operation::Messages, request, shape).await
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
    match count(gateway, ingress).await {
        Ok(tokens) => ([(headers::REQUEST_ID, id)], Json(shape(tokens))).into_response(),
        Err(refused) => {
            let dialect = operation.dialect().unwrap_or(Dialect::OpenAiChat);
            error::respond_in(dialect, &Problem::from(refused), &id)
        }
    }
}

async fn count(gateway: &Gateway, mut ingress: Ingress) -> Result<u64, ServeError> {
    let snapshot = gateway.snapshot();
    let caller = authenticate(&snapshot, gateway, &ingress.headers, ingress.peer).await?;
    let slot = Slot::take(&gateway.metrics.in_flight, snapshot.limits.max_in_flight);
    let _slot = slot.ok_or(AdmitError::Overloaded)?;
    let body = ingress.read_body(snapshot.limits.max_body_bytes).await;
    let document = Document::parse(body.map_err(AdmitError::from)?).map_err(AdmitError::from)?;
    let model = match ingress.address {
        Some(address) => Some(address.model),
        None => document.get::<String>("model").map_err(AdmitError::from)?,
    };
    let missing = || AdmitError::from(FieldError::new("model", "a model name"));
    let model = model.ok_or_else(missing)?;
    if !caller.allows(&model) || snapshot.resolve(&model).is_none() {
        return Err(RouteError::UnknownModel { model }.into());
    }
    Ok(estimate::input_tokens(document.bytes()))
}
