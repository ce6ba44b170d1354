//! Google's Gemini API with a key of AI Studio.
//!
//! Source: <https://ai.google.dev/api> and google-genai 3.4 (read 2026-11). Vertex AI has the same
//! dialect behind other addresses: what differs is a [`Surface`], who signs is in `vertex`.

mod models;

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tollward_wire::chat::Traits;
use tollward_wire::dialect::Dialect;
use tollward_wire::dialect::gemini::without_disguised;
use tollward_wire::document::Document;
use tollward_wire::embed::{EmbedDialect, vertex_method};
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::segments::Segments;

use crate::account::{Account, KeyHeader, not_relayed, path_segment, settings};
use crate::credentials::{Access, Credential};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::listing::{Covers, ListForm, Listing};
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
use crate::settings::BuildError;

const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// How Google begins to say that it does not serve an account, or not without billing, in its country.
/// Source: google-gemini/gemini-cli issue 1614, u14app/neo-chat issue 7 (read 2026-11).
const NOT_SERVED_HERE: &str = "User location is not supported for the API use";

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "gemini",
    display_name: "Google Gemini",
    base_url: Some(BASE_URL),
    key_variable: Some("GEMINI_API_KEY"),
    price_provider: Some("gemini"),
    needs_key: true,
    access: Access::KEY,
    default_port: None,
    settings: &["base_url", "api_key", "credentials", "headers"],
};

/// Google's API of Gemini.
pub(crate) struct Gemini {
    account: Account,
    surface: Surface,
}

/// Through which door it is reached.
enum Surface {
    /// AI Studio's.
    Studio,
    /// That of a project at Vertex AI; the path of its models.
    Vertex(String),
}

/// Makes one of its settings.
pub(crate) fn build(fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let mut settings = settings(&KIND, fields)?;
    // In a header, because addresses end up in logs.
    let key = KeyHeader::Named("x-goog-api-key");
    let account = Account::new(&KIND, key, &mut settings, BASE_URL)?;
    Ok(Arc::new(Gemini {
        account,
        surface: Surface::Studio,
    }))
}

impl Gemini {
    /// As a part of Vertex AI; `models` is the path of its models below the account's address.
    pub(crate) fn at_vertex(account: Account, models: String) -> Self {
        Self {
            account,
            surface: Surface::Vertex(models),
        }
    }

    /// The path of a method of a model.
    fn path(&self, model: &str, method: &str) -> String {
        let models = match &self.surface {
            Surface::Studio => "/models",
            Surface::Vertex(models) => models,
        };
        format!("{models}/{}:{method}", path_segment(bare(model)))
    }

    /// A request; the model and whether to stream are in its address.
    fn outbound(
        &self,
        model: &str,
        body: Segments,
        is_stream: bool,
    ) -> Result<Outbound, EncodeError> {
        let (method, accept) = if is_stream {
            ("streamGenerateContent?alt=sse", "text/event-stream")
        } else {
            ("generateContent", "application/json")
        };
        self.call(model, method, body, accept)
    }

    fn call(
        &self,
        model: &str,
        method: &str,
        body: Segments,
        accept: &'static str,
    ) -> Result<Outbound, EncodeError> {
        self.account
            .outbound(&self.path(model, method), body, accept)
    }
}

