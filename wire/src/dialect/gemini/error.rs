//! Errors as Google's clients know them: an HTTP status, its name, and a reason in the details.

use bytes::Bytes;

use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::json::{Json, Object};

/// The name that goes with an HTTP status: that of `google.rpc.Code`, and for statuses that have
/// none the one that gRPC takes them for (`http-grpc-status-mapping.md`, read 2026-11).
const fn name(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 | 501 => "UNIMPLEMENTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        499 => "CANCELLED",
        400..499 => "INVALID_ARGUMENT",
        502 | 503 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}

/// The HTTP status that an event states for a fault; the status line is gone by then.
const fn status_of(fault: Fault) -> u16 {
    match fault {
        Fault::BadRequest | Fault::ContextLength | Fault::ContentFilter => 400,
        Fault::RateLimited | Fault::Quota => 429,
        Fault::Overloaded | Fault::Cancelled => 503,
        Fault::Timeout(_) => 504,
        _ => 502,
    }
}

/// The answer to a request that failed with this HTTP status.
pub(crate) fn answer(status: u16, error: &ErrorBody) -> Bytes {
    body(status, error).to_bytes()
}

/// The event that ends a broken stream: SDKs know it by its first letters.
pub(crate) fn event(fault: Fault, error: &ErrorBody) -> Bytes {
    let mut out = b"data: ".to_vec();
    body(status_of(fault), error).write(&mut out);
    out.extend_from_slice(super::emit::END);
    out.into()
}

fn body(status: u16, error: &ErrorBody) -> Json<'_> {
    // Google's own names say more than the number: a precondition is a 400 too.
    let own = Some(error.kind.as_str()).filter(|it| is_name(it));
    let it = Object::new()
        .with("code", u64::from(status))
        .with("message", error.message.as_str())
        .with("status", own.unwrap_or(name(status)))
        .with("details", details(error));
    Object::new().with("error", it).into()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_uppercase() || it == b'_')
}

/// The code and the field as `google.rpc.ErrorInfo` has them; a code that is a number says nothing new.
fn details(error: &ErrorBody) -> Vec<Json<'_>> {
    let code = error.code.as_deref().unwrap_or_default();
    if !code.bytes().any(|it| it.is_ascii_alphabetic()) {
        return Vec::new();
    }
    let field = error.param.as_deref();
    let field = field.map(|it| Object::new().with("field", it));
    let info = Object::new()
        .with("@type", "type.googleapis.com/google.rpc.ErrorInfo")
        .with("reason", code.to_ascii_uppercase())
        .with("domain", "tollward")
        .with_some("metadata", field);
    vec![info.into()]
}
