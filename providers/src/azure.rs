//! `OpenAI`'s models, and Claude, at Azure `OpenAI` and Azure AI Foundry.
//!
//! Bodies are those of the vendors themselves; addresses and the key's header are Azure's. A model
//! is called by the name of its deployment, which may say nothing about it: `models` does then.
//! Source: openai-python 3.57 `lib/azure.py`, anthropic 2.14 `lib/foundry.py`, @ai-sdk/azure
//! 3.0.128 (read 2026-11).

pub(crate) mod ml;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value};
use tollward_wire::chat::Traits;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;

use crate::account::{Account, KeyHeader, api_key, path_segment, settings};
use crate::anthropic::Anthropic;
use crate::compatible::Compatible;
use crate::compatible::rows::AZURE;
use crate::credentials::{Access, Credential, EntraIdentity, Origin};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::listing::{Covers, ListForm, Listing};
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Services, Translated,
};
use crate::settings::{BuildError, Settings, invalid};

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "azure",
    display_name: "Azure OpenAI and AI Foundry",
    base_url: None,
    key_variable: Some("AZURE_OPENAI_API_KEY"),
    price_provider: Some("azure"),
    needs_key: true,
    access: Access {
        fields: &[
            "api_key",
            "tenant_id",
            "client_id",
            "client_secret",
            "client_certificate",
        ],
        ..Access::KEY
    },
    default_port: None,
    settings: &[
        "base_url",
        "api_key",
        "tenant_id",
        "client_id",
        "client_secret",
        "client_certificate",
        "credentials",
        "headers",
        "resource",
        "api_version",
        "models",
    ],
};

struct Azure {
    /// At the resource itself, above all APIs.
    account: Account,
    openai: Compatible,
    claude: Anthropic,
    api: Api,
    /// Which model is behind a deployment whose name does not tell.
    models: BTreeMap<String, String>,
}

/// Which of its APIs for `OpenAI`'s models is spoken.
#[derive(Debug)]
enum Api {
    /// `/openai/v1`, with `api-version` for what is not released.
    V1(Option<String>),
    /// `/openai/deployments/…` of a dated `api-version`.
    Dated(String),
}

/// Makes one of its settings.
pub(crate) fn build(mut fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    if let Some(Value::String(base_url)) = fields.get_mut("base_url") {
        *base_url = root(base_url).to_owned();
    }
    let has_base_url = fields.contains_key("base_url");
    let mut settings = settings(&KIND, fields)?;
    let api = Api::new(settings.text("api_version")?)?;
    let models = settings.texts("models")?;
    let resource = settings.text("resource")?;
    let hosts = match (resource, has_base_url) {
        (Some(_), true) => return Err(invalid("resource", "says the same as `base_url`")),
        (None, false) => return Err(BuildError::Missing { field: "base_url" }),
        (Some(name), false) => Some(name.trim().to_owned()),
        (None, true) => None,
    };
    if hosts.as_deref().is_some_and(|it| !is_host_label(it)) {
        return Err(invalid("resource", "must be the name of a resource"));
    }
    let host = |suffix: &str| Some(format!("https://{}.{suffix}", hosts.as_ref()?));
    let own = host("openai.azure.com").unwrap_or_default();
    let found = Origin::Entra(EntraIdentity::new(None, None, None));
    let written = |settings: &mut _| origin(settings, KeyHeader::Named("api-key"), |it| it);
    let account = Account::proving(&KIND, written, Some(found), &mut settings, &own)?;
    let above = account.base_url().to_owned();
    // Where only the resource is named, Claude is at its other host.
    let foundry = host("services.ai.azure.com").unwrap_or_else(|| above.clone());
    Ok(Arc::new(Azure {
        openai: Compatible::part_of(&AZURE, &account.at(format!("{above}/openai/v1")))?,
        claude: Anthropic::new(account.at(format!("{foundry}/anthropic/v1"))),
        account,
        api,
        models,
    }))
}

/// The credential that is written: a key, which is sent in `header`, or an identity at Entra, whose
/// tokens `addressed` makes be for whom they are for.
fn origin(
    settings: &mut Settings,
    header: KeyHeader,
    addressed: impl Fn(EntraIdentity) -> EntraIdentity,
) -> Result<Option<Origin>, BuildError> {
    let key = api_key(settings, header)?;
    let [tenant, client] = ["tenant_id", "client_id"].map(|it| settings.text(it));
    let (tenant, client) = (tenant?, client?);
    let secret = settings.secret("client_secret")?;
    let certificate = settings.text("client_certificate")?;
    let reason = "is one credential too many: say which one counts";
    if secret.is_some() && certificate.is_some() {
        return Err(invalid("client_certificate", reason));
    }
    let has_proof = secret.is_some() || certificate.is_some();
    match (key, tenant, client, has_proof) {
        (None, None, None, false) => Ok(None),
        (Some(key), None, None, false) => Ok(Some(key)),
        (Some(_), ..) => Err(invalid("api_key", reason)),
        (None, _, None, true) | (None, Some(_), None, false) => {
            Err(BuildError::Missing { field: "client_id" })
        }
        (None, None, Some(_), true) => Err(BuildError::Missing { field: "tenant_id" }),
        (None, tenant, client, _) => {
            let [tenant, client, file] = [tenant, client, certificate].map(|it| it.map(Arc::from));
            let identity = addressed(EntraIdentity::new(tenant, client, secret));
            Ok(Some(Origin::Entra(identity.with_certificate(file))))
        }
    }
}

/// The address above the APIs; the setting may name one of them, as Azure's pages do.
fn root(base_url: &str) -> &str {
    let base_url = base_url.trim().trim_end_matches('/');
    let apis = ["/openai/v1", "/openai", "/anthropic/v1", "/anthropic"];
    let root = apis.iter().find_map(|it| base_url.strip_suffix(it));
    root.unwrap_or(base_url)
}

