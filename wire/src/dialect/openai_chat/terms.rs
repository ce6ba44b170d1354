//! Tools, format, thinking, sampling and bounds, for a vendor of the family.

use std::borrow::Cow;

use super::left_out::MAX_USER;
use super::tools::nested_format;
use crate::chat::{
    ChatRequest, Effort, Format, Names, SearchOption, Searching, Tool, ToolChoice, Traits,
    Unsupported, Written,
};
use crate::json::{Json, Object};

pub(super) fn tools<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    names: &Names,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) -> Result<(), Unsupported> {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    let is_allowed = |tool: &&Tool<'a>| allowed.is_none_or(|names| names.contains(&tool.name));
    let mut tools: Vec<Json<'a>> = request
        .tools
        .iter()
        .filter(is_allowed)
        .map(|tool| {
            if tool.custom.is_some() && !traits.takes_custom_tools {
                written.wrapped_tools.push((*tool.name).into());
            }
            one_tool(tool, traits, names)
        })
        .collect();
    search(request, traits, &mut tools, body, written)?;
    if tools.is_empty() {
        return Ok(());
    }
    body.push(Cow::Borrowed("tools"), tools.into());
    let word = |word: &'static str| Json::from(word);
    let choice = match &request.tool_choice {
        None => None,
        Some(ToolChoice::None) => Some(word("none")),
        Some(
            ToolChoice::Auto
            | ToolChoice::Allowed {
                is_required: false, ..
            },
        ) => Some(word("auto")),
        Some(ToolChoice::Required | ToolChoice::Allowed { .. }) => Some(word("required")),
        Some(ToolChoice::Named(name)) => {
            let is_custom = |it: &Tool<'_>| it.name == *name && it.custom.is_some();
            let is_custom = traits.takes_custom_tools && request.tools.iter().any(is_custom);
            let kind = if is_custom { "custom" } else { "function" };
            let only = Object::new().with("name", names.to_target(name).into_owned());
            Some(Object::new().with("type", kind).with(kind, only).into())
        }
    };
    if let Some(choice) = choice {
        body.push(Cow::Borrowed("tool_choice"), choice);
    }
    if let Some(parallel) = request.parallel_tool_calls {
        body.push(Cow::Borrowed("parallel_tool_calls"), parallel.into());
    }
    Ok(())
}

/// Asks the vendor to search, in the one way or the other.
///
/// Source: openai-python 3.57 `types/chat/completion_create_params.py` for models that always
/// search; openrouter 1.3.84 `components/openrouterwebsearchservertool.py` and
/// `components/websearchconfig.py` for the tool (read 2026-11).
fn search<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    tools: &mut Vec<Json<'a>>,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) -> Result<(), Unsupported> {
    const ALWAYS: [SearchOption; 3] = [
        SearchOption::Location,
        SearchOption::ContextSize,
        SearchOption::Forced,
    ];
    const BY_TOOL: [SearchOption; 5] = [
        SearchOption::Allowed,
        SearchOption::Blocked,
        SearchOption::MaxUses,
        SearchOption::Location,
        SearchOption::ContextSize,
    ];
    let takes = match traits.web_search {
        Searching::No => None,
        Searching::Always => Some(&ALWAYS[..]),
        Searching::ByTool => Some(&BY_TOOL[..]),
    };
    let found = request.web_search(takes, written)?;
    let Some(search) = found.and_then(|it| it.search.as_ref()) else {
        return Ok(());
    };
    let size = search.context_size.clone();
    if traits.web_search == Searching::Always {
        let options = Object::new()
            .with_some("search_context_size", size)
            .with_some("user_location", search.user_location.clone().map(nested));
        body.push(Cow::Borrowed("web_search_options"), options.into());
        return Ok(());
    }
    let domains = |list: &[Cow<'a, str>]| {
        let list: Vec<Json<'a>> = list.iter().cloned().map(Json::from).collect();
        (!list.is_empty()).then_some(list)
    };
    let parameters = Object::new()
        .with_some("allowed_domains", domains(&search.allowed_domains))
        .with_some("excluded_domains", domains(&search.blocked_domains))
        .with_some("max_uses", search.max_uses)
        .with_some("search_context_size", size)
        .with_some("user_location", search.user_location.clone());
    let tool = Object::new()
        .with("type", "openrouter:web_search")
        .with_some("parameters", Some(parameters).filter(|it| !it.is_empty()));
    tools.push(tool.into());
    Ok(())
}

