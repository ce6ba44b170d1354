//! Responses that callers go on from: stored behind the calls, read before them.
//!
//! A complete answer is handed to one `writer` through a queue that is bounded in number and
//! in bytes: no call waits for the database. If the queue is full the answer is served and
//! not stored, which is counted. What is queued counts as stored: whoever asks for it waits
//! until it is. The words are formed by the writer, too; nothing of them is logged. Of an
//! answer that is relayed its vendor keeps the words. As he knows nothing of our keys, it is
//! remembered here whose it is.

mod writer;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tollward_store::{
    Asker, History, HistoryBounds, KeyId, Located, RequestId, ResponseStore, StoreError,
    StoredResponse, VendorResponse,
};
use tollward_wire::chat::Collected;
use tollward_wire::chat::seal::Seal;
use tollward_wire::document::Document;
use tollward_wire::reader::Named;

use self::writer::{Job, Queued, Writer};
use crate::clock;
use crate::policy::probe::Probe;
use crate::snapshot::Limits;
use crate::task::Tasks;

/// Most answers that wait to be stored.
const MAX_QUEUED: usize = 1024;
/// Most that they may hold, in units of 1 KiB.
const MAX_QUEUED_KIB: usize = 128 * 1024;
/// Longest id of a vendor's that is remembered, in bytes.
const MAX_ID_BYTES: usize = 128;
/// How long the end of the process waits for what is queued.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// The stored responses.
pub struct Responses {
    store: Arc<dyn ResponseStore>,
    seal: Seal,
    queue: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    queued: Queue,
    unstored: Counter,
    tasks: Tasks,
}

/// How long responses are kept, and how many.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    retention: Duration,
    max_bytes_per_key: u64,
}

impl Bounds {
    /// What is configured.
    pub const fn of(limits: &Limits) -> Self {
        Self {
            retention: limits.retention,
            max_bytes_per_key: limits.max_response_bytes_per_key,
        }
    }
}

/// The other end of the queue, until somebody writes.
pub struct Backlog(mpsc::Receiver<Job>);

/// What is known of a response before it is answered, if a caller may go on from it.
pub struct Keepsake {
    /// Whose it will be.
    pub key: Option<KeyId>,
    /// How long it is kept.
    pub retention: Duration,
    /// What is stored of it with its answer; `None` where whoever may answer keeps it himself.
    pub turn: Option<KeptTurn>,
}

/// What is stored of a response, all but its answer.
pub struct KeptTurn {
    /// The call's id, of which the response's is made.
    pub id: RequestId,
    /// When the call came, in Unix milliseconds.
    pub at_ms: i64,
    /// The response that it goes on from.
    pub previous: Option<RequestId>,
    /// The public name of the model, as the caller wrote it.
    pub model: String,
    /// The request as the caller wrote it.
    pub written: Document,
    /// Its own items.
    pub input: Bytes,
}

/// The names of what is queued, as callers know them.
type Queue = Arc<Mutex<HashSet<String>>>;

/// The word in a response's id, and in those of its items.
pub fn word(id: RequestId) -> String {
    id.to_string().replace('-', "")
}

/// A response's id as callers see it.
pub fn id_text(id: RequestId) -> String {
    format!("resp_{}", word(id))
}

/// The response that a caller means; `None` if no id of ours looks like that.
pub fn parse_id(text: &str) -> Option<RequestId> {
    parse_word(text.strip_prefix("resp_")?)
}

/// The response of a word in an id.
pub fn parse_word(text: &str) -> Option<RequestId> {
    let id: RequestId = text.parse().ok()?;
    // There are other spellings of the same number; only ours was given out.
    (word(id) == text).then_some(id)
}

impl Responses {
    /// Nothing is written before [`Self::start`]. What is served and not stored is counted in
    /// `unstored`, panics in `panics`.
    pub fn new(
        store: Arc<dyn ResponseStore>,
        seal: Seal,
        unstored: Counter,
        panics: Counter,
    ) -> (Self, Backlog) {
        let (queue, jobs) = mpsc::channel(MAX_QUEUED);
        let responses = Self {
            store,
            seal,
            queue,
            room: Arc::new(Semaphore::new(MAX_QUEUED_KIB)),
            queued: Arc::default(),
            unstored,
            tasks: Tasks::new(panics),
        };
        (responses, Backlog(jobs))
    }

    /// Starts the writer. `bounds` tells what is configured now.
    pub fn start(&self, backlog: Backlog, bounds: impl Fn() -> Bounds + Send + Sync + 'static) {
        let writer = Writer {
            store: Arc::clone(&self.store),
            seal: self.seal.clone(),
            queued: Arc::clone(&self.queued),
            unstored: self.unstored.clone(),
            probe: Probe::new(clock::mono()),
        };
        let stop = self.tasks.stopping();
        self.tasks
            .spawn("responses", writer.run(backlog.0, stop, bounds));
    }

