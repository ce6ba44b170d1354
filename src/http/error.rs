//! Every error → status, OpenAI body, retry advice. The only such map.
//!
//! A message says who failed, what was tried and what to do; it never holds a
//! key, an upstream's address or an upstream's raw body. A vendor's own error
//! about the request itself is passed on in its parsed fields. Of one about our
//! account only the class is passed on: its text may name the operator's organisation.

pub mod admin;
mod refusals;

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use tollward_wire::dialect::Dialect;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

use crate::http::headers;
use crate::http::ingress::IngressError;
use crate::limits::Standing;
use crate::pipeline::attempt::AttemptError;
use crate::pipeline::settle::Way;
use crate::upstream::health::LONGEST_REST;
use crate::upstream::upload::UploadError;

/// An error as the client gets it.
#[derive(Debug)]
pub struct Problem {
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's body.
    pub body: ErrorBody,
    source: Source,
    retry: Retry,
    closes: bool,
    /// How a call came to it.
    way: Option<Way>,
    /// How the limit stands that it met.
    standing: Option<Standing>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Gateway,
    Upstream,
}

/// What we tell the client's SDK about trying again.
#[derive(Clone, Copy, Debug)]
enum Retry {
    /// The status says it.
    AsStatus,
    /// Not before this.
    After(Duration),
    /// Another try cannot help.
    Never,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, code: &str, message: impl Into<String>) -> Self {
        let body = ErrorBody {
            message: message.into(),
            kind: kind.into(),
            param: None,
            code: Some(code.into()),
            filtered: None,
        };
        Self {
            status,
            body,
            source: Source::Gateway,
            retry: Retry::AsStatus,
            closes: false,
            way: None,
            standing: None,
        }
    }

    fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            code,
            message,
        )
    }

    /// The error's code.
    pub fn code(&self) -> &str {
        self.body.code.as_deref().unwrap_or_default()
    }

    fn about(mut self, param: impl Into<String>) -> Self {
        self.body.param = Some(param.into());
        self
    }

    fn closing(self) -> Self {
        Self {
            closes: true,
            ..self
        }
    }
}

impl From<AttemptError> for Problem {
    fn from(error: AttemptError) -> Self {
        if let Some(upload) = error.upload {
            return IngressError::from(upload).into();
        }
        let status = status_of(&error);
        let retry = match error.fault {
            // Calls that run have what is left of a budget.
            Fault::Quota if error.is_ours && error.retry_after.is_some() => {
                error.retry_after.map_or(Retry::Never, Retry::After)
            }
            Fault::RateLimited | Fault::Overloaded => {
                // Whoever has to wait longer is asked again by us before, and others may be free by then.
                let wait = error.retry_after.map(|it| it.min(LONGEST_REST));
                wait.map_or(Retry::AsStatus, Retry::After)
            }
            Fault::Quota | Fault::Auth | Fault::NotFound | Fault::ForbiddenAddress => Retry::Never,
            _ => Retry::AsStatus,
        };
        let retry = match (error.fault, retry) {
            (Fault::Overloaded, Retry::AsStatus) => Retry::After(Duration::from_secs(5)),
            (_, retry) => retry,
        };
        let body = match &error.error {
            Some(told) if error.is_ours => told.clone(),
            Some(told) if is_about_the_request(error.fault) => ErrorBody {
                code: code_of(error.fault, told),
                ..told.clone()
            },
            Some(told) if is_about_our_account(error.fault) => {
                classed_as(error.fault, told, describe(&error))
            }
            _ => describe(&error),
        };
        Self {
            status,
            body,
            source: if error.is_ours || error.trail.attempts.is_empty() {
                Source::Gateway
            } else {
                Source::Upstream
            },
            retry,
            closes: false,
            way: error.way,
            standing: None,
        }
    }
}

/// Faults about the request itself: the vendor's words help the caller.
fn is_about_the_request(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::BadRequest
            | Fault::ContextLength
            | Fault::ContentFilter
            | Fault::ForeignCipher
            | Fault::Misgenerated
    )
}

