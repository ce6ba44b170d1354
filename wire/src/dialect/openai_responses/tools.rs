//! A caller's tools, and the choice among them.

use std::borrow::Cow;

use super::namespace::joined;
use crate::chat::fields::{Fields, within};
use crate::chat::{Tool, ToolChoice};
use crate::document::FieldError;
use crate::json::Json;

/// Reads `tools`; what is left out goes into `left_out`.
///
/// Tools that `OpenAI` runs itself exist nowhere else. Agents offer its web search with each
/// request, used or not, and have tools of their own to go on with; who offers nothing else
/// wants the search.
pub(super) fn tools<'a>(
    fields: &mut Fields<'a>,
    left_out: &mut Vec<Cow<'a, str>>,
) -> Result<Vec<Tool<'a>>, FieldError> {
    let mut searches = Vec::new();
    let mut at = 0;
    let groups = fields.each("tools", |value| {
        let place = at;
        at += 1;
        match value.str("type") {
            Some(kind) if kind.starts_with("web_search") => {
                searches.push((place, kind.to_owned()));
                Ok(Vec::new())
            }
            _ => group(value),
        }
    })?;
    let tools: Vec<Tool<'_>> = groups.into_iter().flatten().collect();
    match searches.first() {
        Some((at, kind)) if tools.is_empty() => {
            Err(within(&format!("tools[{at}]"), only_functions(kind)))
        }
        _ => {
            let searches = searches.into_iter();
            left_out.extend(searches.map(|(at, kind)| format!("tools[{at}]:{kind}").into()));
            Ok(tools)
        }
    }
}

/// One tool, or those of a namespace.
fn group(value: Json<'_>) -> Result<Vec<Tool<'_>>, FieldError> {
    if value.str("type") != Some("namespace") {
        return tool(value).map(|it| vec![it]);
    }
    let mut fields = Fields::of(value)?;
    let namespace = fields.need_text("name")?;
    let mut tools = fields.each("tools", tool)?;
    for tool in &mut tools {
        let name = std::mem::take(&mut tool.name);
        tool.name = joined(Some(namespace.clone()), name);
    }
    Ok(tools)
}

fn tool(value: Json<'_>) -> Result<Tool<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    match fields.need_text("type")?.as_ref() {
        "function" => Ok(Tool {
            name: fields.need_text("name")?,
            description: fields.text("description")?,
            parameters: fields.any("parameters"),
            strict: fields.flag("strict")?,
            custom: None,
            cache: None,
        }),
        "custom" => Ok(Tool {
            name: fields.need_text("name")?,
            description: fields.text("description")?,
            parameters: None,
            strict: None,
            custom: Some(fields.any("format")),
            cache: None,
        }),
        other => Err(only_functions(other)),
    }
}

fn only_functions(kind: &str) -> FieldError {
    // A type is a word; what is none is not repeated.
    let is_word = kind.len() <= 64
        && kind
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let kind = if is_word { kind } else { "this one" };
    FieldError::new(
        "type",
        format!("\"function\" or \"custom\": `{kind}` is a tool of OpenAI's own models"),
    )
}

/// Reads `tool_choice`.
pub(super) fn tool_choice<'a>(
    fields: &mut Fields<'a>,
) -> Result<Option<ToolChoice<'a>>, FieldError> {
    let Some(value) = fields.any("tool_choice") else {
        return Ok(None);
    };
    choice(value)
        .map(Some)
        .map_err(|error| within("tool_choice", error))
}

fn choice(value: Json<'_>) -> Result<ToolChoice<'_>, FieldError> {
    let expected = "\"none\", \"auto\", \"required\" or a choice of tools";
    if let Json::String(word) = &value {
        return match &**word {
            "none" => Ok(ToolChoice::None),
            "auto" => Ok(ToolChoice::Auto),
            "required" => Ok(ToolChoice::Required),
            _ => Err(FieldError::new("", expected)),
        };
    }
    let mut fields = Fields::of(value).map_err(|_| FieldError::new("", expected))?;
    match fields.need_text("type")?.as_ref() {
        "function" | "custom" => named(&mut fields).map(ToolChoice::Named),
        "allowed_tools" => {
            let mode = fields.text("mode")?;
            Ok(ToolChoice::Allowed {
                is_required: mode.as_deref() == Some("required"),
                names: fields.each("tools", allowed)?,
            })
        }
        other => Err(only_functions(other)),
    }
}

/// The name of a tool, with its namespace if it has one.
fn named<'a>(fields: &mut Fields<'a>) -> Result<Cow<'a, str>, FieldError> {
    let namespace = fields.text("namespace")?;
    Ok(joined(namespace, fields.need_text("name")?))
}

fn allowed(value: Json<'_>) -> Result<Cow<'_, str>, FieldError> {
    let mut fields = Fields::of(value)?;
    match fields.need_text("type")?.as_ref() {
        "function" | "custom" => named(&mut fields),
        other => Err(only_functions(other)),
    }
}
