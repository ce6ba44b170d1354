//! Calls that are made once: those whose callers name them by an `Idempotency-Key`.
//!
//! Here is which of them run, by name, and what is kept of those that are over. A name is made of the
//! virtual key, the operation and the caller's key, so nobody can name the call of another. What was
//! asked is compared by a fingerprint under a secret. One gateway has the database, so what runs is
//! known in memory alone. Who makes, joins and repeats a call is in `http/once.rs`.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tollward_config::IdempotencyConfig;
use tollward_store::{AnswerStore, KeptAnswer, KeyId, NanoUsd, Outcome, Pepper, StoreError};

use crate::clock;
use crate::pipeline::admit::Admitted;
use crate::policy::probe::Probe;
use crate::recording::running::{self, Name, Running};
use crate::recording::{End, Head, Reader, Recording, Terms};

/// Room for the answers that are being recorded, in KiB.
const ROOM_KIB: usize = 256 * 1024;
/// Calls that go on though nobody waits for them any more.
const UNHEARD: usize = 256;
/// How often what expired is deleted.
const SWEEP: Duration = Duration::from_secs(60);

/// Why a call that has a name is not made.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdempotencyError {
    /// The name is that of another request.
    #[error("this Idempotency-Key was sent with another request; a new request needs a new one")]
    Reused,
    /// The call runs, and its answer cannot be shared, or has not come in time.
    #[error("a request with this Idempotency-Key is being answered; try again when it is done")]
    InUse,
    /// Whether it was made before cannot be found out.
    #[error("the kept answers cannot be read, so nobody knows whether this request was answered")]
    Unavailable,
}

/// A call's name and what it asks.
#[derive(Clone, Copy)]
pub struct Named {
    name: Name,
    fingerprint: Name,
    key: Option<KeyId>,
}

/// The calls that run, and what is kept of others.
pub struct Idempotency {
    store: Arc<dyn AnswerStore>,
    pepper: Arc<Pepper>,
    running: Running,
    room: Arc<Semaphore>,
    unheard: Arc<Semaphore>,
    probe: Probe,
}

/// What is to be done about a call that has a name.
pub enum Claimed {
    /// It is the caller's to make, or to repeat.
    Own(Claim),
    /// Somebody makes it.
    Running(Reader),
}

/// The right to make a call of that name; given back when dropped.
pub struct Claim {
    table: Arc<Idempotency>,
    named: Named,
    _place: running::Claim,
}

impl Idempotency {
    /// Nothing runs. Names and fingerprints are made under `pepper`.
    pub fn new(store: Arc<dyn AnswerStore>, pepper: Arc<Pepper>) -> Self {
        Self {
            store,
            pepper,
            running: Running::default(),
            room: Arc::new(Semaphore::new(ROOM_KIB)),
            unheard: Arc::new(Semaphore::new(UNHEARD)),
            probe: Probe::new(clock::mono()),
        }
    }

    /// The name of a call, and the fingerprint of what it asks: all of its body, and what stands in its
    /// address and decides what the answer is. What only says how the caller waits does not count.
    pub fn name(&self, admitted: &Admitted, idempotency_key: &str) -> Named {
        let key = admitted.caller.key().map(|it| it.id);
        let id = key.map(|it| *it.uuid().as_bytes());
        let operation = admitted.operation.name();
        let name = self.digest(&[
            &[u8::from(id.is_some())],
            &id.unwrap_or_default(),
            operation.as_bytes(),
            idempotency_key.as_bytes(),
        ]);
        let fingerprint = self.digest(&[
            admitted.view.model.as_bytes(),
            &[u8::from(admitted.view.is_stream)],
            admitted.betas.as_deref().unwrap_or_default().as_bytes(),
            admitted.document.bytes(),
        ]);
        Named {
            name,
            fingerprint,
            key,
        }
    }

    /// The digest of some parts, each with its length, under the pepper.
    fn digest(&self, parts: &[&[u8]]) -> Name {
        let mut digest = Sha256::new_with_prefix("idempotency");
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        *self.pepper.hash(&digest.finalize()).as_bytes()
    }

    /// What holds for the recording of an answer.
    pub fn terms(&self, config: &IdempotencyConfig) -> Terms {
        Terms {
            max_bytes: usize::try_from(config.max_answer_bytes).unwrap_or(usize::MAX),
            room: Arc::clone(&self.room),
            unheard: Arc::clone(&self.unheard),
        }
    }

