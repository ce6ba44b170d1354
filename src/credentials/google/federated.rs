//! Identities that Google trusts by way of another one: a token from elsewhere that is traded for
//! Google's (workload identity federation), and an account that is taken on (impersonation).
//!
//! The token from elsewhere is in a file or behind an address. Not here: tokens that AWS signs,
//! certificates, and programs that print one.
//! Source: google-auth 2.63 `identity_pool.py`, `external_account.py`, `sts.py` and
//! `impersonated_credentials.py` (read 2026-11).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use tollward_providers::{HostScope, Key};
use url::form_urlencoded::byte_serialize;

use super::{LIMIT, SCOPE};
use crate::credentials::fetcher::{FetchError, Fetcher};
use crate::credentials::oauth;
use crate::credentials::source::Fetched;

/// Who is asked, for errors.
const ELSEWHERE: &str = "the source of a Google workload identity";
const EXCHANGE: &str = "Google's token exchange";
const IMPERSONATION: &str = "Google's service for impersonation";
const EXCHANGE_URL: &str = "https://sts.googleapis.com/v1/token";
/// How long a token of an account that is taken on is asked for, unless the file says.
const LIFETIME_SECONDS: u64 = 3600;

/// A file of type `external_account`.
#[derive(Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    #[serde(default)]
    token_url: Option<String>,
    credential_source: Elsewhere,
    #[serde(default)]
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Lifetime,
    /// Whose quota an identity of a person's directory counts against.
    #[serde(default)]
    workforce_pool_user_project: Option<String>,
}

/// Where the token from elsewhere is.
#[derive(Deserialize)]
struct Elsewhere {
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
    /// Whose machine vouches: AWS's signs a request instead of giving a token.
    #[serde(default)]
    environment_id: Option<String>,
}

