//! Why an upstream attempt did not end in an answer.
//!
//! The set is closed and vendor-neutral, so that policies can match on it without
//! knowing who answered. What a fault means for the caller (status, message, retry)
//! is decided elsewhere; here it only has a stable [`Fault::code`].

#[cfg(test)]
mod tests;

use crate::error_body::ErrorBody;

/// Why an upstream attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request is wrong in itself; no other deployment would take it.
    BadRequest,
    /// The prompt does not fit the model's context window.
    ContextLength,
    /// The vendor's content policy refused prompt or answer.
    ContentFilter,
    /// A thought in cipher comes from another account than the one that was asked.
    ForeignCipher,
    /// The model wrote what its vendor does not pass on, such as a call that does not fit its schema;
    /// asked again, it may do better.
    Misgenerated,
    /// The vendor does not know the model or the path.
    NotFound,
    /// Our credential was refused.
    Auth,
    /// Our credential has no money or quota left; waiting does not help.
    Quota,
    /// Too many requests or tokens for now; waiting helps.
    RateLimited,
    /// The vendor has no capacity at the moment.
    Overloaded,
    /// The vendor failed.
    Server,
    /// A time limit of ours passed.
    Timeout(Phase),
    /// No connection could be made or kept.
    Unreachable,
    /// The host name did not resolve.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// The host resolved to an address that this deployment must not reach.
    ForbiddenAddress,
    /// The vendor answered with a redirect, which is never followed.
    Redirect,
    /// The answer is not what the protocol says: HTML, malformed JSON, a bad head.
    Protocol,
    /// The answer was cut in the middle.
    Truncated,
    /// The stream ended cleanly but without an end marker or a finish reason.
    Incomplete,
    /// The answer is well formed and has nothing in it.
    Empty,
    /// One streamed event, or what must be remembered of an answer, was larger than we are willing to hold.
    EventTooLarge,
    /// The caller left before the answer was complete.
    Cancelled,
}

/// Which time limit passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Making the connection: looking up the name and TCP; a slow TLS handshake is a [`Fault::Tls`].
    Connect,
    /// From the request sent to the response head.
    FirstByte,
    /// From the response head to the first event with content.
    FirstContent,
    /// Between two pieces of the body.
    Idle,
    /// The whole attempt.
    Total,
}

impl Phase {
    /// The word used in messages and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::FirstByte => "first_byte",
            Self::FirstContent => "first_content",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

impl Fault {
    /// Every fault; one time limit stands for all of them, which have one code.
    pub const ALL: [Fault; 23] = [
        Fault::BadRequest,
        Fault::ContextLength,
        Fault::ContentFilter,
        Fault::ForeignCipher,
        Fault::Misgenerated,
        Fault::NotFound,
        Fault::Auth,
        Fault::Quota,
        Fault::RateLimited,
        Fault::Overloaded,
        Fault::Server,
        Fault::Timeout(Phase::FirstByte),
        Fault::Unreachable,
        Fault::Dns,
        Fault::Tls,
        Fault::ForbiddenAddress,
        Fault::Redirect,
        Fault::Protocol,
        Fault::Truncated,
        Fault::Incomplete,
        Fault::Empty,
        Fault::EventTooLarge,
        Fault::Cancelled,
    ];

    /// The stable machine-readable code, as it appears in error bodies and logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "invalid_request",
            Self::ForeignCipher => "invalid_encrypted_content",
            Self::Misgenerated => "tool_use_failed",
            Self::ContextLength => "context_length_exceeded",
            Self::ContentFilter => "content_filter",
            Self::NotFound => "model_not_found",
            Self::Auth => "upstream_auth",
            Self::Quota => "insufficient_quota",
            Self::RateLimited => "rate_limit_exceeded",
            Self::Overloaded => "upstream_overloaded",
            Self::Server => "upstream_error",
            Self::Timeout(_) => "upstream_timeout",
            Self::Unreachable => "upstream_unreachable",
            Self::Dns => "upstream_dns",
            Self::Tls => "upstream_tls",
            Self::ForbiddenAddress => "upstream_forbidden_address",
            Self::Redirect => "upstream_redirect",
            Self::Protocol => "upstream_protocol",
            Self::Truncated => "upstream_truncated",
            Self::Incomplete => "upstream_incomplete",
            Self::Empty => "upstream_empty",
            Self::EventTooLarge => "upstream_event_too_large",
            Self::Cancelled => "cancelled",
        }
    }

    /// The fault of that [`Fault::code`]; which time limit passed, the code does not say.
    pub fn from_code(code: &str) -> Option<Fault> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    /// The fault that an error body names by its machine-readable fields.
    ///
    /// Only `code`, `type` and a few texts are looked at (a context that is too small, a cipher, an
    /// account): a message may quote the prompt, so no number is ever searched in it. `None` means the body
    /// does not say; the HTTP status then decides.
    pub fn from_error(error: &ErrorBody) -> Option<Fault> {
        let code = error.code.as_deref().unwrap_or_default();
        let is_too_long = is_about_the_prompt(error) && context_signature(&error.message);
        // Some vendors repeat the general class as the code; it says less than the text.
        from_word(code)
            .filter(|it| *it != Fault::BadRequest)
            .or_else(|| is_too_long.then_some(Fault::ContextLength))
            .or_else(|| cipher_signature(&error.message).then_some(Fault::ForeignCipher))
            .or_else(|| account_signature(&error.message))
            .or_else(|| from_word(code))
            .or_else(|| from_word(&error.kind))
            .or_else(|| code.parse().ok().and_then(Fault::from_status))
    }

    /// The fault that an HTTP status stands for; `None` below 300.
    ///
    /// 498 is Groq's and 529 Anthropic's and `OpenRouter`'s word for "no capacity".
    pub const fn from_status(status: u16) -> Option<Fault> {
        Some(match status {
            0..300 => return None,
            300..400 => Self::Redirect,
            401 | 403 => Self::Auth,
            402 => Self::Quota,
            404 => Self::NotFound,
            408 | 409 | 424 | 425 | 499 => Self::Server,
            429 => Self::RateLimited,
            498 | 503 | 529 => Self::Overloaded,
            400..500 => Self::BadRequest,
            _ => Self::Server,
        })
    }
}

