//! The pooled HTTP client of the data path.
//!
//! hyper-util's client over rustls (aws-lc-rs): no redirects, no cookies, no environment
//! proxies; what comes compressed unasked is undone in `coding`. Two sets of pools, one for vendors' public
//! hosts and one for hosts that the operator wrote, differ in which resolved
//! addresses they may connect to; which pool of a set carries a call is in `lanes`.
//! Downloads and other calls off the data path use reqwest instead
//! (docs/adr/0004-http-client.md).

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, Uri, header};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tollward_providers::HostScope;
use tollward_wire::fault::{Fault, Phase};
use tower::Service;

use crate::upstream::address::is_allowed;
use crate::upstream::body::RequestBody;
use crate::upstream::coding::Decoder;
use crate::upstream::lanes::{Carried, Lanes};
use crate::upstream::names::Names;
use crate::upstream::resolver::{DNS_TIMEOUT, ResolveError, Resolver};
use crate::upstream::trust::Trust;

type Pool = hyper_util::client::legacy::Client<Connector, RequestBody>;

/// Idle connections kept per host.
const IDLE_PER_HOST: usize = 512;
/// Vendors close idle connections after about a minute or more; we close earlier.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);
/// Largest HTTP/1 response head. Answers are read through the same buffer, and a stream that its
/// client does not read holds a few of them (faults C-06, U-08).
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The TLS handshake must end within this, after the TCP connection.
const TLS_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of an HTTP/2 stream that are held for a client which does not read them.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes of all streams of one connection; out of reach, so that the streams' own windows decide.
///
/// The library also bounds how many small frames wait to be read, by half of this and for all
/// streams together, and ends the connection of all of them when they are more. Events of a
/// stream are small frames: with this window one stream of nothing else stays below the bound.
const CONNECTION_WINDOW: u32 = 256 * 1024 * 1024;

/// Cheap to clone; clones share the pools.
#[derive(Clone)]
pub struct Client {
    public: Lanes<Pool>,
    operator: Lanes<Pool>,
    /// One pool is enough: its questions are few.
    metadata: Pool,
    /// For connections that become websockets, which HTTP/2 has in another way and vendors have not:
    /// to public hosts, and to the operator's.
    sockets: [Pool; 2],
}

impl Client {
    /// Builds the pools; no connection is made yet. `connect` bounds one TCP connection attempt.
    pub fn new(connect: Duration, trust: Trust) -> Self {
        let mut tls = trust.into_client_config();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut plain = tls.clone();
        plain.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (tls, plain) = (Arc::new(tls), Arc::new(plain));
        let names = Arc::<Names>::default();
        let pool_with = |scope, tls: &Arc<rustls::ClientConfig>| {
            let names = (scope == HostScope::Operator).then(|| Arc::clone(&names));
            let resolver = Resolver { scope, names };
            let connector = Connector::new(resolver, connect, Arc::clone(tls));
            let mut builder = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
            builder
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(IDLE_PER_HOST)
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .http2_keep_alive_interval(Duration::from_secs(20))
                .http2_keep_alive_timeout(Duration::from_secs(10))
                .http2_initial_stream_window_size(STREAM_WINDOW)
                .http2_initial_connection_window_size(CONNECTION_WINDOW)
                .http2_max_header_list_size(64 * 1024)
                .http1_max_headers(200)
                .http1_max_buf_size(MAX_HEAD_BYTES);
            move || builder.build(connector.clone())
        };
        let pool_of = |scope| pool_with(scope, &tls);
        Self {
            public: Lanes::new(pool_of(HostScope::Public)),
            operator: Lanes::new(pool_of(HostScope::Operator)),
            metadata: pool_of(HostScope::Metadata)(),
            sockets: [HostScope::Public, HostScope::Operator].map(|it| pool_with(it, &plain)()),
        }
    }

