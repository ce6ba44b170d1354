//! Accepts connections and serves a router on them until asked to stop.
//!
//! Limits that hyper leaves open are set here: header time and size, HTTP/2
//! resets and streams, stalled writes, the number of connections.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::http::stall::StallGuard;
use crate::task::Tasks;

/// A request head must be complete within this, and the first one must come within this.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection may be idle between two requests for this long, the next head included;
/// longer than the 60 s that load balancers keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A client that reads nothing for so long is cut off.
const WRITE_STALL: Duration = Duration::from_secs(60);
/// Connections served at once, per listener.
const MAX_CONNECTIONS: usize = 10_000;
/// Largest HTTP/1 request head. Bodies are read through the same buffer, hence not smaller; as much
/// of an answer may wait for a client that does not read, hence not larger (faults C-06).
const MAX_HEAD_BYTES: usize = 128 * 1024;
/// Header fields of an HTTP/1 request.
const MAX_HEADERS: usize = 100;

/// The peer address of a request's connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Serves `router` on `listener` until `stop`; open connections then finish what they are at.
pub async fn serve(listener: TcpListener, router: Router, tasks: Tasks, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let protocol = Arc::new(protocol(Spawner(tasks.clone())));
    loop {
        let accepting = async {
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((slot, listener.accept().await))
        };
        let Some(Some((slot, accepted))) = stop.run_until_cancelled(accepting).await else {
            return;
        };
        match accepted {
            Ok((socket, address)) => {
                let connection = serve_connection(
                    socket,
                    address,
                    router.clone(),
                    Arc::clone(&protocol),
                    stop.clone(),
                );
                tasks.spawn("connection", async move {
                    connection.await;
                    drop(slot);
                });
            }
            // The peer gave up while it waited; the next one need not wait for that.
            Err(error) if is_of_the_peer(error.kind()) => {}
            // Out of file descriptors, most likely: give the others time to finish.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_the_peer(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// Runs what hyper spawns for HTTP/2 where it is counted and waited for: each stream holds a call to settle.
#[derive(Clone)]
struct Spawner(Tasks);

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn("http2 stream", future);
    }
}

fn protocol(spawner: Spawner) -> Builder<Spawner> {
    let mut builder = Builder::new(spawner);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64)
        .max_header_list_size(32 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

async fn serve_connection(
    socket: TcpStream,
    address: SocketAddr,
    router: Router,
    protocol: Arc<Builder<Spawner>>,
    stop: CancellationToken,
) {
    // A peer that is gone already is noticed at the first read.
    let _ = socket.set_nodelay(true);
    let peer = Peer(address.ip().to_canonical());
    let has_spoken = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&has_spoken);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        hears.store(true, Ordering::Relaxed);
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer);
        let mut router = router.clone();
        async move {
            Ok::<_, Infallible>(
                router
                    .call(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    let stream = TokioIo::new(StallGuard::new(socket, WRITE_STALL));
    let mut connection = std::pin::pin!(protocol.serve_connection_with_upgrades(stream, service));
    // In a set of its own, because a set polls only what was woken: a connection wakes thousands
    // of times a second, and asking each time whether the process stops takes locks.
    let mut interruption = FuturesUnordered::from_iter([async move {
        tokio::select! {
            () = silence(&has_spoken) => Interruption::Silence,
            () = stop.cancelled() => Interruption::Stop,
        }
    }]);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        Some(interruption) = interruption.next() => match interruption {
            Interruption::Silence => return,
            Interruption::Stop => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = %address, "a connection ended with an error");
    }
}

/// Why a connection is interrupted.
enum Interruption {
    /// Its peer never sent a request.
    Silence,
    /// The listener stops.
    Stop,
}

/// Resolves when the time for a first request is over and there was none.
///
/// hyper's own header timer starts only when the protocol is known, so a silent peer would stay forever (faults C-08).
async fn silence(has_spoken: &AtomicBool) {
    tokio::time::sleep(HEADER_TIMEOUT).await;
    if has_spoken.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}
