//! Reading a provider's settings, with errors that name the field.
//!
//! Settings come as a map because each kind has its own; nothing outside this crate
//! knows their names. Every field must be understood: a misspelt one is an error, not a
//! silent default.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;

/// Why a provider cannot be built from its settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// There is no such kind of provider.
    #[error("unknown provider kind `{kind}`, expected one of: {}", known.join(", "))]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The kind has no such setting.
    #[error("unknown setting `{field}`, expected one of: {}", expected.join(", "))]
    UnknownField {
        /// The setting as written.
        field: String,
        /// The settings this kind has.
        expected: Vec<&'static str>,
    },
    /// A setting that the kind cannot do without.
    #[error("setting `{field}` is missing")]
    Missing {
        /// The setting.
        field: &'static str,
    },
    /// A setting whose value cannot be used. The value itself is never repeated.
    #[error("setting `{field}` is invalid: {reason}")]
    Invalid {
        /// The setting, with a path into it if it is a map.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl BuildError {
    /// The setting at fault; `None` if the kind itself is.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::UnknownKind { .. } => None,
            Self::UnknownField { field, .. } | Self::Invalid { field, .. } => Some(field),
            Self::Missing { field } => Some(field),
        }
    }

    /// The same, of a setting that stands inside another one.
    pub(crate) fn inside(self, path: &str) -> Self {
        match self {
            Self::UnknownField { field, expected } => Self::UnknownField {
                field: format!("{path}.{field}"),
                expected,
            },
            Self::Missing { field } => invalid(path, format!("has no `{field}`")),
            Self::Invalid { field, reason } => Self::Invalid {
                field: format!("{path}.{field}"),
                reason,
            },
            kind @ Self::UnknownKind { .. } => kind,
        }
    }
}

/// Header names that a fixed header must not have: they belong to the transport, to the
/// credential or to the encoder.
const RESERVED_HEADERS: [&str; 17] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The settings of one provider, taken out field by field.
pub(crate) struct Settings {
    fields: Map<String, Value>,
}

impl Settings {
    /// # Errors
    /// [`BuildError::UnknownField`] for the first field that is not in `expected`.
    pub(crate) fn new(
        fields: Map<String, Value>,
        expected: &[&'static str],
    ) -> Result<Self, BuildError> {
        match fields.keys().find(|it| !expected.contains(&it.as_str())) {
            Some(field) => Err(BuildError::UnknownField {
                field: field.clone(),
                expected: expected.to_vec(),
            }),
            None => Ok(Self { fields }),
        }
    }

    /// A text setting; absent and `null` are `None`.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<Option<String>, BuildError> {
        match self.fields.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(field, "must be text")),
        }
    }

    /// A text setting that may be written as a whole number, as a vendor shows it.
    pub(crate) fn text_or_number(
        &mut self,
        field: &'static str,
    ) -> Result<Option<String>, BuildError> {
        match self.fields.get(field) {
            Some(Value::Number(number)) if number.is_u64() => {
                let text = number.to_string();
                self.fields.remove(field);
                Ok(Some(text))
            }
            _ => self.text(field),
        }
    }

    /// A credential; it must be usable in a header.
    pub(crate) fn secret(
        &mut self,
        field: &'static str,
    ) -> Result<Option<SecretString>, BuildError> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(invalid(field, "is empty"));
        }
        // As a file of variables has it that was not read by a shell; no vendor's key begins so.
        if ['"', '\''].iter().any(|it| trimmed.starts_with(*it)) {
            return Err(invalid(field, "stands in quotes, which would be sent too"));
        }
        if !trimmed.bytes().all(|it| it.is_ascii_graphic()) {
            return Err(invalid(
                field,
                "has a space or a character outside printable ASCII",
            ));
        }
        Ok(Some(SecretString::from(trimmed)))
    }

    /// A setting that is a list; absent and `null` are `None`.
    pub(crate) fn list(&mut self, field: &'static str) -> Result<Option<Vec<Value>>, BuildError> {
        match self.fields.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(invalid(field, "must be a list")),
        }
    }

    /// A setting that maps names to texts.
    pub(crate) fn texts(
        &mut self,
        field: &'static str,
    ) -> Result<BTreeMap<String, String>, BuildError> {
        let entries = match self.fields.remove(field) {
            None | Some(Value::Null) => return Ok(BTreeMap::new()),
            Some(Value::Object(entries)) => entries,
            Some(_) => return Err(invalid(field, "must map names to text")),
        };
        let entries = entries.into_iter().map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            _ => Err(invalid(format!("{field}.{name}"), "must be text")),
        });
        entries.collect()
    }

    /// A text setting that is sent as a header.
    pub(crate) fn header(
        &mut self,
        field: &'static str,
    ) -> Result<Option<HeaderValue>, BuildError> {
        self.text(field)?
            .map(|text| {
                HeaderValue::from_str(text.trim())
                    .map_err(|_| invalid(field, "cannot be a header value"))
            })
            .transpose()
    }

    /// Fixed request headers; all values are treated as secrets.
    pub(crate) fn headers(
        &mut self,
        field: &'static str,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, BuildError> {
        let entries = match self.fields.remove(field) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(entries)) => entries,
            Some(_) => return Err(invalid(field, "must map header names to text")),
        };
        entries
            .into_iter()
            .map(|(name, value)| header(field, &name, &value))
            .collect()
    }

    /// The base URL, without a trailing slash; without a path it gets the usual one.
    pub(crate) fn base_url(
        &mut self,
        field: &'static str,
        usual_path: &str,
    ) -> Result<Option<String>, BuildError> {
        self.text(field)?
            .map(|text| base_url(&text, usual_path).map_err(|reason| invalid(field, reason)))
            .transpose()
    }
}

fn header(field: &str, name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), BuildError> {
    let path = format!("{field}.{name}");
    let header: HeaderName = name
        .parse()
        .map_err(|_| invalid(path.as_str(), "is not a header name"))?;
    if RESERVED_HEADERS.contains(&header.as_str()) {
        return Err(invalid(
            path.as_str(),
            "is a header that Tollward sets itself",
        ));
    }
    let text = value
        .as_str()
        .ok_or_else(|| invalid(path.as_str(), "must be text"))?;
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| invalid(path.as_str(), "cannot be a header value"))?;
    value.set_sensitive(true);
    Ok((header, value))
}

/// The path of a built-in URL: `/v1` of `https://host/v1`.
pub(crate) fn path_of(base_url: &str) -> &str {
    let host_and_path = base_url.split_once("://").map_or(base_url, |(_, it)| it);
    let slash = host_and_path.find('/');
    slash
        .and_then(|it| host_and_path.get(it..))
        .unwrap_or_default()
}

/// Checks a base URL and brings it into the form that a path can be appended to.
///
/// A URL without any path gets the usual one: most servers do not answer at their root.
fn base_url(text: &str, usual_path: &str) -> Result<String, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| "must be a URL such as https://host/v1")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must start with http:// or https://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password; use `api_key`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment");
    }
    let path = url.path().trim_end_matches('/');
    let endpoints = [
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/rerank",
        "/models",
    ];
    if endpoints.iter().any(|it| path.ends_with(it)) {
        return Err("must end before the endpoint, as in https://host/v1");
    }
    if path.ends_with("/v1/v1") {
        return Err("has /v1 twice");
    }
    let origin = url.origin().ascii_serialization();
    let path = if path.is_empty() { usual_path } else { path };
    Ok(format!("{origin}{path}"))
}

/// A setting whose value cannot be used.
pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> BuildError {
    BuildError::Invalid {
        field: field.into(),
        reason: reason.into(),
    }
}
