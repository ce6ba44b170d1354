//! What every test stands on: a scripted upstream, a running gateway, a raw client.
//!
//! Nothing here knows OpenAI's SDKs or an HTTP library: both ends of the gateway
//! are driven by bytes, so that a test can say exactly what was on the wire.
//! Waiting is polling with a deadline (`until`), never a fixed sleep.

pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod openai;
pub(crate) mod responses;
pub(crate) mod script;
pub(crate) mod sigv4;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod websocket;

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits for something that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Polls `probe` every 10 ms until it yields a value, or fails naming `what`.
pub(crate) async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Bounds a future that must not hang, naming `what` when it does.
pub(crate) async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| panic!("{what} took longer than {limit:?}"))
}
