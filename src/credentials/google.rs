//! Access tokens of an identity at Google Cloud, found where Google's own libraries find it.
//!
//! Application default credentials, in this order: the file that is configured or that
//! `GOOGLE_APPLICATION_CREDENTIALS` names, the one that `gcloud auth application-default login`
//! wrote, the metadata service. Identities that are trusted by way of another are in `federated`.
//! Source: google-auth 2.63 `_default.py`, `service_account.py`, `compute_engine/_metadata.py`
//! (read 2026-11).

mod federated;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use tollward_providers::{GoogleIdentity, HostScope};

use self::federated::{ExternalAccount, Impersonated};
use crate::clock;
use crate::credentials::fetcher::{FetchError, Fetcher};
use crate::credentials::jwt::{self, Algorithm};
use crate::credentials::oauth;
use crate::credentials::source::{Environment, Fetched, Source};

/// Who is asked, for errors.
const TOKEN_SERVICE: &str = "Google's token service";
const METADATA_SERVICE: &str = "Google's metadata service";
/// The token service answers within this.
const LIMIT: Duration = Duration::from_secs(10);
/// The metadata service is near, or this is no machine of Google's.
const METADATA_LIMIT: Duration = Duration::from_secs(3);
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Fetches tokens for an identity.
pub(super) struct Google {
    identity: GoogleIdentity,
    environment: Environment,
}

/// What a file of credentials says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    /// A key of an account that is no person's.
    ServiceAccount(ServiceAccount),
    /// What a person allowed.
    AuthorizedUser(AuthorizedUser),
    /// What somebody else vouches for.
    ExternalAccount(Box<ExternalAccount>),
    /// An account that another identity takes on.
    ImpersonatedServiceAccount {
        source_credentials: Box<File>,
        service_account_impersonation_url: String,
        #[serde(default)]
        delegates: Vec<String>,
    },
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: Option<String>,
    #[serde(default)]
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizedUser {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    #[serde(default)]
    token_uri: Option<String>,
}

impl Source for Google {
    fn fetch<'a>(&'a self, fetcher: &'a Fetcher) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async {
            match self.file().await? {
                Some(file) => file.fetch(fetcher).await,
                None => self.ask_metadata(fetcher).await,
            }
        })
    }
}

impl Google {
    pub(super) fn new(identity: GoogleIdentity, environment: &Environment) -> Self {
        Self {
            identity,
            environment: Environment::clone(environment),
        }
    }

    /// Looks at the file that describes the identity, if one does; nobody is asked.
    pub(super) async fn look(&self) -> Result<(), FetchError> {
        match self.file().await? {
            Some(file) => file.look().await,
            None => Ok(()),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        oauth::variable(&self.environment, name)
    }

    /// The file that describes the identity; read each time, because it may be renewed.
    async fn file(&self) -> Result<Option<File>, FetchError> {
        let named = self.identity.file.as_deref();
        let named = named.or_else(|| self.variable("GOOGLE_APPLICATION_CREDENTIALS"));
        let (path, is_named) = match named {
            Some(path) => (path.to_owned(), true),
            None => match self.usual_file() {
                Some(path) => (path, false),
                None => return Ok(None),
            },
        };
        let text = match tokio::fs::read(&path).await {
            Ok(text) => text,
            Err(error) if !is_named && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => {
                let reason = format!("Google's credentials in {path} cannot be read: {error}");
                return Err(FetchError::Unusable(reason));
            }
        };
        // What is wrong with it is not told in full: it holds secrets.
        let file = serde_json::from_slice(&text).map_err(|_| {
            FetchError::Unusable(format!(
                "{path} holds neither a service account, nor a workload identity, nor what `gcloud auth application-default login` writes"
            ))
        })?;
        Ok(Some(file))
    }

    fn usual_file(&self) -> Option<String> {
        let folder = match self.variable("CLOUDSDK_CONFIG") {
            Some(folder) => folder.to_owned(),
            None => format!("{}/.config/gcloud", self.variable("HOME")?),
        };
        Some(format!("{folder}/application_default_credentials.json"))
    }

    async fn ask_metadata(&self, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
        let host = self.variable("GCE_METADATA_HOST");
        let host = host.unwrap_or("metadata.google.internal");
        let path = "computeMetadata/v1/instance/service-accounts/default/token";
        let address = format!("http://{host}/{path}?scopes={SCOPE}");
        let mut request = oauth::request(Method::GET, &address, Bytes::new())?;
        let flavor = HeaderValue::from_static("Google");
        request.headers_mut().insert("metadata-flavor", flavor);
        let scope = HostScope::Metadata;
        let answer = fetcher
            .ask(METADATA_SERVICE, scope, request, METADATA_LIMIT)
            .await;
        let answer = answer.map_err(|error| match error {
            // Most likely this is no machine of Google's, and nothing else was set up either.
            FetchError::Unreachable { .. } => FetchError::Unusable(
                "there are no Google credentials: set `credentials_file` or GOOGLE_APPLICATION_CREDENTIALS"
                    .to_owned(),
            ),
            other => other,
        })?;
        oauth::token(METADATA_SERVICE, &answer)
    }
}

impl File {
    /// Looks at the key in it, or at the file of the token that is traded.
    async fn look(&self) -> Result<(), FetchError> {
        match self {
            Self::ServiceAccount(account) => account.assertion().map(drop),
            Self::AuthorizedUser(_) => Ok(()),
            Self::ExternalAccount(account) => account.look().await,
            Self::ImpersonatedServiceAccount {
                source_credentials, ..
            } => Box::pin(source_credentials.look()).await,
        }
    }

