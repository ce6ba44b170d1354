//! Errors as clients of Responses know them.

use bytes::Bytes;

use super::frames;
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::json::{Json, Object};

/// The word for a fault; clients tell by it whether to try again.
fn code(fault: Fault) -> &'static str {
    match fault {
        Fault::RateLimited => "rate_limit_exceeded",
        Fault::Quota => "insufficient_quota",
        Fault::ContextLength => "context_length_exceeded",
        Fault::BadRequest | Fault::ContentFilter => "invalid_prompt",
        Fault::Overloaded => "server_is_overloaded",
        _ => "server_error",
    }
}

/// The `error` of a response that failed.
pub(super) fn object(fault: Fault, error: &ErrorBody) -> Object<'_> {
    Object::new()
        .with("code", code(fault))
        .with("message", error.message.as_str())
}

/// The event with that number that ends a stream without a response.
pub(crate) fn event(fault: Fault, error: &ErrorBody, number: u64) -> Bytes {
    let or_null = |it: Option<&str>| it.map_or(Json::Null, |it| it.to_owned().into());
    let code = error.code.as_deref().unwrap_or(code(fault));
    let mut out = Vec::new();
    frames::begin("error", number, &mut out);
    frames::member("code", &code.into(), &mut out);
    frames::member("message", &error.message.as_str().into(), &mut out);
    frames::member("param", &or_null(error.param.as_deref()), &mut out);
    frames::end(&mut out);
    out.into()
}
