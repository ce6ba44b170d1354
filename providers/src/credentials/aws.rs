//! AWS's keys, and the signature that is made with them: Signature Version 4.
//!
//! The body is at hand, so its hash is signed; nothing is chunked. A path is encoded once on the
//! wire and once more to be signed, as for every service but S3.
//! Source: "Create a signed AWS API request" in the IAM user guide, and `auth.py` of botocore
//! 1.44 (read 2026-11); why this is not a library stands in docs/adr/0012-aws-signatures.md.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tollward_wire::dialect::timing::date;
use tollward_wire::segments::Segments;

use super::Unsigned;

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a signature is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsScope {
    /// Such as `eu-central-1`.
    pub region: Arc<str>,
    /// The service's name in signatures, such as `bedrock`.
    pub service: &'static str,
}

/// An identity whose keys have to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsIdentity {
    /// What it signs.
    pub scope: AwsScope,
    /// Where its own keys are.
    pub base: AwsBase,
    /// The role that is taken with them; `None`: they sign calls themselves.
    pub role: Option<AwsRole>,
}

/// Where the keys of an identity are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsBase {
    /// Wherever AWS's own tools find any first.
    Found,
    /// In a profile of AWS's shared files.
    Profile(Arc<str>),
    /// Here.
    Written(AwsKeys),
}

/// A role that an identity takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsRole {
    /// Its ARN.
    pub arn: Arc<str>,
    /// What the role's owner wants to hear from those who take it; `None`: nothing.
    pub external_id: Option<Arc<str>>,
    /// What AWS's logs call us; `None` for the usual name.
    pub session: Option<Arc<str>>,
}

/// A pair of keys, and the token that comes with a temporary one.
#[derive(Clone, Debug)]
pub struct AwsKeys {
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<HeaderValue>,
}

impl PartialEq for AwsKeys {
    fn eq(&self, other: &Self) -> bool {
        let secret = |it: &Self| it.secret_access_key.expose_secret().to_owned();
        (&self.access_key_id, &self.session_token) == (&other.access_key_id, &other.session_token)
            && secret(self) == secret(other)
    }
}

impl Eq for AwsKeys {}

impl AwsKeys {
    /// `None` if one of them is empty or cannot stand in a header.
    pub fn new(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: Option<&str>,
    ) -> Option<Self> {
        let is_plain =
            |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic());
        let all = [access_key_id, secret_access_key];
        if !all.into_iter().chain(session_token).all(is_plain) {
            return None;
        }
        let session_token = match session_token {
            Some(token) => {
                let mut token = HeaderValue::from_str(token).ok()?;
                token.set_sensitive(true);
                Some(token)
            }
            None => None,
        };
        Some(Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.into(),
            session_token,
        })
    }
}

/// Signs a request at `now`, in seconds since 1970 by AWS's clock.
pub(super) fn sign(keys: &AwsKeys, scope: &AwsScope, request: Unsigned<'_>, now: i64) {
    let Unsigned {
        method,
        uri,
        headers,
        body,
    } = request;
    let time = time(now);
    let date = time.get(..8).unwrap_or_default();
    if let Some(token) = &keys.session_token {
        headers.insert(TOKEN, token.clone());
    }
    // Digits and letters can stand in a header.
    if let Ok(time) = HeaderValue::from_str(&time) {
        headers.insert(DATE, time);
    }
    let signed = signed_headers(uri, headers);
    let names: Vec<&str> = signed.keys().copied().collect();
    let names = names.join(";");
    let mut canonical = format!("{method}\n{}\n{}\n", path(uri), query(uri));
    for (name, value) in &signed {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ = write!(canonical, "\n{names}\n{}", body_hash(body));
    let AwsScope { region, service } = scope;
    let place = format!("{date}/{region}/{service}/aws4_request");
    let hash = hex(&Sha256::digest(canonical));
    let text = format!("{ALGORITHM}\n{time}\n{place}\n{hash}");
    let secret = format!("AWS4{}", keys.secret_access_key.expose_secret());
    let key = [date, region, service, "aws4_request"]
        .into_iter()
        .fold(secret.into_bytes(), |key, step| mac(&key, step));
    let signature = hex(&mac(&key, &text));
    let id = &keys.access_key_id;
    let value = format!(
        "{ALGORITHM} Credential={id}/{place}, SignedHeaders={names}, Signature={signature}"
    );
    // The id was looked at when the keys were made.
    if let Ok(mut value) = HeaderValue::from_str(&value) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
}

/// The headers that are signed, sorted: what a proxy on the way may change is left out.
fn signed_headers<'a>(uri: &Uri, headers: &'a HeaderMap) -> BTreeMap<&'a str, String> {
    let mut signed = BTreeMap::from([("host", host(uri))]);
    let is_signed =
        |name: &&HeaderName| *name == CONTENT_TYPE || name.as_str().starts_with("x-amz-");
    for name in headers.keys().filter(is_signed) {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        });
        signed.insert(name.as_str(), values.collect::<Vec<_>>().join(","));
    }
    signed
}

/// The host as an HTTP client sends it: with its port, unless that is the scheme's own.
fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let own = if uri.scheme() == Some(&Scheme::HTTP) {
        80
    } else {
        443
    };
    match uri.port_u16() {
        Some(port) if port != own => format!("{host}:{port}"),
        _ => host.to_owned(),
    }
}

/// The path without dots and empty segments, each segment encoded once more.
fn path(uri: &Uri) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in uri.path().split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut path = String::with_capacity(uri.path().len() + 16);
    for segment in &segments {
        path.push('/');
        path.push_str(&crate::account::path_segment(segment));
    }
    if path.is_empty() || uri.path().ends_with('/') {
        path.push('/');
    }
    path
}

/// The query, which is encoded already, in the order of its names.
fn query(uri: &Uri) -> String {
    let fields = uri.query().unwrap_or_default().split('&');
    let fields = fields.filter(|field| !field.is_empty());
    let mut fields: Vec<(&str, &str)> = fields
        .map(|field| field.split_once('=').unwrap_or((field, "")))
        .collect();
    fields.sort_unstable();
    let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
    fields.collect::<Vec<_>>().join("&")
}

fn body_hash(body: &Segments) -> String {
    let mut hash = Sha256::new();
    for piece in body {
        hash.update(piece);
    }
    hex(&hash.finalize())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Seconds since 1970 as `20260102T030405Z`.
fn time(now: i64) -> String {
    let now = u64::try_from(now).unwrap_or(0);
    let (year, month, day) = date(now / 86_400);
    let (hour, minute, second) = (now / 3_600 % 24, now / 60 % 60, now % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests;
