//! Keys of a role, from AWS's token service: for a web identity, as EKS gives one to a pod, or for
//! other keys.
//!
//! Source: `AssumeRoleWithWebIdentity` in the service model `sts` 2011-06-15 of botocore 1.44
//! (read 2026-11).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use tollward_providers::{AwsKeys, AwsRole, AwsScope, HostScope, Key, Unsigned};
use tollward_wire::segments::Segments;
use url::form_urlencoded::Serializer;

use super::document::{element, of_xml};
use super::{Chain, Found, text};
use crate::clock;
use crate::credentials::fetcher::{Answer, Blame, FetchError, Fetcher};

/// Who is asked, for errors.
const PLACE: &str = "AWS's token service";
/// What `AccessDenied` is about, whichever of the two questions was asked.
const ROLE: Blame = Blame {
    setting: "role_arn",
    variable: "AWS_ROLE_ARN",
    why: "there is no such role, it does not trust who asks, or who asks may not take it",
};
/// It answers within this.
const LIMIT: Duration = Duration::from_secs(5);
const VERSION: &str = "2011-06-15";
/// What AWS's logs call us, unless somebody says otherwise.
pub(super) const SESSION: &str = "tollward";

/// A token that somebody else vouches for, and the role that it may take.
pub(super) struct WebIdentity {
    pub(super) token_file: String,
    pub(super) role: String,
    pub(super) session: String,
}

impl WebIdentity {
    /// The one in the environment; `None` if it is not complete.
    pub(super) fn of_environment(chain: &Chain) -> Option<Self> {
        let token_file = chain.variable("AWS_WEB_IDENTITY_TOKEN_FILE")?.to_owned();
        let role = chain.variable("AWS_ROLE_ARN")?.to_owned();
        let session = chain.variable("AWS_ROLE_SESSION_NAME").unwrap_or(SESSION);
        Some(Self {
            token_file,
            role,
            session: session.to_owned(),
        })
    }

    /// The token. The file is renewed under its name, so it is read each time.
    pub(super) async fn token(&self) -> Result<String, FetchError> {
        text(&self.token_file, "the web identity's token file").await
    }
}

/// Takes the role.
pub(super) async fn assume(
    chain: &Chain,
    fetcher: &Fetcher,
    identity: &WebIdentity,
) -> Result<Found, FetchError> {
    let token = identity.token().await?;
    let form = Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", VERSION)
        .append_pair("RoleArn", &identity.role)
        .append_pair("RoleSessionName", &identity.session)
        .append_pair("WebIdentityToken", token.trim())
        .finish();
    let (scope, request) = request(chain, form)?;
    found(&fetcher.ask(PLACE, scope, request, LIMIT).await?)
}

/// Takes a role with the keys of another identity, which sign the question.
///
/// Source: `AssumeRole` in the same service model.
pub(super) async fn take(
    chain: &Chain,
    fetcher: &Fetcher,
    keys: AwsKeys,
    role: &AwsRole,
) -> Result<Found, FetchError> {
    let form = question(role);
    let scope = AwsScope {
        region: Arc::clone(&chain.identity.scope.region),
        service: "sts",
    };
    let key = Key::Aws { keys, scope };
    let now = clock::unix_ms() / 1_000;
    let answer = ask_signed(chain, fetcher, (&key, now), &form).await?;
    // Signatures are good for some minutes, by AWS's clock.
    let skew = key.clock_skew(answer.status, &answer.headers, now);
    match skew {
        None => found(&answer),
        Some(skew) => found(&ask_signed(chain, fetcher, (&key, now + skew), &form).await?),
    }
}

fn question(role: &AwsRole) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", "AssumeRole")
        .append_pair("Version", VERSION)
        .append_pair("RoleArn", &role.arn)
        .append_pair(
            "RoleSessionName",
            role.session.as_deref().unwrap_or(SESSION),
        );
    if let Some(id) = &role.external_id {
        form.append_pair("ExternalId", id);
    }
    form.finish()
}

async fn ask_signed(
    chain: &Chain,
    fetcher: &Fetcher,
    (key, now): (&Key, i64),
    form: &str,
) -> Result<Answer, FetchError> {
    let (scope, mut request) = request(chain, form.to_owned())?;
    let body = Segments::from(request.body().clone());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let unsigned = Unsigned {
        method: &method,
        uri: &uri,
        headers: request.headers_mut(),
        body: &body,
    };
    key.sign(unsigned, now);
    fetcher.ask(PLACE, scope, request, LIMIT).await
}

fn request(chain: &Chain, form: String) -> Result<(HostScope, Request<Bytes>), FetchError> {
    let (scope, uri) = endpoint(chain)?;
    let mut request = Request::new(Bytes::from(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    Ok((scope, request))
}

fn found(answer: &Answer) -> Result<Found, FetchError> {
    if answer.status.is_success() {
        return of_xml(PLACE, answer);
    }
    let body = String::from_utf8_lossy(&answer.body);
    let is_word = |it: &&str| it.len() <= 64 && it.bytes().all(|it| it.is_ascii_alphanumeric());
    let code = element(&body, "Code").filter(is_word);
    Err(FetchError::Refused {
        place: PLACE,
        status: answer.status,
        blame: code.filter(|it| *it == "AccessDenied").map(|_| ROLE),
        code: code.map(str::to_owned),
    })
}

/// The service of the identity's region, unless the environment names another.
fn endpoint(chain: &Chain) -> Result<(HostScope, Uri), FetchError> {
    let named = chain
        .variable("AWS_ENDPOINT_URL_STS")
        .or_else(|| chain.variable("AWS_ENDPOINT_URL"));
    let region = &chain.identity.scope.region;
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let (scope, address) = match named {
        Some(address) => (HostScope::Operator, address.to_owned()),
        None => (
            HostScope::Public,
            format!("https://sts.{region}.amazonaws.com{suffix}/"),
        ),
    };
    let unusable = || FetchError::Unusable("the address of AWS's token service is none".to_owned());
    Ok((scope, address.parse().map_err(|_| unusable())?))
}
