//! Anthropic's API: Claude.
//!
//! Messages are relayed, chats translated. Every request states version 2023-06-01 unless
//! the caller's own says otherwise; older models keep their sampling parameters so.
//! Source: anthropic-python 2.12 and <https://docs.anthropic.com/en/api> (read 2026-11).

mod bedrock;
mod betas;
pub(crate) mod models;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};
use tollward_wire::chat::Traits;
use tollward_wire::dialect::Dialect;
use tollward_wire::dialect::anthropic::without_disguised;
use tollward_wire::document::{Document, Edit, FieldError};
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::reader::Framing;

use crate::account::{Account, KeyHeader, not_relayed, path_segment, settings};
use crate::credentials::{Access, Credential};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::listing::{ListForm, Listing};
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
use crate::settings::BuildError;

/// How Anthropic begins to say that the account is out of credit.
const NO_CREDIT: &str = "Your credit balance is too low";
const BASE_URL: &str = "https://api.anthropic.com/v1";
/// The field that stands for the header `anthropic-version` where others serve Claude.
const VERSION: &str = "anthropic_version";
/// What a caller tries of the API: words set apart by commas.
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
/// `DEFAULT_VERSION` of anthropic 2.14 `lib/vertex/_client.py`.
const VERTEX_VERSION: &str = "vertex-2023-10-16";

/// Fields of a message that the counting endpoint does not know, and those about sampling, of which
/// it may know none: the parameters of `messages.create` that `messages.count_tokens` lacks in
/// anthropic-python 2.14 (read 2026-11).
const UNCOUNTED: [&str; 12] = [
    "container",
    "diagnostics",
    "fallbacks",
    "inference_geo",
    "max_tokens",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
];

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "anthropic",
    display_name: "Anthropic",
    base_url: Some(BASE_URL),
    key_variable: Some("ANTHROPIC_API_KEY"),
    price_provider: Some("anthropic"),
    needs_key: true,
    access: Access::KEY,
    default_port: None,
    settings: &["base_url", "api_key", "credentials", "headers"],
};

/// Anthropic's API of Claude.
pub(crate) struct Anthropic {
    account: Account,
    surface: Surface,
}

/// Through which door it is reached.
enum Surface {
    /// Anthropic's own, which others have too: the model is in the body.
    Own,
    /// That of a project at Vertex AI; the path of its models.
    Vertex(String),
    /// `InvokeModel` of Bedrock; only Messages are sent this way.
    Bedrock,
}

/// Makes one of its settings.
pub(crate) fn build(fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let mut settings = settings(&KIND, fields)?;
    let key = KeyHeader::Named("x-api-key");
    let account = Account::new(&KIND, key, &mut settings, BASE_URL)?;
    Ok(Arc::new(Anthropic::new(account)))
}

impl Anthropic {
    /// At an address that has Anthropic's own paths.
    pub(crate) fn new(account: Account) -> Self {
        let version = HeaderName::from_static("anthropic-version");
        Self {
            account: account.with_header(version, "2023-06-01"),
            surface: Surface::Own,
        }
    }

    /// As a part of Vertex AI; `models` is the path of its models below the account's address.
    pub(crate) fn at_vertex(account: Account, models: String) -> Self {
        Self {
            account,
            surface: Surface::Vertex(models),
        }
    }

    /// As a part of Bedrock.
    pub(crate) fn at_bedrock(account: Account) -> Self {
        Self {
            account,
            surface: Surface::Bedrock,
        }
    }

    /// A request to `model`; `edit` has changed all that is the same everywhere.
    fn outbound(
        &self,
        model: &str,
        mut edit: Edit<'_>,
        is_stream: bool,
    ) -> Result<Outbound, EncodeError> {
        let (mut accept, mut framing) = ("application/json", Framing::Events);
        if is_stream {
            accept = "text/event-stream";
        }
        let path = match &self.surface {
            Surface::Own => "/messages".to_owned(),
            Surface::Vertex(models) => {
                edit.remove("model");
                edit.set(VERSION, VERTEX_VERSION);
                let method = if is_stream {
                    "streamRawPredict"
                } else {
                    "rawPredict"
                };
                // Releases are set off by an `@`, which may stand in a path as it is.
                let model = path_segment(model).replace("%40", "@");
                format!("{models}/{model}:{method}")
            }
            Surface::Bedrock => {
                let mut operation = "invoke";
                if is_stream {
                    (operation, accept) = ("invoke-with-response-stream", bedrock::STREAM);
                    framing = Framing::Frames;
                }
                format!("/model/{}/{operation}", path_segment(model))
            }
        };
        let outbound = self.account.outbound(&path, edit.finish(), accept)?;
        Ok(Outbound {
            framing,
            ..outbound
        })
    }
}

