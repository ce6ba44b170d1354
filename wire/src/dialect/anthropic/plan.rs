//! What hangs together in a request: tools, the choice among them, the answer's format and thinking.

use std::borrow::Cow;

use super::schema::closed;
use super::thinking::{Orders, lacks_thought, orders};
use super::turns::Blocks;
use crate::chat::answer_tool::AnswerTool;
use crate::chat::turns::Conversation;
use crate::chat::{ChatRequest, Format, Names, Schema, Tool, ToolChoice, Traits, Written};
use crate::dialect::openai_chat::{empty_schema, input_schema};
use crate::json::{Json, Object};

/// Whether the choice among tools leaves this one in.
pub(crate) fn is_allowed(request: &ChatRequest<'_>, tool: &Tool<'_>) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => names.contains(&tool.name),
        _ => true,
    }
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

/// The tools that are offered.
pub(super) fn tools<'a>(request: &ChatRequest<'a>, blocks: &mut Blocks<'_, 'a>) -> Vec<Json<'a>> {
    let allowed = request.tools.iter().filter(|it| is_allowed(request, it));
    allowed.map(|it| tool(it, blocks)).collect()
}

fn tool<'a>(tool: &Tool<'a>, blocks: &mut Blocks<'_, 'a>) -> Json<'a> {
    let schema = match &tool.custom {
        None => with_type(tool.parameters.clone().unwrap_or_else(empty_schema)),
        Some(format) => {
            blocks.written.wrapped_tools.push((*tool.name).into());
            if holds_to_grammar(format.as_ref()) {
                blocks.written.drop_field("tools[].custom.format");
            }
            input_schema()
        }
    };
    let is_strict = tool.strict == Some(true) && blocks.traits.takes_strict_tools;
    if tool.strict == Some(true) && !is_strict {
        blocks.written.drop_field("tools[].function.strict");
    }
    let schema = if is_strict { closed(schema) } else { schema };
    let description = tool.description.clone().filter(|it| !it.is_empty());
    let it = Object::new()
        .with("name", blocks.names.to_target(&tool.name).into_owned())
        .with_some("description", description)
        .with("input_schema", schema)
        .with_some("strict", is_strict.then_some(true));
    blocks.cached(it, tool.cache.as_ref())
}

/// Whether a custom tool's `format` asks for more than text.
pub(crate) fn holds_to_grammar(format: Option<&Json<'_>>) -> bool {
    format.is_some_and(|it| it.str("type") != Some("text"))
}

/// The plan, as it grows.
pub(super) struct Plan<'w, 'a> {
    pub(super) request: &'w ChatRequest<'a>,
    pub(super) traits: Traits,
    pub(super) names: &'w Names,
    pub(super) tools: Vec<Json<'a>>,
    pub(super) output: Object<'a>,
    pub(super) choice: Option<Object<'a>>,
}

