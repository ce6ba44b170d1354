//! A caller's messages: one per role, with tool results as messages of their own.

use std::borrow::Cow;

use crate::chat::fields::{Fields, note, within};
use crate::chat::{
    Media, Message, Part, Provenance, Role, Source, Text, Thought, ToolCall, ToolResult,
};
use crate::document::FieldError;
use crate::json::Json;

/// Where the parts of messages are, for what is left out of them.
const CONTENT: &str = "messages[].content[]";

/// What has been left out, as paths.
type LeftOut<'a> = Vec<Cow<'a, str>>;

/// Reads `messages`; what is left out of them goes into `left_out`.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    left_out: &mut LeftOut<'a>,
) -> Result<Vec<Message<'a>>, FieldError> {
    fields.each("messages", |it| {
        let mut fields = Fields::of(it)?;
        let message = message(&mut fields, left_out)?;
        note(left_out, fields.rest_of("messages[]"));
        Ok(message)
    })
}

fn message<'a>(
    fields: &mut Fields<'a>,
    left_out: &mut LeftOut<'a>,
) -> Result<Message<'a>, FieldError> {
    let role = fields.need_text("role")?;
    let name = fields.text("name")?;
    let parts = match &*role {
        "tool" | "function" => return result(fields, name, left_out),
        "assistant" => assistant(fields, left_out)?,
        // Nothing but a bug in the caller says nothing; it would be answered from what we put there.
        "user" if !fields.has("content") => return Err(no_content()),
        _ => content(fields, left_out)?,
    };
    let role = match &*role {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => {
            return Err(FieldError::new(
                "role",
                "system, developer, user, assistant or tool",
            ));
        }
    };
    Ok(Message { role, name, parts })
}

/// A message of role `tool`, or of the older role `function`, which knows its call by name.
fn result<'a>(
    fields: &mut Fields<'a>,
    name: Option<Cow<'a, str>>,
    left_out: &mut LeftOut<'a>,
) -> Result<Message<'a>, FieldError> {
    let call = match fields.text("tool_call_id")? {
        Some(id) => id,
        None => name
            .clone()
            .ok_or_else(|| FieldError::new("tool_call_id", "the id of a tool call"))?,
    };
    let cache = fields.any("cache_control");
    let result = ToolResult {
        call,
        name,
        parts: content(fields, left_out)?,
        is_error: false,
        cache,
    };
    Ok(Message::new(Role::User, vec![Part::ToolResult(result)]))
}

/// `content`, as a string or as parts.
fn content<'a>(
    fields: &mut Fields<'a>,
    left_out: &mut LeftOut<'a>,
) -> Result<Vec<Part<'a>>, FieldError> {
    match fields.any("content") {
        None => Ok(Vec::new()),
        Some(Json::String(text)) => Ok(vec![Part::from(text)]),
        Some(Json::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| {
                part(item, left_out).map_err(|it| within(&format!("content[{at}]"), it))
            })
            .collect(),
        Some(_) => Err(no_content()),
    }
}

fn no_content() -> FieldError {
    FieldError::new("content", "a string or an array of parts")
}

fn part<'a>(value: Json<'a>, left_out: &mut LeftOut<'a>) -> Result<Part<'a>, FieldError> {
    let mut fields = Fields::of(value)?;
    let part = one_part(&mut fields)?;
    note(left_out, fields.rest_of(CONTENT));
    Ok(part)
}

