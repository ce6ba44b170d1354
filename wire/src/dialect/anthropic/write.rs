//! A request for a vendor that speaks Messages.

use std::borrow::Cow;

use super::schema::closed;
use super::thinking::{Orders, lacks_thought, orders};
use super::turns::Blocks;
use crate::chat::names::NameRule;
use crate::chat::turns::Conversation;
use crate::chat::{
    ChatRequest, Format, Names, Target, Tool, ToolChoice, Traits, Unsupported, Written,
};
use crate::dialect::openai_chat::{empty_schema, input_schema, tool_names};
use crate::json::{Json, Object};

/// What Anthropic takes as a tool's name.
const NAMES: NameRule = NameRule {
    max_bytes: 128,
    others: b"-",
    begins_with_any: true,
};
/// The tool that stands for a schema where the model takes none.
const ANSWER_TOOL: &str = "json";
/// The bound on output where neither the caller nor the catalog says one; Claude 3's.
const DEFAULT_MAX_OUTPUT: u64 = 4_096;

/// Writes the request.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    request.want_one_plain_answer()?;
    let traits = target.traits;
    let names = Names::new(NAMES, &tool_names(request));
    let conversation = Conversation::of(&request.messages);
    let mut written = Written::new(Json::Null);
    let mut blocks = Blocks {
        traits,
        names: &names,
        written: &mut written,
        cache_points: 0,
    };
    let system = blocks.system(&conversation.system);
    let tools: Vec<Json<'a>> = request
        .tools
        .iter()
        .filter(|it| is_allowed(request, it))
        .map(|it| tool(it, &mut blocks))
        .collect();
    let messages = blocks.messages(&conversation)?;
    let max_tokens = max_tokens(request, traits);
    let mut body = Object::new()
        .with("model", target.model.to_owned())
        .with("max_tokens", max_tokens)
        .with_some("system", system)
        .with("messages", messages);
    let mut plan = Plan {
        request,
        traits,
        names: &names,
        tools,
        output: Object::new(),
        choice: None,
    };
    plan.format(&mut body, &mut written);
    plan.choose();
    let thinks = plan.think(max_tokens, &conversation, &mut body, &mut written);
    plan.finish(&mut body);
    sampling(request, traits, thinks, &mut body, &mut written);
    identity(request, &mut body);
    request.leave_out(
        |it| matches!(it, "service_tier" | "safety_identifier"),
        &mut written,
    )?;
    if request.is_stream {
        body = body.with("stream", true);
    }
    written.body = body.into();
    written.names = names;
    Ok(written)
}

/// Whether the choice among tools leaves this one in.
pub(crate) fn is_allowed(request: &ChatRequest<'_>, tool: &Tool<'_>) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => names.contains(&tool.name),
        _ => true,
    }
}

fn tool<'a>(tool: &Tool<'a>, blocks: &mut Blocks<'_, 'a>) -> Json<'a> {
    let schema = if tool.custom.is_some() {
        blocks.written.wrapped_tools.push((*tool.name).into());
        input_schema()
    } else {
        with_type(tool.parameters.clone().unwrap_or_else(empty_schema))
    };
    let description = tool.description.clone().filter(|it| !it.is_empty());
    let strict = tool
        .strict
        .filter(|it| *it && blocks.traits.takes_strict_tools);
    let it = Object::new()
        .with("name", blocks.names.to_target(&tool.name).into_owned())
        .with_some("description", description)
        .with(
            "input_schema",
            if strict.is_some() {
                closed(schema)
            } else {
                schema
            },
        )
        .with_some("strict", strict);
    blocks.cached(it, tool.cache.as_ref())
}

