//! Why the admin API says no. Statuses and codes are decided in `http/error/admin`.

use axum::response::{IntoResponse, Response};
use tollward_wire::document::DocumentError;

use super::body::FieldsError;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::IngressError;
use crate::registrar::error::RegisterError;

/// Why a request to the admin API is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Who asks is not known.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The body was not read.
    #[error(transparent)]
    Ingress(#[from] IngressError),
    /// The body is not JSON that two parsers would read alike.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The body is no JSON object.
    #[error("the body is no JSON object: {0}")]
    Json(String),
    /// A field, or a parameter of the address, is wrong.
    #[error(transparent)]
    Fields(#[from] FieldsError),
    /// What was asked for is not found, not allowed or not possible.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// There was no credential.
    #[error(
        "the admin API needs an admin token as `Authorization: Bearer twa-…`; `tollward token create NAME --role owner` on the gateway's machine issues one"
    )]
    Missing,
    /// The credential is of the other kind.
    #[error("this is a virtual key, for models; the admin API takes an admin token (`twa-…`)")]
    VirtualKey,
    /// The token is unknown, expired or revoked.
    #[error("the admin token is not valid")]
    Invalid,
    /// Two different credentials in one request.
    #[error("more than one credential was given")]
    Ambiguous,
    /// Too many bad tokens from this address.
    #[error("too many attempts with bad tokens")]
    TooManyFailures,
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        if let Self::Register(RegisterError::Store(error)) = &self {
            tracing::error!(%error, "the admin API met an error of the store");
        }
        error::respond(&Problem::from(self), &headers::fresh_id())
    }
}