/// Faults about the operator's account: the vendor's words are the operator's business,
/// its class steers the caller's SDK.
fn is_about_our_account(fault: Fault) -> bool {
    matches!(fault, Fault::RateLimited | Fault::Quota)
}

/// Our own words under the vendor's class.
fn classed_as(fault: Fault, told: &ErrorBody, own: ErrorBody) -> ErrorBody {
    ErrorBody {
        kind: told.kind.clone(),
        code: code_of(fault, told),
        ..own
    }
}

/// The code of a fault that programs act upon is `OpenAI`'s, whoever failed and however they
/// number it; of other refusals it is the vendor's own.
fn code_of(fault: Fault, told: &ErrorBody) -> Option<String> {
    const OPENAIS: [&str; 2] = ["billing_hard_limit_reached", "content_policy_violation"];
    match fault {
        Fault::ContextLength | Fault::ContentFilter | Fault::RateLimited | Fault::Quota => {
            let known = told.code.as_deref().filter(|it| OPENAIS.contains(it));
            Some(known.unwrap_or(fault.code()).to_owned())
        }
        _ => told.code.clone(),
    }
}

fn describe(error: &AttemptError) -> ErrorBody {
    let kind = match error.fault {
        Fault::RateLimited => "rate_limit_exceeded",
        Fault::Quota => "insufficient_quota",
        Fault::BadRequest
        | Fault::ContextLength
        | Fault::ContentFilter
        | Fault::ForeignCipher
        | Fault::Misgenerated
        | Fault::NotFound => "invalid_request_error",
        _ => "upstream_error",
    };
    let limit = match error.fault {
        Fault::Timeout(phase) => format!("; the {} limit was met", phase.name()),
        _ => String::new(),
    };
    ErrorBody {
        message: format!("{error}{limit}"),
        kind: kind.into(),
        param: None,
        code: Some(error.fault.code().into()),
        filtered: None,
    }
}

/// What the books say of a call whose client left; nobody is answered with it.
/// The number is the one that nginx made customary.
pub const CLIENT_GONE: u16 = 499;
/// The status of a call that the shutdown ended before it had an answer.
pub const DRAINING: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// The status of a call that no deployment answered.
pub fn status_of(error: &AttemptError) -> StatusCode {
    if let Some(upload) = &error.upload {
        return refusals::of_body(&upload.clone().into()).0;
    }
    match error.fault {
        Fault::BadRequest
        | Fault::ContextLength
        | Fault::ContentFilter
        | Fault::ForeignCipher
        | Fault::Misgenerated => error
            .status
            .filter(StatusCode::is_client_error)
            .unwrap_or(StatusCode::BAD_REQUEST),
        Fault::NotFound => StatusCode::NOT_FOUND,
        Fault::RateLimited | Fault::Quota => StatusCode::TOO_MANY_REQUESTS,
        Fault::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Fault::Server if error.status == Some(StatusCode::SERVICE_UNAVAILABLE) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Fault::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        // Auth is about our credential, not the caller's, hence not 401 (faults U-18).
        Fault::Auth
        | Fault::Server
        | Fault::Unreachable
        | Fault::Dns
        | Fault::Tls
        | Fault::ForbiddenAddress
        | Fault::Redirect
        | Fault::Protocol
        | Fault::Truncated
        | Fault::Incomplete
        | Fault::Empty
        | Fault::EventTooLarge
        | Fault::Cancelled => StatusCode::BAD_GATEWAY,
    }
}

/// The code of what was wrong with a body that was being passed on.
pub fn code_of_upload(error: &UploadError) -> &'static str {
    refusals::of_body(&error.clone().into()).1
}

/// The answer for `problem`.
pub fn respond(problem: &Problem, request_id: &HeaderValue) -> Response {
    respond_in(Dialect::OpenAiChat, problem, request_id)
}

