//! What the vendors with an API of their own have in common: an address, a key, headers.

use std::fmt::Write;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use tollward_wire::operation::Operation;
use tollward_wire::reader::{Framing, UsageChunk};
use tollward_wire::segments::Segments;

use crate::credentials::{self, Credential, Key, Origin};
use crate::kind::Kind;
use crate::provider::{EncodeError, HostScope, Outbound};
use crate::settings::{BuildError, Settings, invalid, path_of};

/// An account with a vendor, or a server of the operator's own.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) scope: HostScope,
    base_url: String,
    credentials: Vec<Credential>,
    headers: HeaderMap,
}

/// How a key is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyHeader {
    /// As `Authorization: Bearer …`.
    Bearer,
    /// Alone, in a header of this name.
    Named(&'static str),
}

impl Account {
    /// Takes the settings that every kind has; the rest stay for the kind's own.
    pub(crate) fn new(
        kind: &Kind,
        key_header: KeyHeader,
        settings: &mut Settings,
        default_base_url: &str,
    ) -> Result<Self, BuildError> {
        let key = |settings: &mut Settings| api_key(settings, key_header);
        Self::proving(kind, key, None, settings, default_base_url)
    }

    /// The same for a kind with credentials of its own: `origin` reads one, `otherwise` stands in
    /// where none is written.
    pub(crate) fn proving(
        kind: &Kind,
        origin: impl Fn(&mut Settings) -> Result<Option<Origin>, BuildError>,
        otherwise: Option<Origin>,
        settings: &mut Settings,
        default_base_url: &str,
    ) -> Result<Self, BuildError> {
        let configured = settings.base_url("base_url", path_of(default_base_url))?;
        let is_public = configured.is_none() && kind.default_port.is_none();
        let mut credentials = credentials::read(kind.access, settings, origin)?;
        if let (true, Some(origin)) = (credentials.is_empty(), otherwise) {
            credentials.push(Credential::only(origin));
        }
        if kind.needs_key && credentials.is_empty() {
            return Err(BuildError::Missing { field: "api_key" });
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.extend(settings.headers("headers")?);
        let account = Self {
            scope: if is_public {
                HostScope::Public
            } else {
                HostScope::Operator
            },
            base_url: configured.unwrap_or_else(|| default_base_url.to_owned()),
            credentials,
            headers,
        };
        match account.endpoint("/") {
            Some(_) => Ok(account),
            None => Err(BuildError::Invalid {
                field: "base_url".to_owned(),
                reason: "cannot be used as a request target".to_owned(),
            }),
        }
    }

    /// A header of every request; the operator's own of that name stays.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        let value = HeaderValue::from_static(value);
        self.headers.entry(name).or_insert(value);
        self
    }

    /// The same account at another address; the scope stays.
    pub(crate) fn at(&self, base_url: String) -> Self {
        Self {
            base_url,
            ..self.clone()
        }
    }

    /// Where the API is, without a trailing slash.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The headers of a request whose answer is one JSON object.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// An address below the base URL.
    pub(crate) fn endpoint(&self, path: &str) -> Option<Uri> {
        format!("{}{path}", self.base_url).parse().ok()
    }

    /// A request to `path`; `accept` is what the answer is to be.
    pub(crate) fn outbound(
        &self,
        path: &str,
        body: Segments,
        accept: &'static str,
    ) -> Result<Outbound, EncodeError> {
        let uri = self.endpoint(path).ok_or(EncodeError::Model)?;
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        Ok(Outbound {
            uri,
            headers,
            body,
            usage_chunk: UsageChunk::Keep,
            framing: Framing::Events,
            dropped: Vec::new(),
        })
    }

    /// What it proves itself with.
    pub(crate) fn credentials(&self) -> &[Credential] {
        &self.credentials
    }
}

/// The key that is written in `api_key`, if one is.
pub(crate) fn api_key(
    settings: &mut Settings,
    sent: KeyHeader,
) -> Result<Option<Origin>, BuildError> {
    let Some(key) = settings.secret("api_key")? else {
        return Ok(None);
    };
    let key = match sent {
        KeyHeader::Bearer => Key::bearer(key.expose_secret()),
        KeyHeader::Named(name) => Key::header(HeaderName::from_static(name), key.expose_secret()),
    };
    let unusable = || invalid("api_key", "cannot be sent in a header");
    Ok(Some(Origin::Written(key.ok_or_else(unusable)?)))
}

/// The settings of a kind.
pub(crate) fn settings(kind: &Kind, fields: Map<String, Value>) -> Result<Settings, BuildError> {
    Settings::new(fields, kind.settings)
}

/// A kind that relays nothing was asked to.
pub(crate) fn not_relayed(kind: &Kind, operation: Operation) -> EncodeError {
    EncodeError::Operation {
        kind: kind.kind,
        operation,
    }
}

/// One segment of a path: everything but RFC 3986's unreserved characters is escaped.
pub(crate) fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 39
    #[test]
    fn a_name_with_slashes_and_colons_is_one_segment() {
        assert_eq!(path_segment("gemini-2.5-pro"), "gemini-2.5-pro");
        assert_eq!(
            path_segment("arn:aws:bedrock:us-east-1:1:inference-profile/us.a-v1:0"),
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.a-v1%3A0"
        );
    }
}
