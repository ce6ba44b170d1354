//! Answers that are given to who asks exactly the same: in memory, for models that say so.
//!
//! What is looked up is a digest of all that decides what the answer is, whose it is included, so there
//! is no way to be given an answer that another partition asked for. It also has the number of the
//! configuration in it: an answer is given only as long as it is one that the present configuration could
//! have got. What is held is bounded by bytes, and each answer has its own time. A tier that several
//! gateways share would stand behind [`AnswerCache::get`] and [`AnswerCache::keep`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tollward_config::{CacheConfig, Share};
use tollward_wire::operation::Operation;

use crate::clock;
use crate::pipeline::admit::Admitted;
use crate::recording::running::{Name, Running};
use crate::recording::{End, Head, Reader, Recording, Terms};

/// What an answer costs beside its bytes, about: its place in the table, its headers, its times.
const OVERHEAD_BYTES: usize = 1024;
/// Room for the answers that are being recorded, in KiB.
const ROOM_KIB: usize = 128 * 1024;
/// Fields of a request whose answer depends on more than is in it, or comes when nobody waits for it.
const STATEFUL: [&str; 3] = ["background", "conversation", "previous_response_id"];

/// The answers of one gateway.
pub struct AnswerCache {
    answers: Cache<Name, Arc<CachedAnswer>>,
    /// The calls that run.
    pub running: Running,
    max_answer_bytes: usize,
    room: Arc<Semaphore>,
    /// Nobody pays for an answer that nobody waits for.
    unheard: Arc<Semaphore>,
}

/// An answer.
pub struct CachedAnswer {
    /// Its head.
    pub head: Arc<Head>,
    body: Bytes,
    since: Instant,
    ttl: Duration,
}

impl CachedAnswer {
    /// Reads it.
    pub fn read(&self, terms: Terms) -> Reader {
        Recording::over(terms, Arc::clone(&self.head), self.body.clone())
    }

    /// How old it is.
    pub fn age(&self) -> Duration {
        clock::mono().saturating_duration_since(self.since)
    }
}

/// Each answer has its own time.
struct OwnTime;

impl Expiry<Name, Arc<CachedAnswer>> for OwnTime {
    fn expire_after_create(
        &self,
        _: &Name,
        answer: &Arc<CachedAnswer>,
        _: Instant,
    ) -> Option<Duration> {
        Some(answer.ttl)
    }

    fn expire_after_update(
        &self,
        _: &Name,
        answer: &Arc<CachedAnswer>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.ttl)
    }
}

impl AnswerCache {
    /// Nothing is there, and never more than `max_bytes` will be. An answer of more than a sixteenth of
    /// that is not kept.
    pub fn new(max_bytes: u64) -> Self {
        let weigh = |_: &Name, answer: &Arc<CachedAnswer>| {
            u32::try_from(answer.body.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        let answers = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(weigh)
            .expire_after(OwnTime)
            .build();
        Self {
            answers,
            running: Running::default(),
            max_answer_bytes: usize::try_from(max_bytes / 16).unwrap_or(usize::MAX),
            room: Arc::new(Semaphore::new(ROOM_KIB)),
            unheard: Arc::new(Semaphore::new(0)),
        }
    }

    /// The answer of that name, if it is there and not older than `max_age`.
    pub fn get(&self, name: &Name, max_age: Option<Duration>) -> Option<Arc<CachedAnswer>> {
        let found = self.answers.get(name)?;
        let is_fresh = max_age.is_none_or(|it| found.age() <= it);
        is_fresh.then_some(found)
    }

    /// Keeps an answer, which ended like that, for `ttl`.
    pub fn keep(&self, name: Name, head: &Head, body: Bytes, (end, ttl): (End, Duration)) {
        let answer = CachedAnswer {
            head: Arc::new(Head {
                length: Some(body.len() as u64),
                end: Some(end),
                ..head.clone()
            }),
            body,
            since: clock::mono(),
            ttl,
        };
        self.answers.insert(name, Arc::new(answer));
    }

    /// What holds for the recording of an answer.
    pub fn terms(&self) -> Terms {
        Terms {
            max_bytes: self.max_answer_bytes,
            room: Arc::clone(&self.room),
            unheard: Arc::clone(&self.unheard),
        }
    }
}

/// What a request is looked up by, for `model` as configured in `generation`, if only `answerers` may answer
/// it. Its answer must be one that [can be given again](is_cacheable).
pub fn name(
    admitted: &Admitted,
    (generation, model): (u64, &str),
    config: CacheConfig,
    answerers: &[&str],
) -> Name {
    // Items that a request refers to are those of its key.
    let is_own = config.share == Share::Key || admitted.operation == Operation::Responses;
    let key = admitted.caller.key().filter(|_| is_own);
    let key = key.map(|it| *it.id.uuid().as_bytes());
    let operation = admitted.operation.name();
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    };
    add(&generation.to_le_bytes());
    add(&[u8::from(key.is_some())]);
    add(&key.unwrap_or_default());
    add(operation.as_bytes());
    add(model.as_bytes());
    add(admitted.view.model.as_bytes());
    add(&[u8::from(admitted.view.is_stream)]);
    add(admitted.betas.as_deref().unwrap_or_default().as_bytes());
    // Whoever answers may be told them.
    for tag in &admitted.hints.tags {
        add(tag.as_bytes());
    }
    // Guards and rules may ask for more than is here, the key or the hour: who may answer is what they come to.
    for id in answerers {
        add(id.as_bytes());
    }
    add(admitted.document.bytes());
    digest.finalize().into()
}

/// Whether a request has all in it that its answer depends on, and leaves nothing behind.
pub fn is_cacheable(admitted: &Admitted) -> bool {
    let document = &admitted.document;
    let is = |field| document.get::<bool>(field).ok().flatten();
    let is_stored = match admitted.operation {
        // Responses are stored unless somebody says otherwise.
        Operation::Responses => is("store") != Some(false),
        _ => is("store") == Some(true),
    };
    let is_stateful = STATEFUL.iter().any(|it| document.has(it));
    !is_stored && !is_stateful
}
