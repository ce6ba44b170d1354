//! Calls whose answers are given to who asks exactly the same, where the model says so.
//!
//! The answer that is there is given at once; one that is being made is read along; otherwise the call is
//! made in a task of its own, so that who made it may leave without cutting the others off. When
//! the last of them has left, it ends. A call with an idempotency key stays out of this: it has a memory of
//! its own.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use tokio::time::timeout_at;
use tollward_config::CacheConfig;
use tollward_store::CostSource;

use crate::app::Gateway;
use crate::cache::{CachedAnswer, is_cacheable, name};
use crate::http::given::{first, given};
use crate::http::headers;
use crate::http::inference::{Head, answered};
use crate::http::made::{Purpose, make};
use crate::pipeline::Opened;
use crate::pipeline::admit::hints::CacheHint;
use crate::pipeline::route::{foreseen, spellings};
use crate::recording::running::{Claimed, Name};
use crate::recording::{Reader, Recording};
use crate::telemetry::metric::CacheResult;

/// What is to be looked up, and how.
struct Lookup {
    name: Name,
    ttl: Duration,
    hint: CacheHint,
}

/// Answers a call that was let in and has no name.
pub async fn answer(gateway: &Arc<Gateway>, head: &Head, mut opened: Box<Opened>) -> Response {
    let Some((config, model)) = configured(&opened) else {
        return answered(gateway, head, opened).await.response;
    };
    let Some(lookup) = lookup(gateway, &opened, config, &model) else {
        return pass_by(gateway, head, opened).await;
    };
    loop {
        // Boxed: few models have a cache.
        match Box::pin(look(gateway, head, opened, &lookup)).await {
            Ok(response) => return response,
            Err(back) => opened = back,
        }
    }
}

/// What the model that the caller means says of its answers, if its caller may use it.
fn configured(opened: &Opened) -> Option<(CacheConfig, Arc<str>)> {
    if !opened.snapshot.has_cache {
        return None;
    }
    let admitted = &opened.admitted;
    let may_use = |model: &str| admitted.caller.allows(model);
    let mut names = spellings(admitted.operation, &admitted.view.model).into_iter();
    let route = names.find_map(|it| opened.snapshot.resolve_for(&it, may_use))?;
    Some((route.cache?, Arc::clone(&route.model)))
}

/// `None` if nothing may be looked up: also where guards and rules leave nobody who could answer.
fn lookup(gateway: &Gateway, opened: &Opened, config: CacheConfig, model: &str) -> Option<Lookup> {
    let admitted = &opened.admitted;
    let hint = admitted.hints.cache;
    if hint.is_no_store || !is_cacheable(admitted) {
        return None;
    }
    let plan = foreseen(gateway, &opened.snapshot, admitted).ok()?;
    let mut answerers: Vec<&str> = plan.anybody().map(|it| &*it.id).collect();
    answerers.sort_unstable();
    answerers.dedup();
    let ttl = hint.ttl.map_or(config.ttl, |it| it.min(config.ttl));
    let name = name(
        admitted,
        (opened.snapshot.generation, model),
        config,
        &answerers,
    );
    Some(Lookup { name, ttl, hint })
}

/// The call is made, and nothing is looked up or kept.
async fn pass_by(gateway: &Arc<Gateway>, head: &Head, opened: Box<Opened>) -> Response {
    let answered = answered(gateway, head, opened).await;
    told(gateway, answered.response, CacheResult::Bypass)
}

/// Gives an answer, or makes the call.
///
/// # Errors
/// The call itself again, if somebody else made it and was dropped before there was an answer.
async fn look(
    gateway: &Arc<Gateway>,
    head: &Head,
    opened: Box<Opened>,
    lookup: &Lookup,
) -> Result<Response, Box<Opened>> {
    let Lookup { name, ttl, hint } = *lookup;
    let cache = &gateway.cache;
    let find = || cache.get(&name, hint.ttl).filter(|_| !hint.is_no_cache);
    if let Some(found) = find() {
        return Ok(hit(gateway, opened, &found));
    }
    let (recorder, mut reader) = Recording::start(cache.terms());
    match cache.running.claim(name, name, recorder.recording()) {
        Claimed::Running(running) if !hint.is_no_cache => {
            match join(gateway, running, opened).await {
                Ok(response) => Ok(response),
                Err(Unjoined::Late(back)) => Ok(pass_by(gateway, head, back).await),
                Err(Unjoined::Lost(back)) => Err(back),
            }
        }
        Claimed::Running(_) | Claimed::Alone | Claimed::Other => {
            Ok(pass_by(gateway, head, opened).await)
        }
        Claimed::Own(claim) => {
            // It may have come between the two looks.
            if let Some(found) = find() {
                return Ok(hit(gateway, opened, &found));
            }
            let purpose = Purpose::Cache(claim, name, ttl);
            let making = make(Arc::clone(gateway), head.clone(), opened, purpose, recorder);
            gateway.tasks.spawn("call for the cache", making);
            let response = first(reader.head().await, reader);
            Ok(told(gateway, response, CacheResult::Miss))
        }
    }
}

/// Why a call is not given the answer of one that ran; itself again.
enum Unjoined {
    /// Its own time is up.
    Late(Box<Opened>),
    /// Who made the other one was dropped before there was an answer.
    Lost(Box<Opened>),
}

/// Reads along with a call that runs.
async fn join(
    gateway: &Arc<Gateway>,
    mut running: Reader,
    opened: Box<Opened>,
) -> Result<Response, Unjoined> {
    let admitted = &opened.admitted;
    let waited = match admitted.hints.timeout {
        Some(patience) => timeout_at((admitted.started + patience).into(), running.head()).await,
        None => Ok(running.head().await),
    };
    match waited {
        Ok(Some(found)) => {
            let response = given(gateway, opened, &found, running, CostSource::Cached);
            Ok(told(gateway, response, CacheResult::Joined))
        }
        Ok(None) => Err(Unjoined::Lost(opened)),
        Err(_) => Err(Unjoined::Late(opened)),
    }
}

/// Gives an answer that is there.
fn hit(gateway: &Arc<Gateway>, opened: Box<Opened>, found: &CachedAnswer) -> Response {
    let reader = found.read(gateway.cache.terms());
    let response = given(gateway, opened, &found.head, reader, CostSource::Cached);
    let mut response = told(gateway, response, CacheResult::Hit);
    headers::tell_age(response.headers_mut(), found.age());
    response
}

/// Counts what became of a call, and says so.
fn told(gateway: &Gateway, mut response: Response, result: CacheResult) -> Response {
    gateway.metrics.count_cached(result);
    headers::tell_cache(response.headers_mut(), result);
    response
}
