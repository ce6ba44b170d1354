//! A caller's request.

use std::borrow::Cow;

use super::{messages, tools};
use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Effort, Format, Sampling, Schema, Thinking};
use crate::document::FieldError;
use crate::json::Json;

/// Fields that are understood as they are, under `OpenAI`'s name.
const HINTS: [&str; 14] = [
    "audio",
    "metadata",
    "modalities",
    "moderation",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "verbosity",
    "extra_body",
    "safety_settings",
];

/// Reads the request.
pub(crate) fn read_request(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    fields.any("model");
    let mut unknown = Vec::new();
    let mut request = ChatRequest {
        messages: messages::read(&mut fields, &mut unknown)?,
        parallel_tool_calls: fields.flag("parallel_tool_calls")?,
        format: format(&mut fields)?,
        thinking: thinking(&mut fields)?,
        stop: fields.texts("stop")?,
        sampling: Sampling::read(&mut fields)?,
        logprobs: logprobs(&mut fields)?,
        is_stream: fields.flag("stream")?.unwrap_or_default(),
        user: fields.text("user")?,
        unknown,
        ..ChatRequest::default()
    };
    let legacy = fields.whole("max_tokens")?;
    request.max_output = fields.whole("max_completion_tokens")?.or(legacy);
    let choices = fields.whole("n")?.unwrap_or(1);
    request.choices = u32::try_from(choices).unwrap_or(u32::MAX);
    tools::read(&mut fields, &mut request)?;
    for hint in HINTS {
        if let Some(value) = fields.any(hint) {
            request.hints.push((hint, value));
        }
    }
    if let Some(mut options) = fields.object("stream_options")? {
        options.any("include_usage");
        request.unknown.extend(options.rest_of("stream_options"));
    }
    request.unknown.extend(fields.rest());
    Ok(request)
}

fn format<'a>(fields: &mut Fields<'a>) -> Result<Format<'a>, FieldError> {
    let Some(mut format) = fields.object("response_format")? else {
        return Ok(Format::Text);
    };
    let mut read = || -> Result<Format<'a>, FieldError> {
        match format.text("type")?.as_deref() {
            Some("text") => Ok(Format::Text),
            Some("json_object") => Ok(Format::JsonObject),
            Some("json_schema") => {
                let Some(mut schema) = format.object("json_schema")? else {
                    return Err(FieldError::new("json_schema", "an object"));
                };
                Ok(Format::JsonSchema(Schema {
                    name: schema.text("name")?,
                    description: schema.text("description")?,
                    strict: schema.flag("strict")?,
                    schema: schema
                        .any("schema")
                        .unwrap_or_else(|| Json::Object(crate::json::Object::new())),
                }))
            }
            _ => Err(FieldError::new(
                "type",
                "\"text\", \"json_object\" or \"json_schema\"",
            )),
        }
    };
    read().map_err(|error| within("response_format", error))
}

/// `reasoning_effort`, and `OpenRouter`'s `reasoning` object, which many clients send.
fn thinking(fields: &mut Fields<'_>) -> Result<Thinking, FieldError> {
    let effort = |word: Option<Cow<'_, str>>, path: &'static str| match word {
        None => Ok(None),
        // Groq's word for what the model does unasked.
        Some(word) if word == "default" => Ok(None),
        Some(word) => Effort::of_word(&word)
            .map(Some)
            .ok_or_else(|| FieldError::new(path, "none, minimal, low, medium, high, xhigh or max")),
    };
    let mut thinking = Thinking {
        effort: effort(fields.text("reasoning_effort")?, "reasoning_effort")?,
        ..Thinking::default()
    };
    if let Some(mut reasoning) = fields.object("reasoning")? {
        let said = effort(reasoning.text("effort")?, "reasoning.effort")?;
        thinking.effort = thinking.effort.or(said);
        thinking.budget = reasoning.whole("max_tokens")?;
        thinking.is_visible = reasoning.flag("exclude")?.map(|it| !it);
        thinking.is_on = reasoning.flag("enabled")?;
        if thinking.effort.is_none() && thinking.is_on == Some(false) {
            thinking.effort = Some(Effort::None);
        }
    }
    Ok(thinking)
}

fn logprobs(fields: &mut Fields<'_>) -> Result<Option<u64>, FieldError> {
    let is_wanted = fields.flag("logprobs")?.unwrap_or_default();
    let number = fields.whole("top_logprobs")?;
    Ok(is_wanted.then(|| number.unwrap_or(0)))
}
