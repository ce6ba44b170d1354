//! Ollama's API around its chats: what its clients ask before, after and instead.
//!
//! Chats themselves are operations like any other. Here a request that only wants a model
//! in memory is answered, embeddings are put into `OpenAI`'s words, and the catalog is shown
//! with every key that clients read.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::ollama::catalog::{self, EmbedRequest, ModelCard};
use tollward_wire::dialect::ollama::error::{body as error_body, unknown_model};
use tollward_wire::dialect::ollama::{Endpoint, load};
use tollward_wire::dialect::timing::Timing;
use tollward_wire::dialect::{Dialect, Echo};
use tollward_wire::document::{Document, FieldError};
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::clock;
use crate::http::error::{self, Problem};
use crate::http::ingress::{Ingress, is_cross_site, peer};
use crate::http::{headers, inference};
use crate::pipeline::ServeError;
use crate::pipeline::admit::{AdmitError, held_body};
use crate::pipeline::attempt::{AttemptError, Trail};
use crate::pipeline::authenticate::{Caller, authenticate};
use crate::pipeline::route::{RouteError, spellings};
use crate::snapshot::route::Route;
use crate::snapshot::{Snapshot, Target};

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
    listing(&gateway, request, catalog::tags).await
}

/// `GET /api/ps`: the same models, said to be in memory.
pub async fn ps(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let expires = unix_seconds() + STAYS;
    listing(&gateway, request, |cards| catalog::ps(cards, expires)).await
}