fn is_host_label(name: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
    !name.is_empty() && name.len() <= 63 && name.bytes().all(is_plain)
}

impl Api {
    fn new(version: Option<String>) -> Result<Self, BuildError> {
        let Some(version) = version else {
            return Ok(Self::V1(None));
        };
        let version = version.trim();
        if version == "v1" {
            return Ok(Self::V1(None));
        }
        let is_plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
        if version.is_empty() || !version.bytes().all(is_plain) {
            let reason = "must be a date such as 2024-10-21, `preview`, or nothing for v1";
            return Err(invalid("api_version", reason));
        }
        let version = version.to_owned();
        Ok(if version.starts_with(|it: char| it.is_ascii_digit()) {
            Self::Dated(version)
        } else {
            Self::V1(Some(version))
        })
    }

    /// `address` with the version that it needs.
    fn versioned(&self, address: String) -> String {
        let (Self::V1(Some(version)) | Self::Dated(version)) = self else {
            return address;
        };
        let separator = if address.contains('?') { '&' } else { '?' };
        format!("{address}{separator}api-version={version}")
    }
}

impl Azure {
    /// The model behind a deployment.
    fn known<'a>(&'a self, deployment: &'a str) -> &'a str {
        self.models.get(deployment).map_or(deployment, |it| it)
    }

    /// Whether Claude is behind a deployment.
    fn is_claude(&self, deployment: &str) -> bool {
        self.known(deployment).starts_with("claude")
    }

    /// Where the spoken API has what `/openai/v1` has at `uri`.
    fn place(&self, uri: &Uri, deployment: &str) -> Option<Uri> {
        let address = uri.to_string();
        let address = match (&self.api, address.split_once("/openai/v1/")) {
            // Here the deployment is named in the body.
            (Api::Dated(_), Some((above, endpoint))) if endpoint.starts_with("responses") => {
                format!("{above}/openai/{endpoint}")
            }
            // And here in the query, under another name (`_configure_realtime` of `lib/azure.py`).
            (Api::Dated(_), Some((above, endpoint))) if endpoint.starts_with("realtime") => {
                let endpoint = endpoint.replacen("?model=", "?deployment=", 1);
                format!("{above}/openai/{endpoint}")
            }
            (Api::Dated(_), Some((above, endpoint))) => {
                let deployment = path_segment(deployment);
                format!("{above}/openai/deployments/{deployment}/{endpoint}")
            }
            (Api::V1(_) | Api::Dated(_), _) => address,
        };
        self.api.versioned(address).parse().ok()
    }

    fn placed(&self, outbound: Outbound, deployment: &str) -> Result<Outbound, EncodeError> {
        let uri = self.place(&outbound.uri, deployment);
        Ok(Outbound {
            uri: uri.ok_or(EncodeError::Model)?,
            ..outbound
        })
    }
}

impl Provider for Azure {
    fn kind(&self) -> &'static str {
        KIND.kind
    }

    fn host_scope(&self) -> HostScope {
        self.account.scope
    }

    fn services(&self, operation: Operation, model: &str) -> Option<Services> {
        let known = self.known(model);
        if self.is_claude(model) {
            self.claude.services(operation, known)
        } else {
            self.openai.services(operation, known)
        }
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        self.known(model)
    }

    fn traits(&self, model: &str) -> Traits {
        let known = self.known(model);
        if self.is_claude(model) {
            self.claude.traits(known)
        } else {
            self.openai.traits(known)
        }
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        let deployment = call.upstream_model;
        if self.is_claude(deployment) {
            return self.claude.encode(call);
        }
        let outbound = self.openai.encode_as(call, self.known(deployment))?;
        self.placed(outbound, deployment)
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        if self.is_claude(translated.model) {
            return self.claude.encode_translated(translated);
        }
        let known = self.known(translated.model);
        let outbound = self.openai.encode_translated_as(translated, known)?;
        self.placed(outbound, translated.model)
    }

    fn counter(&self, model: &str) -> Option<Counter> {
        match self.api {
            _ if self.is_claude(model) => self.claude.counter(model),
            Api::V1(_) => self.openai.counter(model),
            Api::Dated(_) => None,
        }
    }

    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError> {
        if self.is_claude(model) {
            return self.claude.encode_count(request, model);
        }
        let outbound = self.openai.encode_count(request, model)?;
        self.placed(outbound, model)
    }

    fn credentials(&self) -> &[Credential] {
        self.account.credentials()
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        self.claude.fault(status, headers, body)
    }

    fn ask_kept(&self, path: &str) -> Option<Outbound> {
        let outbound = self.openai.ask_kept(path)?;
        let uri = self.place(&outbound.uri, "")?;
        Some(Outbound { uri, ..outbound })
    }

    fn pass_through(&self, path: &str) -> Option<Outbound> {
        let outbound = self.openai.pass_through(path)?;
        // Of an account, not of a deployment.
        let address = match self.api {
            Api::V1(_) => outbound.uri.to_string(),
            Api::Dated(_) => format!("{}/openai/{path}", self.account.base_url()),
        };
        let uri = self.api.versioned(address).parse().ok()?;
        Some(Outbound { uri, ..outbound })
    }

    /// Models that could be deployed; which are is told by the control plane only.
    fn listing(&self) -> Listing {
        let path = match self.api {
            Api::V1(_) => "/openai/v1/models",
            Api::Dated(_) => "/openai/models",
        };
        let address = format!("{}{path}", self.account.base_url());
        let address = self.api.versioned(address).parse().ok();
        Listing {
            covers: Covers::Offer,
            ..Listing::one(address, ListForm::OpenAi, self.account.headers())
        }
    }
}
