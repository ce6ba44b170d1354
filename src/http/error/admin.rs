//! Refusals of the admin API.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use tollward_store::StoreError;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use super::{Problem, Retry};
use crate::http::admin::body::FieldsError;
use crate::http::admin::refusal::{AdminError, GateError};
use crate::registrar::error::RegisterError;

/// An error, as all of the gateway's are written.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refusal {
    /// What is wrong.
    error: RefusalBody,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalBody {
    /// For people.
    message: String,
    /// Its class, such as `invalid_request_error`.
    r#type: String,
    /// The field that it is about.
    param: Option<String>,
    /// For programs.
    code: Option<String>,
}

/// The refusals that any route of the admin API may answer with.
pub struct Refusals;

const REFUSALS: [(StatusCode, &str); 11] = [
    (StatusCode::BAD_REQUEST, "Something in the request is wrong"),
    (StatusCode::UNAUTHORIZED, "There is no token that works"),
    (StatusCode::FORBIDDEN, "The token does not allow this"),
    (
        StatusCode::NOT_FOUND,
        "There is none, or none that the token reaches",
    ),
    (StatusCode::REQUEST_TIMEOUT, "The body did not come in time"),
    (StatusCode::CONFLICT, "It is not possible as things are"),
    (StatusCode::PAYLOAD_TOO_LARGE, "The body is too long"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON"),
    (
        StatusCode::TOO_MANY_REQUESTS,
        "There were too many bad tokens",
    ),
    (StatusCode::INTERNAL_SERVER_ERROR, "A defect of the gateway"),
    (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer"),
];

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let body = Ref::from_schema_name("Refusal");
        let content = ContentBuilder::new().schema(Some(body)).build();
        let told = REFUSALS.into_iter().map(|(status, description)| {
            let response = ResponseBuilder::new()
                .description(description)
                .content("application/json", content.clone());
            (status.as_u16().to_string(), response.build().into())
        });
        told.collect()
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Gate(error) => error.into(),
            AdminError::Ingress(error) => error.into(),
            AdminError::Document(error) => Self::invalid(error.code(), error.to_string()),
            AdminError::Json(message) => Self::invalid("invalid_json", message),
            AdminError::Fields(error) => error.into(),
            AdminError::Register(error) => error.into(),
        }
    }
}

impl From<GateError> for Problem {
    fn from(error: GateError) -> Self {
        let kind = "invalid_request_error";
        let message = error.to_string();
        match error {
            GateError::Missing | GateError::VirtualKey | GateError::Invalid => Self::new(
                StatusCode::UNAUTHORIZED,
                kind,
                "invalid_admin_token",
                message,
            ),
            GateError::Ambiguous => Self::invalid("ambiguous_credentials", message),
            GateError::TooManyFailures => Self {
                retry: Retry::After(std::time::Duration::from_secs(60)),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "requests",
                    "rate_limit_exceeded",
                    message,
                )
            },
        }
    }
}

impl From<FieldsError> for Problem {
    fn from(error: FieldsError) -> Self {
        let code = match &error {
            FieldsError::Unknown { .. } => "unknown_field",
            FieldsError::Missing(_) | FieldsError::Value { .. } => "invalid_value",
        };
        let field = error.field().to_owned();
        Self::invalid(code, error.to_string()).about(field)
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        let kind = "invalid_request_error";
        let message = error.to_string();
        let conflict = |code| Self::new(StatusCode::CONFLICT, kind, code, message.clone());
        match error {
            RegisterError::Unknown { .. } => {
                Self::new(StatusCode::NOT_FOUND, kind, "resource_not_found", message)
            }
            RegisterError::Denied { .. } => {
                Self::new(StatusCode::FORBIDDEN, kind, "permission_denied", message)
            }
            RegisterError::Closed { .. } => conflict("account_closed"),
            RegisterError::Ended(_) => conflict("budget_ended"),
            RegisterError::Revoked(_) => conflict("key_revoked"),
            RegisterError::LastOwner(_) => conflict("last_owner"),
            RegisterError::Invalid { field, .. } => {
                Self::invalid("invalid_value", message).about(field)
            }
            RegisterError::Store(StoreError::NameTaken { .. } | StoreError::Taken { .. }) => {
                conflict("name_taken").about("name")
            }
            RegisterError::Store(
                StoreError::InvalidKey { .. } | StoreError::InvalidBudget { .. },
            ) => Self::invalid("invalid_value", message),
            RegisterError::Store(_) => Self {
                retry: Retry::After(std::time::Duration::from_secs(2)),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "server_error",
                    "store_unavailable",
                    "the store does not answer",
                )
            },
        }
    }
}
