//! Access tokens of an identity at Microsoft Entra.
//!
//! What is configured comes first, then what the environment says, as in `azure-identity` 1.27
//! (`default.py`, read 2026-11): an application with a secret or a certificate, a workload whose
//! cluster vouches for it, an identity that Azure gave the machine. Not here: what `az login` keeps.

mod blame;
mod certificate;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method};
use tollward_providers::{EntraIdentity, HostScope};
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::credentials::fetcher::{FetchError, Fetcher};
use crate::credentials::oauth;
use crate::credentials::source::{Environment, Fetched, Source};

/// Who is asked, for errors.
const ENTRA: &str = "Microsoft Entra";
const MACHINE: &str = "Azure's managed identity service";
/// Entra answers within this.
const LIMIT: Duration = Duration::from_secs(10);
/// The service for machines is near, or this is none of Azure's.
const MACHINE_LIMIT: Duration = Duration::from_secs(3);
const AUTHORITY: &str = "https://login.microsoftonline.com";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Fetches tokens for an identity.
pub(super) struct Entra {
    identity: EntraIdentity,
    environment: Environment,
}

impl Source for Entra {
    fn fetch<'a>(&'a self, fetcher: &'a Fetcher) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async {
            let client = self.client();
            let application = client.zip(self.tenant()).zip(self.proof());
            let Some(((client, tenant), proof)) = application else {
                return self.ask_machine(fetcher, client).await;
            };
            let (authority, scope) = self.authority();
            let tenant: String = byte_serialize(tenant.as_bytes()).collect();
            let address = format!("{authority}/{tenant}/oauth2/v2.0/token");
            let resource = format!("{}/.default", self.identity.resource);
            let mut fields = vec![
                ("grant_type", "client_credentials"),
                ("client_id", client),
                ("scope", &*resource),
            ];
            let assertion = match proof {
                Proof::Secret(secret) => {
                    fields.push(("client_secret", secret));
                    None
                }
                Proof::Certificate(file) => {
                    Some(certificate::assertion(file, client, &address).await?)
                }
                Proof::Vouched(file) => Some(vouched_for(file).await?),
            };
            if let Some(assertion) = &assertion {
                fields.push(("client_assertion_type", ASSERTION_TYPE));
                fields.push(("client_assertion", assertion));
            }
            let request = oauth::form(&address, &fields)?;
            let answer = fetcher.ask(ENTRA, scope, request, LIMIT).await?;
            oauth::token(ENTRA, &answer).map_err(|error| blame::numbered(error, &answer.body))
        })
    }
}

/// What an application shows that it is the one.
enum Proof<'a> {
    Secret(&'a str),
    /// A file with a certificate and its key.
    Certificate(&'a str),
    /// A file with a token of the cluster's.
    Vouched(&'a str),
}

/// What the cluster vouches for; it renews the file under its name, so it is read each time.
async fn vouched_for(path: &str) -> Result<String, FetchError> {
    let read = tokio::fs::read_to_string(path).await;
    let read = read.map(|text| text.trim().to_owned());
    read.map_err(|error| {
        FetchError::Unusable(format!(
            "AZURE_FEDERATED_TOKEN_FILE cannot be read: {error}"
        ))
    })
}

impl Entra {
    pub(super) fn new(identity: EntraIdentity, environment: &Environment) -> Self {
        Self {
            identity,
            environment: Environment::clone(environment),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        oauth::variable(&self.environment, name)
    }

    fn client(&self) -> Option<&str> {
        let written = self.identity.client.as_deref();
        written.or_else(|| self.variable("AZURE_CLIENT_ID"))
    }

    fn tenant(&self) -> Option<&str> {
        let written = self.identity.tenant.as_deref();
        written.or_else(|| self.variable("AZURE_TENANT_ID"))
    }

    /// Looks at the file that proves who the application is, if one does; nobody is asked.
    pub(super) async fn look(&self) -> Result<(), FetchError> {
        match (self.client().zip(self.tenant()), self.proof()) {
            (Some((client, _)), Some(Proof::Certificate(file))) => {
                certificate::assertion(file, client, AUTHORITY)
                    .await
                    .map(drop)
            }
            (Some(_), Some(Proof::Vouched(file))) => vouched_for(file).await.map(drop),
            (_, Some(_) | None) => Ok(()),
        }
    }

    /// What is written counts before what the environment has.
    fn proof(&self) -> Option<Proof<'_>> {
        let identity = &self.identity;
        let secret = |name| self.variable(name).map(Proof::Secret);
        let written = identity.secret().map(Proof::Secret);
        let certificate = identity.certificate.as_deref().map(Proof::Certificate);
        let found = || self.variable("AZURE_CLIENT_CERTIFICATE_PATH");
        let vouched = || self.variable("AZURE_FEDERATED_TOKEN_FILE");
        written
            .or(certificate)
            .or_else(|| secret("AZURE_CLIENT_SECRET"))
            .or_else(|| found().map(Proof::Certificate))
            .or_else(|| vouched().map(Proof::Vouched))
    }

    fn authority(&self) -> (&str, HostScope) {
        match self.variable("AZURE_AUTHORITY_HOST") {
            Some(host) => (host.trim_end_matches('/'), HostScope::Operator),
            None => (AUTHORITY, HostScope::Public),
        }
    }

    /// Asks for the identity that Azure gave the machine: App Service's own address, else IMDS.
    ///
    /// Source: `app_service.py` and `imds.py` of azure-identity 1.27 (read 2026-11).
    async fn ask_machine(
        &self,
        fetcher: &Fetcher,
        client: Option<&str>,
    ) -> Result<Fetched, FetchError> {
        let of_app = self
            .variable("IDENTITY_ENDPOINT")
            .zip(self.variable("IDENTITY_HEADER"));
        let (base, version, header, value) = if let Some((base, secret)) = of_app {
            (base, "2019-08-01", "x-identity-header", secret)
        } else {
            let base = "http://169.254.169.254/metadata/identity/oauth2/token";
            (base, "2018-02-01", "metadata", "true")
        };
        let mut query = vec![
            ("api-version", version),
            ("resource", self.identity.resource),
        ];
        query.extend(client.map(|it| ("client_id", it)));
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let address = format!("{base}?{query}");
        let mut request = oauth::request(Method::GET, &address, Bytes::new())?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| FetchError::Unusable("IDENTITY_HEADER cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header, value);
        let scope = HostScope::Metadata;
        let answer = fetcher.ask(MACHINE, scope, request, MACHINE_LIMIT).await;
        let answer = answer.map_err(|error| match (error, of_app) {
            // Most likely this is no machine of Azure's, and nothing else was set up either.
            (FetchError::Unreachable { .. }, None) => FetchError::Unusable(
                "there is no Azure credential: set `api_key`, or `tenant_id`, `client_id` and `client_secret` or `client_certificate`"
                    .to_owned(),
            ),
            (other, _) => other,
        })?;
        oauth::token(MACHINE, &answer)
    }
}

#[cfg(test)]
mod tests;