    /// Claims the call, whose answer will be in `recording`, or joins it where it runs.
    ///
    /// # Errors
    /// The name is another request's, or what runs cannot be joined.
    pub fn claim(
        self: &Arc<Self>,
        named: Named,
        recording: &Arc<Recording>,
    ) -> Result<Claimed, IdempotencyError> {
        let Named {
            name, fingerprint, ..
        } = named;
        match self.running.claim(name, fingerprint, recording) {
            running::Claimed::Own(claim) => Ok(Claimed::Own(Claim {
                table: Arc::clone(self),
                named,
                _place: claim,
            })),
            running::Claimed::Running(reader) => Ok(Claimed::Running(reader)),
            running::Claimed::Alone => Err(IdempotencyError::InUse),
            running::Claimed::Other => Err(IdempotencyError::Reused),
        }
    }

    /// Deletes what expired and what is too much, once a minute; all of it where nothing is to be kept.
    /// `config` tells what is configured now.
    ///
    /// # Cancellation
    /// Some may be deleted.
    pub async fn sweep(
        self: Arc<Self>,
        stop: CancellationToken,
        config: impl Fn() -> IdempotencyConfig + Send,
    ) {
        let mut every = tokio::time::interval(SWEEP);
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            let config = config();
            let until = if config.keep.is_zero() {
                i64::MAX
            } else {
                clock::unix_ms()
            };
            let swept = match self.store.expire(until).await {
                Ok(_) => {
                    let trimmed = self.store.trim(config.max_bytes_per_key, config.max_bytes);
                    trimmed.await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = swept {
                self.failed(&error);
            }
        }
    }

    fn failed(&self, error: &StoreError) {
        if self.probe.failed(clock::mono()) {
            tracing::error!(%error, "answers for idempotency keys cannot be kept or read");
        }
    }
}

impl Claim {
    /// The answer that the call was given before, if it was made.
    ///
    /// # Errors
    /// It was another request, or nobody knows.
    pub async fn find(&self) -> Result<Option<Reader>, IdempotencyError> {
        let found = self.table.store.find(&self.named.name, clock::unix_ms());
        let found = found.await.map_err(|error| {
            self.table.failed(&error);
            IdempotencyError::Unavailable
        })?;
        self.table.probe.succeeded();
        let Some(kept) = found else { return Ok(None) };
        if kept.fingerprint != self.named.fingerprint {
            return Err(IdempotencyError::Reused);
        }
        Ok(Some(reader(
            kept,
            self.table.terms(&IdempotencyConfig::default()),
        )))
    }

    /// Keeps the answer; `false` if that failed.
    pub async fn keep(
        &self,
        head: &Head,
        body: Vec<u8>,
        cost: Option<NanoUsd>,
        keep: Duration,
    ) -> bool {
        let now = clock::unix_ms();
        let span = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let answer = KeptAnswer {
            name: self.named.name,
            fingerprint: self.named.fingerprint,
            key: self.named.key,
            request: head.request,
            created_ms: now,
            expires_ms: now.saturating_add(span),
            status: head.status.as_u16(),
            cost,
            head: lines(&head.headers),
            body,
        };
        match self.table.store.keep(&answer).await {
            Ok(()) => {
                self.table.probe.succeeded();
                true
            }
            Err(error) => {
                self.table.failed(&error);
                false
            }
        }
    }
}

/// Reads an answer that was kept.
fn reader(kept: KeptAnswer, terms: Terms) -> Reader {
    let end = End::Booked(Outcome::Complete, kept.cost);
    let head = Head {
        request: kept.request,
        status: StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK),
        headers: headers(&kept.head),
        length: Some(kept.body.len() as u64),
        end: Some(end),
    };
    Recording::over(terms, Arc::new(head), kept.body.into())
}

/// Headers as they are kept. None of them has a line end in it.
fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in headers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// What [`lines`] wrote.
fn headers(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|it| *it == b'\n') {
        let colon = line.windows(2).position(|it| it == b": ");
        let Some((name, value)) = colon.and_then(|at| line.split_at_checked(at)) else {
            continue;
        };
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.get(2..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_headers_come_back() {
        let mut head = HeaderMap::new();
        head.append("content-type", HeaderValue::from_static("text/plain"));
        head.append("x-two", HeaderValue::from_static("a: b"));
        head.append("x-two", HeaderValue::from_static(""));
        if let Ok(bytes) = HeaderValue::from_bytes(b"\xff") {
            head.append("x-bytes", bytes);
        }
        assert_eq!(headers(&lines(&head)), head);
        assert_eq!(headers(b""), HeaderMap::new());
    }
}
