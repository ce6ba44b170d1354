//! Credential → [`Caller`].
//!
//! One rule for every operation: a virtual key as a bearer token. Unknown,
//! revoked and expired keys get the same answer. Only the key's HMAC is looked
//! up, in memory; the text of a key reaches neither SQL nor a log.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use tollward_store::KeyRecord;

use crate::app::Gateway;
use crate::clock;
use crate::snapshot::Snapshot;

/// Where Google's SDKs put their key.
pub const GOOGLE_KEY: &str = "x-goog-api-key";

/// Who calls.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Anybody: the gateway is open.
    Open,
    /// The holder of a virtual key.
    Key(Arc<KeyRecord>),
}

impl Caller {
    /// Whether the caller may use the public model name `model`.
    pub fn allows(&self, model: &str) -> bool {
        match self {
            Self::Open => true,
            Self::Key(key) => key.allows(model),
        }
    }

    /// The virtual key, unless the gateway is open.
    pub fn key(&self) -> Option<&Arc<KeyRecord>> {
        match self {
            Self::Open => None,
            Self::Key(key) => Some(key),
        }
    }
}

/// Why a caller is not let in.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AuthError {
    /// No credential was sent.
    #[error("no API key was given")]
    Missing,
    /// The credential is unknown, revoked or expired.
    #[error("the API key is not valid")]
    Invalid,
    /// Two different credentials in one request.
    #[error("more than one credential was given")]
    Ambiguous,
    /// Too many bad keys from this address.
    #[error("too many attempts with bad keys")]
    TooManyFailures,
}

/// Finds out who calls.
///
/// # Errors
/// [`AuthError`] when keys are required and the request has no good one.
pub async fn authenticate(
    snapshot: &Snapshot,
    gateway: &Gateway,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Caller, AuthError> {
    if !gateway.keyring.is_required(snapshot.auth) {
        return Ok(Caller::Open);
    }
    let presented = presented(headers)?;
    match gateway.keyring.find(presented, clock::unix_ms()).await {
        Some(key) => Ok(Caller::Key(key)),
        None if gateway.bad_keys.is_exhausted(peer) => Err(AuthError::TooManyFailures),
        None => Err(AuthError::Invalid),
    }
}

/// The one credential of a request, from whichever header its SDK uses.
///
/// # Errors
/// There is none, or there are two different ones.
pub fn presented(headers: &HeaderMap) -> Result<&[u8], AuthError> {
    let bearer = headers.get_all(http::header::AUTHORIZATION).iter();
    let bearer = bearer.map(|value| {
        let value = value.as_bytes();
        match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
            _ => value,
        }
    });
    let others = ["x-api-key", "api-key", GOOGLE_KEY]
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .map(http::HeaderValue::as_bytes);
    let mut all = bearer.chain(others);
    let first = all.next().ok_or(AuthError::Missing)?;
    if all.any(|other| other != first) {
        return Err(AuthError::Ambiguous);
    }
    Ok(first)
}
