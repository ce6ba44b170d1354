//! Google's Vertex AI: Gemini, Claude, and models that are served by `OpenAI`'s API.
//!
//! Whose model it is decides about the dialect, and its name says whose it is: `gemini-…`, `claude-…`,
//! else `publisher/model`. Each speaks as with its vendor (`gemini`, `anthropic`, `compatible`); here
//! are the addresses of a project, and its credential. Source: google-genai 3.6.1
//! `_api_client.py`, anthropic 2.14 `lib/vertex`, @ai-sdk/google-vertex 4.0.208 (read 2026-11).

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use tollward_wire::chat::Traits;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;

use crate::account::{Account, path_segment, settings};
use crate::anthropic::Anthropic;
use crate::compatible::Compatible;
use crate::compatible::rows::VERTEX;
use crate::credentials::{Access, Credential, GoogleIdentity, Key, Origin};
use crate::failure::Failure;
use crate::gemini::Gemini;
use crate::kind::Kind;
use crate::listing::Listing;
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Services, Translated,
};
use crate::settings::{BuildError, Settings, invalid};

/// Where models are served that no location says otherwise.
const GLOBAL: &str = "global";

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "vertex",
    display_name: "Google Vertex AI",
    base_url: Some("https://aiplatform.googleapis.com/v1"),
    key_variable: None,
    price_provider: Some("vertex"),
    needs_key: false,
    access: Access {
        fields: &["access_token", "credentials_file"],
        variables: &[
            ("project", "GOOGLE_CLOUD_PROJECT"),
            ("location", "GOOGLE_CLOUD_LOCATION"),
        ],
        ..Access::KEY
    },
    default_port: None,
    settings: &[
        "base_url",
        "access_token",
        "credentials_file",
        "credentials",
        "headers",
        "project",
        "location",
    ],
};

struct Vertex {
    account: Account,
    /// `/projects/…/locations/…`.
    place: String,
    gemini: Gemini,
    claude: Anthropic,
    open: Compatible,
}

/// Whose model it is.
#[derive(Clone, Copy)]
enum Publisher {
    Google,
    Anthropic,
    /// Others, behind `OpenAI`'s API.
    Open,
}

/// Makes one of its settings.
pub(crate) fn build(fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let mut settings = settings(&KIND, fields)?;
    let mut name = |field| {
        let text = settings.text(field)?;
        let text = text.map(|it| it.trim().to_owned());
        let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.:".contains(&it);
        match text {
            Some(text) if text.is_empty() || !text.bytes().all(is_plain) => {
                Err(invalid(field, "must be the name that Google gave it"))
            }
            text => Ok(text),
        }
    };
    let project = name("project")?.ok_or(BuildError::Missing { field: "project" })?;
    let location = name("location")?.unwrap_or_else(|| GLOBAL.to_owned());
    let base_url = format!("https://{}/v1", host(&location));
    let found = Origin::Google(GoogleIdentity { file: None });
    let account = Account::proving(&KIND, origin, Some(found), &mut settings, &base_url)?;
    let place = format!("/projects/{project}/locations/{location}");
    let models = |publisher| format!("{place}/publishers/{publisher}/models");
    let open = account.at(format!("{}{place}/endpoints/openapi", account.base_url()));
    Ok(Arc::new(Vertex {
        gemini: Gemini::at_vertex(account.clone(), models("google")),
        claude: Anthropic::at_vertex(account.clone(), models("anthropic")),
        open: Compatible::part_of(&VERTEX, &open)?,
        account,
        place,
    }))
}

/// The credential that is written: a token as it is, or the file of an identity.
fn origin(settings: &mut Settings) -> Result<Option<Origin>, BuildError> {
    let token = settings.secret("access_token")?;
    let file = settings.text("credentials_file")?;
    match (token, file) {
        (None, None) => Ok(None),
        (Some(token), None) => {
            let key = Key::bearer(token.expose_secret());
            let unusable = || invalid("access_token", "cannot be sent in a header");
            Ok(Some(Origin::Written(key.ok_or_else(unusable)?)))
        }
        (None, Some(file)) => {
            let file = Some(file.into());
            Ok(Some(Origin::Google(GoogleIdentity { file })))
        }
        (Some(_), Some(_)) => {
            let reason = "is one credential too many: say which one counts";
            Err(invalid("access_token", reason))
        }
    }
}

