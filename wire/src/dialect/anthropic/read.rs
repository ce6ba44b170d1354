//! A caller's request. Claude Code's is among them, so unknown fields are no error.

use std::borrow::Cow;

use super::messages;
use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Effort, Format, Sampling, Schema, Thinking, Tool, ToolChoice};
use crate::document::FieldError;
use crate::json::{Json, Object};

/// Fields that no other vendor has anything like, and that change nothing when they are empty.
const PASSING: [&str; 4] = ["anthropic_beta", "betas", "diagnostics", "inference_geo"];

/// Reads the request.
pub(crate) fn read_request(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    fields.any("model");
    for field in PASSING {
        fields.any(field);
    }
    let mut request = ChatRequest {
        messages: messages::read(&mut fields)?,
        tools: fields.each("tools", tool)?.into_iter().flatten().collect(),
        thinking: thinking(&mut fields)?,
        stop: fields.texts("stop_sequences")?,
        max_output: fields.whole("max_tokens")?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            top_k: fields.number("top_k")?,
            ..Sampling::default()
        },
        is_stream: fields.flag("stream")?.unwrap_or_default(),
        choices: 1,
        ..ChatRequest::default()
    };
    if let Some(mut choice) = fields.object("tool_choice")? {
        let path = |it| within("tool_choice", it);
        request.tool_choice = Some(tool_choice(&mut choice).map_err(path)?);
        let single = choice.flag("disable_parallel_tool_use").map_err(path)?;
        request.parallel_tool_calls = single.map(|it| !it);
    }
    if let Some(mut output) = fields.object("output_config")? {
        let path = |it| within("output_config", it);
        let effort = output.text("effort").map_err(path)?;
        request.thinking.effort = match effort.as_deref() {
            None => request.thinking.effort,
            Some(word) => Some(Effort::of_word(word).ok_or_else(|| {
                FieldError::new("output_config.effort", "low, medium, high, xhigh or max")
            })?),
        };
        if let Some(mut format) = output.object("format").map_err(path)? {
            request.format = Format::JsonSchema(Schema {
                name: None,
                description: None,
                strict: Some(true),
                schema: format
                    .any("schema")
                    .unwrap_or_else(|| Json::Object(Object::new())),
            });
        }
    }
    if let Some(mut metadata) = fields.object("metadata")? {
        request.user = metadata.text("user_id")?;
    }
    if let Some(tier) = fields.text("service_tier")?
        && tier == "standard_only"
    {
        request.hints.push(("service_tier", "default".into()));
    }
    request.unknown = fields.rest();
    Ok(request)
}

/// A tool; one that the vendor would run itself has no schema, and is left out.
fn tool(value: Json<'_>) -> Result<Option<Tool<'_>>, FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.text("type")?;
    let name = fields.need_text("name")?;
    let parameters = match kind.as_deref() {
        None | Some("custom") => fields.any("input_schema"),
        Some(kind) => match client_tool(kind) {
            Some(schema) => Some(schema),
            None => {
                return Err(FieldError::new(
                    "type",
                    "a tool that the caller runs; tools that Anthropic runs itself need one of its models",
                ));
            }
        },
    };
    Ok(Some(Tool {
        name,
        description: fields.text("description")?,
        parameters,
        strict: fields.flag("strict")?,
        custom: None,
        cache: fields.any("cache_control"),
    }))
}

/// The schema of a tool that Anthropic describes to its models and the caller runs.
fn client_tool(kind: &str) -> Option<Json<'static>> {
    let string = || Object::new().with("type", "string");
    let schema = |properties: Object<'static>, required: &[&'static str]| {
        let required: Vec<Json<'static>> = required.iter().map(|it| Json::from(*it)).collect();
        Object::new()
            .with("type", "object")
            .with("properties", properties)
            .with("required", required)
            .into()
    };
    let integers = || {
        Object::new()
            .with("type", "array")
            .with("items", Object::new().with("type", "integer"))
    };
    if kind.starts_with("bash_") {
        let restart = Object::new().with("type", "boolean");
        let properties = Object::new()
            .with("command", string())
            .with("restart", restart);
        return Some(schema(properties, &[]));
    }
    if kind.starts_with("text_editor_") || kind.starts_with("memory_") {
        let properties = Object::new()
            .with("command", string())
            .with("path", string())
            .with("file_text", string())
            .with("old_str", string())
            .with("new_str", string())
            .with("insert_line", Object::new().with("type", "integer"))
            .with("insert_text", string())
            .with("view_range", integers())
            .with("old_path", string())
            .with("new_path", string());
        return Some(schema(properties, &["command"]));
    }
    if kind.starts_with("computer_") {
        let properties = Object::new()
            .with("action", string())
            .with("coordinate", integers())
            .with("start_coordinate", integers())
            .with("text", string())
            .with("duration", Object::new().with("type", "number"))
            .with("scroll_direction", string())
            .with("scroll_amount", Object::new().with("type", "integer"));
        return Some(schema(properties, &["action"]));
    }
    None
}

fn tool_choice<'a>(choice: &mut Fields<'a>) -> Result<ToolChoice<'a>, FieldError> {
    Ok(match choice.need_text("type")?.as_ref() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.need_text("name")?),
        _ => return Err(FieldError::new("type", "auto, any, tool or none")),
    })
}

fn thinking(fields: &mut Fields<'_>) -> Result<Thinking, FieldError> {
    let Some(mut thinking) = fields.object("thinking")? else {
        return Ok(Thinking::default());
    };
    let path = |it| within("thinking", it);
    let kind: Option<Cow<'_, str>> = thinking.text("type").map_err(path)?;
    let display = thinking.text("display").map_err(path)?;
    let is_off = kind.as_deref() == Some("disabled");
    Ok(Thinking {
        effort: is_off.then_some(Effort::None),
        is_on: Some(!is_off),
        budget: thinking.whole("budget_tokens").map_err(path)?,
        is_visible: display.map(|it| it != "omitted"),
    })
}
