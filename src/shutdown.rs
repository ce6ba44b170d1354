//! The end: stop accepting, let streams finish, flush the ledger.

use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::app::Gateway;

/// After the drain time is up, streams are told and get this long to be written out.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Waits for the first signal, then drains for at most `drain`; a second signal cuts it short.
///
/// Readiness fails at once. Connections that are open finish what they are at.
///
/// # Errors
/// The last ledger rows could not be written.
pub async fn run(
    gateway: &Gateway,
    stop_accepting: &CancellationToken,
    drain: Duration,
    mut signal: impl AsyncFnMut(),
) -> anyhow::Result<()> {
    signal().await;
    tracing::info!(
        seconds = drain.as_secs(),
        "shutting down; running calls may finish"
    );
    gateway.start_draining();
    stop_accepting.cancel();
    let is_empty = tokio::select! {
        is_empty = gateway.tasks.stop(drain) => is_empty,
        () = signal() => false,
    };
    if !is_empty {
        gateway.cut_streams.cancel();
        if !gateway.tasks.stop(LAST_WORDS).await {
            tracing::warn!("some connections did not end in time");
        }
    }
    gateway.access.close();
    gateway
        .close_ledger()
        .await
        .context("the last ledger rows could not be written")
}
