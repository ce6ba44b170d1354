//! Google's API: the model, what is wanted of it, and often the key are in the address.
//!
//! Chats are an operation like any other. An address is taken apart here and goes no further:
//! a key in it becomes a header, as others send it, so that nobody can write it to a log.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use http::HeaderValue;
use serde::Deserialize;
use tollward_wire::dialect::Dialect;
use tollward_wire::document::FieldError;
use tollward_wire::operation::Operation;
use tollward_wire::view::Address;

use crate::app::Gateway;
use crate::http::ingress::Ingress;
use crate::http::{error, headers, inference, tokens};
use crate::pipeline::ServeError;
use crate::pipeline::admit::AdmitError;
use crate::pipeline::authenticate::GOOGLE_KEY;

/// The parameters that are looked at.
#[derive(Default, Deserialize)]
struct Parameters {
    key: Option<String>,
    alt: Option<String>,
}

/// `POST /v1beta/models/{model}:{method}`, and the same below `/v1`.
pub async fn call(
    State(gateway): State<Arc<Gateway>>,
    Path(target): Path<String>,
    mut request: Request,
) -> Response {
    let alt = take_query(&mut request).alt;
    let Some((model, method)) = target.rsplit_once(':') else {
        return error::no_such_route(request.uri().clone()).await;
    };
    let address = Address {
        model: model.to_owned(),
        is_stream: method == "streamGenerateContent",
    };
    match method {
        "generateContent" => {}
        // Google's own default is one JSON array, piece by piece; no SDK asks for it.
        "streamGenerateContent" if alt.as_deref() != Some("sse") => {
            let wrong = FieldError::new("alt", "`sse`: streams are server-sent events");
            return refused(AdmitError::from(wrong).into());
        }
        "streamGenerateContent" => {}
        "countTokens" => return tokens::of_contents(&gateway, address.model, request).await,
        _ => return error::no_such_route(request.uri().clone()).await,
    }
    let ingress = Ingress::new(Operation::GenerateContent, request).at(address);
    Box::pin(inference::serve_one(&gateway, ingress)).await
}

/// Whether a request comes from one of Google's clients.
pub fn is_google(request: &Request) -> bool {
    request.headers().contains_key(GOOGLE_KEY) || request.uri().path().starts_with("/v1beta/")
}

/// Takes the parameters out of the address; a key among them becomes a header.
pub fn take_key(request: &mut Request) {
    take_query(request);
}

fn take_query(request: &mut Request) -> Parameters {
    let Ok(Query(mut parameters)) = Query::<Parameters>::try_from_uri(request.uri()) else {
        return Parameters::default();
    };
    let key = parameters.key.take();
    if let Some(mut key) = key.and_then(|it| HeaderValue::from_str(&it).ok()) {
        key.set_sensitive(true);
        request.headers_mut().append(GOOGLE_KEY, key);
    }
    if let Ok(path) = request.uri().path().parse() {
        *request.uri_mut() = path;
    }
    parameters
}

fn refused(error: ServeError) -> Response {
    error::respond_in(Dialect::Gemini, &error.into(), &headers::fresh_id())
}
