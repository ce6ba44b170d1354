//! Our own refusals, one conversion for each stage of a call.

use std::time::Duration;

use http::StatusCode;
use tollward_wire::document::FieldError;
use tollward_wire::realtime::EventError;

use super::{DRAINING, Problem, Retry};
use crate::bill::reports::ReportError;
use crate::http::ingress::IngressError;
use crate::http::organization::UsageError;
use crate::http::responses::ResponseError;
use crate::idempotency::IdempotencyError;
use crate::limits::TooFast;
use crate::limits::meter::Measure;
use crate::pipeline::ServeError;
use crate::pipeline::admit::AdmitError;
use crate::pipeline::authenticate::AuthError;
use crate::pipeline::explain::ExplainError;
use crate::pipeline::passthrough::PassthroughError;
use crate::pipeline::recall::RecallError;
use crate::pipeline::reserve::ReserveError;
use crate::pipeline::route::RouteError;
use crate::policy::obstacle::Obstacle;

impl From<IngressError> for Problem {
    fn from(error: IngressError) -> Self {
        let (status, code) = of_body(&error);
        Self::new(status, "invalid_request_error", code, error.to_string()).closing()
    }
}

/// The status and the code of a body that is not taken.
pub(super) fn of_body(error: &IngressError) -> (StatusCode, &'static str) {
    match error {
        IngressError::MediaType | IngressError::NeitherFormNorJson | IngressError::Encoding => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
        }
        IngressError::TooLarge { .. } | IngressError::LateModel { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large")
        }
        IngressError::Slow => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
        IngressError::Broken => (StatusCode::BAD_REQUEST, "incomplete_body"),
        IngressError::NotWebsocket => (StatusCode::UPGRADE_REQUIRED, "upgrade_required"),
        IngressError::CrossSite | IngressError::AdminHost => {
            (StatusCode::FORBIDDEN, "cross_site_request")
        }
        IngressError::Handshake(_) => (StatusCode::BAD_REQUEST, "invalid_handshake"),
        IngressError::Form(_) => (StatusCode::BAD_REQUEST, "invalid_form"),
        IngressError::Header { .. } => (StatusCode::BAD_REQUEST, "invalid_header"),
    }
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Auth(error) => error.into(),
            ServeError::Admit(AdmitError::Ingress(error)) => error.into(),
            ServeError::Admit(AdmitError::Document(error)) => {
                Self::invalid(error.code(), error.to_string())
            }
            ServeError::Admit(AdmitError::Field(error)) => error.into(),
            ServeError::Admit(AdmitError::TooFast(error)) => (*error).into(),
            ServeError::Admit(
                error @ (AdmitError::Overloaded
                | AdmitError::Crowded
                | AdmitError::Deferred
                | AdmitError::Full
                | AdmitError::LedgerUnavailable),
            ) => {
                let (code, wait) = match error {
                    AdmitError::LedgerUnavailable => ("ledger_unavailable", 2),
                    AdmitError::Deferred => ("batch_deferred", 10),
                    _ => ("overloaded", 2),
                };
                let message = format!("{error}; try again in a moment");
                Self {
                    retry: Retry::After(Duration::from_secs(wait)),
                    ..Self::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "server_error",
                        code,
                        message,
                    )
                }
            }
            ServeError::Route(error) => error.into(),
            ServeError::Recall(error) => error.into(),
            ServeError::Idempotency(error) => error.into(),
            ServeError::Passthrough(error) => error.into(),
            ServeError::Reserve(error) => error.into(),
            ServeError::Attempt(error) => (*error).into(),
            ServeError::Draining => Self {
                retry: Retry::After(Duration::from_secs(1)),
                closes: true,
                ..Self::new(
                    DRAINING,
                    "server_error",
                    "server_draining",
                    error.to_string(),
                )
            },
        }
    }
}

impl From<EventError> for Problem {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Document(error) => Self::invalid(error.code(), error.to_string()),
            EventError::Field(error) => error.into(),
        }
    }
}

impl From<PassthroughError> for Problem {
    fn from(error: PassthroughError) -> Self {
        let message = error.to_string();
        match error {
            PassthroughError::NotAllowed => Self::new(
                StatusCode::FORBIDDEN,
                "invalid_request_error",
                "passthrough_not_allowed",
                message,
            ),
            PassthroughError::Guarded(_) => Self::new(
                StatusCode::FORBIDDEN,
                "invalid_request_error",
                "excluded_by_policy",
                message,
            ),
            PassthroughError::Path => Self::invalid("invalid_path", message),
            PassthroughError::UnknownProvider => {
                Self::invalid("unknown_provider", message).about("x-tollward-provider")
            }
        }
    }
}

impl From<TooFast> for Problem {
    fn from(error: TooFast) -> Self {
        let kind = match error.wait.measure {
            Measure::Requests | Measure::Parallel => "requests",
            Measure::Tokens | Measure::InputTokens | Measure::OutputTokens => "tokens",
        };
        let wait = error.retry_after();
        let message = format!("{error}; try again in {} s", wait.as_secs_f64().ceil());
        Self {
            retry: Retry::After(wait),
            standing: Some(error.standing),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                kind,
                "rate_limit_exceeded",
                message,
            )
        }
    }
}

