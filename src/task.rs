//! Background tasks: the only room that spawns.
//!
//! Every task has a name, is counted, and is waited for at shutdown. A task
//! that must end early listens to the token it is given. One that does not end
//! in time is dropped where it waits, so that what it holds settles by `Drop`
//! while the ledger still takes rows. A panic in a task is logged with its name
//! and counted; it never takes the process down.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The tasks of one gateway; clones share the same set.
#[derive(Clone)]
pub struct Tasks {
    running: Arc<Mutex<Running>>,
    stop: CancellationToken,
    panics: Counter,
}

#[derive(Default)]
struct Running {
    set: JoinSet<()>,
    /// What is spawned from now on is dropped at once.
    is_abandoned: bool,
}

impl Tasks {
    /// No task runs yet. Panics are counted in `panics`.
    pub fn new(panics: Counter) -> Self {
        Self {
            running: Arc::default(),
            stop: CancellationToken::new(),
            panics,
        }
    }

    /// Starts `future` under `name` on the runtime.
    ///
    /// # Cancellation
    /// The future is dropped at an `.await` when the tasks are abandoned.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let panics = self.panics.clone();
        let guarded = async move {
            if AssertUnwindSafe(future).catch_unwind().await.is_err() {
                panicked(name, &panics);
            }
        };
        let mut running = self.running.lock();
        // A set keeps what has ended until somebody asks.
        while running.set.try_join_next().is_some() {}
        if running.is_abandoned {
            drop(running);
            // What it holds settles now, outside the lock.
            drop(guarded);
        } else {
            running.set.spawn(guarded);
        }
    }

    /// Runs `work`, which may block, beside the runtime's own threads; `None` when it panicked.
    ///
    /// # Cancellation
    /// Work that has begun goes on when the future is dropped; its result is lost. Nobody waits
    /// for it at shutdown.
    pub async fn run_blocking<T, F>(&self, name: &'static str, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let finished = tokio::task::spawn_blocking(work).await;
        finished
            .inspect_err(|error| {
                if error.is_panic() {
                    panicked(name, &self.panics);
                }
            })
            .ok()
    }

    /// Resolves when the tasks are asked to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks every task to stop and waits for them, at most `patience`; `false` when some remain.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.wait(patience).await
    }

    /// Drops every task that is left or still comes, whatever it waits for; `false` when one
    /// did not wait for anything within `patience`.
    pub async fn abandon(&self, patience: Duration) -> bool {
        {
            let mut running = self.running.lock();
            running.is_abandoned = true;
            running.set.abort_all();
        }
        self.wait(patience).await
    }

    async fn wait(&self, patience: Duration) -> bool {
        let all_ended = poll_fn(|context| self.poll_all_ended(context));
        tokio::time::timeout(patience, all_ended).await.is_ok()
    }

    fn poll_all_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut running = self.running.lock();
        loop {
            match running.set.poll_join_next(context) {
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

fn panicked(name: &str, panics: &Counter) {
    panics.inc();
    tracing::error!(task = name, "a background task panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-21
    #[tokio::test(start_paused = true)]
    async fn a_panic_is_counted_and_the_other_tasks_go_on() {
        let panics = Counter::default();
        let tasks = Tasks::new(panics.clone());
        let stop = tasks.stopping();
        #[expect(clippy::panic, reason = "what is tested")]
        tasks.spawn("fails", async { panic!("on purpose") });
        tasks.spawn("waits", async move { stop.cancelled().await });
        assert!(tasks.stop(Duration::from_secs(1)).await);
        assert_eq!(panics.get(), 1);
    }

    // P-25
    #[tokio::test]
    async fn work_that_blocks_does_not_hold_the_runtime_up() {
        let tasks = Tasks::new(Counter::default());
        let (go, wait) = std::sync::mpsc::channel();
        let work = tasks.run_blocking("waits", move || wait.recv_timeout(Duration::from_secs(5)));
        // The runtime has one thread: the work is waiting when the word is given.
        let (heard, given) = tokio::join!(work, async { go.send("go") });
        assert_eq!((heard, given), (Some(Ok("go")), Ok(())));
    }

    // P-21
    #[tokio::test]
    async fn a_panic_in_work_that_may_block_is_counted() {
        let panics = Counter::default();
        let tasks = Tasks::new(panics.clone());
        #[expect(clippy::panic, reason = "what is tested")]
        let lost: Option<()> = tasks.run_blocking("fails", || panic!("on purpose")).await;
        assert_eq!((lost, panics.get()), (None, 1));
    }

    // P-02
    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_dropped_with_what_it_holds() {
        let tasks = Tasks::new(Counter::default());
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("stuck", async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(!tasks.stop(Duration::from_secs(1)).await);
        assert!(tasks.abandon(Duration::from_secs(1)).await);
        assert!(dropped.await.is_err());
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("late", async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(dropped.await.is_err());
    }
}