fn one_part<'a>(fields: &mut Fields<'a>) -> Result<Part<'a>, FieldError> {
    let kind = fields.need_text("type")?;
    let cache = fields
        .any("cache_control")
        .or_else(|| fields.any("prompt_cache_breakpoint"));
    let inner = |fields: &mut Fields<'_>, name: &'static str| -> Result<(), FieldError> {
        if fields.has(name) {
            Ok(())
        } else {
            Err(FieldError::new(name, "an object"))
        }
    };
    match &*kind {
        "text" => Ok(Part::Text(Text {
            text: fields.need_text("text")?,
            cache,
        })),
        "refusal" => Ok(Part::Refusal(fields.need_text("refusal")?)),
        "image_url" => {
            inner(fields, "image_url")?;
            image(fields, cache).map(Part::Image)
        }
        "input_audio" => {
            inner(fields, "input_audio")?;
            audio(fields, cache).map(Part::Audio)
        }
        "file" => {
            inner(fields, "file")?;
            file(fields, cache).map(Part::File)
        }
        "document_url" => document(fields, cache).map(Part::File),
        "thinking" => Ok(Part::Thought(thinking(fields)?)),
        _ => Err(FieldError::new(
            "type",
            "text, image_url, input_audio, file or refusal",
        )),
    }
}

fn image<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let (url, detail) = match fields.any("image_url") {
        Some(Json::String(url)) => (url, None),
        Some(other) => {
            let mut image = Fields::of(other).map_err(|it| within("image_url", it))?;
            let url = image.need_text("url");
            let detail = image.text("detail");
            let path = |it| within("image_url", it);
            (url.map_err(path)?, detail.map_err(path)?)
        }
        None => return Err(FieldError::new("image_url", "an object")),
    };
    Ok(Media {
        detail,
        cache,
        ..Media::at(url)
    })
}

fn audio<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let Some(mut audio) = fields.object("input_audio")? else {
        return Err(FieldError::new("input_audio", "an object"));
    };
    let data = audio
        .need_text("data")
        .map_err(|it| within("input_audio", it))?;
    let format = audio
        .text("format")
        .map_err(|it| within("input_audio", it))?;
    let media_type = format.map(|format| match &*format {
        "mp3" => "audio/mpeg".into(),
        other => Cow::Owned(format!("audio/{other}")),
    });
    Ok(Media {
        source: Source::Base64(data),
        media_type,
        name: None,
        detail: None,
        cache,
    })
}

fn file<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let Some(mut file) = fields.object("file")? else {
        return Err(FieldError::new("file", "an object"));
    };
    let path = |it| within("file", it);
    let name = file.text("filename").map_err(path)?;
    if let Some(id) = file.text("file_id").map_err(path)? {
        return Ok(Media {
            source: Source::Id(id),
            media_type: None,
            name,
            detail: None,
            cache,
        });
    }
    let data = file.need_text("file_data").map_err(path)?;
    let media = match Media::at(data) {
        // Not a data URL: bare base64, as some clients send it.
        Media {
            source: Source::Url(data),
            ..
        } if !data.starts_with("http") => Media {
            source: Source::Base64(data),
            media_type: None,
            name: None,
            detail: None,
            cache: None,
        },
        media => media,
    };
    Ok(Media {
        name,
        cache,
        ..media
    })
}

/// A document by address, in Mistral's words (mistralai 3.7 `documenturlchunk.py`).
fn document<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let media = Media::at(fields.need_text("document_url")?);
    Ok(Media {
        name: fields.text("document_name")?,
        cache,
        ..media
    })
}

/// A thought among the parts, in Mistral's words (mistralai 3.7 `thinkchunk.py`).
fn thinking<'a>(fields: &mut Fields<'a>) -> Result<Thought<'a>, FieldError> {
    let pieces = fields.each("thinking", |it| Fields::of(it)?.text("text"))?;
    let words: String = pieces.into_iter().flatten().collect();
    fields.flag("closed")?;
    Ok(Thought::unsigned(words.into()))
}