    /// Hands a complete answer to the writer.
    pub fn keep(&self, keepsake: Keepsake, answer: Collected) {
        let Some(turn) = keepsake.turn else { return };
        let held = turn.written.bytes().len() + turn.input.len();
        let names = vec![id_text(turn.id)];
        self.enqueue(
            &names,
            (held as u64).saturating_add(answer.held_bytes()),
            |room| {
                Job::Keep(Box::new(Queued {
                    turn,
                    key: keepsake.key,
                    retention: keepsake.retention,
                    answer,
                    _room: room,
                }))
            },
        );
    }

    /// Has the writer remember whose a response is that `deployment` answered and keeps.
    pub fn remember(&self, keepsake: &Keepsake, deployment: &str, named: &Named) {
        if !is_sane(&named.id) {
            return;
        }
        let items = named.items.iter().filter(|it| is_sane(it));
        let response = VendorResponse {
            id: named.id.clone(),
            key: keepsake.key,
            deployment: deployment.to_owned(),
            expires_ms: expiry(keepsake.retention),
            items: items.cloned().collect(),
        };
        let mut ids = response.items.clone();
        ids.push(response.id.clone());
        let held: usize = ids.iter().map(String::len).sum();
        self.enqueue(&ids, 2 * held as u64, |room| {
            Job::Remember(Box::new(response), room)
        });
    }

    /// Puts a job into the queue, if there is room for what it holds.
    fn enqueue(
        &self,
        names: &[String],
        held_bytes: u64,
        job: impl FnOnce(OwnedSemaphorePermit) -> Job,
    ) {
        let kib = u32::try_from(held_bytes / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(kib) else {
            self.unstored.inc();
            return;
        };
        self.queued.lock().extend(names.iter().cloned());
        if self.queue.try_send(job(room)).is_err() {
            let mut queued = self.queued.lock();
            for name in names {
                queued.remove(name);
            }
            self.unstored.inc();
        }
    }

    /// Counts an answer that was to be stored and could not be put together.
    pub fn lose(&self) {
        self.unstored.inc();
    }

    /// The response of that id, if it is the key's.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(
        &self,
        id: RequestId,
        key: Option<KeyId>,
    ) -> Result<Option<StoredResponse>, StoreError> {
        self.settled(&[id_text(id)]).await;
        self.store.get(id, asker(key)).await
    }

    /// The conversation that ends with that response.
    ///
    /// # Errors
    /// The store's.
    pub async fn history(
        &self,
        id: RequestId,
        key: Option<KeyId>,
        bounds: HistoryBounds,
    ) -> Result<History, StoreError> {
        self.settled(&[id_text(id)]).await;
        self.store.history(id, asker(key), bounds).await
    }

    /// Deletes a response; `false` if the key has none of that id.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete(&self, id: RequestId, key: Option<KeyId>) -> Result<bool, StoreError> {
        self.settled(&[id_text(id)]).await;
        self.store.delete(id, asker(key)).await
    }

    /// Which of the names are those of responses that vendors keep, or of items of them.
    ///
    /// # Errors
    /// The store's.
    pub async fn locate(&self, names: &[String]) -> Result<Vec<Located>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.settled(names).await;
        self.store.locate(names, clock::unix_ms()).await
    }

    /// Forgets a response that its vendor keeps.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget(&self, id: &str, key: Option<KeyId>) -> Result<bool, StoreError> {
        self.store.forget(id, asker(key)).await
    }

    /// Stores what is queued and ends the writer; one that is stuck is not waited for.
    pub async fn close(&self) {
        if !self.tasks.stop(LAST_WRITES).await {
            tracing::warn!("some responses were not stored in time");
        }
    }

    /// Waits until what is queued under one of the names is stored.
    async fn settled(&self, names: &[String]) {
        let is_queued = {
            let queued = self.queued.lock();
            !queued.is_empty() && names.iter().any(|it| queued.contains(it))
        };
        if !is_queued {
            return;
        }
        let (done, waiting) = oneshot::channel();
        if self.queue.send(Job::Flush(done)).await.is_ok() {
            // A writer that ended has stored what it could.
            let _ = waiting.await;
        }
    }
}

fn asker(key: Option<KeyId>) -> Asker {
    Asker {
        key,
        now_ms: clock::unix_ms(),
    }
}

/// When what is kept from now on expires, in Unix milliseconds.
fn expiry(retention: Duration) -> i64 {
    let retention = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    clock::unix_ms().saturating_add(retention)
}

/// Whether a vendor's id can be remembered, and stand in an address.
fn is_sane(id: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain)
}
