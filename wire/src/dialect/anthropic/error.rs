//! Errors as Anthropic's clients know them.

use bytes::Bytes;

use super::emit;
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::json::{Json, Object};

/// The class of a fault in the middle of a stream.
pub fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::RateLimited | Fault::Quota => "rate_limit_error",
        Fault::Overloaded | Fault::Cancelled => "overloaded_error",
        Fault::BadRequest | Fault::ContextLength | Fault::ContentFilter => "invalid_request_error",
        Fault::Timeout(_) => "timeout_error",
        _ => "api_error",
    }
}

/// The class that goes with an HTTP status.
pub fn kind_of_status(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 | 405 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..500 => "invalid_request_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    }
}

/// An error's body.
pub fn body<'a>(kind: &'a str, message: &'a str) -> Json<'a> {
    let error = Object::new().with("type", kind).with("message", message);
    Object::new()
        .with("type", "error")
        .with("error", error)
        .into()
}

/// The event that ends a broken stream.
pub fn event(fault: Fault, error: &ErrorBody) -> Bytes {
    let mut out = Vec::new();
    emit::event("error", &body(kind(fault), &error.message), &mut out);
    out.into()
}
