//! The vendor's side of a session: one request that becomes a websocket (RFC 6455 §4.1).
//!
//! An answer of 101 is committed to; any other is a refusal like that of a call.

use std::time::Instant;

use bytes::Bytes;
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tollward_wire::fault::Fault;

use super::open::{Patience, Request, headed, request_id};
use super::{Exchanged, UpstreamHead};
use crate::snapshot::Deployment;
use crate::upstream::failure::AttemptFailure;
use crate::upstream::refusal::refusal;
use crate::upstream::sender::Sender;

/// Largest message either way, in bytes; OpenAI takes events of up to 15 MiB of sound.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that one read of a socket may bring.
const READ_BYTES: usize = 32 * 1024;

/// The version of the protocol that everybody speaks.
pub const VERSION: HeaderValue = HeaderValue::from_static("13");

/// A caller's request for a websocket.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The caller's connection, once its request was answered.
    pub connection: OnUpgrade,
    /// The answer to its nonce.
    pub accept: HeaderValue,
    /// The subprotocols that go on to the vendor.
    pub protocols: Vec<&'static str>,
    /// The headers that go on.
    pub headers: HeaderMap,
    /// `model` and `intent` of the query, as a JSON object.
    pub query: Bytes,
}

/// One side of a session.
pub type Websocket = WebSocketStream<TokioIo<Upgraded>>;

/// A session that a vendor agreed to.
pub struct Socket {
    /// What the vendor's head said that we pass on.
    pub head: UpstreamHead,
    /// The vendor's side.
    pub vendor: Websocket,
    /// The subprotocol that it chose.
    pub protocol: Option<HeaderValue>,
    /// The caller's request for it.
    pub handshake: Handshake,
}

/// The frames of a connection.
pub async fn websocket(connection: Upgraded, role: Role) -> Websocket {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    WebSocketStream::from_raw_socket(TokioIo::new(connection), role, Some(config)).await
}

/// Asks for a session, once.
///
/// # Errors
/// The vendor refused, could not be reached or was late.
pub(super) async fn opened(
    sender: Sender<'_>,
    deployment: &Deployment,
    handshake: &Handshake,
    request: Request<'_>,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let foreign = |detail: &str| AttemptFailure::of(Fault::Protocol, detail);
    let (provider, mut outbound) = request.into_parts();
    let nonce = generate_key();
    let asking = asking(handshake, &nonce);
    outbound
        .headers
        .extend(asking.map_err(|_| foreign("no header's text"))?);
    let patience = Patience {
        head: deployment.timeouts.first_byte,
        idle: deployment.timeouts.idle,
        deadline,
    };
    let sending = sender.send(provider.host_scope(), Method::GET, &outbound);
    let mut response = headed(sending, None, patience).await??;
    let status = response.status();
    if status.is_success() {
        return Err(foreign(
            "the vendor answered without switching to a websocket",
        ));
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, body) = response.into_parts();
        return Err(refusal(sender.signer, provider, &parts, body).await);
    }
    let connection = hyper::upgrade::on(&mut response);
    let headers = response.headers();
    let accept = headers.get(header::SEC_WEBSOCKET_ACCEPT);
    if accept.map(HeaderValue::as_bytes) != Some(derive_accept_key(nonce.as_bytes()).as_bytes()) {
        return Err(foreign("the vendor's answer is to another handshake"));
    }
    let protocol = headers.get(header::SEC_WEBSOCKET_PROTOCOL).cloned();
    let head = UpstreamHead {
        request_id: request_id(headers),
        ..UpstreamHead::default()
    };
    let connection = connection.await;
    let connection =
        connection.map_err(|error| AttemptFailure::of(Fault::Truncated, error.to_string()))?;
    Ok(Exchanged::Socket(Box::new(Socket {
        head,
        vendor: websocket(connection, Role::Client).await,
        protocol,
        handshake: handshake.clone(),
    })))
}

/// The headers that ask a vendor for a websocket, with those of the caller.
fn asking(handshake: &Handshake, nonce: &str) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = handshake.headers.clone();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
    headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_str(nonce)?);
    if !handshake.protocols.is_empty() {
        let protocols = HeaderValue::from_str(&handshake.protocols.join(", "))?;
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocols);
    }
    Ok(headers)
}