/// Thoughts first, then words, then calls: the order in which vendors want them back.
fn assistant<'a>(
    fields: &mut Fields<'a>,
    left_out: &mut LeftOut<'a>,
) -> Result<Vec<Part<'a>>, FieldError> {
    let mut parts: Vec<_> = thoughts(fields)?.into_iter().map(Part::Thought).collect();
    parts.extend(content(fields, left_out)?);
    parts.extend(fields.text("refusal")?.map(Part::Refusal));
    parts.extend(
        fields
            .each("tool_calls", tool_call)?
            .into_iter()
            .map(Part::ToolCall),
    );
    if let Some(mut legacy) = fields.object("function_call")? {
        let name = legacy
            .need_text("name")
            .map_err(|it| within("function_call", it))?;
        parts.push(Part::ToolCall(ToolCall {
            id: name.clone(),
            name,
            arguments: legacy.text("arguments")?.unwrap_or_default(),
            is_custom: false,
            signature: None,
        }));
    }
    Ok(parts)
}

/// `reasoning_details` verbatim; without them the plain text under one of its two names.
fn thoughts<'a>(fields: &mut Fields<'a>) -> Result<Vec<Thought<'a>>, FieldError> {
    let details = fields.each("reasoning_details", detail)?;
    let (one, other) = (fields.any("reasoning_content"), fields.any("reasoning"));
    let mut details: Vec<_> = details.into_iter().flatten().collect();
    let text = [one, other].into_iter().flatten().find_map(|it| match it {
        Json::String(text) if !text.is_empty() => Some(text),
        _ => None,
    });
    // A vendor's proofs may be without words, which then stand beside them.
    if details.iter().all(|it| it.text.is_empty()) {
        details.splice(0..0, text.map(Thought::unsigned));
    }
    Ok(details)
}

fn detail(value: Json<'_>) -> Result<Option<Thought<'_>>, FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.text("type")?;
    let format = fields.text("format")?;
    let mut thought = Thought {
        text: Cow::Borrowed(""),
        signature: fields.text("signature")?,
        encrypted: None,
        id: fields.text("id")?,
        provenance: Provenance::of_format(format.as_deref().unwrap_or_default()),
    };
    match kind.as_deref() {
        Some("reasoning.text") => thought.text = fields.text("text")?.unwrap_or_default(),
        Some("reasoning.summary") => thought.text = fields.text("summary")?.unwrap_or_default(),
        Some("reasoning.encrypted") => thought.encrypted = fields.text("data")?,
        _ => return Ok(None),
    }
    Ok(Some(thought))
}

fn tool_call(value: Json<'_>) -> Result<ToolCall<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    let id = fields.text("id")?.unwrap_or_default();
    let signature = signature(&mut fields);
    if let Some(mut custom) = fields.object("custom")? {
        let path = |it| within("custom", it);
        return Ok(ToolCall {
            id,
            name: custom.need_text("name").map_err(path)?,
            arguments: custom.text("input").map_err(path)?.unwrap_or_default(),
            is_custom: true,
            signature,
        });
    }
    let Some(mut function) = fields.object("function")? else {
        return Err(FieldError::new("function", "an object"));
    };
    let path = |it| within("function", it);
    let name = function.need_text("name").map_err(path)?;
    let arguments = match function.any("arguments") {
        None => Cow::Borrowed(""),
        Some(Json::String(text)) => text,
        // Some clients send the object itself.
        Some(other) => Cow::Owned(other.to_string()),
    };
    Ok(ToolCall {
        id,
        name,
        arguments,
        is_custom: false,
        signature,
    })
}

/// Gemini's proof, where Google's own OpenAI-shaped endpoint puts it.
fn signature<'a>(fields: &mut Fields<'a>) -> Option<Cow<'a, str>> {
    let mut extra = Fields::of(fields.any("extra_content")?).ok()?;
    let mut google = Fields::of(extra.any("google")?).ok()?;
    google.text("thought_signature").ok().flatten()
}

impl<'a> Thought<'a> {
    /// A thought of which only the words are known.
    pub fn unsigned(text: Cow<'a, str>) -> Self {
        Self {
            text,
            signature: None,
            encrypted: None,
            id: None,
            provenance: Provenance::Unsigned,
        }
    }
}
