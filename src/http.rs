//! The HTTP edge: routers, limits and the one map from errors to answers.
//!
//! Two listeners: the public one serves the API, the admin one metrics and what is governed. Policy
//! lives in `pipeline/`; what is here is the same for every operation.

pub mod admin;
pub mod cached;
pub mod error;
pub mod gemini;
pub mod given;
pub mod headers;
pub mod inference;
pub mod ingress;
pub mod made;
pub mod models;
pub mod ollama;
pub mod once;
pub mod ops;
pub mod organization;
pub mod panic;
pub mod passthrough;
pub mod realtime;
pub mod responses;
pub mod server;
pub mod stall;
pub mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::bill::kind::Kind;

/// The public API.
pub fn public(gateway: &Arc<Gateway>) -> Router {
    let mut router = Router::new();
    let has_one_path =
        |it: &Operation| !matches!(it, Operation::GenerateContent | Operation::Realtime);
    for operation in Operation::ALL.into_iter().filter(has_one_path) {
        // Boxed here, because axum moves a handler's future several times and this one is kilobytes long.
        let handler = move |state, request| Box::pin(answer(operation, state, request));
        router = router.route(operation.path(), post(handler));
    }
    for family in passthrough::FAMILIES {
        let one = format!("/v1/{family}");
        let below = format!("/v1/{family}/{{*rest}}");
        let methods = get(passthrough::answer)
            .post(passthrough::answer)
            .put(passthrough::answer)
            .patch(passthrough::answer)
            .delete(passthrough::answer);
        router = router.route(&one, methods.clone()).route(&below, methods);
    }
    for kind in Kind::ALL {
        let answer = move |state, request| organization::own(kind, state, request);
        router = router.route(kind.path(), get(answer));
    }
    router
        .route("/", get(ollama::root))
        .route("/api/version", get(ollama::version))
        .route("/api/tags", get(ollama::tags))
        .route("/api/ps", get(ollama::ps))
        .route("/api/show", post(ollama::show))
        .route("/api/pull", post(ollama::pull))
        .route("/api/embed", post(ollama::embed))
        .route("/api/embeddings", post(ollama::embeddings))
        .route("/v2/rerank", post(rerank))
        .route("/v1/messages/count_tokens", post(tokens::of_messages))
        .route("/v1/responses/input_tokens", post(tokens::of_responses))
        .route("/v1/capabilities", get(models::capabilities))
        .route(
            "/v1/responses/{id}",
            get(responses::show).delete(responses::delete),
        )
        .route(
            "/v1/responses/{id}/input_items",
            get(responses::input_items),
        )
        .route("/v1/responses/{id}/cancel", post(responses::cancel))
        .route(Operation::Realtime.path(), get(realtime::answer))
        .route("/v1/models", get(models::list))
        // Google's SDKs call one version of its API or the other.
        .route("/v1/models/{*id}", get(models::one).post(gemini::call))
        .route("/v1beta/models", get(models::list))
        .route("/v1beta/models/{*id}", get(models::one).post(gemini::call))
        .route("/livez", get(ops::live))
        .route("/readyz", get(ops::ready))
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(panic::catching(gateway.metrics.panics.clone()))
        .with_state(Arc::clone(gateway))
}

/// Answers a call of `operation`; Ollama's clients are met halfway first.
async fn answer(operation: Operation, state: State<Arc<Gateway>>, request: Request) -> Response {
    match operation {
        Operation::OllamaChat | Operation::OllamaGenerate => {
            // Boxed: it has what it was asked in its future beside the call's.
            Box::pin(ollama::chat(operation, state, request)).await
        }
        _ => inference::answer(operation, state, request).await,
    }
}

/// `POST /v2/rerank`: where the newer client of Cohere's SDK sends what is otherwise the same.
async fn rerank(state: State<Arc<Gateway>>, request: Request) -> Response {
    inference::answer(Operation::Rerank, state, request).await
}

/// The operator's side: metrics, probes, the admin API, and what all calls cost.
pub fn operator(gateway: &Arc<Gateway>) -> Router {
    let checked = from_fn_with_state(Arc::clone(gateway), ops::host::check);
    let mut billing = Router::new();
    for kind in Kind::ALL {
        let answer = move |operator, request| organization::all(kind, operator, request);
        billing = billing.route(kind.path(), get(answer));
    }
    // Only these tell and change what a web page must not: probes and scrapers use any name.
    let billing = billing.route_layer(checked.clone());
    let governing = admin::router().route_layer(checked);
    let (governing, _) = governing
        .route_layer(from_fn(admin::name))
        .split_for_parts();
    Router::new()
        .route("/metrics", get(ops::metrics))
        .merge(governing)
        .merge(billing)
        .route("/livez", get(ops::live))
        .route("/readyz", get(ops::ready))
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(panic::catching(gateway.metrics.panics.clone()))
        .with_state(Arc::clone(gateway))
}
