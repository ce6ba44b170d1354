//! What access tokens have in common (RFC 6749): the question as a form, the answer in JSON.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use serde_json::Value;
use tollward_providers::Key;
use url::form_urlencoded::Serializer;

use crate::credentials::fetcher::{Answer, FetchError};
use crate::credentials::source::{Environment, Fetched};

/// A request to an address that is configured somewhere.
pub(super) fn request(
    method: Method,
    address: &str,
    body: Bytes,
) -> Result<Request<Bytes>, FetchError> {
    let unusable = |_| FetchError::Unusable("the address of a token service is none".to_owned());
    let uri: Uri = address.parse().map_err(unusable)?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    Ok(request)
}

/// Fields that are posted as a form.
pub(super) fn form(
    address: &str,
    fields: &[(&'static str, &str)],
) -> Result<Request<Bytes>, FetchError> {
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = request(Method::POST, address, form.into())?;
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(request)
}

/// Reads an answer: a token, or why there is none.
pub(super) fn token(place: &'static str, answer: &Answer) -> Result<Fetched, FetchError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if !answer.status.is_success() {
        let code = body.get("error").and_then(Value::as_str);
        return Err(FetchError::Refused {
            place,
            status: answer.status,
            code: code.filter(|it| is_word(it)).map(str::to_owned),
            blame: None,
        });
    }
    let token = body.get("access_token").and_then(Value::as_str);
    let key = token.filter(|it| !it.is_empty()).and_then(Key::bearer);
    Ok(Fetched {
        key: key.ok_or(FetchError::Unreadable {
            place,
            reason: "it has no access token",
        })?,
        lifetime: body.get("expires_in").and_then(seconds),
    })
}

/// Whether a text is a code that may be shown: it cannot hold a secret.
pub(super) fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 64 && text.bytes().all(is_plain)
}

/// A number of seconds; some services of Azure's write it as text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::String(text) => text.parse().ok()?,
        other => other.as_u64()?,
    };
    Some(Duration::from_secs(seconds))
}

/// A variable of the environment; an empty one is none.
pub(super) fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    let found = environment.iter().find(|(of, _)| of == name);
    let value = found.map(|(_, value)| value.trim());
    value.filter(|value| !value.is_empty())
}

/// A scripted token service.
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(super) mod script;