    /// Sends one request and waits for the response head.
    ///
    /// A request that a stale pooled connection never took is sent again on a
    /// new one by the pool; nothing else is retried here.
    ///
    /// # Errors
    /// No connection came about, or it broke before the head.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection if the request was sent.
    pub async fn send(
        &self,
        scope: HostScope,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Carried>, SendError> {
        // What is compressed has to be undone to be read, and a stream waits for it.
        let identity = HeaderValue::from_static("identity");
        request
            .headers_mut()
            .insert(header::ACCEPT_ENCODING, identity);
        let upgrades = request.headers().contains_key(header::UPGRADE);
        // Without TLS no server is asked for HTTP/2.
        let is_encrypted = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
        let lanes = match scope {
            HostScope::Public => Some(&self.public),
            HostScope::Operator => Some(&self.operator),
            HostScope::Metadata => None,
        };
        let [public, operator] = &self.sockets;
        let (pool, place) = match lanes {
            Some(_) if upgrades && scope == HostScope::Public => (public, None),
            Some(_) if upgrades => (operator, None),
            Some(lanes) if is_encrypted => lanes.take(),
            Some(lanes) => (lanes.first(), None),
            None => (&self.metadata, None),
        };
        let answer = pool.request(request).await;
        let (mut head, body) = answer
            .map_err(|error| SendError::from_client(&error))?
            .into_parts();
        let decoder = Decoder::of(&mut head.headers);
        Ok(Response::from_parts(
            head,
            Carried::new(body, decoder, place),
        ))
    }
}

/// Why no response head came.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct SendError {
    /// What kind of failure it was.
    pub fault: Fault,
    /// Whether the request may have reached the upstream.
    pub was_sent: bool,
    /// A connection took the request and the upstream did not look at it, which it said
    /// itself or which is certain: the same request may be sent again at once.
    pub is_untaken: bool,
    /// This machine has no descriptors left for another connection.
    pub is_shortage: bool,
    detail: String,
}

impl SendError {
    fn from_client(error: &hyper_util::client::legacy::Error) -> Self {
        let is_untaken = is_untaken(error);
        Self {
            fault: fault_of(error, error.is_connect() || is_untaken),
            was_sent: !error.is_connect() && !is_untaken,
            is_untaken,
            is_shortage: is_shortage(error),
            detail: chain(error),
        }
    }
}

/// Whether a connection broke before it wrote the request, or an HTTP/2 server turned it away unread.
///
/// A server that ends a connection names the last stream that it looks at, and one that has too many
/// of them refuses the next (RFC 9113 §6.8 and §8.7, read 2026-11).
fn is_untaken(error: &(dyn StdError + 'static)) -> bool {
    let mut source = error.source();
    while let Some(current) = source {
        if let Some(hyper) = current.downcast_ref::<hyper::Error>()
            && hyper.is_canceled()
        {
            return true;
        }
        if let Some(h2) = current.downcast_ref::<h2::Error>() {
            return h2.is_remote()
                && (h2.is_go_away() || h2.reason() == Some(h2::Reason::REFUSED_STREAM));
        }
        source = current.source();
    }
    false
}

/// Whether the process, or the machine, has as many files and sockets open as it may (faults P-24).
fn is_shortage(error: &(dyn StdError + 'static)) -> bool {
    /// `ENFILE` and `EMFILE`, the same on Linux, macOS and the BSDs.
    const NO_DESCRIPTORS: [i32; 2] = [23, 24];
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    chain.any(|error| {
        let code = error.downcast_ref::<io::Error>();
        let code = code.and_then(io::Error::raw_os_error);
        code.is_some_and(|it| NO_DESCRIPTORS.contains(&it))
    })
}

/// Finds the fault that the connector named, or what hyper's error amounts to.
fn fault_of(error: &(dyn StdError + 'static), in_connect: bool) -> Fault {
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(named) = current.downcast_ref::<ConnectError>() {
            return named.fault();
        }
        if let Some(hyper) = current.downcast_ref::<hyper::Error>()
            && (hyper.is_parse() || hyper.is_parse_too_large())
        {
            return Fault::Protocol;
        }
        // What the library finds wrong, as against what the peer says.
        if current
            .downcast_ref::<h2::Error>()
            .is_some_and(h2::Error::is_library)
        {
            return Fault::Protocol;
        }
        source = current.source();
    }
    if in_connect {
        Fault::Unreachable
    } else {
        Fault::Truncated
    }
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(current) = source {
        text.push_str(": ");
        text.push_str(&current.to_string());
        source = current.source();
    }
    text
}

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("the name does not resolve")]
    Dns(#[source] io::Error),
    #[error("{0} is not an address that this host may have")]
    Forbidden(IpAddr),
    #[error("no connection within {0:?}")]
    Slow(Duration),
    #[error("no TLS handshake within {0:?}")]
    SlowTls(Duration),
    #[error("the TLS handshake failed")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
    #[error("connecting failed")]
    Refused(#[source] Box<dyn StdError + Send + Sync>),
}

impl ConnectError {
    fn fault(&self) -> Fault {
        match self {
            Self::Dns(_) => Fault::Dns,
            Self::Forbidden(_) => Fault::ForbiddenAddress,
            Self::Slow(_) => Fault::Timeout(Phase::Connect),
            Self::SlowTls(_) | Self::Tls(_) => Fault::Tls,
            Self::Refused(_) => Fault::Unreachable,
        }
    }
}

/// Resolve, classify, connect, shake hands; every step bounded in time.
#[derive(Clone)]
struct Connector {
    scope: HostScope,
    connect: Duration,
    tcp: HttpConnector<Resolver>,
    tls: Arc<rustls::ClientConfig>,
}

impl Connector {
    fn new(resolver: Resolver, connect: Duration, tls: Arc<rustls::ClientConfig>) -> Self {
        let scope = resolver.scope;
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(connect));
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        Self {
            scope,
            connect,
            tcp,
            tls,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // A literal address never passes through the resolver, so it is classified here.
        if let Some(address) = literal(&uri)
            && !is_allowed(self.scope, address)
        {
            return Box::pin(std::future::ready(Err(ConnectError::Forbidden(address))));
        }
        let (connecting, connect) = (self.tcp.call(uri.clone()), self.connect);
        let (limit, tls) = (DNS_TIMEOUT + connect, Arc::clone(&self.tls));
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(Ok(tcp)) => shake_hands(tcp, uri, tls).await,
                Ok(Err(error)) => Err(classify(error.into(), connect)),
                Err(_) => Err(ConnectError::Slow(limit)),
            }
        })
    }
}

