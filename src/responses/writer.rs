//! The one task that writes, in the order in which calls were answered.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tollward_store::{KeyId, ResponseStore, StoreError, StoredResponse, VendorResponse};
use tollward_wire::chat::Collected;
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::openai_responses::output_items;
use tollward_wire::dialect::timing::Timing;
use tollward_wire::dialect::{Dialect, Echo};

use super::{Bounds, KeptTurn, Queue, expiry, id_text, word};
use crate::clock;
use crate::policy::probe::Probe;

/// How often what expired is deleted.
const SWEEP: Duration = Duration::from_secs(60);

/// What the writer is asked to do.
pub(super) enum Job {
    /// Store an answer.
    Keep(Box<Queued>),
    /// Remember a response that its vendor keeps.
    Remember(Box<VendorResponse>, OwnedSemaphorePermit),
    /// Everything before it is stored when it is answered.
    Flush(oneshot::Sender<()>),
}

/// An answer that waits to be stored.
pub(super) struct Queued {
    pub(super) turn: KeptTurn,
    pub(super) key: Option<KeyId>,
    pub(super) retention: Duration,
    pub(super) answer: Collected,
    /// Its place in the queue, given back when it is stored.
    pub(super) _room: OwnedSemaphorePermit,
}

pub(super) struct Writer {
    pub(super) store: Arc<dyn ResponseStore>,
    pub(super) seal: Seal,
    pub(super) queued: Queue,
    pub(super) unstored: Counter,
    pub(super) probe: Probe,
}

impl Writer {
    /// # Cancellation
    /// When asked to stop it still writes what is queued. Dropped, it loses that.
    pub(super) async fn run(
        self,
        mut jobs: mpsc::Receiver<Job>,
        stop: CancellationToken,
        bounds: impl Fn() -> Bounds + Send + Sync,
    ) {
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(job) = jobs.recv() => self.work(job).await,
                _ = sweep.tick() => self.sweep(bounds()).await,
            }
        }
        jobs.close();
        while let Some(job) = jobs.recv().await {
            self.work(job).await;
        }
    }

    async fn work(&self, job: Job) {
        let written = match job {
            Job::Keep(queued) => {
                let response = queued.response(&self.seal);
                let written = self.store.put(&response).await;
                self.queued.lock().remove(&id_text(response.id));
                written
            }
            Job::Remember(response, _room) => {
                let written = self.store.remember(&response).await;
                let mut queued = self.queued.lock();
                for name in std::iter::once(&response.id).chain(&response.items) {
                    queued.remove(name);
                }
                written
            }
            Job::Flush(done) => {
                // Whoever stopped waiting needs no answer.
                let _ = done.send(());
                return;
            }
        };
        if written.is_err() {
            self.unstored.inc();
        }
        match written {
            // The database is well.
            Ok(()) | Err(StoreError::ResponseTooLarge) => self.probe.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    /// Deletes what expired, everything where nothing is to be kept, and what a key has too much of.
    async fn sweep(&self, bounds: Bounds) {
        let until = if bounds.retention.is_zero() {
            i64::MAX
        } else {
            clock::unix_ms()
        };
        let swept = match self.store.expire(until).await {
            Ok(_) => self.store.trim(bounds.max_bytes_per_key).await,
            Err(error) => Err(error),
        };
        if let Err(error) = swept {
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
        let turn = &self.turn;
        let id = word(turn.id);
        let at_ms = u64::try_from(turn.at_ms).unwrap_or(0);
        let echo = Echo {
            model: &turn.model,
            id: &id,
            created: at_ms / 1_000,
            asks_usage: true,
            timing: Timing::default(),
            estimated_input: 0,
            seal,
            request: &turn.written,
        };
        let object = Dialect::OpenAiResponses.write_answer(&self.answer, &echo);
        StoredResponse {
            id: turn.id,
            key: self.key,
            previous: turn.previous,
            model: turn.model.clone(),
            created_ms: turn.at_ms,
            expires_ms: expiry(self.retention),
            input: turn.input.to_vec(),
            output: output_items(&self.answer, &echo).to_bytes().to_vec(),
            object: object.to_vec(),
        }
    }
}
