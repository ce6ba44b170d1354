//! A request for a vendor, to `/api/chat`.

use std::borrow::Cow;

use super::turns::Scribe;
use crate::chat::{
    ChatRequest, Effort, Format, Target, Tool, ToolChoice, Traits, Unsupported, Written,
};
use crate::dialect::openai_chat::{empty_schema, input_schema};
use crate::json::{Json, Object};

/// Writes the request. A tool may have any name here.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    if request.choices > 1 {
        return Err(Unsupported::new(
            "n",
            "one answer at a time can be asked for",
        ));
    }
    let mut written = Written::new(Json::Null);
    let messages = Scribe::messages(&request.messages, &mut written)?;
    if messages.is_empty() {
        // It would load the model and say nothing.
        return Err(Unsupported::new("messages", "somebody must say something"));
    }
    let mut body = Object::new()
        .with("model", target.model.to_owned())
        .with("messages", messages);
    let tools = tools(request, &mut written)?;
    request.web_search(None, &mut written)?;
    if !tools.is_empty() {
        body = body.with("tools", tools);
    }
    if let Some(format) = format(request, target.traits, &mut written)? {
        body = body.with("format", format);
    }
    if let Some(think) = think(request, target.traits, &mut written) {
        body = body.with("think", think);
    }
    let options = options(request, target.traits, &mut written);
    if !options.is_empty() {
        body = body.with("options", options);
    }
    if let Some(number) = request.logprobs {
        body = body.with("logprobs", true);
        if number > 0 {
            body = body.with("top_logprobs", number);
        }
    }
    request.leave_out(|_| false, &mut written)?;
    if request.user.is_some() {
        written.drop_field("user");
    }
    // Without this the server forgets the start of what does not fit, and says nothing of it.
    // A stream is what it sends unless told not to.
    written.body = body
        .with("truncate", false)
        .with("stream", request.is_stream)
        .into();
    Ok(written)
}

/// The tools. Nothing makes the model call one of them.
fn tools<'a>(
    request: &ChatRequest<'a>,
    written: &mut Written<'a>,
) -> Result<Vec<Json<'a>>, Unsupported> {
    let allowed = match &request.tool_choice {
        None | Some(ToolChoice::Auto) => None,
        // What is not shown is not called.
        Some(ToolChoice::None) => return Ok(Vec::new()),
        Some(ToolChoice::Allowed {
            is_required: false,
            names,
        }) => Some(names),
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { .. }) => {
            return Err(Unsupported::new(
                "tool_choice",
                "a call cannot be forced; \"auto\" and \"none\" are taken",
            ));
        }
    };
    let tools = request
        .tools
        .iter()
        .filter(|tool| allowed.is_none_or(|names| names.contains(&tool.name)));
    let tools: Vec<_> = tools.map(|it| one_tool(it, written)).collect();
    if request.parallel_tool_calls == Some(false) && !tools.is_empty() {
        written.drop_field("parallel_tool_calls");
    }
    Ok(tools)
}

fn one_tool<'a>(tool: &Tool<'a>, written: &mut Written<'a>) -> Json<'a> {
    if tool.strict == Some(true) {
        written.drop_field("tools[].function.strict");
    }
    if tool.cache.is_some() {
        written.drop_field("cache_control");
    }
    let parameters = match &tool.custom {
        Some(format) => {
            if format.is_some() {
                written.drop_field("tools[].custom.format");
            }
            written.wrapped_tools.push((*tool.name).into());
            input_schema()
        }
        None => schema_of(tool.parameters.as_ref()),
    };
    let description = tool.description.clone().filter(|it| !it.is_empty());
    let function = Object::new()
        .with("name", tool.name.clone())
        .with_some("description", description)
        .with("parameters", parameters);
    Object::new()
        .with("type", "function")
        .with("function", function)
        .into()
}

/// A schema that says it is an object's and has `properties`: templates print both.
fn schema_of<'a>(schema: Option<&Json<'a>>) -> Json<'a> {
    let Some(Json::Object(schema)) = schema else {
        return empty_schema();
    };
    let mut schema = schema.clone();
    if schema.get("type").is_none() {
        schema.set("type", "object");
    }
    if schema.get("properties").is_none() {
        schema.set("properties", Object::new());
    }
    schema.into()
}

fn format<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    written: &mut Written<'a>,
) -> Result<Option<Json<'a>>, Unsupported> {
    Ok(match &request.format {
        Format::Text => None,
        Format::JsonObject => Some("json".into()),
        Format::JsonSchema(_) if !traits.takes_schema => {
            return Err(Unsupported::new(
                "response_format",
                "nothing holds the model to a schema; \"json_object\" is taken",
            ));
        }
        Format::JsonSchema(schema) => {
            if schema.description.is_some() {
                written.drop_field("response_format.json_schema.description");
            }
            Some(schema.schema.clone())
        }
    })
}

/// `think`: how much, or only whether. A model that does not think refuses to be asked to.
fn think<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    written: &mut Written<'a>,
) -> Option<Json<'a>> {
    if request.thinking.is_visible == Some(false) {
        written.drop_field("reasoning.exclude");
    }
    let Some(effort) = request.thinking.meant() else {
        let is_on = request.thinking.is_on == Some(true) && traits.thinks;
        return is_on.then_some(true.into());
    };
    if effort == Effort::None {
        if traits.thinks && !traits.may_not_think {
            written.drop_field("reasoning_effort");
        }
        return (traits.thinks && traits.may_not_think).then_some(false.into());
    }
    if !traits.thinks {
        written.drop_field("reasoning_effort");
        return None;
    }
    if !traits.thinks_by_effort {
        written.drop_field("reasoning_effort:level");
        return Some(true.into());
    }
    let word = match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        // Older servers have no word above it.
        Effort::High | Effort::XHigh => "high",
        Effort::Max => "max",
    };
    Some(word.into())
}

fn options<'a>(request: &ChatRequest<'a>, traits: Traits, written: &mut Written<'a>) -> Object<'a> {
    let sampling = &request.sampling;
    let mut options = Object::new();
    for (field, name, value) in [
        ("temperature", "temperature", &sampling.temperature),
        ("top_p", "top_p", &sampling.top_p),
        ("top_k", "top_k", &sampling.top_k),
        ("min_p", "min_p", &sampling.min_p),
        ("seed", "seed", &sampling.seed),
        (
            "presence_penalty",
            "presence_penalty",
            &sampling.presence_penalty,
        ),
        (
            "frequency_penalty",
            "frequency_penalty",
            &sampling.frequency_penalty,
        ),
        (
            "repetition_penalty",
            "repeat_penalty",
            &sampling.repetition_penalty,
        ),
    ] {
        match value {
            Some(value) if traits.takes_sampling => {
                options.push(Cow::Borrowed(name), value.clone());
            }
            Some(_) => written.drop_field(field),
            None => {}
        }
    }
    if sampling.logit_bias.is_some() {
        written.drop_field("logit_bias");
    }
    if let Some(bound) = request.max_output {
        let bound = traits.max_output.map_or(bound, |most| bound.min(most));
        options = options.with("num_predict", bound);
    }
    let stop: Vec<Json<'a>> = request.stop.iter().cloned().map(Json::from).collect();
    if !stop.is_empty() {
        options = options.with("stop", stop);
    }
    options
}
