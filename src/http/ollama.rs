//! Ollama's API around its chats: what its clients ask before, after and instead.
//!
//! Chats themselves are operations like any other. Here a request that only wants a model
//! in memory is answered, embeddings are put into `OpenAI`'s words, and the catalog is shown
//! with every key that clients read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tollward_wire::dialect::ollama::catalog::{self, EmbedRequest, ModelCard};
use tollward_wire::dialect::ollama::{Endpoint, error as words, load};
use tollward_wire::dialect::timing::Timing;
use tollward_wire::dialect::{Dialect, Echo};
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::clock;
use crate::http::error::{self, Problem};
use crate::http::ingress::{Ingress, peer};
use crate::http::{headers, inference};
use crate::pipeline::ServeError;
use crate::pipeline::admit::AdmitError;
use crate::pipeline::authenticate::{Caller, authenticate};
use crate::pipeline::route::spellings;
use crate::snapshot::Snapshot;

/// The version of Ollama whose API this is; clients compare it.
const VERSION: &str = "0.13.0";
/// Tokens of context that are told of a model of which nobody knows.
const CONTEXT_TOKENS: u64 = 131_072;
/// How long a model is said to stay in memory, in seconds.
const STAYS: u64 = 300;

/// `GET /`: some clients look whether anybody is there.
pub async fn root() -> &'static str {
    "Ollama is running"
}

/// `GET /api/version`
pub async fn version() -> Response {
    json(catalog::version(VERSION))
}

/// `GET /api/tags`: the models that the caller may use.
pub async fn tags(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    listing(&gateway, &request, catalog::tags).await
}

/// `GET /api/ps`: the same models, said to be in memory.
pub async fn ps(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let expires = unix_seconds() + STAYS;
    listing(&gateway, &request, |cards| catalog::ps(cards, expires)).await
}

async fn listing(
    gateway: &Gateway,
    request: &Request,
    shape: impl FnOnce(&[ModelCard<'_>]) -> Bytes,
) -> Response {
    let snapshot = gateway.snapshot();
    let caller = match caller(gateway, &snapshot, request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let routes = snapshot.routes().filter(|it| caller.allows(&it.model));
    let cards: Vec<ModelCard<'_>> = routes.map(|route| card(&route.model)).collect();
    json(shape(&cards))
}

/// `POST /api/show`: what is known of a model.
pub async fn show(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (snapshot, caller, _, document) = match taken(&gateway, request).await {
        Ok(taken) => taken,
        Err(refusal) => return refusal,
    };
    match named(&document).and_then(|name| known(&snapshot, &caller, &name)) {
        Some(name) => json(catalog::show(&card(&name))),
        None => unknown(&document),
    }
}

/// `POST /api/pull`: a model that is served need not be fetched.
pub async fn pull(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (snapshot, caller, _, document) = match taken(&gateway, request).await {
        Ok(taken) => taken,
        Err(refusal) => return refusal,
    };
    match named(&document).and_then(|name| known(&snapshot, &caller, &name)) {
        Some(_) => typed(catalog::pulled(), Dialect::Ollama.stream_type()),
        None => unknown(&document),
    }
}

/// `POST /api/chat` and `/api/generate`: a request that says nothing wants the model in memory.
pub async fn chat(
    operation: Operation,
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Response {
    let (snapshot, caller, parts, document) = match taken(&gateway, request).await {
        Ok(taken) => taken,
        Err(refusal) => return refusal,
    };
    if !load::is_load(&document) {
        let request = Request::from_parts(parts, Body::from(document.bytes().clone()));
        return inference::answer(operation, State(gateway), request).await;
    }
    let Some(name) = named(&document) else {
        return unknown(&document);
    };
    if known(&snapshot, &caller, &name).is_none() {
        return unknown(&document);
    }
    let endpoint = match operation {
        Operation::OllamaGenerate => Endpoint::Generate,
        _ => Endpoint::Chat,
    };
    json(load::load_answer(
        endpoint,
        &Echo {
            model: &name,
            id: "load",
            created: unix_seconds(),
            asks_usage: true,
            estimated_input: 0,
            timing: Timing::new(clock::unix_ns(), clock::unix_ns),
            request: &document,
        },
    ))
}

/// `POST /api/embed`
pub async fn embed(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    embedded(
        gateway,
        request,
        catalog::embed_request,
        |body, model, began| catalog::embed_answer(body, model, began),
    )
    .await
}

/// `POST /api/embeddings`, the older one.
pub async fn embeddings(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    embedded(
        gateway,
        request,
        catalog::embeddings_request,
        |body, _, _| catalog::embeddings_answer(body),
    )
    .await
}
