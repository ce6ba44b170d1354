//! What hangs together in a request: tools, the choice among them, the answer's format and thinking.

use std::borrow::Cow;

use super::schema::closed;
use super::thinking::{Orders, lacks_thought, orders};
use super::turns::Blocks;
use crate::chat::answer_tool::AnswerTool;
use crate::chat::turns::Conversation;
use crate::chat::{
    ChatRequest, Format, Names, Schema, SearchOption, Searching, Tool, ToolChoice, Traits,
    Unsupported, WebSearch, Written,
};
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

/// What can be said of Anthropic's search. Source: anthropic-python 2.14
/// `types/web_search_tool_20250305_param.py` (read 2026-11).
const SEARCH: [SearchOption; 5] = [
    SearchOption::Allowed,
    SearchOption::Blocked,
    SearchOption::MaxUses,
    SearchOption::Location,
    SearchOption::Forced,
];
/// The name of it, which no other tool may have.
const SEARCH_NAME: &str = "web_search";

/// The tools that are offered.
pub(super) struct Offered<'a> {
    pub(super) tools: Vec<Json<'a>>,
    /// The model must search.
    must_search: bool,
}

impl<'a> Offered<'a> {
    /// The caller's tools, and the search that Anthropic makes itself.
    pub(super) fn of(
        request: &ChatRequest<'a>,
        blocks: &mut Blocks<'_, 'a>,
    ) -> Result<Self, Unsupported> {
        let allowed = request.tools.iter().filter(|it| is_allowed(request, it));
        let mut tools: Vec<Json<'a>> = allowed.map(|it| tool(it, blocks)).collect();
        let is_taken = |it: &Tool<'_>| blocks.names.to_target(&it.name) == SEARCH_NAME;
        let has_search =
            blocks.traits.web_search != Searching::No && !request.tools.iter().any(is_taken);
        let takes = has_search.then_some(&SEARCH[..]);
        let search = request.web_search(takes, blocks.written)?;
        let must_search = search.is_some_and(|it| it.is_forced);
        tools.extend(search.and_then(|it| it.search.as_ref()).map(web_search));
        Ok(Self { tools, must_search })
    }
}

fn web_search<'a>(search: &WebSearch<'a>) -> Json<'a> {
    let domains = |list: &[Cow<'a, str>]| {
        let list: Vec<Json<'a>> = list.iter().cloned().map(Json::from).collect();
        (!list.is_empty()).then_some(list)
    };
    Object::new()
        .with("type", "web_search_20250305")
        .with("name", SEARCH_NAME)
        .with_some("allowed_domains", domains(&search.allowed_domains))
        .with_some("blocked_domains", domains(&search.blocked_domains))
        .with_some("max_uses", search.max_uses)
        .with_some("user_location", search.user_location.clone())
        .into()
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
    pub(super) offered: Offered<'a>,
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
        let choice = if self.offered.tools.is_empty() || is_none {
            kind("tool").with("name", answer.name)
        } else {
            kind("any")
        };
        self.offered.tools.push(tool.into());
        self.choice = Some(choice);
        written.answer_tool = Some(answer.name);
    }

    /// How the model must choose.
    pub(super) fn choose(&mut self) {
        if self.offered.tools.is_empty() {
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
        if self.offered.must_search {
            return Some(kind("tool").with("name", SEARCH_NAME));
        }
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
        if !self.offered.tools.is_empty() {
            body.push(Cow::Borrowed("tools"), self.offered.tools.into());
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
