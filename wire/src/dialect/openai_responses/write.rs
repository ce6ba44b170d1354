//! A request for a vendor.
//!
//! Nothing is left with the vendor: the conversation is sent whole each time, and thoughts
//! come back to us in cipher.

use std::borrow::Cow;

use super::read::{ENCRYPTED, LOGPROBS};
use super::vendor_input::Scribe;
use crate::chat::names::NameRule;
use crate::chat::{
    ChatRequest, Effort, Format, Names, SearchOption, Searching, Target, Tool, ToolChoice, Traits,
    Unsupported, WebSearch, Written,
};
use crate::dialect::openai_chat::{empty_schema, input_schema, tool_names};
use crate::json::{Json, Object};

/// What is taken as a tool's name.
const NAMES: NameRule = NameRule {
    max_bytes: 64,
    others: b"-",
    begins_with_any: true,
};
/// The smallest bound on output that is taken.
const LEAST_OUTPUT: u64 = 16;
/// Hints that have the same name here.
const HINTS: [&str; 7] = [
    "metadata",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
];

/// What can be said of its search. Source: openai-python 3.57
/// `types/responses/web_search_tool_param.py` (read 2026-11).
const SEARCH: [SearchOption; 4] = [
    SearchOption::Allowed,
    SearchOption::Location,
    SearchOption::ContextSize,
    SearchOption::Offline,
];

/// Writes the request.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    refuse(request)?;
    let traits = target.traits;
    let names = Names::new(NAMES, &tool_names(request));
    let mut written = Written::new(Json::Null);
    let mut scribe = Scribe {
        traits,
        names: &names,
        written: &mut written,
        items: Vec::new(),
        open_calls: Vec::new(),
    };
    for message in &request.messages {
        scribe.message(message)?;
    }
    scribe.close_calls();
    let input = scribe.items;
    let mut body = Object::new()
        .with("model", target.model.to_owned())
        .with("input", input)
        .with("store", false);
    tools(request, traits, &names, &mut body, &mut written)?;
    text(request, &mut body);
    thinking(request, traits, &mut body, &mut written);
    sampling(request, traits, &mut body, &mut written);
    for (field, value) in &request.hints {
        if HINTS.contains(field) {
            body.push(Cow::Borrowed(field), value.clone());
        }
    }
    let is_unstored =
        |field: &str, value: &Json<'_>| field == "store" && value.as_bool() == Some(false);
    let as_asked: Vec<&str> = request
        .hints
        .iter()
        .filter(|(field, value)| is_unstored(field, value))
        .map(|(field, _)| *field)
        .collect();
    request.leave_out(
        |it| HINTS.contains(&it) || it == "verbosity" || as_asked.contains(&it),
        &mut written,
    )?;
    if request.is_stream {
        body = body.with("stream", true);
    }
    written.body = body.into();
    written.names = names;
    Ok(written)
}

/// What the caller would miss in the answer.
fn refuse(request: &ChatRequest<'_>) -> Result<(), Unsupported> {
    if request.choices > 1 {
        return Err(Unsupported::new(
            "n",
            "one answer at a time can be asked for",
        ));
    }
    if !request.stop.is_empty() {
        return Err(Unsupported::new(
            "stop",
            "no text can be named that ends the answer",
        ));
    }
    Ok(())
}

fn tools<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    names: &Names,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) -> Result<(), Unsupported> {
    let takes = (traits.web_search != Searching::No).then_some(&SEARCH[..]);
    let search = request.web_search(takes, written)?;
    let search = search.and_then(|it| it.search.as_ref()).map(web_search);
    if request.tools.is_empty() && search.is_none() {
        return Ok(());
    }
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        if tool.cache.is_some() {
            written.drop_field("cache_control");
        }
        if tool.custom.is_some() && !is_custom(tool, traits) {
            written.wrapped_tools.push((*tool.name).into());
        }
        tools.push(one_tool(tool, traits, names));
    }
    tools.extend(search);
    body.push(Cow::Borrowed("tools"), tools.into());
    if let Some(choice) = choice(request, traits, names) {
        body.push(Cow::Borrowed("tool_choice"), choice);
    }
    if let Some(parallel) = request.parallel_tool_calls {
        body.push(Cow::Borrowed("parallel_tool_calls"), parallel.into());
    }
    Ok(())
}

/// The search that the vendor makes itself.
fn web_search<'a>(search: &WebSearch<'a>) -> Json<'a> {
    let domains: Vec<Json<'a>> = search
        .allowed_domains
        .iter()
        .cloned()
        .map(Json::from)
        .collect();
    let filters = Object::new().with("allowed_domains", domains);
    Object::new()
        .with("type", "web_search")
        .with_some(
            "filters",
            Some(filters).filter(|_| !search.allowed_domains.is_empty()),
        )
        .with_some("user_location", search.user_location.clone())
        .with_some("search_context_size", search.context_size.clone())
        .with_some("external_web_access", search.is_offline.then_some(false))
        .into()
}

