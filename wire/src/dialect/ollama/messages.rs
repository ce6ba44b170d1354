//! A caller's messages: calls without ids, and results that know their call by its name.

use std::borrow::Cow;

use crate::chat::fields::{Fields, note, within};
use crate::chat::open_calls::OpenCalls;
use crate::chat::shape::sniff;
use crate::chat::{Media, Message, Part, Role, Source, Thought, ToolCall, ToolResult};
use crate::document::FieldError;
use crate::json::Json;

/// What must be remembered from message to message.
#[derive(Debug, Default)]
pub(super) struct History<'a> {
    /// Calls whose results have not come yet.
    open: OpenCalls<'a>,
    /// Paths of what was left out.
    pub(super) left_out: Vec<Cow<'a, str>>,
}

impl<'a> History<'a> {
    /// Reads the next message.
    pub(super) fn message(&mut self, value: Json<'a>) -> Result<Message<'a>, FieldError> {
        let mut fields = Fields::of(value)?;
        let message = self.read(&mut fields)?;
        note(&mut self.left_out, fields.rest_of("messages[]"));
        Ok(message)
    }

    fn read(&mut self, fields: &mut Fields<'a>) -> Result<Message<'a>, FieldError> {
        let role = fields.need_text("role")?;
        let role = match &*role.to_ascii_lowercase() {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => {
                let parts = self.assistant(fields)?;
                return Ok(Message::new(Role::Assistant, parts));
            }
            "tool" => return self.result(fields),
            _ => {
                return Err(FieldError::new("role", "system, user, assistant or tool"));
            }
        };
        Ok(Message::new(role, content(fields)?))
    }

    /// Thoughts first, then words, then calls: the order in which vendors want them back.
    fn assistant(&mut self, fields: &mut Fields<'a>) -> Result<Vec<Part<'a>>, FieldError> {
        self.open.begin_turn();
        let thinking = fields.text("thinking")?.filter(|it| !it.is_empty());
        let thought = thinking.map(|it| Part::Thought(Thought::unsigned(it)));
        let mut parts: Vec<_> = thought.into_iter().collect();
        parts.extend(content(fields)?);
        parts.extend(fields.each("tool_calls", |it| self.call(it))?);
        Ok(parts)
    }

    fn call(&mut self, value: Json<'a>) -> Result<Part<'a>, FieldError> {
        let mut fields = Fields::of(value)?;
        let id = fields.text("id")?;
        let Some(mut function) = fields.object("function")? else {
            return Err(FieldError::new("function", "an object"));
        };
        let path = |it| within("function", it);
        let name = function.need_text("name").map_err(path)?;
        let arguments = match function.any("arguments") {
            None => Cow::Borrowed("{}"),
            Some(Json::String(text)) => text,
            Some(other) => Cow::Owned(other.to_string()),
        };
        let id = self.open.call(id, name.clone());
        Ok(Part::ToolCall(ToolCall {
            id,
            name,
            arguments,
            is_custom: false,
            signature: None,
        }))
    }

    fn result(&mut self, fields: &mut Fields<'a>) -> Result<Message<'a>, FieldError> {
        let id = fields.text("tool_call_id")?;
        let name = fields.text("tool_name")?.or(fields.text("name")?);
        let name = name.filter(|it| !it.is_empty());
        let call = self.open.answer(id, name.as_ref());
        let result = ToolResult {
            call,
            name,
            parts: content(fields)?,
            is_error: false,
            cache: None,
        };
        Ok(Message::new(Role::User, vec![Part::ToolResult(result)]))
    }
}

/// `content` and what `images` adds to it.
fn content<'a>(fields: &mut Fields<'a>) -> Result<Vec<Part<'a>>, FieldError> {
    let text = fields.text("content")?.filter(|it| !it.is_empty());
    let mut parts: Vec<_> = text.map(Part::from).into_iter().collect();
    parts.extend(fields.each("images", part_of_image)?);
    Ok(parts)
}

/// An element of `images`, which holds recordings as well: only the first bytes tell.
pub(super) fn part_of_image(value: Json<'_>) -> Result<Part<'_>, FieldError> {
    let Json::String(data) = value else {
        return Err(FieldError::new("", "a picture in base64"));
    };
    let mut media = Media::at(data);
    media.source = match media.source {
        Source::Url(data) if data.starts_with("http:") || data.starts_with("https:") => {
            return Err(FieldError::new("", "a picture in base64, not a URL"));
        }
        Source::Url(data) | Source::Base64(data) => Source::Base64(data),
        other => other,
    };
    if let Source::Base64(data) = &media.source
        && let Some(kind) = sniff(data)
    {
        media.media_type = Some(Cow::Borrowed(kind));
    }
    Ok(match media.media_type.as_deref() {
        Some(kind) if kind.starts_with("audio/") => Part::Audio(media),
        Some("application/pdf") => Part::File(media),
        _ => Part::Image(media),
    })
}
