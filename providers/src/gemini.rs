//! Google's Gemini API with a key of AI Studio.
//!
//! Source: <https://ai.google.dev/api> and google-genai 3.4 (read 2026-11). Vertex AI, which
//! has the same dialect behind other addresses and credentials, is not here.

mod models;

use std::sync::Arc;

use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value};
use tollward_wire::chat::Traits;
use tollward_wire::dialect::Dialect;
use tollward_wire::dialect::gemini::without_disguised;
use tollward_wire::document::Document;
use tollward_wire::embed::EmbedDialect;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::segments::Segments;

use crate::account::{Account, KeyHeader, not_relayed, path_segment, settings};
use crate::credentials::{Access, Credential};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
use crate::settings::BuildError;

const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

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

struct Gemini(Account);

/// Makes one of its settings.
pub(crate) fn build(fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let mut settings = settings(&KIND, fields)?;
    // In a header, because addresses end up in logs.
    let key = KeyHeader::Named("x-goog-api-key");
    let account = Account::new(&KIND, key, &mut settings, BASE_URL)?;
    Ok(Arc::new(Gemini(account)))
}

impl Gemini {
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
        let model = path_segment(model.strip_prefix("models/").unwrap_or(model));
        let path = format!("/models/{model}:{method}");
        self.0.outbound(&path, body, accept)
    }
}

impl Provider for Gemini {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.0.scope
    }

    fn services(&self, operation: Operation, _: &str) -> Option<Services> {
        let service = match operation {
            Operation::GenerateContent => Service::Relay,
            Operation::Embeddings => Service::Embed(EmbedDialect::Gemini),
            _ => operation
                .dialect()
                .map(|_| Service::Translate(Dialect::Gemini))?,
        };
        Some(Services::always(service))
    }

    fn traits(&self, model: &str) -> Traits {
        models::traits(model)
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
            let method = "batchEmbedContents";
            return self.call(translated.model, method, body, "application/json");
        }
        self.outbound(translated.model, body, translated.is_stream)
    }

    fn counter(&self) -> Option<Counter> {
        Some(Counter {
            dialect: Dialect::Gemini,
            answer: "totalTokens",
        })
    }

    /// `generateContentRequest` is the whole request, tools and instructions with it; `contents`
    /// beside it would be counted alone. Source: <https://ai.google.dev/api/tokens> (read 2026-11).
    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError> {
        let model = bare(model);
        let mut edit = request.edit();
        edit.set("model", format!("models/{model}"));
        let body = edit.finish().between(r#"{"generateContentRequest":"#, "}");
        let path = format!("/models/{}:countTokens", path_segment(model));
        self.0.outbound(&path, body, "application/json")
    }

    fn credentials(&self) -> &[Credential] {
        self.0.credentials()
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let mut failure = Failure::read(status, headers, body);
        let details = Details::of(body);
        // A bad key is a 400 here, and a daily quota a 429 like any other.
        if details.has_reason("API_KEY_INVALID") {
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

    fn models_uri(&self) -> Option<Uri> {
        self.0.endpoint("/models")
    }
}

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
