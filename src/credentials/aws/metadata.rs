//! Keys from a service beside the gateway: a container's endpoint, or the instance's `IMDSv2`.
//!
//! Source: "Container credential provider" and "IMDS credential provider" in the AWS SDKs and tools
//! reference guide, and `utils.py` of botocore 1.44 (read 2026-11).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri};
use tollward_providers::HostScope;

use super::document::of_json;
use super::{Chain, Found, text};
use crate::credentials::fetcher::{Answer, FetchError, Fetcher};

/// Who is asked, for errors.
const CONTAINER: &str = "the container's credential endpoint";
const INSTANCE: &str = "the instance's metadata service";
/// A container's endpoint answers within this.
const CONTAINER_LIMIT: Duration = Duration::from_secs(5);
/// The metadata service is near, or this is no instance.
const INSTANCE_LIMIT: Duration = Duration::from_secs(1);
/// How long a session with the metadata service lasts at most, in seconds; ours ends at once.
const SESSION_SECONDS: HeaderValue = HeaderValue::from_static("21600");
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The keys of the container's role; `None` outside of a container that has one.
pub(super) async fn of_container(
    chain: &Chain,
    fetcher: &Fetcher,
) -> Option<Result<Found, FetchError>> {
    let relative = chain.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let address = match relative {
        Some(path) => format!("http://169.254.170.2{path}"),
        None => chain
            .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")?
            .to_owned(),
    };
    Some(ask_container(chain, fetcher, &address).await)
}

async fn ask_container(
    chain: &Chain,
    fetcher: &Fetcher,
    address: &str,
) -> Result<Found, FetchError> {
    let uri: Uri = address.parse().map_err(|_| {
        FetchError::Unusable("the container's credential address is none".to_owned())
    })?;
    // Without TLS only hosts that are the container's own may be asked.
    let is_encrypted = uri.scheme_str() == Some("https");
    let scope = if is_encrypted {
        HostScope::Operator
    } else {
        HostScope::Metadata
    };
    let mut request = request(Method::GET, uri);
    // The file is renewed under its name, so it is read each time.
    let token = match chain.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(text(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").await?),
        None => chain
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map(str::to_owned),
    };
    if let Some(token) = token {
        let header = secret(
            token.trim(),
            "the container's authorization token cannot be sent",
        )?;
        request
            .headers_mut()
            .insert(http::header::AUTHORIZATION, header);
    }
    let answer = fetcher
        .ask(CONTAINER, scope, request, CONTAINER_LIMIT)
        .await?;
    of_json(CONTAINER, &good(CONTAINER, answer)?)
}

/// The keys of the instance's role.
pub(super) async fn of_instance(chain: &Chain, fetcher: &Fetcher) -> Result<Found, FetchError> {
    let is_off = chain.variable("AWS_EC2_METADATA_DISABLED");
    if is_off.is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        return Err(nowhere());
    }
    let is_ipv6 = chain.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let usual = if is_ipv6.is_some_and(|it| it.eq_ignore_ascii_case("ipv6")) {
        "http://[fd00:ec2::254]"
    } else {
        "http://169.254.169.254"
    };
    let base = chain
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .unwrap_or(usual)
        .trim_end_matches('/');
    let ask = async |method: Method, path: &str, header: (&'static str, HeaderValue)| {
        let uri = format!("{base}{path}").parse();
        let uri = uri.map_err(|_| {
            FetchError::Unusable("the metadata service's address is none".to_owned())
        })?;
        let mut request = request(method, uri);
        request.headers_mut().insert(header.0, header.1);
        let asked = fetcher.ask(INSTANCE, HostScope::Metadata, request, INSTANCE_LIMIT);
        good(INSTANCE, asked.await?)
    };
    let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS);
    let session = ask(Method::PUT, "/latest/api/token", ttl).await;
    // Nobody there: most likely this is no instance, and nothing else was set up either.
    let session = session.map_err(|error| match error {
        FetchError::Unreachable { .. } => nowhere(),
        other => other,
    })?;
    let token = secret(
        &body(&session),
        "the metadata service's session cannot be sent",
    )?;
    let with_session = || ("x-aws-ec2-metadata-token", token.clone());
    let roles = ask(Method::GET, ROLES, with_session()).await?;
    let roles = body(&roles);
    let role = roles
        .lines()
        .next()
        .map(str::trim)
        .filter(|it| !it.is_empty());
    let role = role.ok_or(FetchError::Unreadable {
        place: INSTANCE,
        reason: "the instance has no role",
    })?;
    let keys = ask(Method::GET, &format!("{ROLES}{role}"), with_session()).await?;
    of_json(INSTANCE, &keys)
}

/// All places were looked at.
fn nowhere() -> FetchError {
    let reason = "no AWS credentials were found: not in the environment, the shared files, a web \
                  identity, a container's endpoint or an instance's metadata service";
    FetchError::Unusable(reason.to_owned())
}

fn request(method: Method, uri: Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request
}

fn secret(text: &str, unusable: &str) -> Result<HeaderValue, FetchError> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| FetchError::Unusable(unusable.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn body(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).trim().to_owned()
}

fn good(place: &'static str, answer: Answer) -> Result<Answer, FetchError> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(FetchError::Refused {
        place,
        status: answer.status,
        code: None,
        blame: None,
    })
}
