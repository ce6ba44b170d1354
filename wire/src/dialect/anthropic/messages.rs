//! A caller's messages and system prompt.

use std::borrow::Cow;

use super::thought;
use crate::chat::fields::{Fields, note, within};
use crate::chat::hosted::word;
use crate::chat::{Media, Message, Part, Role, Source, Text, ToolCall, ToolResult};
use crate::document::FieldError;
use crate::json::Json;

/// Claude Code puts a line with a fresh number before the system prompt; no prompt cache survives it.
const BILLING: &str = "x-anthropic-billing-header:";

/// Where the content of messages is, for what is left out of it.
const CONTENT: &str = "messages[].content[]";

/// What has been left out, as paths.
type LeftOut<'a> = Vec<Cow<'a, str>>;

/// Reads `system` and `messages`; what is left out of them goes into `left_out`.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    left_out: &mut LeftOut<'a>,
) -> Result<Vec<Message<'a>>, FieldError> {
    let mut messages = Vec::new();
    let mut system = blocks(fields, "system", left_out)?;
    for part in &mut system {
        if let Part::Text(text) = part {
            strip_billing(&mut text.text);
        }
    }
    system.retain(|part| !matches!(part, Part::Text(text) if text.text.trim().is_empty()));
    if !system.is_empty() {
        messages.push(Message::new(Role::System, system));
    }
    messages.extend(fields.each("messages", |it| message(it, left_out))?);
    Ok(messages)
}

/// Takes the line out; whether it was there.
pub(super) fn strip_billing(text: &mut Cow<'_, str>) -> bool {
    let mut is_there = false;
    while text.trim_start().starts_with(BILLING) {
        let rest = text.trim_start();
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let rest = rest.get(end..).unwrap_or_default().to_owned();
        *text = Cow::Owned(rest);
        is_there = true;
    }
    is_there
}

fn message<'a>(value: Json<'a>, left_out: &mut LeftOut<'a>) -> Result<Message<'a>, FieldError> {
    let mut fields = Fields::of(value)?;
    let role = match fields.need_text("role")?.as_ref() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(FieldError::new("role", "user or assistant")),
    };
    let content = blocks(&mut fields, "content", left_out)?;
    note(left_out, fields.rest_of("messages[]"));
    Ok(Message::new(role, content))
}

/// Text, or blocks.
fn blocks<'a>(
    fields: &mut Fields<'a>,
    name: &'static str,
    left_out: &mut LeftOut<'a>,
) -> Result<Vec<Part<'a>>, FieldError> {
    match fields.any(name) {
        None => Ok(Vec::new()),
        Some(Json::String(text)) => Ok(vec![Part::from(text)]),
        Some(Json::Array(items)) => {
            let mut parts = Vec::with_capacity(items.len());
            for (at, item) in items.into_iter().enumerate() {
                block(item, &mut parts, left_out)
                    .map_err(|it| within(&format!("{name}[{at}]"), it))?;
            }
            Ok(parts)
        }
        Some(_) => Err(FieldError::new(name, "a string or an array of blocks")),
    }
}

fn block<'a>(
    value: Json<'a>,
    parts: &mut Vec<Part<'a>>,
    left_out: &mut LeftOut<'a>,
) -> Result<(), FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.need_text("type")?;
    let cache = fields.any("cache_control");
    parts.push(match &*kind {
        "text" => Part::Text(Text {
            text: fields.need_text("text")?,
            cache,
        }),
        "image" => Part::Image(media(&mut fields, cache)?),
        "document" => match document(&mut fields, cache, left_out)? {
            Ok(file) => Part::File(file),
            Err(inner) => {
                parts.extend(inner);
                note(left_out, fields.rest_of(CONTENT));
                return Ok(());
            }
        },
        "thinking" => Part::Thought(thought::unpack(
            fields.text("thinking")?.unwrap_or_default(),
            fields.text("signature")?.unwrap_or_default(),
        )),
        "redacted_thinking" => Part::Thought(thought::unpack_redacted(fields.need_text("data")?)),
        "tool_use" => Part::ToolCall(call(&mut fields, left_out)?),
        "tool_result" => Part::ToolResult(ToolResult {
            call: fields.need_text("tool_use_id")?,
            name: None,
            is_error: fields.flag("is_error")?.unwrap_or_default(),
            parts: blocks(&mut fields, "content", left_out)?,
            cache,
        }),
        "search_result" => {
            let title = fields.text("title")?.unwrap_or_default();
            let source = fields.text("source")?.unwrap_or_default();
            parts.push(Part::from(Cow::Owned(format!("{title}\n{source}"))));
            parts.extend(blocks(&mut fields, "content", left_out)?);
            note(left_out, fields.rest_of(CONTENT));
            return Ok(());
        }
        "tool_reference" => Part::from(fields.text("tool_name")?.unwrap_or_default()),
        // What Anthropic's own tools left behind is of use to its own models only.
        other => {
            let path = format!("{CONTENT}:{}", word(other));
            note(left_out, std::iter::once(path.into()));
            return Ok(());
        }
    });
    note(left_out, fields.rest_of(CONTENT));
    Ok(())
}

fn call<'a>(
    fields: &mut Fields<'a>,
    left_out: &mut LeftOut<'a>,
) -> Result<ToolCall<'a>, FieldError> {
    // Who called the tool: the model itself, unless code that the vendor ran did.
    let caller = fields.any("caller");
    if caller.is_some_and(|it| it.str("type") != Some("direct")) {
        let path = format!("{CONTENT}.caller");
        note(left_out, std::iter::once(path.into()));
    }
    Ok(ToolCall {
        id: fields.need_text("id")?,
        name: fields.need_text("name")?,
        arguments: fields
            .any("input")
            .map_or(Cow::Borrowed("{}"), |it| it.to_string().into()),
        is_custom: false,
        signature: None,
    })
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
    left_out: &mut LeftOut<'a>,
) -> Result<Result<Media<'a>, Vec<Part<'a>>>, FieldError> {
    let Some(mut source) = fields.object("source")? else {
        return Err(FieldError::new("source", "an object"));
    };
    let path = |it| within("source", it);
    if source.has("content") {
        return Ok(Err(blocks(&mut source, "content", left_out).map_err(path)?));
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
