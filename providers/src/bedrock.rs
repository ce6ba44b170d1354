//! Amazon Bedrock with a Bedrock API key or AWS's own: chats by Converse, or by the API in `OpenAI`'s
//! form if the operator wants that; Messages to Claude, embeddings and rankings by `InvokeModel`.
//!
//! Source: the service model `bedrock-runtime` 2023-09-30 in botocore 1.44 (read 2026-11).

mod credentials;
mod guardrail;

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tollward_wire::chat::{Searching, Traits};
use tollward_wire::dialect::Dialect;
use tollward_wire::dialect::converse::error;
use tollward_wire::document::Document;
use tollward_wire::embed::EmbedDialect;
use tollward_wire::operation::Operation;
use tollward_wire::rerank::RerankDialect;

use self::guardrail::Guardrail;
use crate::account::{Account, not_relayed, path_segment, settings};
use crate::anthropic::{Anthropic, models};
use crate::compatible::Compatible;
use crate::compatible::rows::BEDROCK;
use crate::credentials::{Access, AwsBase, AwsIdentity, AwsScope, Credential, Origin};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::listing::{ListForm, Listing, ModelList};
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
use crate::settings::{BuildError, invalid};

const REGION: &str = "us-east-1";

/// What counting takes of a request: the members of `ConverseTokensRequest`.
const COUNTED: [&str; 4] = [
    "messages",
    "system",
    "toolConfig",
    "additionalModelRequestFields",
];
/// What the id of an inference profile has before the model's own id: where it may run.
/// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>
/// (read 2026-11).
const PLACES: [&str; 8] = [
    "us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "global.",
];

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "bedrock",
    display_name: "Amazon Bedrock",
    base_url: Some("https://bedrock-runtime.us-east-1.amazonaws.com"),
    key_variable: Some("AWS_BEARER_TOKEN_BEDROCK"),
    price_provider: Some("bedrock"),
    needs_key: true,
    access: Access {
        fields: &[
            "api_key",
            "access_key_id",
            "secret_access_key",
            "session_token",
            "profile",
            "role_arn",
            "external_id",
            "role_session_name",
        ],
        variables: &[("region", "AWS_REGION"), ("region", "AWS_DEFAULT_REGION")],
        // Source: "AWS SDKs and tools reference guide", settings reference (read 2026-11).
        found_by: &[
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ],
    },
    default_port: None,
    settings: &[
        "base_url",
        "api_key",
        "access_key_id",
        "secret_access_key",
        "session_token",
        "profile",
        "role_arn",
        "external_id",
        "role_session_name",
        "credentials",
        "headers",
        "region",
        "api",
        "guardrail",
        "guardrail_version",
    ],
};

struct Bedrock {
    account: Account,
    /// Where the lists of models are.
    control: String,
    /// What relays Messages to Claude.
    claude: Anthropic,
    /// What answers chats instead of Converse.
    openai: Option<Compatible>,
    guardrail: Option<Guardrail>,
}

