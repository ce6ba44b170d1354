//! Responses that callers go on from: stored behind the calls, read before them.
//!
//! A complete answer is handed to one writer through a queue that is bounded in number and
//! in bytes: no call waits for the database. If the queue is full the answer is served and
//! not stored, which is counted. What is queued counts as stored: whoever asks for it waits
//! until it is. The words are formed by the writer, too; nothing of them is logged.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tollward_store::{
    Asker, History, HistoryBounds, KeyId, RequestId, ResponseStore, StoreError, StoredResponse,
};
use tollward_wire::chat::Collected;
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::openai_responses::output_items;
use tollward_wire::dialect::timing::Timing;
use tollward_wire::dialect::{Dialect, Echo};
use tollward_wire::document::Document;

use crate::clock;
use crate::policy::probe::Probe;
use crate::task::Tasks;

/// Most answers that wait to be stored.
const MAX_QUEUED: usize = 1024;
/// Most that they may hold, in units of 1 KiB.
const MAX_QUEUED_KIB: usize = 128 * 1024;
/// How often what expired is deleted.
const SWEEP: Duration = Duration::from_secs(60);
/// How long the end of the process waits for what is queued.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// The stored responses.
pub struct Responses {
    store: Arc<dyn ResponseStore>,
    seal: Seal,
    queue: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    queued: Arc<Mutex<HashSet<RequestId>>>,
    unstored: Counter,
    tasks: Tasks,
}

/// The other end of the queue, until somebody writes.
pub struct Backlog(mpsc::Receiver<Job>);

/// What is known of a response before it is answered.
pub struct Keepsake {
    /// The call's id, of which the response's is made.
    pub id: RequestId,
    /// When the call came, in Unix milliseconds.
    pub at_ms: i64,
    /// Whose it will be.
    pub key: Option<KeyId>,
    /// The response that it goes on from.
    pub previous: Option<RequestId>,
    /// The public name of the model, as the caller wrote it.
    pub model: String,
    /// The request as the caller wrote it.
    pub written: Document,
    /// Its own items.
    pub input: Bytes,
    /// How long the response is kept.
    pub retention: Duration,
}

enum Job {
    Keep(Box<Queued>),
    /// Everything before it is stored when it is answered.
    Flush(oneshot::Sender<()>),
}

struct Queued {
    keepsake: Keepsake,
    answer: Collected,
    _room: OwnedSemaphorePermit,
}

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

    /// Starts the writer. `retention` tells what is configured now.
    pub fn start(
        &self,
        backlog: Backlog,
        retention: impl Fn() -> Duration + Send + Sync + 'static,
    ) {
        let writer = Writer {
            store: Arc::clone(&self.store),
            seal: self.seal.clone(),
            queued: Arc::clone(&self.queued),
            unstored: self.unstored.clone(),
            probe: Probe::new(clock::mono()),
        };
        let stop = self.tasks.stopping();
        self.tasks
            .spawn("responses", writer.run(backlog.0, stop, retention));
    }

    /// Hands a complete answer to the writer, `output_bytes` long or about.
    pub fn keep(&self, keepsake: Keepsake, answer: Collected, output_bytes: u64) {
        let held = keepsake.written.bytes().len() + keepsake.input.len();
        let kib = (held as u64).saturating_add(output_bytes) / 1024 + 1;
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(kib) else {
            self.unstored.inc();
            return;
        };
        let id = keepsake.id;
        self.queued.lock().insert(id);
        let job = Job::Keep(Box::new(Queued {
            keepsake,
            answer,
            _room: room,
        }));
        if self.queue.try_send(job).is_err() {
            self.queued.lock().remove(&id);
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
        self.settled(id).await;
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
        self.settled(id).await;
        self.store.history(id, asker(key), bounds).await
    }

    /// Deletes a response; `false` if the key has none of that id.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete(&self, id: RequestId, key: Option<KeyId>) -> Result<bool, StoreError> {
        self.settled(id).await;
        self.store.delete(id, asker(key)).await
    }

    /// Stores what is queued and ends the writer; one that is stuck is not waited for.
    pub async fn close(&self) {
        if !self.tasks.stop(LAST_WRITES).await {
            tracing::warn!("some responses were not stored in time");
        }
    }

    /// Waits until a response that is queued is stored.
    async fn settled(&self, id: RequestId) {
        let is_queued = self.queued.lock().contains(&id);
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

struct Writer {
    store: Arc<dyn ResponseStore>,
    seal: Seal,
    queued: Arc<Mutex<HashSet<RequestId>>>,
    unstored: Counter,
    probe: Probe,
}

impl Writer {
    /// # Cancellation
    /// When asked to stop it still writes what is queued. Dropped, it loses that.
    async fn run(
        self,
        mut jobs: mpsc::Receiver<Job>,
        stop: CancellationToken,
        retention: impl Fn() -> Duration + Send + Sync,
    ) {
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(job) = jobs.recv() => self.work(job).await,
                _ = sweep.tick() => self.sweep(retention()).await,
            }
        }
        jobs.close();
        while let Some(job) = jobs.recv().await {
            self.work(job).await;
        }
    }

    async fn work(&self, job: Job) {
        let queued = match job {
            Job::Keep(queued) => queued,
            Job::Flush(done) => {
                // Whoever stopped waiting needs no answer.
                let _ = done.send(());
                return;
            }
        };
        let response = queued.response(&self.seal);
        let put = self.store.put(&response).await;
        self.queued.lock().remove(&response.id);
        if put.is_err() {
            self.unstored.inc();
        }
        match put {
            // The database is well.
            Ok(()) | Err(StoreError::ResponseTooLarge) => self.probe.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    /// Deletes what expired; everything, where nothing is to be kept.
    async fn sweep(&self, retention: Duration) {
        let until = if retention.is_zero() {
            i64::MAX
        } else {
            clock::unix_ms()
        };
        if let Err(error) = self.store.expire(until).await {
            self.failed(&error);
        }
    }

    fn failed(&self, error: &StoreError) {
        if self.probe.failed(clock::mono()) {
            tracing::error!(%error, "responses cannot be stored");
        }
    }
}

impl Queued {
    /// The response as it is stored.
    fn response(&self, seal: &Seal) -> StoredResponse {
        let keepsake = &self.keepsake;
        let id = word(keepsake.id);
        let at_ms = u64::try_from(keepsake.at_ms).unwrap_or(0);
        let echo = Echo {
            model: &keepsake.model,
            id: &id,
            created: at_ms / 1_000,
            asks_usage: true,
            timing: Timing::default(),
            estimated_input: 0,
            seal,
            request: &keepsake.written,
        };
        let object = Dialect::OpenAiResponses.write_answer(&self.answer, &echo);
        let retention = i64::try_from(keepsake.retention.as_millis()).unwrap_or(i64::MAX);
        StoredResponse {
            id: keepsake.id,
            key: keepsake.key,
            previous: keepsake.previous,
            model: keepsake.model.clone(),
            created_ms: keepsake.at_ms,
            expires_ms: clock::unix_ms().saturating_add(retention),
            input: keepsake.input.to_vec(),
            output: output_items(&self.answer, &echo).to_bytes().to_vec(),
            object: object.to_vec(),
        }
    }
}
