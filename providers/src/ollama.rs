//! Ollama by its own API, `/api/chat` and `/api/embed`, where its OpenAI-shaped one loses something.
//!
//! Thinking is switched by a word, a prompt that is too long is an error and not cut in
//! silence. Source: ollama `api/types.go` and docs/api.md (read 2026-11).

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tollward_wire::chat::{Replay, Traits};
use tollward_wire::dialect::Dialect;
use tollward_wire::document::Document;
use tollward_wire::embed::EmbedDialect;
use tollward_wire::operation::Operation;

use crate::account::{Account, KeyHeader, not_relayed, settings};
use crate::credentials::{Access, Credential};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::listing::{ListForm, Listing};
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
use crate::settings::BuildError;

const BASE_URL: &str = "http://127.0.0.1:11434";

/// What is known before one is built. It has no port to look at: detection finds the server
/// under the kind `ollama`.
pub(crate) const KIND: Kind = Kind {
    kind: "ollama-native",
    display_name: "Ollama, by its own API",
    base_url: Some(BASE_URL),
    key_variable: None,
    price_provider: None,
    needs_key: false,
    access: Access::KEY,
    default_port: None,
    settings: &["base_url", "api_key", "credentials", "headers"],
};

struct Ollama(Account);

/// Makes one of its settings.
pub(crate) fn build(mut fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    // Always an address of the operator's, also where they did not write it down.
    let base_url = fields
        .entry("base_url")
        .or_insert_with(|| Value::from(BASE_URL));
    if let Value::String(text) = base_url {
        *base_url = Value::from(root(text));
    }
    let mut settings = settings(&KIND, fields)?;
    let account = Account::new(&KIND, KeyHeader::Bearer, &mut settings, BASE_URL)?;
    Ok(Arc::new(Ollama(account)))
}

/// The server's root: the setting may name one of the two APIs below it.
fn root(base_url: &str) -> &str {
    let trimmed = base_url.trim().trim_end_matches('/');
    ["/v1", "/api"]
        .iter()
        .find_map(|api| trimmed.strip_suffix(api))
        .unwrap_or(trimmed)
}

impl Provider for Ollama {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.0.scope
    }

    fn services(&self, operation: Operation, _: &str) -> Option<Services> {
        let service = match operation {
            Operation::Embeddings => Service::Embed(EmbedDialect::Ollama),
            chat => chat
                .dialect()
                .map(|_| Service::Translate(Dialect::Ollama))?,
        };
        Some(Services::always(service))
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        model
    }

    fn traits(&self, _: &str) -> Traits {
        Traits {
            thoughts: Replay::AsText,
            fetches_urls: false,
            ..Traits::default()
        }
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        Err(not_relayed(&KIND, call.operation))
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        let accept = if translated.is_stream {
            "application/x-ndjson"
        } else {
            "application/json"
        };
        let path = match translated.service {
            Service::Embed(_) => "/api/embed",
            Service::Relay | Service::Translate(_) | Service::Rerank(_) => "/api/chat",
        };
        self.0.outbound(path, translated.body.clone(), accept)
    }

    fn counter(&self, _: &str) -> Option<Counter> {
        None
    }

    fn encode_count(&self, _: &Document, _: &str) -> Result<Outbound, EncodeError> {
        Err(EncodeError::Count { kind: KIND.kind })
    }

    fn credentials(&self) -> &[Credential] {
        self.0.credentials()
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        Failure::read(status, headers, body)
    }

    fn ask_kept(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn pass_through(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn listing(&self) -> Listing {
        let first = self.0.endpoint("/api/tags");
        Listing::one(first, ListForm::OllamaTags, self.0.headers())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_of_either_api_is_the_servers() {
        for end in ["", "/", "/v1", "/v1/", "/api"] {
            let Value::Object(fields) = json!({"base_url": format!("http://host:11434{end}")})
            else {
                unreachable!()
            };
            let ollama = build(fields).unwrap();
            let listing = ollama.listing();
            let models = listing.proving().unwrap();
            assert_eq!(models, "http://host:11434/api/tags", "{end:?}");
            let translated = Translated {
                service: Service::Translate(Dialect::Ollama),
                model: "m",
                is_stream: false,
                body: tollward_wire::segments::Segments::default(),
            };
            let chat = ollama.encode_translated(&translated).unwrap().uri;
            assert_eq!(chat, "http://host:11434/api/chat", "{end:?}");
        }
    }
}
