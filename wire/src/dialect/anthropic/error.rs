//! Errors as Anthropic's clients know them.

use std::borrow::Cow;

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
    emit::event("error", &body(kind(fault), &wording(error)), &mut out);
    out.into()
}

/// The answer to a request that failed with this HTTP status.
pub fn answer(status: u16, error: &ErrorBody) -> Bytes {
    body(kind_of_status(status), &wording(error)).to_bytes()
}

/// What an error says. That a prompt is too long, clients look for in Anthropic's own words:
/// they then shorten the conversation and try again.
fn wording(error: &ErrorBody) -> Cow<'_, str> {
    const TOO_LONG: &str = "prompt is too long";
    let is_too_long = Fault::from_error(error) == Some(Fault::ContextLength);
    if !is_too_long || error.message.starts_with(TOO_LONG) {
        return Cow::Borrowed(&error.message);
    }
    let mut numbers: Vec<u64> = error
        .message
        .split(|it: char| !it.is_ascii_digit())
        .filter_map(|it| it.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    Cow::Owned(match numbers.as_slice() {
        [.., most, tokens] => format!("{TOO_LONG}: {tokens} tokens > {most} maximum"),
        _ => format!("{TOO_LONG}: {}", error.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str, code: Option<&str>) -> String {
        let error = ErrorBody {
            message: message.to_owned(),
            kind: "invalid_request_error".to_owned(),
            param: None,
            code: code.map(str::to_owned),
        };
        wording(&error).into_owned()
    }

    // trap 40
    #[test]
    fn a_prompt_that_is_too_long_is_said_in_the_words_that_clients_look_for() {
        let openai = "This model's maximum context length is 8192 tokens. However, your messages resulted in 10000 tokens.";
        let expected = "prompt is too long: 10000 tokens > 8192 maximum";
        assert_eq!(said(openai, Some("context_length_exceeded")), expected);
        let vllm = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).";
        assert_eq!(
            said(vllm, None),
            "prompt is too long: 5000 tokens > 4096 maximum"
        );
        let bare = said("too big", Some("context_length_exceeded"));
        assert_eq!(bare, "prompt is too long: too big");
        assert_eq!(
            said("be nice to 4096 people", None),
            "be nice to 4096 people"
        );
    }
}
