//! Reading a vendor's refusal.
//!
//! The order of evidence is: machine-readable code, then status, then the few texts by
//! which servers without codes report an over-long prompt. No number is ever looked for in
//! a message, because vendors quote the prompt there. How long to wait is `retry_after`'s
//! business.

mod retry_after;
#[cfg(test)]
mod tests;

use http::{HeaderMap, StatusCode};
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

pub use self::retry_after::RetryAfter;

/// Why a vendor refused, and when it may be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class of the refusal.
    pub fault: Fault,
    /// What the vendor said; `None` if it said nothing readable.
    pub error: Option<ErrorBody>,
    /// When the vendor wants to be asked again; `None` if it does not say.
    pub retry_after: Option<RetryAfter>,
}

impl Failure {
    /// Classifies an answer by the rules common to the OpenAI-compatible vendors.
    pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let error = ErrorBody::parse(body);
        Failure {
            fault: classify(status, error.as_ref()),
            retry_after: retry_after::read(headers),
            error,
        }
    }
}

fn classify(status: StatusCode, error: Option<&ErrorBody>) -> Fault {
    let by_status = Fault::from_status(status.as_u16()).unwrap_or(Fault::Protocol);
    match error.and_then(Fault::from_error) {
        Some(named) if outranks(named, by_status) => named,
        // An item of the conversation is not found, and not the model.
        Some(Fault::BadRequest)
            if by_status == Fault::NotFound && error.is_some_and(is_about_input) =>
        {
            Fault::BadRequest
        }
        _ => by_status,
    }
}

/// Whether an error is about what was said: `OpenAI` answers 404 for an item that it does not keep.
///
/// Source: vercel/ai issue 7543, openai/openai-agents-python issue 919 (read 2026-11).
fn is_about_input(error: &ErrorBody) -> bool {
    error.kind == "invalid_request_error" && error.param.as_deref() == Some("input")
}

/// Whether a body that names one fault is believed against a status that says another.
///
/// Never across the line between "asking again may help" and "it will not" in the wrong
/// direction: a body cannot make a redirect or a refused key worth a retry.
fn outranks(named: Fault, by_status: Fault) -> bool {
    match by_status {
        // Moderation and spent credit come as 403 too.
        Fault::Auth => matches!(named, Fault::ContentFilter | Fault::Quota),
        // A spent quota comes as 429 and must not look like something that passes.
        Fault::RateLimited => matches!(named, Fault::Quota | Fault::Overloaded),
        // Within 4xx a code is more exact than the status.
        Fault::BadRequest | Fault::NotFound => matches!(
            named,
            Fault::ContextLength
                | Fault::ForeignCipher
                | Fault::Misgenerated
                | Fault::ContentFilter
                | Fault::NotFound
                | Fault::Quota
                | Fault::RateLimited
                | Fault::Auth
        ),
        // Within 5xx a code may say that the prompt was too long or capacity was short.
        Fault::Server | Fault::Overloaded => {
            matches!(named, Fault::ContextLength | Fault::Overloaded)
        }
        _ => false,
    }
}