/// Machine-readable words of `OpenAI`, `OpenRouter`, Groq, Mistral, TGI and llama.cpp.
fn from_word(word: &str) -> Option<Fault> {
    Some(match word {
        "context_length_exceeded" | "exceed_context_size_error" | "token_limit_exceeded" => {
            Fault::ContextLength
        }
        "content_filter" | "content_policy_violation" | "refusal" | "moderation" => {
            Fault::ContentFilter
        }
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "payment_required"
        | "billing_error"
        | "enforced_spend_limit_reached" => Fault::Quota,
        "rate_limit_exceeded" | "rate_limit_error" | "rate_limited" | "tokens" | "requests" => {
            Fault::RateLimited
        }
        "overloaded_error"
        | "overloaded"
        | "provider_overloaded"
        | "provider_unavailable"
        | "capacity_exceeded"
        | "unavailable_error"
        | "service_unavailable" => Fault::Overloaded,
        "invalid_api_key"
        | "authentication_error"
        | "authentication"
        | "permission_error"
        | "permission_denied" => Fault::Auth,
        "model_not_found" | "not_found" | "not_found_error" => Fault::NotFound,
        "server_error"
        | "internal_server_error"
        | "api_error"
        | "server"
        | "timeout"
        | "timeout_error"
        | "generation"
        | "incomplete_generation" => Fault::Server,
        "invalid_encrypted_content" => Fault::ForeignCipher,
        // Groq's words, beside `failed_generation`: sipeed/picoclaw issue 748, agno-agi/agno issue
        // 4090 (read 2026-11).
        "tool_use_failed" | "json_validate_failed" => Fault::Misgenerated,
        "invalid_request_error" | "invalid_request" | "invalid_prompt" | "BadRequestError" => {
            Fault::BadRequest
        }
        _ => return None,
    })
}

/// Whether an error may be about the length of the prompt, whatever its text quotes: a limit on
/// the rate counts tokens too, and a single parameter may be too long as well.
fn is_about_the_prompt(error: &ErrorBody) -> bool {
    let is_parameter = error.code.as_deref() == Some("string_above_max_length")
        || (error.message.starts_with("Invalid '") && error.message.contains("string too long"));
    let is_other = matches!(
        from_word(&error.kind),
        Some(Fault::RateLimited | Fault::Quota | Fault::Overloaded | Fault::Auth)
    );
    !is_parameter && !is_other
}

/// Texts by which `OpenAI` says that it cannot open a thought, where the code is lost on the way.
///
/// Source: openai/codex issues 8119 and 8145, and their like (read 2026-11). What it quotes is cipher.
fn cipher_signature(message: &str) -> bool {
    let is_refused = ["could not be verified", "could not be decrypted"];
    message.contains("ncrypted content") && is_refused.iter().any(|it| message.contains(it))
}

/// Texts by which xAI speaks of the account: a key that it does not know is a 400 there, and a
/// spent credit a 429 without a code.
///
/// Source: docs.x.ai's page on debugging errors, continuedev/continue issue 10373 (read 2026-11).
fn account_signature(message: &str) -> Option<Fault> {
    if message.starts_with("Incorrect API key provided") {
        return Some(Fault::Auth);
    }
    let spent = [
        "used all available credits or reached its",
        "has run out of credits",
    ];
    spent
        .iter()
        .any(|it| message.starts_with("Your team") && message.contains(it))
        .then_some(Fault::Quota)
}

/// Texts by which servers without a code say that the prompt is too long.
///
/// Taken from the error texts of `OpenAI`, `DeepSeek`, xAI, vLLM, `SGLang`, llama.cpp, Mistral,
/// Anthropic, TGI, TEI, Ollama and Gemini, and for Bedrock from `LiteLLM`'s table (read 2026-11).
/// Upper case matters: Bedrock's *Too many tokens, please wait* is a limit on the rate.
fn context_signature(message: &str) -> bool {
    const SIGNATURES: [&str; 20] = [
        "maximum context length is",
        "maximum context length of",
        "maximum prompt length is",
        "exceeds the context window",
        "longer than the model's context length",
        "exceeds the available context size",
        "too large for model with",
        "`inputs` tokens + `max_new_tokens` must be <=",
        "`inputs` must have less than",
        "prompt is too long",
        "exceed context limit",
        "input length exceeds the context length",
        "prompt is longer than the context length",
        "exceeds the maximum number of tokens allowed",
        "Input is too long",
        "Too many input tokens",
        "too many tokens",
        "expected maxLength:",
        "prompt: length: 1..",
        "exceed model maximum (",
    ];
    SIGNATURES.iter().any(|it| message.contains(it))
}