impl Provider for Anthropic {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.account.scope
    }

    fn services(&self, operation: Operation, _: &str) -> Option<Services> {
        let service = match operation {
            Operation::Messages => Service::Relay,
            _ => operation
                .dialect()
                .map(|_| Service::Translate(Dialect::Anthropic))?,
        };
        Some(Services::always(service))
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        model
    }

    fn traits(&self, model: &str) -> Traits {
        models::traits(model)
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        if call.operation != Operation::Messages {
            return Err(not_relayed(&KIND, call.operation));
        }
        let freed = without_disguised(call.document);
        let document = freed.as_ref().unwrap_or(call.document);
        let (mut edit, model) = (document.edit(), call.upstream_model);
        let mut dropped = Vec::new();
        if matches!(self.surface, Surface::Bedrock) {
            dropped = bedrock::adapt(document, &mut edit, model, call.betas);
        } else if call.view.model != model {
            edit.set("model", model);
        }
        let mut outbound = self.outbound(model, edit, call.view.is_stream)?;
        match (call.betas, &self.surface) {
            (Some(tried), Surface::Own) => try_also(&mut outbound.headers, tried),
            (Some(tried), Surface::Vertex(_)) => {
                let kept = betas::taken(tried.split(','), betas::at_vertex, &mut dropped);
                try_also(&mut outbound.headers, &kept.join(","));
            }
            (_, Surface::Bedrock) | (None, _) => {}
        }
        outbound.dropped = dropped;
        if freed.is_some() {
            outbound
                .dropped
                .push("messages[].content[].thinking".into());
        }
        Ok(outbound)
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        let document = Document::parse(translated.body.to_bytes())
            .map_err(|_| FieldError::new("messages", "text that can be written as JSON"))?;
        self.outbound(translated.model, document.edit(), translated.is_stream)
    }

    fn counter(&self, _: &str) -> Option<Counter> {
        Some(Counter {
            dialect: Dialect::Anthropic,
            answer: "input_tokens",
        })
    }

    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError> {
        let freed = without_disguised(request);
        let mut edit = freed.as_ref().unwrap_or(request).edit();
        edit.set("model", model);
        for field in UNCOUNTED {
            edit.remove(field);
        }
        let path = match &self.surface {
            Surface::Own => "/messages/count_tokens",
            Surface::Vertex(models) => {
                edit.set(VERSION, VERTEX_VERSION);
                &format!("{models}/count-tokens:rawPredict")
            }
            // Bedrock is asked in Converse's words.
            Surface::Bedrock => return Err(EncodeError::Count { kind: KIND.kind }),
        };
        self.account
            .outbound(path, edit.finish(), "application/json")
    }

    fn credentials(&self) -> &[Credential] {
        self.account.credentials()
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let failure = Failure::read(status, headers, body);
        let told = failure.error.as_ref().map(|it| it.message.as_str());
        // Said with the status of a bad request; it is about the account.
        if told.is_some_and(|it| it.starts_with(NO_CREDIT)) {
            return Failure {
                fault: Fault::Quota,
                ..failure
            };
        }
        failure
    }

    fn ask_kept(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn pass_through(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn listing(&self) -> Listing {
        let first = self.account.endpoint("/models?limit=1000");
        Listing::one(first, ListForm::Anthropic, self.account.headers())
    }
}

/// Passes on what the caller tries, besides what the operator has every call try.
fn try_also(headers: &mut HeaderMap, tried: &str) {
    let both = match headers.get(&BETA).and_then(|it| it.to_str().ok()) {
        _ if tried.is_empty() => return,
        Some(operators) => format!("{operators},{tried}"),
        None => tried.to_owned(),
    };
    // It came in a header, so it can be sent in one.
    if let Ok(value) = HeaderValue::from_str(&both) {
        headers.insert(BETA, value);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;
    use tollward_wire::view::RequestView;

    use super::*;

    #[test]
    fn what_a_caller_tries_is_passed_on_besides_what_the_operator_does() {
        let document = Document::parse(
            r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#.into(),
        );
        let document = document.unwrap();
        let view = RequestView::read(Operation::Messages, &document).unwrap();
        for (headers, betas, expected) in [
            (json!({}), None, None),
            (json!({}), Some("a,b"), Some("a,b")),
            (json!({"anthropic-beta": "c"}), None, Some("c")),
            (json!({"anthropic-beta": "c"}), Some("a,b"), Some("c,a,b")),
        ] {
            let Value::Object(fields) = json!({"api_key": "k", "headers": headers}) else {
                unreachable!()
            };
            let call = Call {
                operation: Operation::Messages,
                document: &document,
                form: None,
                betas,
                view: &view,
                upstream_model: "m",
            };
            let outbound = build(fields).unwrap().encode(&call).unwrap();
            let sent = outbound.headers.get("anthropic-beta");
            assert_eq!(sent.and_then(|it| it.to_str().ok()), expected);
        }
    }

    // faults U-13
    #[test]
    fn spent_credit_is_a_quota_though_its_status_is_that_of_a_bad_request() {
        let Value::Object(fields) = json!({"api_key": "k"}) else {
            unreachable!()
        };
        let anthropic = build(fields).unwrap();
        let fault = |message: &str| {
            let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
            let body = error.to_string();
            let headers = HeaderMap::new();
            anthropic
                .fault(StatusCode::BAD_REQUEST, &headers, body.as_bytes())
                .fault
        };
        assert_eq!(
            fault("Your credit balance is too low to access the API."),
            Fault::Quota
        );
        assert_eq!(fault("max_tokens: too low"), Fault::BadRequest);
    }
}
