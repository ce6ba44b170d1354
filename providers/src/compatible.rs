//! Vendors that speak `OpenAI`'s API, more or less.
//!
//! One implementation, one row of data per vendor (`rows`). A request passes as the
//! caller wrote it, but for the model name and what the row says must change (`encode`).
//! A vendor that needs code of its own does not belong here.

mod encode;
pub(crate) mod row;
pub(crate) mod rows;
#[cfg(test)]
mod tests;
mod tool_id;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tollward_wire::chat::{Searching, Traits};
use tollward_wire::dialect::Dialect;
use tollward_wire::document::{Document, FieldError};
use tollward_wire::operation::Operation;
use tollward_wire::reader::UsageChunk;
use tollward_wire::view::RequestView;

use self::row::{Row, SearchingModels, StreamUsage, ThinkingModels};
use crate::failure::Failure;
use crate::provider::{Call, EncodeError, HostScope, Outbound, Provider, Service, Translated};
use crate::settings::{BuildError, Settings};

/// One vendor of the family with its settings.
pub(crate) struct Compatible {
    row: &'static Row,
    scope: HostScope,
    endpoints: Endpoints,
    authorization: Option<HeaderValue>,
    /// Headers of a request whose answer is one JSON object; a streamed one differs in `accept`.
    headers: HeaderMap,
}

/// The URIs a request may go to, made once.
struct Endpoints {
    chat: Uri,
    completions: Uri,
    embeddings: Uri,
    models: Uri,
}

impl Compatible {
    /// # Errors
    /// [`BuildError`] naming the setting at fault.
    pub(crate) fn new(row: &'static Row, fields: Map<String, Value>) -> Result<Self, BuildError> {
        let mut settings = Settings::new(fields, row.facts.settings)?;
        let configured = settings.base_url("base_url")?;
        let is_builtin_host = configured.is_none() && row.facts.default_port.is_none();
        let base_url = configured
            .or_else(|| row.facts.base_url.map(str::to_owned))
            .ok_or(BuildError::Missing { field: "base_url" })?;
        let key = settings.secret("api_key")?;
        if row.facts.needs_key && key.is_none() {
            return Err(BuildError::Missing { field: "api_key" });
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (setting, name) in [
            ("organization", "openai-organization"),
            ("project", "openai-project"),
        ] {
            if let Some(value) = settings.header(setting)? {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers.extend(settings.headers("headers")?);
        Ok(Self {
            row,
            scope: if is_builtin_host {
                HostScope::Public
            } else {
                HostScope::Operator
            },
            endpoints: Endpoints::new(&base_url)?,
            authorization: key.as_ref().map(bearer).transpose()?,
            headers,
        })
    }
}

impl Endpoints {
    fn new(base_url: &str) -> Result<Self, BuildError> {
        let endpoint = |path: &str| -> Result<Uri, BuildError> {
            let path = path.strip_prefix("/v1").unwrap_or(path);
            format!("{base_url}{path}")
                .parse()
                .map_err(|_| BuildError::Invalid {
                    field: "base_url".to_owned(),
                    reason: "cannot be used as a request target".to_owned(),
                })
        };
        Ok(Self {
            chat: endpoint(Operation::Chat.path())?,
            completions: endpoint(Operation::Completions.path())?,
            embeddings: endpoint(Operation::Embeddings.path())?,
            models: endpoint("/v1/models")?,
        })
    }

    fn uri(&self, operation: Operation) -> &Uri {
        match operation {
            Operation::Chat => &self.chat,
            Operation::Completions => &self.completions,
            Operation::Embeddings => &self.embeddings,
            // The others are put into chats.
            _ => &self.chat,
        }
    }
}

impl Provider for Compatible {
    fn kind(&self) -> &'static str {
        self.row.facts.kind
    }

    fn host_scope(&self) -> HostScope {
        self.scope
    }

    fn service(&self, operation: Operation) -> Option<Service> {
        if self.row.operations.contains(&operation) {
            return Some(Service::Relay);
        }
        // Every vendor of the family has chats, in which all other chats can be put.
        let is_chat = operation.dialect().is_some();
        is_chat.then_some(Service::Translate(Dialect::OpenAiChat))
    }

    fn traits(&self, model: &str) -> Traits {
        let quirks = &self.row.quirks;
        Traits {
            thinks: match quirks.thinking {
                ThinkingModels::All => true,
                ThinkingModels::ByName => encode::is_reasoning_model(model),
                ThinkingModels::No => false,
            },
            takes_sampling: quirks.thinking != ThinkingModels::ByName
                || !encode::is_reasoning_model(model),
            thoughts: quirks.thoughts,
            takes_top_k: quirks.takes_more_sampling,
            takes_more_sampling: quirks.takes_more_sampling,
            takes_custom_tools: quirks.takes_custom_tools,
            web_search: match quirks.web_search {
                SearchingModels::ByTool => Searching::ByTool,
                SearchingModels::ByName if encode::is_search_model(model) => Searching::Always,
                SearchingModels::ByName | SearchingModels::No => Searching::No,
            },
            ..Traits::default()
        }
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        if self.service(call.operation) != Some(Service::Relay) {
            return Err(EncodeError::Operation {
                kind: self.row.facts.kind,
                operation: call.operation,
            });
        }
        let (body, dropped) = encode::body(self.row, call)?;
        let mut headers = self.headers.clone();
        if call.view.is_stream {
            headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        }
        let hides_usage = self.row.quirks.stream_usage == StreamUsage::Ask && !call.view.asks_usage;
        Ok(Outbound {
            uri: self.endpoints.uri(call.operation).clone(),
            headers,
            body,
            usage_chunk: if hides_usage {
                UsageChunk::Hide
            } else {
                UsageChunk::Keep
            },
            dropped,
        })
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        let document = Document::parse(translated.body.to_bytes())
            .map_err(|_| FieldError::new("messages", "text that can be written as JSON"))?;
        let view = RequestView::read(Operation::Chat, &document)?;
        self.encode(&Call {
            operation: Operation::Chat,
            document: &document,
            view: &view,
            upstream_model: translated.model,
        })
    }

    fn authorize(&self, headers: &mut HeaderMap) {
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        Failure::read(status, headers, body)
    }

    fn models_uri(&self) -> Option<Uri> {
        Some(self.endpoints.models.clone())
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue, BuildError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| {
            BuildError::Invalid {
                field: "api_key".to_owned(),
                reason: "cannot be sent in a header".to_owned(),
            }
        })?;
    value.set_sensitive(true);
    Ok(value)
}
