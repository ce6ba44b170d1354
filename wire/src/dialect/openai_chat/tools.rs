//! A caller's tools, and the choice among them.

use std::borrow::Cow;

use crate::chat::fields::{Fields, note, within};
use crate::chat::{ChatRequest, HostedTool, Tool, ToolChoice, WebSearch};
use crate::document::FieldError;
use crate::json::{Json, Object};

/// Reads all that is said of tools. `web_search_options` is what `OpenAI`'s models that search
/// with each answer take, and reads as a search that must be made.
///
/// Source: openai-python 3.57 `types/chat/completion_create_params.py` and, for tools that a
/// vendor runs, openrouter 1.3.84 `components/chatfunctiontool.py` (read 2026-11).
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    for (at, value) in fields.list("tools")?.into_iter().enumerate() {
        tool(value, at, request).map_err(|it| within(&format!("tools[{at}]"), it))?;
    }
    if let Some(mut options) = fields.object("web_search_options")? {
        let path = |it| within("web_search_options", it);
        let mut search = WebSearch::read(&mut options).map_err(path)?;
        search.user_location = search.user_location.map(flat);
        note(&mut request.unknown, options.rest_of("web_search_options"));
        request.hosted.push(HostedTool {
            path: "web_search_options".into(),
            kind: None,
            name: "".into(),
            is_forced: false,
            search: Some(search),
        });
    }
    if let Some(choice) = fields.any("tool_choice") {
        let choice = tool_choice(choice, &mut request.hosted);
        request.tool_choice = choice.map_err(|it| within("tool_choice", it))?;
    }
    legacy_functions(fields, request)
}

/// A place as other dialects have it: this one puts its parts one level deeper.
fn flat(place: Json<'_>) -> Json<'_> {
    let Json::Object(mut object) = place else {
        return place;
    };
    match object.take("approximate") {
        Some(Json::Object(parts)) => {
            let mut flat = Object::new().with("type", "approximate");
            for (name, value) in parts {
                flat.push(name, value);
            }
            flat.into()
        }
        _ => object.into(),
    }
}

fn tool<'a>(value: Json<'a>, at: usize, request: &mut ChatRequest<'a>) -> Result<(), FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.text("type")?;
    let mut cache = fields
        .any("cache_control")
        .or_else(|| fields.any("prompt_cache_breakpoint"));
    let tool = match kind.as_deref() {
        Some("function") | None => {
            let Some(mut function) = fields.object("function")? else {
                return Err(FieldError::new("function", "an object"));
            };
            let tool = function_of(&mut function).map_err(|it| within("function", it))?;
            cache = function.any("cache_control").or(cache);
            note(&mut request.unknown, function.rest_of("tools[].function"));
            tool
        }
        Some("custom") => {
            let Some(mut custom) = fields.object("custom")? else {
                return Err(FieldError::new("custom", "an object"));
            };
            let tool = custom_of(&mut custom).map_err(|it| within("custom", it))?;
            note(&mut request.unknown, custom.rest_of("tools[].custom"));
            tool
        }
        Some(_) => return hosted(fields, at, kind.unwrap_or_default(), request),
    };
    note(&mut request.unknown, fields.rest_of("tools[]"));
    request.tools.push(Tool { cache, ..tool });
    Ok(())
}

/// A tool that the vendor runs: `OpenRouter`'s have their options in `parameters`.
fn hosted<'a>(
    mut fields: Fields<'a>,
    at: usize,
    kind: Cow<'a, str>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    let is_search = kind.starts_with("web_search") || kind == "openrouter:web_search";
    let mut tool = HostedTool::at(at, kind.clone(), kind);
    if is_search {
        let mut options = match fields.object("parameters")? {
            Some(parameters) => parameters,
            None => fields,
        };
        let mut search = WebSearch::read(&mut options)?;
        search
            .blocked_domains
            .extend(options.texts("excluded_domains")?);
        note(&mut request.unknown, options.rest_of(&tool.path));
        tool.search = Some(search);
    }
    request.hosted.push(tool);
    Ok(())
}

fn custom_of<'a>(custom: &mut Fields<'a>) -> Result<Tool<'a>, FieldError> {
    Ok(Tool {
        name: custom.need_text("name")?,
        description: custom.text("description")?,
        parameters: None,
        strict: None,
        custom: Some(custom.any("format").map(flat_format)),
        cache: None,
    })
}

/// The format as Responses has it, whose grammars have no object of their own.
fn flat_format(format: Json<'_>) -> Json<'_> {
    let Json::Object(mut format) = format else {
        return format;
    };
    if let Some(Json::Object(grammar)) = format.take("grammar") {
        for (name, value) in grammar {
            format.push(name, value);
        }
    }
    Json::Object(format)
}

/// The format as chats have it.
pub(super) fn nested_format<'a>(format: &Json<'a>) -> Json<'a> {
    let Json::Object(flat) = format else {
        return format.clone();
    };
    let (mut format, mut grammar) = (Object::new(), Object::new());
    for (name, value) in flat.clone() {
        match &*name {
            "syntax" | "definition" => grammar.push(name, value),
            _ => format.push(name, value),
        }
    }
    if !grammar.is_empty() {
        format.set("grammar", grammar);
    }
    Json::Object(format)
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

fn tool_choice<'a>(
    value: Json<'a>,
    hosted: &mut [HostedTool<'a>],
) -> Result<Option<ToolChoice<'a>>, FieldError> {
    let expected = "\"none\", \"auto\", \"required\" or a choice of tools";
    let value = match value {
        Json::String(word) => {
            return match &*word {
                "none" => Ok(Some(ToolChoice::None)),
                "auto" => Ok(Some(ToolChoice::Auto)),
                "required" | "any" => Ok(Some(ToolChoice::Required)),
                _ => Err(FieldError::new("", expected)),
            };
        }
        other => other,
    };
    let mut fields = Fields::of(value).map_err(|_| FieldError::new("", expected))?;
    let kind = fields.text("type")?;
    if let Some(tool) = hosted.iter_mut().find(|it| kind.as_ref() == Some(&it.name)) {
        tool.is_forced = true;
        return Ok(None);
    }
    match kind.as_deref() {
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
            Ok(Some(ToolChoice::Named(name)))
        }
        Some("allowed_tools") => {
            let mut allowed = match fields.object("allowed_tools")? {
                Some(allowed) => allowed,
                None => fields,
            };
            let mode = allowed.text("mode")?;
            Ok(Some(ToolChoice::Allowed {
                is_required: mode.as_deref() == Some("required"),
                names: allowed.each("tools", allowed_name)?,
            }))
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

/// `functions` and `function_call`, which tools took the place of.
fn legacy_functions<'a>(
    fields: &mut Fields<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    let functions = fields.each("functions", |it| {
        let mut function = Fields::of(it)?;
        let tool = function_of(&mut function)?;
        note(&mut request.unknown, function.rest_of("functions[]"));
        Ok(tool)
    })?;
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
