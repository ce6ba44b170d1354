//! Which of `OpenAI`'s addresses are passed through to an account, and their answers.
//!
//! Whether anything is, for whom and where it goes is in `pipeline/passthrough.rs`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::http::error;
use crate::http::inference::{self, Head};
use crate::http::ingress::Ingress;
use crate::pipeline::passthrough::pass;

/// The first segments of what belongs to an account (openai-python 3.57 `resources`, read 2026-11);
/// `assistants` and `threads` are its beta.
pub const FAMILIES: [&str; 15] = [
    "assistants",
    "batches",
    "chatkit",
    "containers",
    "conversations",
    "evals",
    "files",
    "fine_tuning",
    "realtime/client_secrets",
    "skills",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
    "webhooks",
];

/// Any method below `/v1/{family}`.
pub async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    if gateway.snapshot().passthrough.accounts.is_empty() {
        return error::no_such_route(request.uri().clone()).await;
    }
    let method = request.method().clone();
    let target = request.uri().path_and_query().map(ToString::to_string);
    let target = target.unwrap_or_default();
    let path = target.strip_prefix("/v1/").unwrap_or_default();
    let ingress = Ingress::new(Operation::Passthrough, request);
    let head = Head::of(&ingress);
    // Boxed, because axum moves a handler's future several times.
    match Box::pin(pass(&gateway, ingress, method, path)).await {
        Ok((status, reply)) => {
            let mut response = inference::respond(Operation::Passthrough, reply);
            *response.status_mut() = status;
            response
        }
        Err(error) => inference::failed(&gateway, &head, error).response,
    }
}
