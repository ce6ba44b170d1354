//! Models at endpoints of Azure ML, online or serverless, that are served by `OpenAI`'s API.
//!
//! They are servers of the family with Azure's credentials: a key, or an identity at Entra whose
//! tokens are for Azure ML. What answers at `/score` in a form of its own is not reached.
//! Source: azure-ai-inference 1.0.0b9 `_configuration.py` for the tokens, azure-ai-ml 1.35
//! `constants/_endpoint.py` for the header (read 2026-11).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::origin;
use crate::account::{Account, KeyHeader, settings};
use crate::compatible::Compatible;
use crate::compatible::rows::AZURE_ML;
use crate::credentials::{EntraIdentity, Origin};
use crate::kind::Kind;
use crate::provider::Provider;
use crate::settings::BuildError;

/// What its tokens are for.
const RESOURCE: &str = "https://ml.azure.com";

/// What is known before one is built.
pub(crate) const KIND: Kind = Kind {
    kind: "azure-ml",
    display_name: "Azure ML endpoint",
    base_url: None,
    key_variable: None,
    price_provider: None,
    needs_key: false,
    access: super::KIND.access,
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
    ],
};

/// Makes one of its settings.
pub(crate) fn build(mut fields: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let Some(base_url) = fields.get_mut("base_url") else {
        return Err(BuildError::Missing { field: "base_url" });
    };
    // Azure's pages show this address; beside it, servers of the family have their own.
    if let Value::String(base_url) = base_url {
        let above = base_url.trim().trim_end_matches('/');
        *base_url = above.strip_suffix("/score").unwrap_or(above).to_owned();
    }
    let mut settings = settings(&KIND, fields)?;
    let identity = |it: EntraIdentity| it.for_resource(RESOURCE);
    let written = |settings: &mut _| origin(settings, KeyHeader::Bearer, identity);
    let found = Origin::Entra(identity(EntraIdentity::new(None, None, None)));
    let account = Account::proving(&KIND, written, Some(found), &mut settings, "/v1")?;
    let server = Compatible::part_of(&AZURE_ML, &account)?;
    Ok(Arc::new(server.proving(&account)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::credentials::Credential;

    fn built(fields: &Value) -> Result<Arc<dyn Provider>, BuildError> {
        let fields = fields.as_object().unwrap();
        build(fields.clone())
    }

    fn origins(settings: &Value) -> Vec<Origin> {
        let provider = built(settings).unwrap();
        let credentials = provider.credentials().iter();
        credentials
            .map(|Credential { origin, .. }| origin.clone())
            .collect()
    }

    #[test]
    fn an_endpoint_takes_a_key_or_tokens_that_are_for_azure_ml() {
        let address = "https://e.westeurope.inference.ml.azure.com/score";
        let found = EntraIdentity::new(None, None, None).for_resource(RESOURCE);
        assert_eq!(
            origins(&json!({"base_url": address})),
            [Origin::Entra(found.clone())]
        );
        let client = EntraIdentity::new(Some("t".into()), Some("c".into()), None);
        assert_eq!(
            origins(&json!({"base_url": address, "tenant_id": "t", "client_id": "c"})),
            [Origin::Entra(client.for_resource(RESOURCE))]
        );
        assert_ne!(found, EntraIdentity::new(None, None, None));
        let key = crate::Key::bearer("k").unwrap();
        assert_eq!(
            origins(&json!({"base_url": address, "api_key": "k"})),
            [Origin::Written(key)]
        );
        let error = built(&json!({"api_key": "k"})).err().unwrap();
        assert_eq!(error.field(), Some("base_url"));
    }
}
