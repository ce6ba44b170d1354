//! Keys for a web identity, from AWS's token service: what EKS gives a pod with a role.
//!
//! Source: `AssumeRoleWithWebIdentity` in the service model `sts` 2011-06-15 of botocore 1.44
//! (read 2026-11).

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use tollward_providers::HostScope;
use url::form_urlencoded::Serializer;

use super::document::{element, of_xml};
use super::{Chain, Found, text};
use crate::credentials::fetcher::{FetchError, Fetcher};

/// Who is asked, for errors.
const PLACE: &str = "AWS's token service";
/// It answers within this.
const LIMIT: Duration = Duration::from_secs(5);

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
        let session = chain
            .variable("AWS_ROLE_SESSION_NAME")
            .unwrap_or("tollward");
        Some(Self {
            token_file,
            role,
            session: session.to_owned(),
        })
    }
}

/// Takes the role.
pub(super) async fn assume(
    chain: &Chain,
    fetcher: &Fetcher,
    identity: &WebIdentity,
) -> Result<Found, FetchError> {
    // The file is renewed under its name, so it is read each time.
    let token = text(&identity.token_file, "the web identity's token file").await?;
    let form = Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &identity.role)
        .append_pair("RoleSessionName", &identity.session)
        .append_pair("WebIdentityToken", token.trim())
        .finish();
    let (scope, uri) = endpoint(chain)?;
    let mut request = Request::new(Bytes::from(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    let answer = fetcher.ask(PLACE, scope, request, LIMIT).await?;
    if !answer.status.is_success() {
        let body = String::from_utf8_lossy(&answer.body);
        let is_word = |it: &&str| it.len() <= 64 && it.bytes().all(|it| it.is_ascii_alphanumeric());
        return Err(FetchError::Refused {
            place: PLACE,
            status: answer.status,
            code: element(&body, "Code").filter(is_word).map(str::to_owned),
        });
    }
    of_xml(PLACE, &answer)
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
