//! The end: stop accepting, let calls finish, cut what outlives the drain time, flush the books.

use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::app::Gateway;
use crate::task::Tasks;

/// After the drain time is up, calls are told and get this long to be written out.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Tasks that still wait after that are dropped, which takes no longer than this.
const DROPPING: Duration = Duration::from_millis(500);

/// What asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: a supervisor, with a load balancer that may take a while to notice.
    Terminate,
    /// SIGINT: a person, who is waiting.
    Interrupt,
}

/// Waits for the first signal, then drains for the configured time; a second signal cuts it short.
///
/// Readiness fails at once, and the operator's listener goes on saying so until
/// the calls are done. After SIGTERM new connections are taken for a while more,
/// whether or not there are calls: load balancers send them until they have looked
/// at readiness. Connections that are open then finish what they are at. Every
/// call is settled before the ledger is closed: by its end, by the cut, or by
/// being dropped.
///
/// # Errors
/// The last ledger rows could not be written.
pub async fn run(
    gateway: &Gateway,
    stop_accepting: &CancellationToken,
    operator: &Tasks,
    mut signal: impl AsyncFnMut() -> StopSignal,
) -> anyhow::Result<()> {
    let first = signal().await;
    let limits = gateway.snapshot().limits;
    let drain = limits.drain;
    let accept = match first {
        StopSignal::Terminate => limits.drain_accept.min(drain / 2),
        StopSignal::Interrupt => Duration::ZERO,
    };
    tracing::info!(
        seconds = drain.as_secs(),
        "shutting down; running calls may finish"
    );
    gateway.start_draining();
    let draining = async {
        tokio::time::sleep(accept).await;
        stop_accepting.cancel();
        gateway.tasks.stop(drain.saturating_sub(accept)).await
    };
    let is_empty = tokio::select! {
        is_empty = draining => is_empty,
        _ = signal() => false,
    };
    stop_accepting.cancel();
    if !is_empty {
        gateway.cut_calls.cancel();
        if !gateway.tasks.stop(LAST_WORDS).await {
            tracing::warn!("some connections did not end in time and are dropped");
            gateway.tasks.abandon(DROPPING).await;
        }
    }
    operator.stop(DROPPING).await;
    gateway.responses.close().await;
    gateway.budgets.leave().await;
    let booked = gateway.close_ledger().await;
    // Last, because its reader may be stuck and the books must not wait for it.
    gateway.access.close();
    booked.context("the last ledger rows could not be written")
}