impl From<ReserveError> for Problem {
    fn from(error: ReserveError) -> Self {
        let told = error.to_string();
        let retry = error.retry_after();
        let advice = error.advice();
        let (status, kind, code) = match error {
            ReserveError::Exhausted { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "insufficient_quota",
                "insufficient_quota",
            ),
            ReserveError::Reserved { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "budget_reserved",
            ),
            ReserveError::Unpriced { .. } => (
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                "model_unpriced",
            ),
            ReserveError::Unbounded { .. } => (
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                "cost_unbounded",
            ),
            ReserveError::Crowded { .. } => (
                StatusCode::FORBIDDEN,
                "invalid_request_error",
                "too_many_budgets",
            ),
            ReserveError::Unrecorded | ReserveError::Unanswered(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "server_error",
                "ledger_unavailable",
            ),
        };
        Self {
            retry: retry.map_or(Retry::Never, Retry::After),
            ..Self::new(status, kind, code, format!("{told}{advice}"))
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid("invalid_value", error.to_string()).about(error.field)
    }
}

impl From<RecallError> for Problem {
    fn from(error: RecallError) -> Self {
        let message = error.to_string();
        match error {
            RecallError::Field(error) => error.into(),
            RecallError::Unknown { .. } | RecallError::Elsewhere { .. } => {
                Self::invalid("previous_response_not_found", message).about("previous_response_id")
            }
            RecallError::Unavailable => Self {
                retry: Retry::After(Duration::from_secs(2)),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "server_error",
                    "store_unavailable",
                    message,
                )
            },
        }
    }
}

impl From<IdempotencyError> for Problem {
    fn from(error: IdempotencyError) -> Self {
        let message = error.to_string();
        let of = |status, kind, code| Self::new(status, kind, code, message);
        match error {
            IdempotencyError::Reused => of(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_request_error",
                "idempotency_key_reused",
            ),
            IdempotencyError::InUse => Self {
                retry: Retry::After(Duration::from_secs(1)),
                ..of(
                    StatusCode::CONFLICT,
                    "invalid_request_error",
                    "idempotency_key_in_use",
                )
            },
            IdempotencyError::Unavailable => Self {
                retry: Retry::After(Duration::from_secs(2)),
                ..of(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "server_error",
                    "store_unavailable",
                )
            },
        }
    }
}

impl From<ResponseError> for Problem {
    fn from(error: ResponseError) -> Self {
        let message = error.to_string();
        match error {
            ResponseError::Missing { .. } => Self::new(
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                "response_not_found",
                message,
            )
            .about("response_id"),
            ResponseError::NotCancellable { .. } => {
                Self::invalid("response_not_cancellable", message).about("response_id")
            }
            ResponseError::Recall(error) => error.into(),
            ResponseError::Serve(error) => error.into(),
        }
    }
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Serve(error) => error.into(),
            UsageError::Field(error) => error.into(),
            UsageError::Report(error) => {
                let code = match error {
                    ReportError::Busy => "overloaded",
                    ReportError::Late | ReportError::Store(_) => "store_unavailable",
                };
                Self {
                    retry: Retry::After(Duration::from_secs(2)),
                    ..Self::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "server_error",
                        code,
                        error.to_string(),
                    )
                }
            }
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let unauthorized = |message| {
            Self::new(
                StatusCode::UNAUTHORIZED,
                "invalid_request_error",
                "invalid_api_key",
                message,
            )
        };
        match error {
            AuthError::Missing => unauthorized(
                "no API key was given; send a virtual key as `Authorization: Bearer tw-…`",
            ),
            AuthError::Invalid => unauthorized(
                "the API key is not valid; ask the operator of this gateway for a virtual key",
            ),
            AuthError::Ambiguous => Self::invalid("ambiguous_credentials", error.to_string()),
            AuthError::TooManyFailures => Self {
                retry: Retry::After(Duration::from_secs(60)),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "requests",
                    "rate_limit_exceeded",
                    error.to_string(),
                )
            },
        }
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        let message = error.to_string();
        match error {
            ExplainError::Malformed(_) => Self::invalid("invalid_json", message),
            ExplainError::Operation(_) => {
                Self::invalid("invalid_value", message).about("operation")
            }
            ExplainError::Deployment { .. } => {
                Self::invalid("deployment_not_found", message).about("deployment")
            }
            ExplainError::Key(_) => Self::invalid("key_not_found", message).about("key"),
            ExplainError::Admit(error) => ServeError::from(error).into(),
            ExplainError::Route(error) => error.into(),
        }
    }
}

impl From<RouteError> for Problem {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::UnknownModel { ref meant, .. } => {
                let meant = meant.as_ref().map(|it| format!("did you mean `{it}`? "));
                let meant = meant.unwrap_or_default();
                let message =
                    format!("{error}; {meant}GET /v1/models lists the models of this key");
                let problem = Self::new(
                    StatusCode::NOT_FOUND,
                    "invalid_request_error",
                    "model_not_found",
                    message,
                );
                problem.about("model")
            }
            RouteError::NotServed { .. } => {
                Self::invalid("unsupported_operation", error.to_string())
            }
            RouteError::Elsewhere { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "invalid_request_error",
                "excluded_by_policy",
                error.to_string(),
            ),
            RouteError::Excluded { ref obstacle, .. } => excluded(obstacle, error.to_string()),
        }
    }
}

/// Of all deployments of a model none may answer, the first for that reason.
fn excluded(obstacle: &Obstacle, message: String) -> Problem {
    let (status, kind, code) = match obstacle {
        Obstacle::Drained | Obstacle::Broken(_) | Obstacle::Resting(..) | Obstacle::Refused(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "server_error",
            "deployments_drained",
        ),
        Obstacle::Forbidden
        | Obstacle::NotServed
        | Obstacle::Condition
        | Obstacle::Guard(_)
        | Obstacle::Lacks(_)
        | Obstacle::TooLong(..)
        | Obstacle::TooDear(_) => (
            StatusCode::FORBIDDEN,
            "invalid_request_error",
            "excluded_by_policy",
        ),
    };
    Problem::new(status, kind, code, message)
}