/// Makes one of its settings.
pub(crate) fn build(fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let mut settings = settings(&KIND, fields)?;
    let region = settings.text("region")?;
    let region = region.unwrap_or_else(|| REGION.to_owned());
    let is_name = |it: &str| {
        !it.is_empty()
            && it
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    if !is_name(&region) {
        return Err(BuildError::Invalid {
            field: "region".to_owned(),
            reason: "must be a region such as eu-central-1".to_owned(),
        });
    }
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let base_url = format!("https://bedrock-runtime.{region}.amazonaws.com{suffix}");
    let scope = AwsScope {
        region: region.as_str().into(),
        service: "bedrock",
    };
    let found = Origin::Aws(AwsIdentity {
        scope: scope.clone(),
        base: AwsBase::Found,
        role: None,
    });
    let account = Account::proving(
        &KIND,
        |settings| credentials::origin(settings, &scope),
        Some(found),
        &mut settings,
        &base_url,
    )?;
    let control = match account.scope {
        HostScope::Public => format!("https://bedrock.{region}.amazonaws.com{suffix}"),
        // The lists are at another host, of which a written address says nothing.
        HostScope::Operator | HostScope::Metadata => account.base_url().to_owned(),
    };
    let openai = match settings.text("api")?.as_deref() {
        None | Some("converse") => None,
        Some("openai") => {
            let place = account.at(format!("{}/openai/v1", account.base_url()));
            Some(Compatible::part_of(&BEDROCK, &place)?)
        }
        Some(_) => return Err(invalid("api", "must be `converse` or `openai`")),
    };
    Ok(Arc::new(Bedrock {
        claude: Anthropic::at_bedrock(account.clone()),
        account,
        control,
        openai,
        guardrail: Guardrail::read(&mut settings)?,
    }))
}

impl Provider for Bedrock {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.account.scope
    }

    fn services(&self, operation: Operation, model: &str) -> Option<Services> {
        let service = match operation {
            Operation::Embeddings if EmbedDialect::Bedrock.serves(model) => {
                Service::Embed(EmbedDialect::Bedrock)
            }
            Operation::Rerank if RerankDialect::Bedrock.serves(model) => {
                Service::Rerank(RerankDialect::Bedrock)
            }
            // How a guardrail steps in is told by Converse alone, in words that every caller gets.
            Operation::Messages
                if is_claude(model) && self.openai.is_none() && self.guardrail.is_none() =>
            {
                let converse = Service::Translate(Dialect::Converse);
                return Some(Services {
                    beyond: converse,
                    ..Services::always(Service::Relay)
                });
            }
            chat => match &self.openai {
                Some(openai) => return openai.services(chat, model),
                None => chat
                    .dialect()
                    .map(|_| Service::Translate(Dialect::Converse))?,
            },
        };
        Some(Services::always(service))
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        model
    }

    fn traits(&self, model: &str) -> Traits {
        if let Some(openai) = &self.openai {
            return openai.traits(model);
        }
        if !is_claude(model) {
            return Traits {
                fetches_urls: false,
                ..Traits::default()
            };
        }
        let traits = models::traits(model);
        Traits {
            fetches_urls: false,
            // Anthropic's tool is not among those that Converse knows.
            web_search: Searching::No,
            // Bedrock's own copy of the schema refuses both for the newest models (2026-08).
            takes_schema: traits.takes_schema && traits.takes_sampling,
            takes_strict_tools: traits.takes_strict_tools && traits.takes_sampling,
            ..traits
        }
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        match &self.openai {
            Some(openai) => Ok(self.guarded(openai.encode(call)?)),
            None if call.operation == Operation::Messages => self.claude.encode(call),
            None => Err(not_relayed(&KIND, call.operation)),
        }
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        if let (Some(openai), Service::Translate(Dialect::OpenAiChat)) =
            (&self.openai, translated.service)
        {
            return Ok(self.guarded(openai.encode_translated(translated)?));
        }
        let model = path_segment(translated.model);
        let mut body = translated.body.clone();
        if let (Some(guardrail), Service::Translate(_)) = (&self.guardrail, translated.service) {
            body = guardrail.in_converse(body);
        }
        let (operation, accept) = match translated.service {
            Service::Embed(_) | Service::Rerank(_) => ("invoke", "application/json"),
            Service::Relay | Service::Translate(_) if translated.is_stream => {
                ("converse-stream", "application/vnd.amazon.eventstream")
            }
            Service::Relay | Service::Translate(_) => ("converse", "application/json"),
        };
        let path = format!("/model/{model}/{operation}");
        self.account.outbound(&path, body, accept)
    }

    fn counter(&self, _: &str) -> Option<Counter> {
        self.openai.is_none().then_some(Counter {
            dialect: Dialect::Converse,
            answer: "inputTokens",
        })
    }

    /// Source: `CountTokens` of the service model in botocore 1.44.8 (read 2026-11).
    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError> {
        let mut edit = request.edit();
        for field in request.fields().filter(|it| !COUNTED.contains(it)) {
            edit.remove(field);
        }
        let body = edit.finish().between(r#"{"input":{"converse":"#, "}}");
        let path = format!("/model/{}/count-tokens", path_segment(foundation(model)));
        self.account.outbound(&path, body, "application/json")
    }

    fn credentials(&self) -> &[Credential] {
        self.account.credentials()
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let failure = Failure::read(status, headers, body);
        let named = headers.get("x-amzn-errortype");
        let Some(name) = named.and_then(|it| it.to_str().ok()) else {
            return failure;
        };
        // `ThrottlingException:http://…`: the address says nothing more.
        let name = name.split(':').next().unwrap_or_default();
        // A name that is not known leaves the status to say it.
        let found = error::fault_or(name, body, failure.fault);
        Failure {
            fault: found.fault,
            error: found.error.or(failure.error),
            ..failure
        }
    }

    fn ask_kept(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn pass_through(&self, _: &str) -> Option<Outbound> {
        None
    }

    fn listing(&self) -> Listing {
        let list = |path: &str| format!("{}{path}", self.control).parse().ok();
        let profiles = list("/inference-profiles?maxResults=1000");
        let form = ListForm::BedrockModels;
        let mut listing = Listing::one(list("/foundation-models"), form, self.account.headers());
        listing.lists.extend(profiles.map(|uri| ModelList {
            uri,
            form: ListForm::BedrockProfiles,
        }));
        Listing {
            needs_right: true,
            ..listing
        }
    }
}

impl Bedrock {
    /// A request in `OpenAI`'s form with the guardrail, which headers name there.
    fn guarded(&self, mut outbound: Outbound) -> Outbound {
        if let Some(guardrail) = &self.guardrail {
            guardrail.in_headers(&mut outbound.headers);
        }
        outbound
    }
}

/// Whether a model's name says that it is a Claude; an application's profile does not tell.
fn is_claude(model: &str) -> bool {
    model.contains("claude")
}

/// The model behind an inference profile, whose own id is refused where tokens are counted.
///
/// Source: <https://github.com/pydantic/pydantic-ai/pull/3367>, which measured it (read 2026-11).
fn foundation(model: &str) -> &str {
    let profile = model.rsplit_once(":inference-profile/");
    let model = profile.map_or(model, |(_, id)| id);
    let place = PLACES.iter().find_map(|it| model.strip_prefix(it));
    place.unwrap_or(model)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use http::HeaderValue;
    use serde_json::json;
    use tollward_wire::fault::Fault;
    use tollward_wire::view::RequestView;

    use super::*;
    use crate::shape::shape;

    #[test]
    fn tokens_are_counted_by_the_model_behind_a_profile() {
        for (model, expected) in [
            ("anthropic.claude-a-v1:0", "anthropic.claude-a-v1:0"),
            ("eu.anthropic.claude-a-v1:0", "anthropic.claude-a-v1:0"),
            ("global.anthropic.claude-a-v1:0", "anthropic.claude-a-v1:0"),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama-v1:0",
                "meta.llama-v1:0",
            ),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/meta.llama-v1:0",
                "arn:aws:bedrock:us-east-1::foundation-model/meta.llama-v1:0",
            ),
            ("usual.model", "usual.model"),
        ] {
            assert_eq!(foundation(model), expected);
        }
    }

    fn built(settings: Value) -> Result<Arc<dyn Provider>, BuildError> {
        let Value::Object(mut fields) = settings else {
            unreachable!()
        };
        fields.insert("api_key".to_owned(), "k".into());
        build(fields)
    }

    fn shaped(provider: &dyn Provider, is_stream: bool) -> (String, HeaderMap, String) {
        let body = json!({
            "model": "m", "stream": is_stream, "messages": [{"role": "user", "content": "hi"}],
            "amazon-bedrock-guardrailConfig": {"tagSuffix": "x"},
        });
        let document = Document::parse(body.to_string().into()).unwrap();
        let view = RequestView::read(Operation::Chat, &document).unwrap();
        let call = Call {
            operation: Operation::Chat,
            document: &document,
            form: None,
            betas: None,
            view: &view,
            upstream_model: "openai.gpt-oss-20b-1:0",
        };
        let outbound = shape(provider, &call).unwrap().outbound;
        let body = String::from_utf8(outbound.body.to_bytes().to_vec()).unwrap();
        (outbound.uri.to_string(), outbound.headers, body)
    }

    const HOST: &str = "https://bedrock-runtime.us-east-1.amazonaws.com";

    #[test]
    fn a_guardrail_stands_before_every_chat_whichever_api_takes_it() {
        // A version may be written as what it is, a number.
        let guardrail = json!({"guardrail": "g1", "guardrail_version": 3});
        let converse = built(guardrail).unwrap();
        let (uri, headers, body) = shaped(&*converse, true);
        let path = "/model/openai.gpt-oss-20b-1%3A0/converse-stream";
        assert_eq!(uri, format!("{HOST}{path}"));
        let config =
            r#"{"guardrailConfig":{"guardrailIdentifier":"g1","guardrailVersion":"3"},"messages":"#;
        assert!(body.starts_with(config), "{body}");
        assert!(serde_json::from_str::<Value>(&body).is_ok(), "{body}");
        assert_eq!(headers.get("x-amzn-bedrock-guardrailidentifier"), None);

        let guardrail = json!({"api": "openai", "guardrail": "g1", "guardrail_version": "3"});
        let openai = built(guardrail).unwrap();
        let (uri, headers, body) = shaped(&*openai, true);
        assert_eq!(uri, format!("{HOST}/openai/v1/chat/completions"));
        assert!(
            body.contains(r#""model":"openai.gpt-oss-20b-1:0""#),
            "{body}"
        );
        assert!(!body.contains("guardrail"), "{body}");
        assert_eq!(headers["x-amzn-bedrock-guardrailidentifier"], "g1");
        assert_eq!(headers["x-amzn-bedrock-guardrailversion"], "3");
    }

    #[test]
    fn embeddings_and_rankings_have_no_other_api_and_chats_of_any_dialect_have() {
        let openai = built(json!({"api": "openai"})).unwrap();
        let service = |operation, model| {
            let services = openai.services(operation, model);
            services.map(|it| it.plain)
        };
        let model = "openai.gpt-oss-20b-1:0";
        assert_eq!(service(Operation::Chat, model), Some(Service::Relay));
        let translated = Some(Service::Translate(Dialect::OpenAiChat));
        assert_eq!(service(Operation::Messages, model), translated);
        let titan = "amazon.titan-embed-text-v2:0";
        let own = Some(Service::Embed(EmbedDialect::Bedrock));
        assert_eq!(service(Operation::Embeddings, titan), own);
        assert!(openai.counter(model).is_none());
        for (settings, field) in [
            (json!({"api": "invoke"}), "api"),
            (json!({"guardrail": "g"}), "guardrail_version"),
            (json!({"guardrail_version": "1"}), "guardrail"),
            (
                json!({"guardrail": "a b", "guardrail_version": "1"}),
                "guardrail",
            ),
        ] {
            let error = built(settings).err().unwrap();
            assert_eq!(error.field(), Some(field), "{error}");
        }
    }

    // faults U-17
    #[test]
    fn an_exception_that_is_not_known_leaves_its_status_to_say_what_it_is() {
        let Value::Object(fields) = json!({"api_key": "k", "region": "us-east-1"}) else {
            unreachable!()
        };
        let bedrock = build(fields).unwrap();
        let fault = |status: u16, name: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
            let status = StatusCode::from_u16(status).unwrap();
            bedrock
                .fault(status, &headers, br#"{"message":"no"}"#)
                .fault
        };
        assert_eq!(fault(400, "SerializationException"), Fault::BadRequest);
        assert_eq!(fault(500, "NewException"), Fault::Server);
        assert_eq!(fault(424, "ModelErrorException"), Fault::Server);
        assert_eq!(
            fault(400, "ThrottlingException:http://x"),
            Fault::RateLimited
        );
    }
}