/// The choice among the tools.
fn choice<'a>(request: &ChatRequest<'a>, traits: Traits, names: &Names) -> Option<Json<'a>> {
    let one = |name: &str| {
        let tool = request.tools.iter().find(|it| it.name == name);
        let kind = match tool {
            Some(tool) if is_custom(tool, traits) => "custom",
            _ => "function",
        };
        Object::new()
            .with("type", kind)
            .with("name", names.to_target(name).into_owned())
    };
    Some(match request.tool_choice.as_ref()? {
        ToolChoice::None => "none".into(),
        ToolChoice::Auto => "auto".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => one(name).into(),
        ToolChoice::Allowed {
            is_required,
            names: allowed,
        } => {
            let allowed: Vec<Json<'a>> = allowed.iter().map(|it| one(it).into()).collect();
            Object::new()
                .with("type", "allowed_tools")
                .with("mode", if *is_required { "required" } else { "auto" })
                .with("tools", allowed)
                .into()
        }
    })
}

fn is_custom(tool: &Tool<'_>, traits: Traits) -> bool {
    tool.custom.is_some() && traits.takes_custom_tools
}

/// A tool. It is strict here unless it says that it is not.
fn one_tool<'a>(tool: &Tool<'a>, traits: Traits, names: &Names) -> Json<'a> {
    let head = |kind: &'static str| {
        Object::new()
            .with("type", kind)
            .with("name", names.to_target(&tool.name).into_owned())
            .with_some("description", tool.description.clone())
    };
    let parameters = match &tool.custom {
        Some(format) if traits.takes_custom_tools => {
            return head("custom").with_some("format", format.clone()).into();
        }
        Some(_) => input_schema(),
        None => tool.parameters.clone().unwrap_or_else(empty_schema),
    };
    let is_strict = tool.strict == Some(true) && traits.takes_strict_tools;
    head("function")
        .with("parameters", parameters)
        .with("strict", is_strict)
        .into()
}

fn text<'a>(request: &ChatRequest<'a>, body: &mut Object<'a>) {
    let format = match &request.format {
        Format::Text => None,
        Format::JsonObject => Some(Object::new().with("type", "json_object")),
        Format::JsonSchema(schema) => Some(
            Object::new()
                .with("type", "json_schema")
                .with(
                    "name",
                    schema.name.clone().unwrap_or(Cow::Borrowed("answer")),
                )
                .with_some("description", schema.description.clone())
                .with("schema", schema.schema.clone())
                .with_some("strict", schema.strict),
        ),
    };
    let verbosity = request.hints.iter().find(|(it, _)| *it == "verbosity");
    let text = Object::new()
        .with_some("format", format)
        .with_some("verbosity", verbosity.map(|(_, value)| value.clone()));
    if !text.is_empty() {
        body.push(Cow::Borrowed("text"), text.into());
    }
}

fn thinking<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let effort = request.thinking.meant();
    let mut include: Vec<Json<'a>> = Vec::new();
    if request.logprobs.is_some() {
        include.push(LOGPROBS.into());
    }
    if traits.thinks {
        include.push(ENCRYPTED.into());
        let is_shown = shows_thoughts(request) && effort != Some(Effort::None);
        let reasoning = Object::new()
            .with_some("effort", effort.map(Effort::word))
            .with_some("summary", is_shown.then_some("auto"));
        if !reasoning.is_empty() {
            body.push(Cow::Borrowed("reasoning"), reasoning.into());
        }
    } else if effort.is_some_and(|it| it != Effort::None) {
        written.drop_field("reasoning_effort");
    }
    if !include.is_empty() {
        body.push(Cow::Borrowed("include"), include.into());
    }
}

/// Whether thoughts are to be shown: `OpenAI` refuses to sum them up for an organisation that it has
/// not verified, so they are asked for only where the caller spoke of thoughts and not against them.
///
/// Source: the error `reasoning.summary` in continuedev/continue issue 12031 (read 2026-11).
fn shows_thoughts(request: &ChatRequest<'_>) -> bool {
    let thinking = &request.thinking;
    let is_wanted = thinking.meant().is_some() || thinking.is_on == Some(true);
    thinking.is_visible.unwrap_or(is_wanted)
}

fn sampling<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let sampling = &request.sampling;
    let takes = traits.takes_sampling;
    let takes_top_p = takes && (traits.takes_both_sampling || sampling.temperature.is_none());
    let is_taken = |field: &str| match field {
        "temperature" => takes,
        "top_p" => takes_top_p,
        _ => false,
    };
    sampling.carry(is_taken, body, written);
    if let Some(bound) = request.max_output {
        let bound = traits.max_output.map_or(bound, |most| bound.min(most));
        if bound < LEAST_OUTPUT {
            written.drop_field("max_completion_tokens<16");
        }
        let bound = bound.max(LEAST_OUTPUT);
        body.push(Cow::Borrowed("max_output_tokens"), bound.into());
    }
    if let Some(number) = request.logprobs {
        body.push(Cow::Borrowed("top_logprobs"), number.into());
    }
    if let Some(user) = &request.user {
        // The longest that OpenAI takes, in characters.
        let user: String = user.chars().take(64).collect();
        body.push(Cow::Borrowed("user"), user.into());
    }
}
