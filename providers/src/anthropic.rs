//! Anthropic's API: Claude.
//!
//! Messages are relayed, chats translated. Every request states version 2023-06-01 unless
//! the caller's own says otherwise; older models keep their sampling parameters so.
//! Source: anthropic-python 2.12 and <https://docs.anthropic.com/en/api> (read 2026-11).

mod models;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tollward_wire::chat::Traits;
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;
use tollward_wire::reader::UsageChunk;
use tollward_wire::segments::Segments;

use crate::failure::Failure;
use crate::kind::Kind;
use crate::provider::{Call, EncodeError, HostScope, Outbound, Provider, Service, Translated};
use crate::settings::{BuildError, Settings};

const VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "anthropic",
    display_name: "Anthropic",
    base_url: Some("https://api.anthropic.com/v1"),
    key_variable: Some("ANTHROPIC_API_KEY"),
    price_provider: Some("anthropic"),
    needs_key: true,
    default_port: None,
    settings: &["base_url", "api_key", "headers"],
};

/// One account.
struct Anthropic {
    scope: HostScope,
    messages: Uri,
    models: Uri,
    key: HeaderValue,
    headers: HeaderMap,
}

/// Makes one of its settings.
pub(crate) fn build(fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let mut settings = Settings::new(fields, KIND.settings)?;
    let configured = settings.base_url("base_url")?;
    let scope = match configured {
        Some(_) => HostScope::Operator,
        None => HostScope::Public,
    };
    let base_url = configured.unwrap_or_else(|| "https://api.anthropic.com/v1".to_owned());
    let key = settings
        .secret("api_key")?
        .ok_or(BuildError::Missing { field: "api_key" })?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(VERSION, HeaderValue::from_static("2023-06-01"));
    headers.extend(settings.headers("headers")?);
    Ok(Arc::new(Anthropic {
        scope,
        messages: endpoint(&base_url, "/messages")?,
        models: endpoint(&base_url, "/models")?,
        key: header(&key)?,
        headers,
    }))
}

fn endpoint(base_url: &str, path: &str) -> Result<Uri, BuildError> {
    let uri = format!("{base_url}{path}").parse();
    uri.map_err(|_| BuildError::Invalid {
        field: "base_url".to_owned(),
        reason: "cannot be used as a request target".to_owned(),
    })
}

fn header(key: &SecretString) -> Result<HeaderValue, BuildError> {
    let value = HeaderValue::from_str(key.expose_secret());
    let mut value = value.map_err(|_| BuildError::Invalid {
        field: "api_key".to_owned(),
        reason: "cannot be sent in a header".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl Anthropic {
    fn outbound(&self, body: Segments, is_stream: bool) -> Outbound {
        let mut headers = self.headers.clone();
        if is_stream {
            headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        }
        Outbound {
            uri: self.messages.clone(),
            headers,
            body,
            usage_chunk: UsageChunk::Keep,
            dropped: Vec::new(),
        }
    }
}

impl Provider for Anthropic {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.scope
    }

    fn service(&self, operation: Operation) -> Option<Service> {
        match operation {
            Operation::Messages => Some(Service::Relay),
            Operation::Completions | Operation::Embeddings => None,
            Operation::Chat => Some(Service::Translate(Dialect::Anthropic)),
        }
    }

    fn traits(&self, model: &str) -> Traits {
        models::traits(model)
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        if self.service(call.operation) != Some(Service::Relay) {
            return Err(EncodeError::Operation {
                kind: KIND.kind,
                operation: call.operation,
            });
        }
        let mut edit = call.document.edit();
        if call.view.model != call.upstream_model {
            edit.set("model", call.upstream_model);
        }
        Ok(self.outbound(edit.finish(), call.view.is_stream))
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        Ok(self.outbound(translated.body.clone(), translated.is_stream))
    }

    fn authorize(&self, headers: &mut HeaderMap) {
        headers.insert(API_KEY, self.key.clone());
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        Failure::read(status, headers, body)
    }

    fn models_uri(&self) -> Option<Uri> {
        Some(self.models.clone())
    }
}