/// Encrypts the connection, if the URL says so; the limit is of the handshake alone, so that a
/// stalled one is told from a slow network (faults U-05).
async fn shake_hands(
    tcp: TokioIo<TcpStream>,
    uri: Uri,
    tls: Arc<rustls::ClientConfig>,
) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, ConnectError> {
    let mut tcp = Some(tcp);
    let connected = tower::service_fn(move |_: Uri| {
        let taken = tcp.take().ok_or(io::ErrorKind::NotConnected);
        std::future::ready(taken.map_err(io::Error::from))
    });
    let shaking = HttpsConnector::from((connected, tls)).call(uri);
    match tokio::time::timeout(TLS_TIMEOUT, shaking).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if is_refusal(error.as_ref()) => Err(ConnectError::Tls(error)),
        Ok(Err(error)) => Err(ConnectError::Refused(error)),
        Err(_) => Err(ConnectError::SlowTls(TLS_TIMEOUT)),
    }
}

/// The address written in a URL instead of a name.
fn literal(uri: &Uri) -> Option<IpAddr> {
    uri.host()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Unwraps the boxed error of a TCP connection: the resolver's come back as they are, the `connect` limit gets its name.
fn classify(error: Box<dyn StdError + Send + Sync>, connect: Duration) -> ConnectError {
    let mut source: Option<&(dyn StdError + 'static)> = Some(error.as_ref());
    while let Some(current) = source {
        if let Some(refused) = current.downcast_ref::<ResolveError>() {
            return match refused {
                ResolveError::Forbidden(address) => ConnectError::Forbidden(*address),
                ResolveError::Failed(why) => {
                    ConnectError::Dns(io::Error::new(why.kind(), why.to_string()))
                }
            };
        }
        let io = current.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut) {
            return ConnectError::Slow(connect);
        }
        source = current.source();
    }
    ConnectError::Refused(error)
}

/// Whether an error comes from the handshake, and not from the connection below it.
fn is_refusal(error: &(dyn StdError + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    chain.any(|error| error.downcast_ref().is_some_and(is_handshake_error))
}

/// Whether rustls refused, or the peer hung up on it; the connector wraps such errors more than once.
fn is_handshake_error(error: &io::Error) -> bool {
    let is_refusal = error.get_ref().is_some_and(|inner| {
        let wrapped = inner.downcast_ref::<io::Error>();
        inner.is::<rustls::Error>() || wrapped.is_some_and(is_handshake_error)
    });
    is_refusal || error.kind() == io::ErrorKind::UnexpectedEof
}

#[cfg(test)]
mod tests;
