//! A caller's request, to either endpoint.

use std::borrow::Cow;

use super::messages::{History, part_of_image};
use super::options;
use crate::chat::fields::{Fields, note, within};
use crate::chat::{ChatRequest, Message, Part, Role, Tool};
use crate::document::FieldError;
use crate::json::Json;

/// Reads a request to `/api/chat`.
pub(crate) fn read_chat(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    let mut history = History::default();
    let messages = fields.each("messages", |it| history.message(it))?;
    let mut unknown = history.left_out;
    let mut request = ChatRequest {
        messages,
        tools: fields.each("tools", |it| tool(it, &mut unknown))?,
        ..common(&mut fields)?
    };
    request.unknown.extend(unknown);
    request.unknown.extend(fields.rest());
    Ok(request)
}

/// Reads a request to `/api/generate`: a prompt and at most one instruction.
pub(crate) fn read_generate(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    if fields.flag("raw")? == Some(true) {
        return Err(FieldError::new(
            "raw",
            "false: a model's template is its vendor's business",
        ));
    }
    if fields.text("suffix")?.is_some_and(|it| !it.is_empty()) {
        return Err(FieldError::new(
            "suffix",
            "empty: text is continued, not filled in",
        ));
    }
    let mut request = common(&mut fields)?;
    if let Some(system) = fields.text("system")?.filter(|it| !it.is_empty()) {
        let parts = vec![Part::from(system)];
        request.messages.push(Message::new(Role::System, parts));
    }
    let prompt = fields.text("prompt")?.filter(|it| !it.is_empty());
    let mut parts: Vec<_> = prompt.map(Part::from).into_iter().collect();
    parts.extend(fields.each("images", part_of_image)?);
    if !parts.is_empty() {
        request.messages.push(Message::new(Role::User, parts));
    }
    if fields.text("template")?.is_some_and(|it| !it.is_empty()) {
        request.unknown.push(Cow::Borrowed("template"));
    }
    if !fields.list("context")?.is_empty() {
        request.unknown.push(Cow::Borrowed("context"));
    }
    request.unknown.extend(fields.rest());
    Ok(request)
}

/// What both endpoints have.
fn common<'a>(fields: &mut Fields<'a>) -> Result<ChatRequest<'a>, FieldError> {
    fields.any("model");
    // How long a model stays in memory is not for the caller of a gateway to say.
    fields.any("keep_alive");
    let mut request = ChatRequest {
        format: options::format(fields)?,
        thinking: options::thinking(fields)?,
        is_stream: fields.flag("stream")?.unwrap_or(true),
        choices: 1,
        ..ChatRequest::default()
    };
    let wants_logprobs = fields.flag("logprobs")?.unwrap_or_default();
    let number = fields.whole("top_logprobs")?.unwrap_or_default();
    request.logprobs = wants_logprobs.then_some(number);
    // Elsewhere what does not fit is refused, and an answer that fills the context ends: `false`
    // is what happens anyway.
    for name in ["truncate", "shift"] {
        if fields.flag(name)? == Some(true) {
            request.unknown.push(Cow::Borrowed(name));
        }
    }
    options::read(fields, &mut request)?;
    Ok(request)
}

fn tool<'a>(value: Json<'a>, unknown: &mut Vec<Cow<'a, str>>) -> Result<Tool<'a>, FieldError> {
    let mut fields = Fields::of(value)?;
    fields.any("type");
    let Some(mut function) = fields.object("function")? else {
        return Err(FieldError::new("function", "an object"));
    };
    let path = |it| within("function", it);
    let tool = Tool {
        name: function.need_text("name").map_err(path)?,
        description: function.text("description").map_err(path)?,
        parameters: function.any("parameters"),
        strict: None,
        custom: None,
        cache: None,
    };
    note(unknown, function.rest_of("tools[].function"));
    note(unknown, fields.rest_of("tools[]"));
    Ok(tool)
}
