//! Background tasks: the only room that spawns.
//!
//! Every task has a name, is counted, and is waited for at shutdown. A task
//! that must end early listens to the token it is given; nothing is aborted
//! while it holds something to settle. A panic in a task is logged with its
//! name and counted; it never takes the process down.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one gateway; clones share the same set.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts `future` under `name` on the runtime.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tracked = self.tracker.track_future(async move {
            let guarded = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(future));
            if guarded.await.is_err() {
                tracing::error!(task = name, "a background task panicked");
            }
        });
        tokio::spawn(tracked);
    }

    /// Resolves when the tasks are asked to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks every task to stop and waits for them, at most `patience`; `false` when some remain.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait())
            .await
            .is_ok()
    }
}