impl Provider for Gemini {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.account.scope
    }

    fn services(&self, operation: Operation, _: &str) -> Option<Services> {
        let service = match operation {
            Operation::GenerateContent => Service::Relay,
            Operation::Embeddings => Service::Embed(match self.surface {
                Surface::Studio => EmbedDialect::Gemini,
                Surface::Vertex(_) => EmbedDialect::Vertex,
            }),
            _ => operation
                .dialect()
                .map(|_| Service::Translate(Dialect::Gemini))?,
        };
        Some(Services::always(service))
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        model
    }

    fn traits(&self, model: &str) -> Traits {
        Traits {
            // Vertex AI is told by a header.
            takes_service_tier: matches!(self.surface, Surface::Studio),
            ..models::traits(model)
        }
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        if call.operation != Operation::GenerateContent {
            return Err(not_relayed(&KIND, call.operation));
        }
        let freed = without_disguised(call.document, self.traits(call.upstream_model));
        let document = freed.as_ref().unwrap_or(call.document);
        let body = document.edit().finish();
        let mut outbound = self.outbound(call.upstream_model, body, call.view.is_stream)?;
        if freed.is_some() {
            let field = "contents[].parts[].thoughtSignature";
            outbound.dropped.push(field.into());
        }
        Ok(outbound)
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        let body = translated.body.clone();
        if let Service::Embed(_) = translated.service {
            let method = match self.surface {
                Surface::Studio => "batchEmbedContents",
                Surface::Vertex(_) => vertex_method(translated.model),
            };
            return self.call(translated.model, method, body, "application/json");
        }
        self.outbound(translated.model, body, translated.is_stream)
    }

    fn counter(&self, _: &str) -> Option<Counter> {
        Some(Counter {
            dialect: Dialect::Gemini,
            answer: "totalTokens",
        })
    }

    /// `generateContentRequest` is the whole request, tools and instructions with it; `contents`
    /// beside it would be counted alone. Source: <https://ai.google.dev/api/tokens> (read 2026-11).
    /// Vertex AI takes the parts that count beside each other.
    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError> {
        let mut edit = request.edit();
        let body = match self.surface {
            Surface::Studio => {
                edit.set("model", format!("models/{}", bare(model)));
                edit.finish().between(r#"{"generateContentRequest":"#, "}")
            }
            Surface::Vertex(_) => {
                for field in request.fields().filter(|it| !COUNTED.contains(it)) {
                    edit.remove(field);
                }
                edit.finish()
            }
        };
        self.call(model, "countTokens", body, "application/json")
    }

    fn credentials(&self) -> &[Credential] {
        self.account.credentials()
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let mut failure = Failure::read(status, headers, body);
        let details = Details::of(body);
        // A bad key is a 400 here, and so is an account in a country that is not served; a daily
        // quota is a 429 like any other.
        let told = failure.error.as_ref().map(|it| it.message.as_str());
        let is_abroad = told.is_some_and(|it| it.starts_with(NOT_SERVED_HERE));
        if details.has_reason("API_KEY_INVALID") || is_abroad {
            failure.fault = Fault::Auth;
        } else if failure.fault == Fault::RateLimited && details.is_daily_quota() {
            failure.fault = Fault::Quota;
        }
        failure.retry_after = failure.retry_after.or_else(|| details.retry_after());
        failure
    }

    fn ask_kept(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn pass_through(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn listing(&self) -> Listing {
        let account = &self.account;
        match &self.surface {
            Surface::Studio => {
                let first = account.endpoint("/models?pageSize=1000");
                Listing::one(first, ListForm::Gemini, account.headers())
            }
            // Of what is published, not of the project's; only the newer API tells it.
            Surface::Vertex(_) => {
                let above = account.base_url();
                let above = above.strip_suffix("/v1").unwrap_or(above);
                let newer = account.at(format!("{above}/v1beta1"));
                let first = newer.endpoint("/publishers/google/models?pageSize=100");
                Listing {
                    covers: Covers::Google,
                    // A person's own identity may call models of a project and not list any
                    // without a project that the question counts for.
                    needs_right: true,
                    ..Listing::one(first, ListForm::Vertex, account.headers())
                }
            }
        }
    }
}

/// What Vertex AI's `countTokens` takes: `_CountTokensConfig_to_vertex` of google-genai 3.6.1.
const COUNTED: [&str; 4] = ["contents", "systemInstruction", "tools", "generationConfig"];

/// A model's name without the kind of thing that it names.
fn bare(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

/// `error.details`, where Google says what the status does not.
struct Details(Vec<Value>);

impl Details {
    fn of(body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let value = match value {
            Value::Array(mut items) if !items.is_empty() => items.swap_remove(0),
            other => other,
        };
        let details = value.pointer("/error/details").and_then(Value::as_array);
        Self(details.cloned().unwrap_or_default())
    }

    fn has_reason(&self, reason: &str) -> bool {
        self.0.iter().any(|it| it["reason"] == reason)
    }

    fn is_daily_quota(&self) -> bool {
        let violations = self.0.iter().filter_map(|it| it["violations"].as_array());
        violations.flatten().any(|it| {
            let id = it["quotaId"].as_str().unwrap_or_default();
            id.contains("PerDay")
        })
    }

    /// `RetryInfo.retryDelay`, such as `34s` or `0.5s`.
    fn retry_after(&self) -> Option<crate::failure::RetryAfter> {
        let delay = self.0.iter().find_map(|it| it["retryDelay"].as_str())?;
        let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
        let wait = std::time::Duration::try_from_secs_f64(seconds).ok()?;
        Some(crate::failure::RetryAfter::After(wait))
    }
}
