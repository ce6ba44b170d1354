//! What a provider proves itself with, and how a request is signed with it.
//!
//! A [`Credential`] is a description that comes out of the settings: a key that stands there,
//! or an identity whose keys have to be fetched from somewhere. A [`Key`] is what a request is
//! signed with. The gateway's room `credentials` turns the one into the other; here nothing is
//! fetched and nobody is asked for the time. No secret is shown by any `Debug`.

mod aws;
mod identity;
mod list;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use tollward_wire::segments::Segments;

use crate::moment::http_date;

pub use self::aws::{AwsBase, AwsIdentity, AwsKeys, AwsRole, AwsScope};
pub use self::identity::{EntraIdentity, GoogleIdentity};
pub use self::list::Access;
pub(crate) use self::list::read;

/// Most credentials of one provider: a call may try them all.
pub const MAX_CREDENTIALS: usize = 32;

/// By how many seconds a signature may be off.
const TOLERATED_SKEW: i64 = 5 * 60;

/// One way of a provider to prove itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What logs, metrics and headers call it: the operator's name, else its place from 1.
    pub name: Arc<str>,
    /// Where its key comes from.
    pub origin: Origin,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stands in the settings and stays the same.
    Written(Key),
    /// The keys of an AWS identity, which expire.
    Aws(AwsIdentity),
    /// The access tokens of an identity at Google.
    Google(GoogleIdentity),
    /// The access tokens of an identity at Microsoft Entra.
    Entra(EntraIdentity),
}

/// What a request is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A header, the same for every request.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value, marked sensitive.
        value: HeaderValue,
    },
    /// Keys that sign each request by itself.
    Aws {
        /// The keys.
        keys: AwsKeys,
        /// What the signature is good for.
        scope: AwsScope,
    },
}

/// A request as it will be sent, all but its signature.
#[derive(Debug)]
pub struct Unsigned<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its address.
    pub uri: &'a Uri,
    /// Its headers; the signature joins them.
    pub headers: &'a mut HeaderMap,
    /// Its body, all of it.
    pub body: &'a Segments,
}

impl Key {
    /// A key alone in a header of its own; `None` if it cannot stand in one.
    pub fn header(name: HeaderName, key: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(key).ok()?;
        value.set_sensitive(true);
        Some(Self::Header { name, value })
    }

    /// A key or an access token as `Authorization: Bearer …`; `None` if it cannot stand in a header.
    pub fn bearer(token: &str) -> Option<Self> {
        Self::header(http::header::AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// Signs a request at `now`, in seconds since 1970 by the vendor's clock.
    pub fn sign(&self, request: Unsigned<'_>, now: i64) {
        match self {
            Self::Header { name, value } => {
                request.headers.insert(name, value.clone());
            }
            Self::Aws { keys, scope } => aws::sign(keys, scope, request, now),
        }
    }

    /// By how many seconds the vendor's clock is ahead of ours, if a refusal may be due to that.
    ///
    /// AWS refuses signatures that are more than five minutes off, as expired or not yet valid; it
    /// has several names for that. `now` is our time in seconds since 1970.
    pub fn clock_skew(&self, status: StatusCode, headers: &HeaderMap, now: i64) -> Option<i64> {
        let is_timed = match self {
            Self::Header { .. } => false,
            Self::Aws { .. } => true,
        };
        let date = headers.get(http::header::DATE)?.to_str().ok()?;
        let skew = http_date(date)? - now;
        (is_timed && status == StatusCode::FORBIDDEN && skew.abs() > TOLERATED_SKEW).then_some(skew)
    }
}

#[cfg(test)]
mod tests;
