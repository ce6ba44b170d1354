//! Access tokens of an identity at Google Cloud, found where Google's own libraries find it.
//!
//! Application default credentials, in this order: the file that is configured or that
//! `GOOGLE_APPLICATION_CREDENTIALS` names, the one that `gcloud auth application-default login`
//! wrote, the metadata service. Not here: federated and impersonated identities.
//! Source: google-auth 2.63 `_default.py`, `service_account.py`, `compute_engine/_metadata.py`
//! (read 2026-11).

mod jwt;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method};
use serde::Deserialize;
use tollward_providers::{GoogleIdentity, HostScope};

use crate::clock;
use crate::credentials::fetcher::{FetchError, Fetcher};
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
    ServiceAccount {
        client_email: String,
        private_key: String,
        #[serde(default)]
        private_key_id: Option<String>,
        #[serde(default)]
        token_uri: Option<String>,
    },
    /// What a person allowed.
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
        #[serde(default)]
        token_uri: Option<String>,
    },
}

impl Source for Google {
    fn fetch<'a>(&'a self, fetcher: &'a Fetcher) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async {
            match self.file().await? {
                Some(file) => ask_service(&file, fetcher).await,
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
                "{path} holds neither a service account nor what `gcloud auth application-default login` writes"
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

/// Trades what is in a file for a token.
async fn ask_service(file: &File, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
    let (token_uri, fields) = match file {
        File::ServiceAccount {
            client_email,
            private_key,
            private_key_id,
            token_uri,
        } => {
            let now = clock::unix_ms() / 1000;
            let claims = jwt::Claims::new(client_email, TOKEN_URL, SCOPE, now);
            let assertion = jwt::signed(private_key, private_key_id.as_deref(), &claims);
            let unusable = || {
                let reason = "the service account's private key cannot be used";
                FetchError::Unusable(reason.to_owned())
            };
            let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned();
            let assertion = assertion.ok_or_else(unusable)?;
            (
                token_uri,
                vec![("grant_type", grant), ("assertion", assertion)],
            )
        }
        File::AuthorizedUser {
            client_id,
            client_secret,
            refresh_token,
            token_uri,
        } => {
            let fields = vec![
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", client_id.clone()),
                ("client_secret", client_secret.clone()),
                ("refresh_token", refresh_token.clone()),
            ];
            (token_uri, fields)
        }
    };
    let (scope, address) = match token_uri.as_deref() {
        None | Some(TOKEN_URL) => (HostScope::Public, TOKEN_URL),
        Some(other) => (HostScope::Operator, other),
    };
    let fields: Vec<_> = fields.iter().map(|(name, it)| (*name, &**it)).collect();
    let request = oauth::form(address, &fields)?;
    let answer = fetcher.ask(TOKEN_SERVICE, scope, request, LIMIT).await?;
    oauth::token(TOKEN_SERVICE, &answer)
}

#[cfg(test)]
mod tests;
