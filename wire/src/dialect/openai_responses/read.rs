//! A caller's request.

use std::borrow::Cow;

use super::input::Input;
use super::tools::{Tools, tool_choice};
use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Effort, Format, Sampling, Schema, Thinking};
use crate::document::FieldError;
use crate::json::{Json, Object};

/// Fields that a chat has under the same name.
const HINTS: [&str; 7] = [
    "metadata",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
];
/// What `include` says to get the thoughts in cipher.
pub(super) const ENCRYPTED: &str = "reasoning.encrypted_content";
/// What `include` says to get token probabilities.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";

/// Reads the request. What its `previous_response_id` names must have been joined to it before.
pub(crate) fn read_request(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    for field in ["model", "store"] {
        fields.any(field);
    }
    refuse(&mut fields)?;
    let mut unknown = Vec::new();
    // A vendor that finds a conversation too long says so; nothing is cut from it here.
    if let Some(word) = fields.text("truncation")?
        && word != "disabled"
    {
        unknown.push("truncation".into());
    }
    if let Some(options) = fields.object("stream_options")? {
        unknown.extend(options.rest_of("stream_options"));
    }
    let mut tools = Tools::default();
    tools.read(&mut fields, None)?;
    let input = Input::read(&mut fields, &mut tools)?;
    let tool_choice = tool_choice(&mut fields, &mut tools)?;
    unknown.extend(input.left_out);
    unknown.extend(tools.left_out);
    let mut request = ChatRequest {
        messages: input.messages,
        tools: tools.own,
        hosted: tools.hosted,
        tool_choice,
        parallel_tool_calls: fields.flag("parallel_tool_calls")?,
        max_output: fields.whole("max_output_tokens")?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            ..Sampling::default()
        },
        is_stream: fields.flag("stream")?.unwrap_or_default(),
        user: fields.text("user")?,
        choices: 1,
        ..ChatRequest::default()
    };
    for hint in HINTS {
        if let Some(value) = fields.any(hint) {
            request.hints.push((hint, value));
        }
    }
    read_include(&mut fields, &mut request, &mut unknown)?;
    if let Some(mut text) = fields.object("text")? {
        read_text(&mut text, &mut request).map_err(|it| within("text", it))?;
        unknown.extend(text.rest_of("text"));
    }
    if let Some(mut reasoning) = fields.object("reasoning")? {
        request.thinking = thinking(&mut reasoning).map_err(|it| within("reasoning", it))?;
        let rest = reasoning.rest().into_iter();
        unknown.extend(rest.map(|it| format!("reasoning.{it}").into()));
    }
    unknown.extend(fields.rest());
    request.unknown = unknown;
    Ok(request)
}

/// What is to be in the answer besides.
fn read_include<'a>(
    fields: &mut Fields<'a>,
    request: &mut ChatRequest<'a>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<(), FieldError> {
    let number = fields.whole("top_logprobs")?;
    for word in fields.texts("include")? {
        match &*word {
            ENCRYPTED => {}
            LOGPROBS => request.logprobs = Some(number.unwrap_or(0)),
            _ => unknown.push("include".into()),
        }
    }
    if number.is_some_and(|it| it > 0) && request.logprobs.is_none() {
        unknown.push("top_logprobs".into());
    }
    Ok(())
}

/// What would need a store, or a vendor that keeps things.
fn refuse(fields: &mut Fields<'_>) -> Result<(), FieldError> {
    if fields.flag("background")? == Some(true) {
        return Err(FieldError::new(
            "background",
            "false: an answer is given while its caller waits",
        ));
    }
    let kept = [
        (
            "conversation",
            "absent: the whole conversation is sent as `input`",
        ),
        (
            "prompt",
            "absent: the prompt itself is sent as `instructions` and `input`",
        ),
        (
            "previous_response_id",
            "the id of a response that is stored here",
        ),
    ];
    for (field, expected) in kept {
        if fields.any(field).is_some() {
            return Err(FieldError::new(field, expected));
        }
    }
    Ok(())
}

fn read_text<'a>(text: &mut Fields<'a>, request: &mut ChatRequest<'a>) -> Result<(), FieldError> {
    if let Some(verbosity) = text.any("verbosity") {
        request.hints.push(("verbosity", verbosity));
    }
    let Some(mut format) = text.object("format")? else {
        return Ok(());
    };
    let path = |it| within("format", it);
    request.format = match format.need_text("type").map_err(path)?.as_ref() {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => Format::JsonSchema(Schema {
            name: format.text("name").map_err(path)?,
            description: format.text("description").map_err(path)?,
            strict: format.flag("strict").map_err(path)?,
            schema: format
                .any("schema")
                .unwrap_or_else(|| Json::Object(Object::new())),
        }),
        _ => {
            return Err(FieldError::new(
                "format.type",
                "\"text\", \"json_object\" or \"json_schema\"",
            ));
        }
    };
    Ok(())
}

fn thinking(reasoning: &mut Fields<'_>) -> Result<Thinking, FieldError> {
    let effort = match reasoning.text("effort")? {
        None => None,
        Some(word) => Some(Effort::of_word(&word).ok_or_else(|| {
            FieldError::new("effort", "none, minimal, low, medium, high, xhigh or max")
        })?),
    };
    // The older name stands for the newer one.
    let (newer, older) = (reasoning.any("summary"), reasoning.any("generate_summary"));
    Ok(Thinking {
        effort,
        budget: None,
        is_visible: newer.or(older).map(|_| true),
        is_on: None,
    })
}