async fn listing(
    gateway: &Gateway,
    request: Request,
    shape: impl FnOnce(&[ModelCard<'_>]) -> Bytes,
) -> Response {
    let snapshot = gateway.snapshot();
    let peer = peer(request.extensions());
    let (parts, _) = request.into_parts();
    let caller = match caller(gateway, &snapshot, &parts.headers, peer).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let names = snapshot.names(|it| caller.allows(it));
    let cards: Vec<ModelCard<'_>> = names.map(|(name, route)| card(name, route)).collect();
    json(shape(&cards))
}

/// `POST /api/show`: what is known of a model.
pub async fn show(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (snapshot, caller, _, document) = match taken(&gateway, request).await {
        Ok(taken) => taken,
        Err(refusal) => return refusal,
    };
    match named(&document).and_then(|name| known(&snapshot, &caller, &name)) {
        Some((name, route)) => json(catalog::show(&card(&name, &route))),
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
    let name = named(&document);
    let is_unknown = |name: &String| known(&snapshot, &caller, name).is_none();
    if name.as_ref().is_some_and(is_unknown) {
        return unknown(&document);
    }
    if !load::is_load(&document) {
        let request = Request::from_parts(parts, Body::from(document.bytes().clone()));
        return inference::answer(operation, State(gateway), request).await;
    }
    let Some(name) = name else {
        return unknown(&document);
    };
    let endpoint = match operation {
        Operation::OllamaGenerate => Endpoint::Generate,
        _ => Endpoint::Chat,
    };
    json(load::load_answer(
        endpoint,
        &echo(&name, &document, &gateway.seal),
    ))
}

/// `POST /api/embed`
pub async fn embed(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let words = Embedding {
        read: catalog::embed_request,
        write: catalog::embed_answer,
        nothing: catalog::nothing_embedded,
    };
    // Boxed: a call's future is long.
    Box::pin(embedded(gateway, request, words)).await
}

/// `POST /api/embeddings`, the older one.
pub async fn embeddings(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let words = Embedding {
        read: catalog::embeddings_request,
        write: |body, _| catalog::embeddings_answer(body),
        nothing: |_| catalog::nothing_embedded_legacy(),
    };
    // Boxed: a call's future is long.
    Box::pin(embedded(gateway, request, words)).await
}

/// One of the two ways to ask for embeddings.
struct Embedding {
    read: fn(&Document) -> Result<EmbedRequest, FieldError>,
    write: fn(&[u8], &Echo<'_>) -> Result<Bytes, Fault>,
    /// The answer to a request that only wants the model in memory.
    nothing: fn(&Echo<'_>) -> Bytes,
}

/// Puts a request for embeddings into `OpenAI`'s words, has it answered, and puts the answer back.
async fn embedded(gateway: Arc<Gateway>, request: Request, words: Embedding) -> Response {
    let (snapshot, caller, mut parts, document) = match taken(&gateway, request).await {
        Ok(taken) => taken,
        Err(refusal) => return refusal,
    };
    let asked = named(&document);
    let Some((model, _)) = asked.and_then(|name| known(&snapshot, &caller, &name)) else {
        return unknown(&document);
    };
    let mut edit = document.edit();
    edit.set("model", model.as_str());
    let document = match Document::parse(edit.finish().to_bytes()) {
        Ok(document) => document,
        Err(error) => return refused(ServeError::from(AdmitError::from(error))),
    };
    let seal = gateway.seal.clone();
    let echo = echo(&model, &document, &seal);
    if catalog::embeds_nothing(&document) {
        return json((words.nothing)(&echo));
    }
    let embed = match (words.read)(&document) {
        Ok(embed) => embed,
        Err(wrong) => return refused(ServeError::from(AdmitError::from(wrong))),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let request = Request::from_parts(parts, Body::from(embed.body));
    let answer = inference::answer(Operation::Embeddings, State(gateway), request).await;
    let (mut parts, body) = answer.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    // It is in memory already, within the bounds of whoever made it.
    let body = axum::body::to_bytes(body, usize::MAX).await;
    if !parts.status.is_success() {
        let told = body.ok().and_then(|it| ErrorBody::parse(&it));
        let message = told.map_or_else(|| "the embeddings failed".to_owned(), |it| it.message);
        return Response::from_parts(parts, Body::from(error_body(&message)));
    }
    headers::tell_dropped(&mut parts.headers, &embed.dropped);
    let body = body.map_err(|_| Fault::Protocol);
    match body.and_then(|it| (words.write)(&it, &echo)) {
        Ok(body) => Response::from_parts(parts, Body::from(body)),
        Err(fault) => refused(unreadable(model.clone(), fault)),
    }
}

/// What an answer of ours repeats of its request.
fn echo<'d>(model: &'d str, document: &'d Document, seal: &'d Seal) -> Echo<'d> {
    let received = clock::unix_ns();
    Echo {
        model,
        id: "ollama",
        created: received / 1_000_000_000,
        asks_usage: true,
        estimated_input: 0,
        seal,
        timing: Timing::new(received, clock::unix_ns),
        request: document,
    }
}

/// Embeddings that a vendor sent and that are none.
fn unreadable(model: String, fault: Fault) -> ServeError {
    let trail = Trail {
        attempts: vec![(model.as_str().into(), fault)],
        skipped: Vec::new(),
        ..Trail::default()
    };
    let attempt = AttemptError {
        trail,
        model,
        fault,
        error: None,
        is_ours: false,
        status: None,
        retry_after: None,
        way: None,
        upload: None,
    };
    ServeError::from(Box::new(attempt))
}

/// Who calls, and the body of their request. Ollama's clients do not always say that it is JSON.
async fn taken(
    gateway: &Gateway,
    mut request: Request,
) -> Result<(Arc<Snapshot>, Caller, http::request::Parts, Document), Response> {
    let snapshot = gateway.snapshot();
    let peer = peer(request.extensions());
    // Any web page can have a browser post a form here; programs that are none say neither.
    if !is_cross_site(request.headers()) {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    let mut ingress = Ingress::new(Operation::OllamaChat, request);
    let caller = caller(gateway, &snapshot, &ingress.headers, peer).await?;
    // A place among the running calls while the body is read; a call takes its own.
    let key = caller.key().map(|it| it.id);
    let slot = gateway.places.take(key, snapshot.limits.max_in_flight);
    let mut slot = slot.map_err(|error| refused(ServeError::from(error)))?;
    let document = held_body(&mut ingress, &snapshot.limits, &mut slot).await;
    let document = document.map_err(|error| refused(ServeError::from(error)))?;
    Ok((snapshot, caller, ingress.into_parts(), document))
}

async fn caller(
    gateway: &Gateway,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Caller, Response> {
    let caller = authenticate(snapshot, gateway, headers, peer).await;
    caller.map_err(|error| refused(ServeError::from(error)))
}

fn refused(error: ServeError) -> Response {
    error::respond_in(Dialect::Ollama, &Problem::from(error), &headers::fresh_id())
}

/// The name of a model in a request, by either of its two fields.
fn named(document: &Document) -> Option<String> {
    let of = |field| document.get::<String>(field).ok().flatten();
    of("model")
        .or_else(|| of("name"))
        .filter(|it| !it.is_empty())
}

/// The public name that a client means, if the caller may use it.
fn known(snapshot: &Snapshot, caller: &Caller, name: &str) -> Option<(String, Arc<Route>)> {
    let mut names = spellings(Operation::OllamaChat, name).into_iter();
    names.find_map(|it| {
        let route = snapshot.resolve_for(&it, |model| caller.allows(model))?;
        Some((it.into_owned(), route))
    })
}

/// Ollama's own words, which clients look for, under the status of an unknown model.
fn unknown(document: &Document) -> Response {
    let model = named(document).unwrap_or_default();
    let body = unknown_model(&model);
    let mut response = refused(ServeError::from(RouteError::UnknownModel {
        model,
        meant: None,
    }));
    *response.body_mut() = Body::from(body);
    response
}

/// What editors are told; of the engine in this process what it can do, of vendors the most.
fn card<'n>(name: &'n str, route: &Route) -> ModelCard<'n> {
    let first = route.deployments().next();
    let is_local = first.is_some_and(|it| matches!(it.target, Target::Local(_)));
    let capabilities: &[&str] = if is_local {
        &["completion"]
    } else {
        &["completion", "tools", "vision", "thinking"]
    };
    ModelCard {
        name,
        modified: 0,
        size: None,
        family: "tollward",
        parameter_size: "",
        quantization: "",
        context_length: CONTEXT_TOKENS,
        embedding_length: 0,
        capabilities,
    }
}

fn unix_seconds() -> u64 {
    u64::try_from(clock::unix_ms() / 1_000).unwrap_or(0)
}

fn json(body: Bytes) -> Response {
    typed(body, "application/json; charset=utf-8")
}

fn typed(body: Bytes, kind: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    (headers, body).into_response()
}