impl<'a> Plan<'_, 'a> {
    /// What the answer's text must be.
    pub(super) fn format(&mut self, body: &mut Object<'a>, written: &mut Written<'a>) {
        match &self.request.format {
            Format::Text => {}
            Format::JsonObject => {
                // Nothing enforces it here; an open schema would be refused.
                let line = "Answer with one JSON object and nothing else.";
                let line = Object::new().with("type", "text").with("text", line);
                match body.get_mut("system") {
                    Some(Json::Array(blocks)) => blocks.push(line.into()),
                    _ => body.set("system", vec![Json::from(line)]),
                }
                written.drop_field("response_format");
            }
            Format::JsonSchema(schema) if self.traits.takes_schema => {
                let format = Object::new()
                    .with("type", "json_schema")
                    .with("schema", described(schema));
                self.output.push(Cow::Borrowed("format"), format.into());
            }
            Format::JsonSchema(_) => match AnswerTool::of(self.request, self.traits) {
                Some(answer) => self.answer_by(answer, written),
                None => written.drop_field("response_format"),
            },
        }
    }

    fn answer_by(&mut self, answer: AnswerTool<'_, 'a>, written: &mut Written<'a>) {
        let description = answer.schema.description.clone();
        let tool = Object::new()
            .with("name", answer.name)
            .with(
                "description",
                description.unwrap_or(Cow::Borrowed("Gives the final answer.")),
            )
            .with("input_schema", with_type(answer.schema.schema.clone()));
        let is_none = self.request.tool_choice == Some(ToolChoice::None);
        let choice = if self.tools.is_empty() || is_none {
            kind("tool").with("name", answer.name)
        } else {
            kind("any")
        };
        self.tools.push(tool.into());
        self.choice = Some(choice);
        written.answer_tool = Some(answer.name);
    }

    /// How the model must choose.
    pub(super) fn choose(&mut self) {
        if self.tools.is_empty() {
            return;
        }
        let mut choice = self.choice.take().or_else(|| self.caller_choice());
        let is_none = |it: &Object<'_>| it.get("type").and_then(Json::as_str) == Some("none");
        if self.request.parallel_tool_calls == Some(false) && !choice.as_ref().is_some_and(is_none)
        {
            let it = choice.unwrap_or_else(|| kind("auto"));
            choice = Some(it.with("disable_parallel_tool_use", true));
        }
        self.choice = choice;
    }

    fn caller_choice(&self) -> Option<Object<'a>> {
        Some(match self.request.tool_choice.as_ref()? {
            ToolChoice::None => kind("none"),
            ToolChoice::Auto
            | ToolChoice::Allowed {
                is_required: false, ..
            } => kind("auto"),
            ToolChoice::Required | ToolChoice::Allowed { .. } => kind("any"),
            ToolChoice::Named(name) => {
                kind("tool").with("name", self.names.to_target(name).into_owned())
            }
        })
    }

    /// Whether the choice forces a call, which goes with no thinking (traps 20, 24).
    fn is_forced(&self) -> bool {
        let kind = self.choice.as_ref().and_then(|it| it.get("type"));
        matches!(kind.and_then(Json::as_str), Some("any" | "tool"))
    }

    /// Says how much to think; returns whether the model may.
    pub(super) fn think(
        &mut self,
        max_tokens: u64,
        conversation: &Conversation<'_, 'a>,
        body: &mut Object<'a>,
        written: &mut Written<'a>,
    ) -> bool {
        let wish = self.request.thinking;
        let is_barred = self.is_forced() || lacks_thought(conversation);
        let (thinking, thinks) =
            match orders(self.request, self.traits, Some(max_tokens), is_barred) {
                Orders::Silent => return false,
                Orders::Refused => {
                    written.drop_field("reasoning_effort");
                    return false;
                }
                Orders::Off => (kind("disabled"), false),
                Orders::Effort(word) => {
                    if let Some(word) = word {
                        self.output.push(Cow::Borrowed("effort"), word.into());
                    }
                    if wish.effort.is_none() && wish.budget.is_some() {
                        written.drop_field("reasoning.max_tokens");
                    }
                    let display = wish.is_visible;
                    let display = display.map(|it| if it { "summarized" } else { "omitted" });
                    (kind("adaptive").with_some("display", display), true)
                }
                Orders::Budget(budget) => {
                    if wish.is_visible == Some(false) {
                        written.drop_field("reasoning.exclude");
                    }
                    (kind("enabled").with("budget_tokens", budget), true)
                }
            };
        body.push(Cow::Borrowed("thinking"), thinking.into());
        thinks
    }

    /// Puts everything in its place.
    pub(super) fn finish(self, body: &mut Object<'a>) {
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

fn kind<'a>(kind: &'static str) -> Object<'a> {
    Object::new().with("type", kind)
}

/// The schema as it is taken; there is no other place for what it describes.
fn described<'a>(schema: &Schema<'a>) -> Json<'a> {
    let mut closed = closed(schema.schema.clone());
    if let (Json::Object(object), Some(description)) = (&mut closed, &schema.description)
        && object.get("description").is_none()
    {
        object.set("description", description.clone());
    }
    closed
}