/// A schema that says it is an object's, as it must.
pub(crate) fn with_type(schema: Json<'_>) -> Json<'_> {
    match schema {
        Json::Object(mut object) => {
            if object.get("type").is_none() {
                object.set("type", "object");
            }
            object.into()
        }
        _ => empty_schema(),
    }
}

fn max_tokens(request: &ChatRequest<'_>, traits: Traits) -> u64 {
    match (request.max_output, traits.max_output) {
        (Some(wanted), Some(most)) => wanted.min(most),
        (Some(wanted), None) => wanted,
        (None, most) => most.unwrap_or(DEFAULT_MAX_OUTPUT),
    }
}

/// What hangs together: tools, the choice among them, the answer's format and thinking.
struct Plan<'w, 'a> {
    request: &'w ChatRequest<'a>,
    traits: Traits,
    names: &'w Names,
    tools: Vec<Json<'a>>,
    output: Object<'a>,
    choice: Option<Object<'a>>,
}

impl<'a> Plan<'_, 'a> {
    fn format(&mut self, body: &mut Object<'a>, written: &mut Written<'a>) {
        let schema = match &self.request.format {
            Format::Text => return,
            Format::JsonObject => {
                // Nothing enforces it here; an open schema would be refused.
                let line = "Answer with one JSON object and nothing else.";
                let line = Object::new().with("type", "text").with("text", line);
                let mut system = match body.take("system") {
                    Some(Json::Array(blocks)) => blocks,
                    _ => Vec::new(),
                };
                system.push(line.into());
                body.push(Cow::Borrowed("system"), system.into());
                return written.drop_field("response_format");
            }
            Format::JsonSchema(schema) => schema,
        };
        if self.traits.takes_schema {
            let format = Object::new()
                .with("type", "json_schema")
                .with("schema", closed(schema.schema.clone()));
            self.output.push(Cow::Borrowed("format"), format.into());
            return;
        }
        let description = schema.description.clone();
        let tool = Object::new()
            .with("name", ANSWER_TOOL)
            .with(
                "description",
                description.unwrap_or(Cow::Borrowed("Gives the final answer.")),
            )
            .with("input_schema", with_type(schema.schema.clone()));
        let choice = if self.tools.is_empty() {
            Object::new().with("type", "tool").with("name", ANSWER_TOOL)
        } else {
            Object::new().with("type", "any")
        };
        self.tools.push(tool.into());
        self.choice = Some(choice);
        written.answer_tool = Some(ANSWER_TOOL);
    }

    fn choose(&mut self) {
        if self.tools.is_empty() || self.choice.is_some() {
            return;
        }
        let kind = |kind: &'static str| Object::new().with("type", kind);
        let choice = match &self.request.tool_choice {
            None => None,
            Some(ToolChoice::None) => Some(kind("none")),
            Some(
                ToolChoice::Auto
                | ToolChoice::Allowed {
                    is_required: false, ..
                },
            ) => Some(kind("auto")),
            Some(ToolChoice::Required | ToolChoice::Allowed { .. }) => Some(kind("any")),
            Some(ToolChoice::Named(name)) => {
                Some(kind("tool").with("name", self.names.to_target(name).into_owned()))
            }
        };
        let is_single = self.request.parallel_tool_calls == Some(false);
        let is_none = self.request.tool_choice == Some(ToolChoice::None);
        self.choice = if is_single && !is_none {
            let choice = choice.unwrap_or_else(|| kind("auto"));
            Some(choice.with("disable_parallel_tool_use", true))
        } else {
            choice
        };
    }

    /// Whether the choice forces a call, which goes with no thinking (traps 20, 24).
    fn is_forced(&self) -> bool {
        let kind = self.choice.as_ref().and_then(|it| it.get("type"));
        matches!(kind.and_then(Json::as_str), Some("any" | "tool"))
    }

    /// Says how much to think; returns whether the model may.
    fn think(
        &mut self,
        max_tokens: u64,
        conversation: &Conversation<'_, 'a>,
        body: &mut Object<'a>,
        written: &mut Written<'a>,
    ) -> bool {
        let is_barred = self.is_forced() || lacks_thought(conversation);
        let kind = |kind: &'static str| Object::new().with("type", kind);
        let (thinking, thinks) =
            match orders(self.request, self.traits, Some(max_tokens), is_barred) {
                Orders::Silent => return false,
                Orders::Refused => {
                    written.drop_field("reasoning_effort");
                    return false;
                }
                Orders::Off => (kind("disabled"), false),
                Orders::Effort(word) => {
                    self.output.push(Cow::Borrowed("effort"), word.into());
                    (kind("adaptive"), true)
                }
                Orders::Budget(budget) => (kind("enabled").with("budget_tokens", budget), true),
            };
        body.push(Cow::Borrowed("thinking"), thinking.into());
        thinks
    }

    fn finish(self, body: &mut Object<'a>) {
        if !self.tools.is_empty() {
            body.push(Cow::Borrowed("tools"), self.tools.into());
        }
        if let Some(choice) = self.choice {
            body.push(Cow::Borrowed("tool_choice"), choice.into());
        }
        if !self.output.is_empty() {
            body.push(Cow::Borrowed("output_config"), self.output.into());
        }
    }
}

fn sampling<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    thinks: bool,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let sampling = &request.sampling;
    let takes = traits.takes_sampling && !thinks;
    let is_hot = |it: &Json<'_>| it.as_f64().is_some_and(|it| it > 1.0);
    match &sampling.temperature {
        Some(_) if !takes => written.drop_field("temperature"),
        Some(it) if is_hot(it) => {
            body.push(Cow::Borrowed("temperature"), Json::from(1_u64));
            written.drop_field("temperature>1");
        }
        Some(it) => body.push(Cow::Borrowed("temperature"), it.clone()),
        None => {}
    }
    let takes_top_p = takes && (traits.takes_both_sampling || sampling.temperature.is_none());
    for (field, value, is_taken) in [
        ("top_p", &sampling.top_p, takes_top_p),
        ("top_k", &sampling.top_k, takes),
        ("min_p", &sampling.min_p, false),
        ("seed", &sampling.seed, false),
        ("presence_penalty", &sampling.presence_penalty, false),
        ("frequency_penalty", &sampling.frequency_penalty, false),
        ("repetition_penalty", &sampling.repetition_penalty, false),
        ("logit_bias", &sampling.logit_bias, false),
    ] {
        match value {
            Some(value) if is_taken => body.push(Cow::Borrowed(field), value.clone()),
            Some(_) => written.drop_field(field),
            None => {}
        }
    }
    let stop: Vec<Json<'a>> = request
        .stop
        .iter()
        .filter(|it| !it.trim().is_empty())
        .cloned()
        .map(Json::from)
        .collect();
    if stop.len() < request.stop.len() {
        written.drop_field("stop:blank");
    }
    if !stop.is_empty() {
        body.push(Cow::Borrowed("stop_sequences"), stop.into());
    }
}

fn identity<'a>(request: &ChatRequest<'a>, body: &mut Object<'a>) {
    let hint = |name: &str| request.hints.iter().find(|(it, _)| *it == name);
    let safety = hint("safety_identifier").map(|(_, value)| value.clone());
    let user = request.user.clone().map(Json::from).or(safety);
    if let Some(user) = user {
        let metadata = Object::new().with("user_id", user);
        body.push(Cow::Borrowed("metadata"), metadata.into());
    }
    let tier = match hint("service_tier").and_then(|(_, value)| value.as_str()) {
        Some("auto" | "priority") => "auto",
        Some("default") => "standard_only",
        _ => return,
    };
    body.push(Cow::Borrowed("service_tier"), tier.into());
}
