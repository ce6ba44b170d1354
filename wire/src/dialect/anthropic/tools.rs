//! A caller's tools, and the choice among them.

use std::borrow::Cow;

use crate::chat::fields::{Fields, note, within};
use crate::chat::{ChatRequest, HostedTool, Tool, ToolChoice, WebSearch};
use crate::document::FieldError;
use crate::json::{Json, Object};

/// Reads `tools` and `tool_choice`.
///
/// Source: anthropic-python 2.14 `types/tool_union_param.py` and
/// `types/web_search_tool_20250305_param.py` (read 2026-11).
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    for (at, value) in fields.list("tools")?.into_iter().enumerate() {
        tool(value, at, request).map_err(|it| within(&format!("tools[{at}]"), it))?;
    }
    let Some(mut choice) = fields.object("tool_choice")? else {
        return Ok(());
    };
    let path = |it| within("tool_choice", it);
    let single = choice.flag("disable_parallel_tool_use").map_err(path)?;
    request.parallel_tool_calls = single.map(|it| !it);
    let chosen = tool_choice(&mut choice).map_err(path)?;
    note(&mut request.unknown, choice.rest_of("tool_choice"));
    let hosted = match &chosen {
        ToolChoice::Named(name) if request.tools.iter().all(|it| it.name != *name) => {
            request.hosted.iter_mut().find(|it| it.name == *name)
        }
        _ => None,
    };
    match hosted {
        Some(hosted) => hosted.is_forced = true,
        None => request.tool_choice = Some(chosen),
    }
    Ok(())
}

/// A tool: the caller's own, one that Anthropic describes and the caller runs, or one that
/// Anthropic runs.
fn tool<'a>(value: Json<'a>, at: usize, request: &mut ChatRequest<'a>) -> Result<(), FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.text("type")?;
    let parameters = match kind.as_deref() {
        None | Some("custom") => fields.any("input_schema"),
        Some(word) => match client_tool(word) {
            Some(schema) => Some(schema),
            None => return hosted(fields, at, kind.unwrap_or_default(), request),
        },
    };
    request.tools.push(Tool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        parameters,
        strict: fields.flag("strict")?,
        custom: None,
        cache: fields.any("cache_control"),
    });
    note(&mut request.unknown, fields.rest_of("tools[]"));
    Ok(())
}

fn hosted<'a>(
    mut fields: Fields<'a>,
    at: usize,
    kind: Cow<'a, str>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    let is_search = kind.starts_with("web_search_");
    let name = fields.text("name")?.unwrap_or_default();
    let mut tool = HostedTool::at(at, kind, name);
    if is_search {
        tool.search = Some(WebSearch::read(&mut fields)?);
        note(&mut request.unknown, fields.rest_of(&tool.path));
    }
    request.hosted.push(tool);
    Ok(())
}

/// Whether the caller runs a tool of this type, and not Anthropic.
pub(super) fn is_callers(kind: Option<&str>) -> bool {
    kind.is_none_or(|it| it == "custom" || client_tool(it).is_some())
}

/// The schema of a tool that Anthropic describes to its models and the caller runs.
fn client_tool(kind: &str) -> Option<Json<'static>> {
    // A set of tools, which its caller knows by other names.
    if kind.contains("_toolset_") {
        return None;
    }
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
