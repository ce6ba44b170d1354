//! A caller's tools, and the choice among them.

use std::borrow::Cow;

use super::names::{fields, nested};
use super::openapi::json_schema;
use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::document::FieldError;
use crate::json::Json;

/// Reads `tools` and `toolConfig`.
pub(super) fn read<'a>(
    request: &mut ChatRequest<'a>,
    outer: &mut Fields<'a>,
) -> Result<(), FieldError> {
    let mut dropped = Vec::new();
    let tools = outer.each("tools", |it| group(it, &mut dropped))?;
    request.tools = tools.into_iter().flatten().collect();
    let path = |it| format!("tools[].functionDeclarations[].{it}").into();
    request.unknown.extend(dropped.into_iter().map(path));
    let Some(mut config) = nested(outer, "toolConfig")? else {
        return Ok(());
    };
    let calling = nested(&mut config, "functionCallingConfig");
    let calling = calling.map_err(|error| within("toolConfig", error))?;
    if let Some(mut calling) = calling {
        let path = |error| within("toolConfig.functionCallingConfig", error);
        request.tool_choice = choice(&mut calling).map_err(path)?;
    }
    let rest = config.rest().into_iter();
    request
        .unknown
        .extend(rest.map(|it| format!("toolConfig.{it}").into()));
    Ok(())
}

/// One element of `tools`: any number of functions, or something that Google runs itself.
fn group<'a>(
    value: Json<'a>,
    dropped: &mut Vec<Cow<'a, str>>,
) -> Result<Vec<Tool<'a>>, FieldError> {
    let mut group = fields(value)?;
    let tools = group.each("functionDeclarations", |it| function(it, dropped))?;
    match group.rest().into_iter().next() {
        None => Ok(tools),
        Some(name) => Err(FieldError::new(
            name,
            "left out: tools that Google runs itself need one of its models",
        )),
    }
}

fn function<'a>(value: Json<'a>, dropped: &mut Vec<Cow<'a, str>>) -> Result<Tool<'a>, FieldError> {
    let mut function = fields(value)?;
    let (openapi, own) = (
        function.any("parameters"),
        function.any("parametersJsonSchema"),
    );
    let tool = Tool {
        name: function.need_text("name")?,
        description: function.text("description")?,
        parameters: own.or_else(|| openapi.map(json_schema)),
        strict: None,
        custom: None,
        cache: None,
    };
    // What a function returns is between the caller and Gemini.
    dropped.extend(function.rest());
    Ok(tool)
}

/// `VALIDATED` holds arguments to their schemas, and is `AUTO` where that cannot be said of every schema.
fn choice<'a>(calling: &mut Fields<'a>) -> Result<Option<ToolChoice<'a>>, FieldError> {
    let mode = calling.text("mode")?;
    let mut names = calling.texts("allowedFunctionNames")?;
    let mode = mode.map(|it| it.to_ascii_uppercase());
    Ok(Some(match mode.as_deref() {
        None | Some("" | "MODE_UNSPECIFIED") => return Ok(None),
        Some("NONE") => ToolChoice::None,
        Some("ANY") if names.is_empty() => ToolChoice::Required,
        Some("ANY") if names.len() == 1 => ToolChoice::Named(names.remove(0)),
        Some("ANY") => ToolChoice::Allowed {
            is_required: true,
            names,
        },
        Some("AUTO" | "VALIDATED") if names.is_empty() => ToolChoice::Auto,
        Some("AUTO" | "VALIDATED") => ToolChoice::Allowed {
            is_required: false,
            names,
        },
        Some(_) => return Err(FieldError::new("mode", "AUTO, ANY, NONE or VALIDATED")),
    }))
}
