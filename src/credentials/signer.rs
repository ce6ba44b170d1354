//! What one call is signed with, and what is known of the vendor's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use tollward_providers::{Key, Outbound, Unsigned};

use crate::clock;
use crate::telemetry::metric::{CredentialHeadroom, DeploymentMeters};
use crate::upstream::body::RequestBody;

/// A shorter key is looked for in no text: it might be any word.
const SHORTEST_KEY: usize = 8;

/// By how many seconds the vendor's clock is ahead of ours; what one call learns is known to all.
pub type Skew = Arc<AtomicI64>;

/// The key of a call.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Nothing for a server that asks for no proof.
    key: Option<Key>,
    skew: Skew,
    /// Where it is noted what the vendor says about its limits; `None` for what has limits of its
    /// own, or none.
    headroom: Option<CredentialHeadroom>,
}

impl Signer {
    /// Signs with `key`.
    pub fn new(key: Option<Key>, skew: &Skew) -> Self {
        Self {
            key,
            skew: Arc::clone(skew),
            headroom: None,
        }
    }

    /// The same for a call, whose answers tell of the limits of `credential` at a deployment.
    #[must_use]
    pub fn noting(self, credential: &Arc<str>, meters: &DeploymentMeters) -> Self {
        Self {
            headroom: Some(meters.headroom(credential)),
            ..self
        }
    }

    /// Takes what the head of an answer says about the vendor's limits.
    pub fn note_headroom(&self, headers: &HeaderMap) {
        if let Some(headroom) = &self.headroom {
            headroom.note(headers);
        }
    }

    /// What it signs with.
    pub(super) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// A vendor's refusal without the key: some repeat what they were sent, and the text may reach
    /// the caller.
    pub fn masked(&self, text: Bytes) -> Bytes {
        let Some(Key::Header { value, .. }) = &self.key else {
            return text;
        };
        let written = value.as_bytes();
        let token = written.rsplit(|it| *it == b' ').next().unwrap_or(written);
        if token.len() < SHORTEST_KEY || memchr::memmem::find(&text, token).is_none() {
            return text;
        }
        let token = String::from_utf8_lossy(token);
        String::from_utf8_lossy(&text)
            .replace(&*token, "***")
            .into()
    }

    /// A vendor's request, signed at this moment.
    pub fn signed(&self, method: Method, outbound: &Outbound) -> Request<RequestBody> {
        let Outbound { uri, body, .. } = outbound;
        let mut headers = outbound.headers.clone();
        if let Some(key) = &self.key {
            let request = Unsigned {
                method: &method,
                uri,
                headers: &mut headers,
                body,
            };
            key.sign(request, now() + self.skew.load(Ordering::Relaxed));
        }
        let mut request = Request::new(RequestBody::from(body.clone()));
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        request
    }

    /// Looks for a wrong clock behind a refusal; `true` if the request may be signed and sent once
    /// more, by the vendor's clock (faults U-64).
    pub fn learns_time(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let known = self.skew.load(Ordering::Relaxed);
        let key = self.key.as_ref();
        let more = key.and_then(|key| key.clock_skew(status, headers, now() + known));
        if let Some(more) = more {
            self.skew.store(known + more, Ordering::Relaxed);
            tracing::warn!(
                seconds = known + more,
                "this machine's clock differs from a provider's, which is believed"
            );
        }
        more.is_some()
    }
}

/// Our time, in seconds since 1970.
fn now() -> i64 {
    clock::unix_ms() / 1_000
}
