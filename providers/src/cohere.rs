//! Cohere: chats by its `OpenAI`-shaped API, embeddings and rankings by its own.
//!
//! The `OpenAI`-shaped one has embeddings too, but neither `dimensions` nor a purpose, and no
//! rankings. Source: docs.cohere.com `/docs/compatibility-api`, cohere 7.3.1
//! `environment.py`, `v2/raw_client.py` (read 2026-11).

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tollward_wire::chat::Traits;
use tollward_wire::document::Document;
use tollward_wire::embed::EmbedDialect;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::rerank::RerankDialect;

use crate::account::{Account, KeyHeader, settings};
use crate::compatible::Compatible;
use crate::compatible::row::{EffortHabit, Quirks, Row};
use crate::compatible::rows::TEXT_WITHOUT_SEARCH;
use crate::credentials::{Access, Credential};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::listing::{ListForm, Listing};
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
use crate::settings::BuildError;

const BASE_URL: &str = "https://api.cohere.com";
/// Where below the base URL the `OpenAI`-shaped API is.
const CHAT_PATH: &str = "/compatibility/v1";

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "cohere",
    display_name: "Cohere",
    base_url: Some(BASE_URL),
    key_variable: Some("CO_API_KEY"),
    price_provider: Some("cohere"),
    needs_key: true,
    access: Access::KEY,
    default_port: None,
    settings: &["base_url", "api_key", "credentials", "headers"],
};

/// The `OpenAI`-shaped side. It answers 422 to fields that it does not know.
const CHAT: Row = Row {
    facts: KIND,
    operations: &[Operation::Chat],
    counting: None,
    quirks: Quirks {
        // Its page names two words for the effort (`/docs/compatibility-api`, read 2026-11).
        efforts: &[
            ("minimal", EffortHabit::Word("high")),
            ("low", EffortHabit::Word("high")),
            ("medium", EffortHabit::Word("high")),
            ("xhigh", EffortHabit::Word("high")),
            ("max", EffortHabit::Word("high")),
        ],
        dropped: &[
            "store",
            "metadata",
            "logit_bias",
            "top_logprobs",
            "n",
            "modalities",
            "prediction",
            "service_tier",
            "parallel_tool_calls",
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_cache_options",
            "verbosity",
            "safety_identifier",
            "moderation",
        ],
        refused: TEXT_WITHOUT_SEARCH,
        is_single_choice: true,
        ..Quirks::NONE
    },
};

struct Cohere {
    /// The address and the key, which both sides share.
    account: Account,
    chat: Compatible,
}

/// Makes one of its settings.
pub(crate) fn build(mut fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    if let Some(Value::String(base_url)) = fields.get_mut("base_url") {
        *base_url = root(base_url).to_owned();
    }
    let mut chat = fields.clone();
    let mut own = settings(&KIND, fields)?;
    let account = Account::new(&KIND, KeyHeader::Bearer, &mut own, BASE_URL)?;
    let base_url = account.endpoint(CHAT_PATH).map(|it| it.to_string());
    chat.insert("base_url".to_owned(), base_url.into());
    let chat = Compatible::new(&CHAT, chat)?;
    Ok(Arc::new(Cohere { account, chat }))
}

/// The address before its APIs; the setting may name one of them, as Cohere's pages do.
fn root(base_url: &str) -> &str {
    let base_url = base_url.trim_end_matches('/');
    let apis = [CHAT_PATH, "/v2", "/v1"];
    let root = apis.iter().find_map(|it| base_url.strip_suffix(it));
    root.unwrap_or(base_url)
}

impl Provider for Cohere {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.account.scope
    }

    fn services(&self, operation: Operation, model: &str) -> Option<Services> {
        match operation {
            Operation::Embeddings => Some(Services::always(Service::Embed(EmbedDialect::Cohere))),
            Operation::Rerank => Some(Services::always(Service::Rerank(RerankDialect::Cohere))),
            _ => self.chat.services(operation, model),
        }
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        model
    }

    fn traits(&self, model: &str) -> Traits {
        self.chat.traits(model)
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        self.chat.encode(call)
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        let path = match translated.service {
            Service::Embed(_) => "/v2/embed",
            Service::Rerank(_) => "/v2/rerank",
            Service::Relay | Service::Translate(_) => {
                return self.chat.encode_translated(translated);
            }
        };
        let body = translated.body.clone();
        self.account.outbound(path, body, "application/json")
    }

    // Its tokenizer takes a text, not a chat.
    fn counter(&self, _: &str) -> Option<Counter> {
        None
    }

    fn encode_count(&self, _: &Document, _: &str) -> Result<Outbound, EncodeError> {
        Err(EncodeError::Count { kind: KIND.kind })
    }

    fn credentials(&self) -> &[Credential] {
        self.account.credentials()
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let found = Failure::read(status, headers, body);
        Failure {
            // A word that the account's owner has put on a list (cohere 7.3.1 `InvalidTokenError`).
            fault: if status.as_u16() == 498 {
                Fault::ContentFilter
            } else {
                found.fault
            },
            ..found
        }
    }

    fn ask_kept(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn pass_through(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn listing(&self) -> Listing {
        let first = self.account.endpoint("/v1/models?page_size=1000");
        Listing::one(first, ListForm::Cohere, self.account.headers())
    }
}
