//! A caller's request.

use std::borrow::Cow;

use super::messages;
use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Effort, Format, Sampling, Schema, Thinking, Tool, ToolChoice};
use crate::document::FieldError;
use crate::json::Json;

/// Fields that are understood as they are, under `OpenAI`'s name.
const HINTS: [&str; 15] = [
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
    "web_search_options",
    "extra_body",
    "safety_settings",
];

/// Reads the request.
pub(crate) fn read_request(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    fields.any("model");
    fields.any("stream_options");
    let mut request = ChatRequest {
        messages: messages::read(&mut fields)?,
        tools: fields.each("tools", tool)?,
        parallel_tool_calls: fields.flag("parallel_tool_calls")?,
        tool_choice: fields
            .any("tool_choice")
            .map(tool_choice)
            .transpose()
            .map_err(|error| within("tool_choice", error))?,
        format: format(&mut fields)?,
        thinking: thinking(&mut fields)?,
        stop: fields.texts("stop")?,
        sampling: Sampling::read(&mut fields)?,
        logprobs: logprobs(&mut fields)?,
        is_stream: fields.flag("stream")?.unwrap_or_default(),
        user: fields.text("user")?,
        ..ChatRequest::default()
    };
    let legacy = fields.whole("max_tokens")?;
    request.max_output = fields.whole("max_completion_tokens")?.or(legacy);
    let choices = fields.whole("n")?.unwrap_or(1);
    request.choices = u32::try_from(choices).unwrap_or(u32::MAX);
    legacy_functions(&mut fields, &mut request)?;
    for hint in HINTS {
        if let Some(value) = fields.any(hint) {
            request.hints.push((hint, value));
        }
    }
    request.unknown = fields.rest();
    Ok(request)
}

/// A tool; what is neither function nor custom belongs to one vendor and is refused.
fn tool(value: Json<'_>) -> Result<Tool<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.text("type")?;
    let cache = fields
        .any("cache_control")
        .or_else(|| fields.any("prompt_cache_breakpoint"));
    let mut tool = match kind.as_deref() {
        Some("function") | None => {
            let Some(mut function) = fields.object("function")? else {
                return Err(FieldError::new("function", "an object"));
            };
            let mut tool = function_of(&mut function).map_err(|it| within("function", it))?;
            tool.cache = function.any("cache_control");
            tool
        }
        Some("custom") => {
            let Some(mut custom) = fields.object("custom")? else {
                return Err(FieldError::new("custom", "an object"));
            };
            Tool {
                name: custom
                    .need_text("name")
                    .map_err(|it| within("custom", it))?,
                description: custom
                    .text("description")
                    .map_err(|it| within("custom", it))?,
                parameters: None,
                strict: None,
                custom: Some(custom.any("format")),
                cache: None,
            }
        }
        Some(_) => return Err(FieldError::new("type", "\"function\" or \"custom\"")),
    };
    tool.cache = tool.cache.or(cache);
    Ok(tool)
}

fn function_of<'a>(function: &mut Fields<'a>) -> Result<Tool<'a>, FieldError> {
    Ok(Tool {
        name: function.need_text("name")?,
        description: function.text("description")?,
        parameters: function.any("parameters"),
        strict: function.flag("strict")?,
        custom: None,
        cache: None,
    })
}

fn tool_choice(value: Json<'_>) -> Result<ToolChoice<'_>, FieldError> {
    let expected = "\"none\", \"auto\", \"required\" or a choice of tools";
    let value = match value {
        Json::String(word) => {
            return match &*word {
                "none" => Ok(ToolChoice::None),
                "auto" => Ok(ToolChoice::Auto),
                "required" | "any" => Ok(ToolChoice::Required),
                _ => Err(FieldError::new("", expected)),
            };
        }
        other => other,
    };
    let mut fields = Fields::of(value).map_err(|_| FieldError::new("", expected))?;
    match fields.text("type")?.as_deref() {
        Some(kind @ ("function" | "custom")) => {
            let kind = if kind == "custom" {
                "custom"
            } else {
                "function"
            };
            let Some(mut named) = fields.object(kind)? else {
                return Err(FieldError::new(kind, "an object"));
            };
            let name = named.need_text("name").map_err(|it| within(kind, it))?;
            Ok(ToolChoice::Named(name))
        }
        Some("allowed_tools") => {
            let mut allowed = match fields.object("allowed_tools")? {
                Some(allowed) => allowed,
                None => fields,
            };
            let mode = allowed.text("mode")?;
            Ok(ToolChoice::Allowed {
                is_required: mode.as_deref() == Some("required"),
                names: allowed.each("tools", allowed_name)?,
            })
        }
        _ => Err(FieldError::new(
            "type",
            "\"function\", \"custom\" or \"allowed_tools\"",
        )),
    }
}

fn allowed_name(value: Json<'_>) -> Result<Cow<'_, str>, FieldError> {
    let mut fields = Fields::of(value)?;
    if let Some(name) = fields.text("name")? {
        return Ok(name);
    }
    let inner = match fields.object("function")? {
        Some(function) => Some(function),
        None => fields.object("custom")?,
    };
    inner
        .ok_or_else(|| FieldError::new("function", "an object"))?
        .need_text("name")
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

/// `functions` and `function_call`, which tools took the place of.
fn legacy_functions<'a>(
    fields: &mut Fields<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    let functions = fields.each("functions", |it| function_of(&mut Fields::of(it)?))?;
    if request.tools.is_empty() {
        request.tools = functions;
    }
    let choice = match fields.any("function_call") {
        None => return Ok(()),
        Some(Json::String(word)) => match &*word {
            "none" => ToolChoice::None,
            _ => ToolChoice::Auto,
        },
        Some(other) => ToolChoice::Named(
            Fields::of(other)
                .and_then(|mut it| it.need_text("name"))
                .map_err(|error| within("function_call", error))?,
        ),
    };
    request.tool_choice.get_or_insert(choice);
    Ok(())
}
