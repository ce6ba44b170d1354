//! HTTP request → [`Ingress`]: a head that gets its id, a body that is read within bounds.
//! Forms, of which only the beginning is read, are in [`form`]; requests for a websocket in [`handshake`].
//!
//! The body waits until its caller is known: strangers may not fill our memory.

pub mod form;
pub mod handshake;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::Request as Bare;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use tollward_store::RequestId;
use tollward_wire::form::FormError;
use tollward_wire::operation::Operation;
use tollward_wire::view::Address;

use crate::clock;
use crate::http::server::Peer;
use crate::upstream::exchange::Handshake;
use crate::upstream::upload::{BODY_IDLE, UploadError};

/// A body must be complete within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A request as the pipeline sees it.
pub struct Ingress {
    /// The call's id, in the ledger and the log.
    pub request: RequestId,
    /// When it came, in Unix milliseconds.
    pub at_ms: i64,
    /// Which endpoint was called.
    pub operation: Operation,
    /// What the address says of the request, for an API that has there what others have in the body.
    pub address: Option<Address>,
    /// The request for a websocket, where it is one.
    pub handshake: Option<Box<Handshake>>,
    /// The client's headers, as sent.
    pub headers: HeaderMap,
    /// The body, not read yet.
    pub body: Body,
    /// The socket's peer address.
    pub peer: IpAddr,
    /// The client's own request id, when it sent a sane one.
    pub client_request_id: Option<HeaderValue>,
    /// When the head had been read.
    pub started: Instant,
}

/// Whether a browser sends it for the page of somebody else, as far as browsers say so. Libraries
/// for websockets name the gateway itself as the origin.
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let place = origin.to_str().ok().and_then(|it| it.split_once("://"));
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    host.is_none() || place.map(|(_, place)| place) != host
}

/// Why a request is not read.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    /// The body is not declared as JSON.
    #[error("the content type must be application/json")]
    MediaType,
    /// The body is neither JSON nor a form.
    #[error("the content type must be multipart/form-data or application/json")]
    NeitherFormNorJson,
    /// The form cannot be read in one way only.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The form does not say which model, as far as it may be held.
    #[error(
        "the form's first {limit} bytes have no `model`; put that field before the file, so that the file can be streamed"
    )]
    LateModel {
        /// How much is held in search of it, in bytes.
        limit: usize,
    },
    /// A websocket is served there, and none was asked for.
    #[error("this is a websocket of HTTP/1.1, version 13; ask for an upgrade")]
    NotWebsocket,
    /// The request for a websocket is not one that is served.
    #[error("{0}")]
    Handshake(&'static str),
    /// A page that a browser shows asks for a websocket, and there are no keys that it could lack.
    #[error("a page of another site needs an API key for this, and this gateway asks for none")]
    CrossSite,
    /// The admin API is asked by a name that may be anybody's, or for the page of another site.
    #[error(
        "the admin API is asked by an address, as `localhost` or by a name in `server.admin_hosts`, and for no other site"
    )]
    AdminHost,
    /// A header of the gateway's own is not what it must be.
    #[error("the header `{name}` takes {expected}")]
    Header {
        /// The header's name.
        name: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// The body has a content coding.
    #[error("compressed request bodies are not taken")]
    Encoding,
    /// The body is longer than allowed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body did not come in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// The connection broke while the body was read.
    #[error("the body broke off")]
    Broken,
}

impl From<UploadError> for IngressError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge { limit } => Self::TooLarge { limit },
            UploadError::Slow => Self::Slow,
            UploadError::Broken => Self::Broken,
            UploadError::Form(error) => Self::Form(error),
        }
    }
}

impl Ingress {
    /// Takes a request whose head was read.
    pub fn new(operation: Operation, request: Request) -> Self {
        let at_ms = clock::unix_ms();
        let (parts, body) = request.into_parts();
        Self {
            request: RequestId::from_parts(at_ms, clock::id_bytes()),
            at_ms,
            operation,
            address: None,
            handshake: None,
            peer: peer(&parts.extensions),
            client_request_id: client_request_id(&parts.headers),
            headers: parts.headers,
            body,
            started: clock::mono(),
        }
    }