/// A place as `web_search_options` has it: its parts one level deeper.
fn nested(place: Json<'_>) -> Json<'_> {
    let Json::Object(mut parts) = place else {
        return place;
    };
    parts.take("type");
    Object::new()
        .with("type", "approximate")
        .with("approximate", parts)
        .into()
}

fn one_tool<'a>(tool: &Tool<'a>, traits: Traits, names: &Names) -> Json<'a> {
    let name = names.to_target(&tool.name).into_owned();
    let it = Object::new()
        .with("name", name)
        .with_some("description", tool.description.clone());
    if let Some(format) = &tool.custom {
        if traits.takes_custom_tools {
            let custom = it.with_some("format", format.as_ref().map(nested_format));
            return Object::new()
                .with("type", "custom")
                .with("custom", custom)
                .into();
        }
        let function = it.with("parameters", input_schema());
        return Object::new()
            .with("type", "function")
            .with("function", function)
            .into();
    }
    let parameters = tool.parameters.clone();
    let function = it
        .with("parameters", parameters.unwrap_or_else(empty_schema))
        .with_some("strict", tool.strict.filter(|_| traits.takes_strict_tools));
    Object::new()
        .with("type", "function")
        .with("function", function)
        .into()
}

/// The schema of a tool without arguments.
pub(crate) fn empty_schema<'a>() -> Json<'a> {
    Object::new()
        .with("type", "object")
        .with("properties", Object::new())
        .into()
}

/// The schema of a function that stands for a custom tool.
pub(crate) fn input_schema<'a>() -> Json<'a> {
    let input = Object::new().with("type", "string");
    Object::new()
        .with("type", "object")
        .with("properties", Object::new().with("input", input))
        .with("required", vec![Json::from("input")])
        .into()
}

pub(super) fn format<'a>(format: &Format<'a>, body: &mut Object<'a>) {
    let it = match format {
        Format::Text => return,
        Format::JsonObject => Object::new().with("type", "json_object"),
        Format::JsonSchema(schema) => {
            let inner = Object::new()
                .with(
                    "name",
                    schema.name.clone().unwrap_or(Cow::Borrowed("answer")),
                )
                .with_some("description", schema.description.clone())
                .with("schema", schema.schema.clone())
                .with_some("strict", schema.strict);
            Object::new()
                .with("type", "json_schema")
                .with("json_schema", inner)
        }
    };
    body.push(Cow::Borrowed("response_format"), it.into());
}

pub(super) fn thinking<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    // Without a word for the effort, the model's own default holds.
    match request.thinking.meant() {
        Some(effort) if traits.thinks => {
            body.push(Cow::Borrowed("reasoning_effort"), effort.word().into());
        }
        Some(Effort::None) | None => {}
        Some(_) => written.drop_field("reasoning_effort"),
    }
}

pub(super) fn sampling<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let takes = |field: &str| match field {
        "seed" => true,
        "top_k" => traits.takes_top_k,
        "min_p" | "repetition_penalty" => traits.takes_more_sampling,
        _ => traits.takes_sampling,
    };
    request.sampling.carry(takes, body, written);
}

/// What bounds the answer, and what else is told of it.
pub(super) fn bounds<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    if let Some(bound) = request.max_output {
        let bound = traits.max_output.map_or(bound, |most| bound.min(most));
        body.push(Cow::Borrowed("max_completion_tokens"), bound.into());
    }
    if request.stop.len() > 4 {
        written.drop_field("stop[4..]");
    }
    let stop: Vec<Json<'a>> = request
        .stop
        .iter()
        .take(4)
        .cloned()
        .map(Json::from)
        .collect();
    if !stop.is_empty() {
        body.push(Cow::Borrowed("stop"), stop.into());
    }
    if let Some(number) = request.logprobs {
        body.push(Cow::Borrowed("logprobs"), true.into());
        if number > 0 {
            body.push(Cow::Borrowed("top_logprobs"), number.into());
        }
    }
    if request.choices > 1 {
        body.push(Cow::Borrowed("n"), request.choices.into());
    }
    if let Some(user) = &request.user {
        let user: String = user.chars().take(MAX_USER).collect();
        body.push(Cow::Borrowed("user"), user.into());
    }
}