/// The host of a location: `_api_client.py` of google-genai 3.6.1.
fn host(location: &str) -> String {
    match location {
        GLOBAL => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    }
}

/// Whose model it is, and what it is called there.
fn publisher(model: &str) -> (Publisher, &str) {
    let model = model.strip_prefix("publishers/").unwrap_or(model);
    let model = model.split_once("/models/").map_or(model, |(_, it)| it);
    if let Some(name) = model.strip_prefix("google/") {
        return (Publisher::Google, name);
    }
    if let Some(name) = model.strip_prefix("anthropic/") {
        return (Publisher::Anthropic, name);
    }
    match model {
        name if name.contains('/') => (Publisher::Open, name),
        name if name.starts_with("claude") => (Publisher::Anthropic, name),
        name => (Publisher::Google, name),
    }
}

impl Vertex {
    /// Who answers for a model, and what it is called there.
    fn vendor<'a>(&self, model: &'a str) -> (&dyn Provider, &'a str) {
        let (publisher, name) = publisher(model);
        let vendor: &dyn Provider = match publisher {
            Publisher::Google => &self.gemini,
            Publisher::Anthropic => &self.claude,
            Publisher::Open => &self.open,
        };
        (vendor, name)
    }

    /// Sends a request for a model of the project's own to its endpoint.
    fn placed(&self, outbound: Outbound, model: &str) -> Result<Outbound, EncodeError> {
        let Some(endpoint) = model.strip_prefix("endpoints/") else {
            return Ok(outbound);
        };
        let endpoint = path_segment(endpoint);
        let path = format!("{}/endpoints/{endpoint}/chat/completions", self.place);
        let uri = self.account.endpoint(&path).ok_or(EncodeError::Model)?;
        Ok(Outbound { uri, ..outbound })
    }
}

