//! A caller's request.

use std::borrow::Cow;

use crate::chat::fields::Fields;
use crate::chat::{ChatRequest, Message, Part, Role, Sampling};
use crate::document::FieldError;
use crate::json::Json;

/// The bound on output of a request that states none, in tokens: `OpenAI`'s own.
const DEFAULT_MAX_OUTPUT: u64 = 16;

/// Reads the request.
pub(crate) fn read_request(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    fields.any("model");
    fields.any("stream_options");
    let prompt = prompt(&mut fields)?;
    let is_wanted = |it: Option<bool>| it.unwrap_or_default();
    if is_wanted(fields.flag("echo")?) {
        return Err(FieldError::new("echo", "false for this model"));
    }
    if fields.whole("best_of")?.is_some_and(|it| it > 1) {
        return Err(FieldError::new("best_of", "1 for this model"));
    }
    if fields.text("suffix")?.is_some_and(|it| !it.is_empty()) {
        return Err(FieldError::new("suffix", "left out for this model"));
    }
    if fields.whole("logprobs")?.is_some() {
        return Err(FieldError::new("logprobs", "left out for this model"));
    }
    let choices = fields.whole("n")?.unwrap_or(1);
    let mut request = ChatRequest {
        messages: vec![Message::new(Role::User, vec![Part::from(prompt)])],
        max_output: Some(fields.whole("max_tokens")?.unwrap_or(DEFAULT_MAX_OUTPUT)),
        stop: fields.texts("stop")?,
        sampling: Sampling::read(&mut fields)?,
        choices: u32::try_from(choices).unwrap_or(u32::MAX),
        is_stream: fields.flag("stream")?.unwrap_or_default(),
        user: fields.text("user")?,
        ..ChatRequest::default()
    };
    request.unknown = fields.rest();
    Ok(request)
}

/// One prompt in words.
fn prompt<'a>(fields: &mut Fields<'a>) -> Result<Cow<'a, str>, FieldError> {
    let wrong = || {
        FieldError::new(
            "prompt",
            "one text for this model, not several and not tokens",
        )
    };
    match fields.any("prompt") {
        Some(Json::String(text)) => Ok(text),
        Some(Json::Array(mut items)) => match (items.pop(), items.is_empty()) {
            (Some(Json::String(text)), true) => Ok(text),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}
