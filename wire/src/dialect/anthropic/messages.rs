//! A caller's messages and system prompt.

use std::borrow::Cow;

use super::thought;
use crate::chat::fields::{Fields, within};
use crate::chat::{Media, Message, Part, Role, Source, Text, ToolCall, ToolResult};
use crate::document::FieldError;
use crate::json::Json;

/// Claude Code puts a line with a fresh number before the system prompt; no prompt cache survives it.
const BILLING: &str = "x-anthropic-billing-header:";

/// Reads `system` and `messages`.
pub(super) fn read<'a>(fields: &mut Fields<'a>) -> Result<Vec<Message<'a>>, FieldError> {
    let mut messages = Vec::new();
    let mut system = blocks(fields, "system")?;
    for part in &mut system {
        if let Part::Text(text) = part {
            strip_billing(&mut text.text);
        }
    }
    system.retain(|part| !matches!(part, Part::Text(text) if text.text.trim().is_empty()));
    if !system.is_empty() {
        messages.push(Message::new(Role::System, system));
    }
    messages.extend(fields.each("messages", message)?);
    Ok(messages)
}

fn strip_billing(text: &mut Cow<'_, str>) {
    while text.trim_start().starts_with(BILLING) {
        let rest = text.trim_start();
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let rest = rest.get(end..).unwrap_or_default().to_owned();
        *text = Cow::Owned(rest);
    }
}

fn message(value: Json<'_>) -> Result<Message<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    let role = match fields.need_text("role")?.as_ref() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(FieldError::new("role", "user or assistant")),
    };
    Ok(Message::new(role, blocks(&mut fields, "content")?))
}

/// Text, or blocks.
fn blocks<'a>(fields: &mut Fields<'a>, name: &'static str) -> Result<Vec<Part<'a>>, FieldError> {
    match fields.any(name) {
        None => Ok(Vec::new()),
        Some(Json::String(text)) => Ok(vec![Part::from(text)]),
        Some(Json::Array(items)) => {
            let mut parts = Vec::with_capacity(items.len());
            for (at, item) in items.into_iter().enumerate() {
                block(item, &mut parts).map_err(|it| within(&format!("{name}[{at}]"), it))?;
            }
            Ok(parts)
        }
        Some(_) => Err(FieldError::new(name, "a string or an array of blocks")),
    }
}

fn block<'a>(value: Json<'a>, parts: &mut Vec<Part<'a>>) -> Result<(), FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.need_text("type")?;
    let cache = fields.any("cache_control");
    parts.push(match &*kind {
        "text" => Part::Text(Text {
            text: fields.need_text("text")?,
            cache,
        }),
        "image" => Part::Image(media(&mut fields, cache)?),
        "document" => match document(&mut fields, cache)? {
            Ok(file) => Part::File(file),
            Err(inner) => {
                parts.extend(inner);
                return Ok(());
            }
        },
        "thinking" => Part::Thought(thought::unpack(
            fields.text("thinking")?.unwrap_or_default(),
            fields.text("signature")?.unwrap_or_default(),
        )),
        "redacted_thinking" => Part::Thought(thought::unpack_redacted(fields.need_text("data")?)),
        "tool_use" => Part::ToolCall(ToolCall {
            id: fields.need_text("id")?,
            name: fields.need_text("name")?,
            arguments: fields
                .any("input")
                .map_or(Cow::Borrowed("{}"), |it| it.to_string().into()),
            is_custom: false,
            signature: None,
        }),
        "tool_result" => Part::ToolResult(ToolResult {
            call: fields.need_text("tool_use_id")?,
            name: None,
            is_error: fields.flag("is_error")?.unwrap_or_default(),
            parts: blocks(&mut fields, "content")?,
            cache,
        }),
        "search_result" => {
            let title = fields.text("title")?.unwrap_or_default();
            let source = fields.text("source")?.unwrap_or_default();
            parts.push(Part::from(Cow::Owned(format!("{title}\n{source}"))));
            parts.extend(blocks(&mut fields, "content")?);
            return Ok(());
        }
        "tool_reference" => Part::from(fields.text("tool_name")?.unwrap_or_default()),
        // What Anthropic's own tools left behind: other models see that it was there.
        other => Part::from(Cow::Owned(format!("[{other}]"))),
    });
    Ok(())
}

fn media<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let Some(mut source) = fields.object("source")? else {
        return Err(FieldError::new("source", "an object"));
    };
    let path = |it| within("source", it);
    let mut media = Media {
        source: Source::Text(Cow::Borrowed("")),
        media_type: source.text("media_type").map_err(path)?,
        name: fields.text("title")?,
        detail: None,
        cache,
    };
    media.source = match source.need_text("type").map_err(path)?.as_ref() {
        "base64" => Source::Base64(source.need_text("data").map_err(path)?),
        "url" => Source::Url(source.need_text("url").map_err(path)?),
        "text" => Source::Text(source.need_text("data").map_err(path)?),
        "file" => Source::Id(source.need_text("file_id").map_err(path)?),
        _ => return Err(FieldError::new("source.type", "base64, url, text or file")),
    };
    Ok(media)
}

/// A document: a file, or blocks that stand for one.
fn document<'a>(
    fields: &mut Fields<'a>,
    cache: Option<Json<'a>>,
) -> Result<Result<Media<'a>, Vec<Part<'a>>>, FieldError> {
    let Some(mut source) = fields.object("source")? else {
        return Err(FieldError::new("source", "an object"));
    };
    let path = |it| within("source", it);
    if source.has("content") {
        return Ok(Err(blocks(&mut source, "content").map_err(path)?));
    }
    let media_type = source.text("media_type").map_err(path)?;
    let from = match source.need_text("type").map_err(path)?.as_ref() {
        "base64" => Source::Base64(source.need_text("data").map_err(path)?),
        "url" => Source::Url(source.need_text("url").map_err(path)?),
        "text" => Source::Text(source.need_text("data").map_err(path)?),
        "file" => Source::Id(source.need_text("file_id").map_err(path)?),
        _ => {
            return Err(FieldError::new(
                "source.type",
                "base64, url, text, content or file",
            ));
        }
    };
    Ok(Ok(Media {
        source: from,
        media_type,
        name: fields.text("title")?,
        detail: None,
        cache,
    }))
}