/// The answer for `problem` in the words of the caller's API.
pub fn respond_in(dialect: Dialect, problem: &Problem, request_id: &HeaderValue) -> Response {
    let body = dialect.error_body(problem.status.as_u16(), &problem.body);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = problem.status;
    let head = response.headers_mut();
    head.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    head.insert(headers::REQUEST_ID, request_id.clone());
    if dialect == Dialect::Anthropic {
        headers::name_for_anthropic(head);
    }
    let source = match problem.source {
        Source::Gateway => "gateway",
        Source::Upstream => "upstream",
    };
    head.insert(headers::ERROR_SOURCE, HeaderValue::from_static(source));
    if let Some(way) = &problem.way {
        headers::describe_way(head, way);
    }
    if let Some(standing) = &problem.standing {
        headers::describe_limits(head, standing);
    }
    match problem.retry {
        Retry::AsStatus => {}
        Retry::After(wait) => {
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            head.insert(
                header::RETRY_AFTER,
                HeaderValue::from(millis.div_ceil(1_000)),
            );
            head.insert("retry-after-ms", HeaderValue::from(millis));
        }
        Retry::Never => {
            head.insert(headers::SHOULD_RETRY, HeaderValue::from_static("false"));
        }
    }
    if problem.closes {
        head.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What the event that ends a broken stream says.
///
/// SDKs raise their error class on it. After content was delivered there is no
/// other way to tell: the status line is long gone.
pub fn stream_error(fault: Fault, error: Option<ErrorBody>) -> ErrorBody {
    let (code, message) = match fault {
        Fault::Cancelled => (
            "server_draining",
            "the gateway is shutting down; the answer is incomplete".to_owned(),
        ),
        Fault::Timeout(phase) => (
            fault.code(),
            format!(
                "the upstream met the {} limit; the answer is incomplete",
                phase.name()
            ),
        ),
        _ => (
            fault.code(),
            "the upstream broke off; the answer is incomplete".to_owned(),
        ),
    };
    let own = ErrorBody {
        message,
        kind: "upstream_error".into(),
        param: None,
        code: Some(code.into()),
        filtered: None,
    };
    match (error, fault) {
        (Some(told), fault) if is_about_our_account(fault) => classed_as(fault, &told, own),
        // That our credential or our name of a model is refused is between the vendor and the operator.
        (Some(_), Fault::Auth | Fault::NotFound) | (None, _) => own,
        (Some(told), fault) => ErrorBody {
            code: code_of(fault, &told),
            ..told
        },
    }
}

/// Nothing is served at this path.
pub async fn no_such_route(uri: http::Uri) -> Response {
    let path = uri.path();
    let dialect = if path.starts_with("/api/") {
        Dialect::Ollama
    } else if path.starts_with("/v1/messages/") {
        Dialect::Anthropic
    } else if path.starts_with("/v1beta/") || path.starts_with("/v1/models/") {
        Dialect::Gemini
    } else {
        Dialect::OpenAiChat
    };
    let where_else = if path.starts_with("/v1") {
        ""
    } else {
        "; the API is below /v1"
    };
    let message = format!("there is nothing at `{path}`{where_else}");
    respond_in(
        dialect,
        &Problem::new(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "unknown_url",
            message,
        ),
        &headers::fresh_id(),
    )
}

/// The path is served, but not by this method, or not over a websocket: Codex asks for one at
/// `/v1/responses` and falls back to plain HTTP at once for 426, but only after five tries for 405.
pub async fn no_such_method(method: http::Method, headers: http::HeaderMap) -> Response {
    let status = if headers.contains_key(http::header::UPGRADE) {
        StatusCode::UPGRADE_REQUIRED
    } else {
        StatusCode::METHOD_NOT_ALLOWED
    };
    let message = format!("{method} is not served here");
    let problem = Problem::new(
        status,
        "invalid_request_error",
        "method_not_allowed",
        message,
    );
    respond(&problem, &headers::fresh_id())
}

/// A handler panicked. The panic itself is on standard error; the log names the request that met it.
pub fn panicked() -> Response {
    let id = headers::fresh_id();
    tracing::error!(request.id = ?id, "a handler panicked");
    let problem = Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "server_error",
        "internal_error",
        "the gateway failed; please report the request id",
    );
    respond(&problem, &id)
}

#[cfg(test)]
mod tests;
