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
    Cow::Owned(match measured(&error.message) {
        Some((tokens, most)) => format!("{TOO_LONG}: {tokens} tokens > {most} maximum"),
        None => format!("{TOO_LONG}: {}", error.message),
    })
}

/// How long a prompt is and how long it may be, from a vendor's own words: the bound is the number
/// after the word for it, and the prompt is longer than that.
fn measured(message: &str) -> Option<(u64, u64)> {
    let numbers = |text: &str| -> Vec<u64> {
        let words = text.split(|it: char| !it.is_ascii_digit());
        words.filter_map(|it| it.parse().ok()).collect()
    };
    let all = numbers(message);
    let tokens = *all.iter().max()?;
    let bound = ["maximum", "allowed", "limit", "context size"]
        .iter()
        .filter_map(|word| message.split_once(word))
        .find_map(|(_, rest)| numbers(rest).first().copied());
    let most = bound
        .filter(|it| *it < tokens)
        .or_else(|| all.into_iter().filter(|it| *it < tokens).max())?;
    Some((tokens, most))
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
            filtered: None,
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
        let long = "This model's maximum context length is 4096 tokens. However, you requested 5500 tokens (4500 in the messages, 1000 in the completion).";
        assert_eq!(
            said(long, None),
            "prompt is too long: 5500 tokens > 4096 maximum"
        );
        let gemini = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).";
        assert_eq!(
            said(gemini, Some("context_length_exceeded")),
            "prompt is too long: 1200000 tokens > 1048576 maximum"
        );
        let llama =
            "the request exceeds the available context size (4096 tokens), try increasing it: 5000";
        assert_eq!(
            said(llama, Some("context_length_exceeded")),
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