impl Provider for Vertex {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.account.scope
    }

    fn services(&self, operation: Operation, model: &str) -> Option<Services> {
        let (vendor, name) = self.vendor(model);
        vendor.services(operation, name)
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        publisher(model).1
    }

    fn traits(&self, model: &str) -> Traits {
        let (vendor, name) = self.vendor(model);
        vendor.traits(name)
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        let (vendor, name) = self.vendor(call.upstream_model);
        let outbound = vendor.encode(&Call {
            upstream_model: name,
            ..*call
        })?;
        self.placed(outbound, name)
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        let (vendor, name) = self.vendor(translated.model);
        let outbound = vendor.encode_translated(&Translated {
            service: translated.service,
            model: name,
            is_stream: translated.is_stream,
            body: translated.body.clone(),
        })?;
        self.placed(outbound, name)
    }

    fn counter(&self, model: &str) -> Option<Counter> {
        let (vendor, name) = self.vendor(model);
        vendor.counter(name)
    }

    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError> {
        let (vendor, name) = self.vendor(model);
        vendor.encode_count(request, name)
    }

    fn credentials(&self) -> &[Credential] {
        self.account.credentials()
    }

    /// Google's errors may come for any publisher's model.
    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        self.gemini.fault(status, headers, body)
    }

    fn ask_kept(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn pass_through(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn listing(&self) -> Listing {
        self.gemini.listing()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

    use serde_json::json;
    use tollward_wire::view::RequestView;

    use super::*;
    use crate::shape::shape;

    fn built(settings: Value) -> Result<Arc<dyn Provider>, BuildError> {
        let Value::Object(mut fields) = settings else {
            unreachable!()
        };
        fields.insert("access_token".to_owned(), json!("k"));
        build(fields)
    }

    /// Address and body of a chat or a message to `model`.
    fn sent(operation: Operation, model: &str, is_stream: bool) -> (String, Value) {
        let vertex = built(json!({"project": "p"})).unwrap();
        let body = json!({"model": "m", "max_tokens": 9, "stream": is_stream,
            "messages": [{"role": "user", "content": "?"}]});
        let document = Document::parse(body.to_string().into()).unwrap();
        let view = RequestView::read(operation, &document).unwrap();
        let call = Call {
            operation,
            document: &document,
            form: None,
            betas: None,
            view: &view,
            upstream_model: model,
        };
        let outbound = shape(&*vertex, &call).unwrap().outbound;
        assert!(!outbound.headers.contains_key("anthropic-version"));
        let body = serde_json::from_slice(&outbound.body.to_bytes()).unwrap();
        (outbound.uri.to_string(), body)
    }

    #[test]
    fn what_vertex_does_not_let_callers_try_is_left_out_and_named() {
        let vertex = built(json!({"project": "p"})).unwrap();
        let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"?"}]}"#;
        let document = Document::parse(body.into()).unwrap();
        let view = RequestView::read(Operation::Messages, &document).unwrap();
        let encoded = |betas| {
            let call = Call {
                operation: Operation::Messages,
                document: &document,
                form: None,
                betas: Some(betas),
                view: &view,
                upstream_model: "claude-opus-5",
            };
            vertex.encode(&call).unwrap()
        };
        let outbound = encoded("claude-code-20250219, context-management-2025-06-27");
        assert_eq!(
            outbound.headers["anthropic-beta"],
            "context-management-2025-06-27"
        );
        assert_eq!(outbound.dropped, ["anthropic-beta:claude-code-20250219"]);
        let outbound = encoded("claude-code-20250219");
        assert!(!outbound.headers.contains_key("anthropic-beta"));
    }

    #[test]
    fn a_name_says_whose_model_it_is_and_how_it_is_called() {
        const PLACE: &str = "https://aiplatform.googleapis.com/v1/projects/p/locations/global";
        use Operation::{Chat, Messages};
        for (operation, model, is_stream, path) in [
            (
                Chat,
                "gemini-2.5-pro",
                false,
                "/publishers/google/models/gemini-2.5-pro:generateContent",
            ),
            (
                Chat,
                "google/gemini-2.5-pro",
                true,
                "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            ),
            (
                Messages,
                "claude-sonnet-4-5@20250929",
                true,
                "/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
            ),
            (
                Chat,
                "anthropic/claude-opus-5",
                false,
                "/publishers/anthropic/models/claude-opus-5:rawPredict",
            ),
            (
                Chat,
                "publishers/anthropic/models/claude-opus-5",
                false,
                "/publishers/anthropic/models/claude-opus-5:rawPredict",
            ),
            (
                Messages,
                "deepseek-ai/deepseek-v3.1-maas",
                true,
                "/endpoints/openapi/chat/completions",
            ),
            (
                Chat,
                "endpoints/123",
                false,
                "/endpoints/123/chat/completions",
            ),
        ] {
            let (uri, body) = sent(operation, model, is_stream);
            assert_eq!(uri, format!("{PLACE}{path}"));
            let is_claude = path.contains("anthropic");
            let version = is_claude.then_some("vertex-2023-10-16");
            assert_eq!(body["anthropic_version"].as_str(), version, "{model}");
            let is_open = path.contains("endpoints");
            assert_eq!(body["model"].as_str(), is_open.then_some(model), "{model}");
            if is_claude {
                assert_eq!(body["stream"].as_bool().unwrap_or(false), is_stream);
            }
        }
    }

    #[test]
    fn claudes_tokens_are_counted_by_its_own_method() {
        let vertex = built(json!({"project": "p", "location": "us"})).unwrap();
        let request = json!({"model": "m", "max_tokens": 9, "messages": []});
        let request = Document::parse(request.to_string().into()).unwrap();
        let outbound = vertex.encode_count(&request, "claude-opus-5").unwrap();
        assert_eq!(
            outbound.uri.to_string(),
            "https://aiplatform.us.rep.googleapis.com/v1/projects/p/locations/us/publishers/anthropic/models/count-tokens:rawPredict"
        );
        let body: Value = serde_json::from_slice(&outbound.body.to_bytes()).unwrap();
        let expected = json!({"model": "claude-opus-5", "messages": [], "anthropic_version": "vertex-2023-10-16"});
        assert_eq!(body, expected);
        assert_eq!(vertex.counter("meta/llama-4"), None);
        assert_eq!(vertex.listed_as("google/gemini-2.5-pro"), "gemini-2.5-pro");
    }

    #[test]
    fn a_project_must_be_named_and_no_name_reaches_into_the_address() {
        for (settings, field) in [
            (json!({}), "project"),
            (json!({"project": "p/../q"}), "project"),
            (
                json!({"project": "p", "location": "evil.example/"}),
                "location",
            ),
        ] {
            let error = built(settings).err().unwrap();
            assert_eq!(error.field(), Some(field), "{error}");
        }
    }
}