    /// Trades what is in it for a token.
    async fn fetch(&self, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
        match self {
            Self::ServiceAccount(account) => account.fetch(fetcher).await,
            Self::AuthorizedUser(user) => user.fetch(fetcher).await,
            Self::ExternalAccount(account) => account.fetch(fetcher).await,
            Self::ImpersonatedServiceAccount {
                source_credentials,
                service_account_impersonation_url,
                delegates,
            } => {
                // Boxed: it may be of any type, even of this one.
                let source = Box::pin(source_credentials.fetch(fetcher)).await?;
                let impersonated = Impersonated {
                    url: service_account_impersonation_url,
                    delegates,
                    seconds: None,
                };
                impersonated.fetch(fetcher, &source.key).await
            }
        }
    }
}

impl ServiceAccount {
    /// What it asserts, signed.
    fn assertion(&self) -> Result<String, FetchError> {
        let claims = claims(&self.client_email, clock::unix_ms() / 1000);
        let key_id = self.private_key_id.as_deref().map(|it| ("kid", it));
        let pem = self.private_key.as_bytes();
        let assertion = jwt::signed(Algorithm::Rs256, pem, key_id, &claims);
        assertion.ok_or_else(|| {
            let reason = "the service account's private key cannot be used";
            FetchError::Unusable(reason.to_owned())
        })
    }

    async fn fetch(&self, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
        let assertion = self.assertion()?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &*assertion),
        ];
        ask_token_service(self.token_uri.as_deref(), &fields, fetcher).await
    }
}

/// What a service account asserts at `now`, in seconds since 1970; more than an hour is refused.
fn claims(client_email: &str, now: i64) -> Value {
    json!({
        "iss": client_email, "aud": TOKEN_URL, "scope": SCOPE, "iat": now, "exp": now + 3600,
    })
}

impl AuthorizedUser {
    async fn fetch(&self, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &*self.client_id),
            ("client_secret", &*self.client_secret),
            ("refresh_token", &*self.refresh_token),
        ];
        ask_token_service(self.token_uri.as_deref(), &fields, fetcher).await
    }
}

async fn ask_token_service(
    address: Option<&str>,
    fields: &[(&'static str, &str)],
    fetcher: &Fetcher,
) -> Result<Fetched, FetchError> {
    let address = address.unwrap_or(TOKEN_URL);
    let request = oauth::form(address, fields)?;
    let scope = federated::scope(address);
    let answer = fetcher.ask(TOKEN_SERVICE, scope, request, LIMIT).await?;
    oauth::token(TOKEN_SERVICE, &answer)
}

#[cfg(test)]
mod tests;
