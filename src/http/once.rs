//! Calls that are made once, however often they are asked for: those with an `Idempotency-Key`.
//!
//! The first request of a name makes the call, in a task of its own: when its client leaves, the answer
//! is read to its end, so that a retry finds it. Who asks for the same meanwhile reads along from the
//! beginning; who asks later gets what was kept. Only what was answered in full, and booked, is kept:
//! after anything else a retry tries again.
//! Source: draft-ietf-httpapi-idempotency-key-header-07, sections 2.6 and 2.7 (read 2026-11).

use std::sync::Arc;

use axum::response::Response;
use tokio::time::timeout_at;
use tollward_store::CostSource;

use crate::app::Gateway;
use crate::http::given::{first, given};
use crate::http::inference::{Head, failed};
use crate::http::made::{Purpose, make};
use crate::http::{cached, headers};
use crate::idempotency::{Claimed, IdempotencyError, Named};
use crate::pipeline::Opened;
use crate::pipeline::admit::Arrived;
use crate::pipeline::route::spellings;
use crate::recording::{self, Reader, Recording};
use crate::telemetry::metric::Repetition;

/// Whether a call may be given the answer of another one: it has a name, or models have a cache.
pub fn may_know(opened: &Opened) -> bool {
    opened.admitted.hints.idempotency_key.is_some() || opened.snapshot.has_cache
}

/// Answers a call that was let in; once, if it has a name.
pub async fn answer(gateway: &Arc<Gateway>, head: &Head, opened: Box<Opened>) -> Response {
    let Some(named) = named(gateway, &opened) else {
        return Box::pin(cached::answer(gateway, head, opened)).await;
    };
    // Boxed: few calls have a name.
    match Box::pin(answer_named(gateway, head, opened, named)).await {
        Ok(response) => response,
        Err(error) => failed(gateway, head, error.into()).response,
    }
}

/// The call's name, if it has one that means something here: for what its caller may not use there is no
/// answer to be given again. A form is another one each time, because its boundary is, and a session no call.
fn named(gateway: &Gateway, opened: &Opened) -> Option<Named> {
    let admitted = &opened.admitted;
    let key = admitted.hints.idempotency_key.as_deref()?;
    let is_off = opened.snapshot.limits.idempotency.keep.is_zero();
    if is_off || !matches!(admitted.arrived, Arrived::Document) {
        return None;
    }
    let may_use = |model: &str| admitted.caller.allows(model);
    let mut names = spellings(admitted.operation, &admitted.view.model).into_iter();
    let is_known = names.any(|it| opened.snapshot.resolve_for(&it, may_use).is_some());
    is_known.then(|| gateway.idempotency.name(admitted, key))
}

async fn answer_named(
    gateway: &Arc<Gateway>,
    head: &Head,
    opened: Box<Opened>,
    named: Named,
) -> Result<Response, IdempotencyError> {
    let idempotency = &gateway.idempotency;
    let config = opened.snapshot.limits.idempotency;
    loop {
        let (recorder, mut reader) = Recording::start(idempotency.terms(&config));
        match idempotency.claim(named, recorder.recording())? {
            Claimed::Running(mut running) => {
                if let Some(found) = head_in_time(&mut running, &opened).await? {
                    gateway.metrics.count_repetition(Repetition::Joined);
                    let source = CostSource::Replayed;
                    return Ok(given(gateway, opened, &found, running, source));
                }
                // Who made it was dropped before there was an answer: it is to be made again.
            }
            Claimed::Own(claim) => {
                if let Some(mut kept) = claim.find().await?
                    && let Some(found) = kept.head().await
                {
                    gateway.metrics.count_repetition(Repetition::Replayed);
                    let source = CostSource::Replayed;
                    return Ok(given(gateway, opened, &found, kept, source));
                }
                let purpose = Purpose::Once(claim, config.keep);
                let making = make(Arc::clone(gateway), head.clone(), opened, purpose, recorder);
                gateway.tasks.spawn("call made once", making);
                let mut response = first(reader.head().await, reader);
                if response.status().is_success() {
                    headers::tell_made(response.headers_mut());
                }
                return Ok(response);
            }
        }
    }
}

/// Waits for the head of an answer as long as its caller wants to wait.
async fn head_in_time(
    reader: &mut Reader,
    opened: &Opened,
) -> Result<Option<Arc<recording::Head>>, IdempotencyError> {
    let admitted = &opened.admitted;
    let Some(patience) = admitted.hints.timeout else {
        return Ok(reader.head().await);
    };
    let until = admitted.started + patience;
    let waited = timeout_at(until.into(), reader.head()).await;
    waited.map_err(|_| IdempotencyError::InUse)
}