enum Place<'a> {
    File(&'a str),
    Url(&'a str),
}

async fn read(path: &str) -> Result<String, FetchError> {
    tokio::fs::read_to_string(path).await.map_err(|error| {
        FetchError::Unusable(format!("the token in {path} cannot be read: {error}"))
    })
}

/// How the token from elsewhere is written: alone, or in a field of a JSON object.
#[derive(Default, Deserialize)]
struct Format {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    subject_token_field_name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Lifetime {
    #[serde(default)]
    token_lifetime_seconds: Option<u64>,
}

/// An account that another identity takes on.
pub(super) struct Impersonated<'a> {
    /// Where its tokens are made.
    pub(super) url: &'a str,
    /// The accounts between the two, in order.
    pub(super) delegates: &'a [String],
    /// For how many seconds a token is asked for; `None` for the usual hour.
    pub(super) seconds: Option<u64>,
}

impl ExternalAccount {
    /// Looks at the file of the token from elsewhere, if it is in one.
    pub(super) async fn look(&self) -> Result<(), FetchError> {
        let source = &self.credential_source;
        match source.place()? {
            Place::File(path) => source.token_of(read(path).await?).map(drop),
            Place::Url(_) => Ok(()),
        }
    }

    /// Trades the token from elsewhere for one of Google's.
    pub(super) async fn fetch(&self, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
        let subject = self.credential_source.token(fetcher).await?;
        let project = self.workforce_pool_user_project.as_deref();
        // The options are encoded by themselves before the form is.
        let options = project.map(|it| {
            let text = json!({ "userProject": it }).to_string();
            byte_serialize(text.as_bytes()).collect::<String>()
        });
        let mut fields = vec![
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("audience", &*self.audience),
            ("scope", SCOPE),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token", &*subject),
            ("subject_token_type", &*self.subject_token_type),
        ];
        fields.extend(options.as_deref().map(|it| ("options", it)));
        let address = self.token_url.as_deref().unwrap_or(EXCHANGE_URL);
        let request = oauth::form(address, &fields)?;
        let answer = fetcher
            .ask(EXCHANGE, scope(address), request, LIMIT)
            .await?;
        let traded = oauth::token(EXCHANGE, &answer)?;
        match self.service_account_impersonation_url.as_deref() {
            None => Ok(traded),
            Some(url) => {
                let impersonated = Impersonated {
                    url,
                    delegates: &[],
                    seconds: self.service_account_impersonation.token_lifetime_seconds,
                };
                impersonated.fetch(fetcher, &traded.key).await
            }
        }
    }
}

impl Elsewhere {
    /// The token, read each time: whoever gives it renews it.
    async fn token(&self, fetcher: &Fetcher) -> Result<String, FetchError> {
        let text = match self.place()? {
            Place::File(path) => read(path).await?,
            Place::Url(url) => self.ask(url, fetcher).await?,
        };
        self.token_of(text)
    }

    fn place(&self) -> Result<Place<'_>, FetchError> {
        if let Some(environment) = &self.environment_id {
            let reason =
                format!("a Google workload identity from `{environment}` is not supported");
            return Err(FetchError::Unusable(reason));
        }
        match (&self.file, &self.url) {
            (Some(path), None) => Ok(Place::File(path)),
            (None, Some(url)) => Ok(Place::Url(url)),
            _ => {
                let reason = "a Google workload identity has its token neither in one `file` nor at one `url`, which is all that is supported";
                Err(FetchError::Unusable(reason.to_owned()))
            }
        }
    }

    /// The token in what was read.
    fn token_of(&self, text: String) -> Result<String, FetchError> {
        let token = match self.format.r#type.as_deref() {
            None | Some("text") => Some(text),
            Some(_) => self
                .format
                .subject_token_field_name
                .as_deref()
                .and_then(|field| {
                    let object: Value = serde_json::from_str(&text).ok()?;
                    Some(object.get(field)?.as_str()?.to_owned())
                }),
        };
        let token = token.map(|it| it.trim().to_owned());
        token
            .filter(|it| !it.is_empty())
            .ok_or(FetchError::Unreadable {
                place: ELSEWHERE,
                reason: "it holds no token where the file of the identity says",
            })
    }

    async fn ask(&self, url: &str, fetcher: &Fetcher) -> Result<String, FetchError> {
        let mut request = oauth::request(Method::GET, url, Bytes::new())?;
        for (name, value) in &self.headers {
            let pair = (name.parse::<HeaderName>(), HeaderValue::from_str(value));
            let (Ok(name), Ok(mut value)) = pair else {
                let reason = "a header of the `credential_source` cannot be sent";
                return Err(FetchError::Unusable(reason.to_owned()));
            };
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        let scope = match request.uri().host().and_then(|it| it.parse().ok()) {
            // Azure's service for machines, of all things, is a source too.
            Some(IpAddr::V4(address)) if address.is_link_local() => HostScope::Metadata,
            _ => HostScope::Operator,
        };
        let answer = fetcher.ask(ELSEWHERE, scope, request, LIMIT).await?;
        if !answer.status.is_success() {
            return Err(FetchError::Refused {
                place: ELSEWHERE,
                status: answer.status,
                code: None,
                blame: None,
            });
        }
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

impl Impersonated<'_> {
    /// A token of the account, asked for with the `key` of whoever takes it on.
    ///
    /// Source: `projects.serviceAccounts.generateAccessToken` of the IAM Service Account Credentials
    /// API v1.
    pub(super) async fn fetch(&self, fetcher: &Fetcher, key: &Key) -> Result<Fetched, FetchError> {
        let seconds = self.seconds.unwrap_or(LIFETIME_SECONDS);
        let body = json!({
            "delegates": self.delegates, "scope": [SCOPE], "lifetime": format!("{seconds}s"),
        });
        let mut request = oauth::request(Method::POST, self.url, body.to_string().into())?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Key::Header { name, value } = key {
            headers.insert(name, value.clone());
        }
        let scope = scope(self.url);
        let answer = fetcher.ask(IMPERSONATION, scope, request, LIMIT).await?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !answer.status.is_success() {
            let code = body.pointer("/error/status").and_then(Value::as_str);
            return Err(FetchError::Refused {
                place: IMPERSONATION,
                status: answer.status,
                code: code.filter(|it| oauth::is_word(it)).map(str::to_owned),
                blame: None,
            });
        }
        let token = body.get("accessToken").and_then(Value::as_str);
        let key = token.filter(|it| !it.is_empty()).and_then(Key::bearer);
        let ends = body.get("expireTime").and_then(Value::as_str);
        let lifetime = ends.and_then(|it| answer.left_until(it));
        let unreadable = |reason| FetchError::Unreadable {
            place: IMPERSONATION,
            reason,
        };
        Ok(Fetched {
            key: key.ok_or_else(|| unreadable("it has no access token"))?,
            lifetime: Some(
                lifetime
                    .filter(|it| *it > Duration::ZERO)
                    .ok_or_else(|| unreadable("its token does not last"))?,
            ),
        })
    }
}

/// Who vouches for an address in a file: Google for its own, the operator for any other.
pub(super) fn scope(address: &str) -> HostScope {
    let uri: Option<Uri> = address.parse().ok();
    let is_google = |it: &Uri| {
        it.scheme_str() == Some("https")
            && it
                .host()
                .is_some_and(|host| host.ends_with(".googleapis.com"))
    };
    if uri.as_ref().is_some_and(is_google) {
        HostScope::Public
    } else {
        HostScope::Operator
    }
}

#[cfg(test)]
mod tests;
