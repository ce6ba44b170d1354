//! A request that says nothing: the client wants the model in memory, or out of it.
//!
//! A gateway has no memory to put it in, but clients send this before their first question
//! and wait for the answer. Whether a vendor is asked at all is decided elsewhere.

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::Endpoint;
use super::emit::{Words, open_into, words_into};
use crate::dialect::Echo;
use crate::document::Document;
use crate::json::Json;

/// Whether a request to `/api/chat` or `/api/generate` has neither messages nor a prompt.
pub fn is_load(request: &Document) -> bool {
    let has_messages = match request.get::<Vec<IgnoredAny>>("messages") {
        Ok(messages) => messages.is_some_and(|it| !it.is_empty()),
        Err(_) => true,
    };
    let has_prompt = match request.get::<String>("prompt") {
        Ok(prompt) => prompt.is_some_and(|it| !it.is_empty()),
        Err(_) => true,
    };
    !has_messages && !has_prompt
}

/// The answer to such a request: one object, whether or not a stream was asked for.
pub fn load_answer(endpoint: Endpoint, echo: &Echo<'_>) -> Bytes {
    let mut out = Vec::new();
    open_into(echo.model, &super::emit::created_at(echo), &mut out);
    words_into(endpoint, &Words::default(), &mut out);
    let reason = if is_unload(echo.request) {
        "unload"
    } else {
        "load"
    };
    out.extend_from_slice(b",\"done\":true,\"done_reason\":\"");
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\"}");
    out.into()
}

/// Whether `keep_alive` is no time at all: a number of seconds, or Go's words such as `0s`.
fn is_unload(request: &Document) -> bool {
    let value = request.raw("keep_alive").and_then(Json::parse);
    match value {
        Some(Json::Number(_)) => value.as_ref().and_then(Json::as_f64) == Some(0.0),
        Some(Json::String(text)) => {
            text.contains('0') && !text.bytes().any(|it| matches!(it, b'1'..=b'9'))
        }
        _ => false,
    }
}
