//! Errors: one text under `error`, as a body and as the last line of a stream.

use bytes::Bytes;

use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::reader::{StreamFault, stream_fault};

/// An error's body.
pub fn body(message: &str) -> Bytes {
    Json::from(Object::new().with("error", message)).to_bytes()
}

/// The line that ends a broken stream. No line that says `done` follows it.
pub fn line(message: &str) -> Bytes {
    let mut out = body(message).to_vec();
    out.push(b'\n');
    out.into()
}

/// The body for a model that is not there, in the words that clients look for.
pub fn unknown_model(name: &str) -> Bytes {
    body(&format!("model \"{name}\" not found"))
}

/// Whether an answer or a line of one is an error.
pub(super) fn is_in(value: &Json<'_>) -> bool {
    match value.get("error") {
        None | Some(Json::Bool(false)) => false,
        Some(Json::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// The failure that an answer or a line of one reports.
pub(super) fn fault_in(data: &[u8]) -> StreamFault {
    let mut found = stream_fault(Some(data));
    if found.fault == Fault::Server
        && let Some(error) = &found.error
        && let Some(fault) = fault_of(&error.message)
    {
        found.fault = fault;
    }
    found
}

/// What a text of the server means: it has no codes. Only whole sentences of its own count,
/// because the model's words may be quoted in others.
fn fault_of(message: &str) -> Option<Fault> {
    const BUSY: &str = "server busy, please try again.";
    const LONG: [&str; 2] = [
        "the input length exceeds the context length",
        "the prompt is longer than the context length currently available to the model",
    ];
    if message.starts_with(BUSY) {
        return Some(Fault::Overloaded);
    }
    if LONG.iter().any(|it| message.starts_with(it)) {
        return Some(Fault::ContextLength);
    }
    if message.starts_with("model ") && message.ends_with(" not found") {
        return Some(Fault::NotFound);
    }
    (message == "unauthorized").then_some(Fault::Auth)
}