    /// The same request, of which the address says this much.
    #[must_use]
    pub fn at(self, address: Address) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }

    /// The head again, for a request that is passed on after its body was read.
    pub fn into_parts(self) -> http::request::Parts {
        let mut request = Bare::new(());
        *request.method_mut() = http::Method::POST;
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(Peer(self.peer));
        request.into_parts().0
    }

    /// Reads the body.
    ///
    /// # Errors
    /// [`IngressError`]; the rest of the body is then not read.
    pub async fn read_body(&mut self, max_body_bytes: usize) -> Result<Bytes, IngressError> {
        if !is_json(&self.headers) {
            return Err(if self.operation.takes_forms() {
                IngressError::NeitherFormNorJson
            } else {
                IngressError::MediaType
            });
        }
        self.check_encoding()?;
        read_body(&mut self.body, max_body_bytes).await
    }

    /// # Errors
    /// [`IngressError::Encoding`] if the body has a content coding.
    pub fn check_encoding(&self) -> Result<(), IngressError> {
        let coding = self.headers.get(header::CONTENT_ENCODING);
        match coding {
            Some(coding) if coding != "identity" => Err(IngressError::Encoding),
            _ => Ok(()),
        }
    }
}

/// The client's own request id, when it sent a sane one.
pub fn client_request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    headers
        .get("x-request-id")
        .filter(|id| is_sane_id(id))
        .cloned()
}

/// The peer address that the listener noted.
pub fn peer(extensions: &http::Extensions) -> IpAddr {
    extensions
        .get::<Peer>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(declared) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let (kind, parameters) = declared.split_once(';').unwrap_or((declared, ""));
    let kind = kind.trim();
    let is_json = kind.eq_ignore_ascii_case("application/json")
        || kind.to_ascii_lowercase().ends_with("+json");
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    });
    is_json
        && charset.is_none_or(|charset| {
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii")
        })
}

/// Ids that may be echoed and logged: short, visible ASCII.
fn is_sane_id(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

async fn read_body(body: &mut Body, limit: usize) -> Result<Bytes, IngressError> {
    let too_large = || IngressError::TooLarge { limit };
    if http_body::Body::size_hint(body).lower() > limit as u64 {
        return Err(too_large());
    }
    let declared = http_body::Body::size_hint(body).exact();
    let deadline = clock::mono() + BODY_TIMEOUT;
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(chunk) = next_chunk(body, deadline).await? {
        let length = first.len().max(whole.len());
        if length + chunk.len() > limit {
            return Err(too_large());
        }
        // Most bodies come in one read and are not copied.
        if length == 0 {
            first = chunk;
            continue;
        }
        if whole.is_empty() {
            // All of it at once: a body of megabytes that grows by doubling is held three times.
            let declared = declared.and_then(|it| usize::try_from(it).ok());
            whole.reserve(declared.unwrap_or(0).max(first.len() + chunk.len()));
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

/// The next bytes of a body; `None` at its end.
async fn next_chunk(body: &mut Body, deadline: Instant) -> Result<Option<Bytes>, IngressError> {
    loop {
        // What is there already needs no timer, and a frame that is not can be asked for again.
        let frame = if let Some(frame) = body.frame().now_or_never() {
            frame
        } else {
            let left = deadline.saturating_duration_since(clock::mono());
            tokio::time::timeout(left.min(BODY_IDLE), body.frame())
                .await
                .map_err(|_| IngressError::Slow)?
        };
        let Some(frame) = frame else { return Ok(None) };
        if let Ok(chunk) = frame.map_err(|_| IngressError::Broken)?.into_data() {
            return Ok(Some(chunk));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        is_json(&headers)
    }

    // C-21
    #[test]
    fn only_json_in_utf8_is_taken() {
        assert!(declared("application/json"));
        assert!(declared("application/json; charset=UTF-8"));
        assert!(declared("application/vnd.api+json"));
        assert!(!declared("text/plain"));
        assert!(!declared("application/json; charset=utf-16"));
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn an_id_with_blanks_or_without_end_is_not_echoed() {
        assert!(is_sane_id(&HeaderValue::from_static("req_1-2:3")));
        assert!(!is_sane_id(&HeaderValue::from_static("a b")));
        let long = HeaderValue::from_str(&"x".repeat(129));
        assert!(long.is_ok_and(|id| !is_sane_id(&id)));
    }
}
