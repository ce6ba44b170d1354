//! Which tools are offered, how the model must choose, and the tool that stands for a schema.
//!
//! Converse has no word for *no tool*: tools are then not offered, and a history that has
//! calls is told in words. Where the caller offers none but the history has calls, they are
//! offered again from what the history shows, because calls without an offer are refused.

use super::family::Family;
use super::turns::Scribe;
use crate::chat::answer_tool::AnswerTool;
use crate::chat::turns::Conversation;
use crate::chat::{ChatRequest, Part, Tool, ToolChoice, Traits};
use crate::dialect::anthropic::{closed, holds_to_grammar, is_allowed, with_type};
use crate::dialect::openai_chat::{empty_schema, input_schema};
use crate::json::{Json, Object};

/// What is offered.
pub(super) struct Plan<'r, 'a> {
    offered: Vec<&'r Tool<'a>>,
    /// Names of tools that only the history knows.
    remembered: Vec<&'r str>,
    answer: Option<AnswerTool<'r, 'a>>,
    choice: Option<Choice<'r>>,
    is_single: bool,
    /// Calls and results are to be told in words.
    pub(super) is_flat: bool,
}

#[derive(Clone, Copy)]
enum Choice<'r> {
    Auto,
    Any,
    Tool(&'r str),
}

impl<'r, 'a> Plan<'r, 'a> {
    /// Decides.
    pub(super) fn of(
        request: &'r ChatRequest<'a>,
        traits: Traits,
        conversation: &'r Conversation<'r, 'a>,
    ) -> Self {
        let is_none = request.tool_choice == Some(ToolChoice::None);
        let offered: Vec<&Tool<'a>> = request
            .tools
            .iter()
            .filter(|it| !is_none && is_allowed(request, it))
            .collect();
        let choice = caller_choice(request).filter(|_| !offered.is_empty());
        let answer = AnswerTool::of(request, traits);
        let choice = match &answer {
            Some(answer) if offered.is_empty() => Some(Choice::Tool(answer.name)),
            Some(_) => Some(Choice::Any),
            None => choice,
        };
        let called = called_tools(conversation);
        let lacks_offer = offered.is_empty() && answer.is_none() && !called.is_empty();
        Self {
            is_single: request.parallel_tool_calls == Some(false) && !offered.is_empty(),
            offered,
            remembered: if lacks_offer && !is_none {
                called
            } else {
                Vec::new()
            },
            answer,
            choice,
            is_flat: lacks_offer && is_none,
        }
    }

    /// Whether the model must call something, which goes with no thinking.
    pub(super) fn is_forced(&self) -> bool {
        is_forced(self.choice)
    }

    /// The name of the tool that stands for the schema.
    pub(super) fn answer_tool(&self) -> Option<&'static str> {
        self.answer.as_ref().map(|it| it.name)
    }

    /// `toolConfig`; what is said of the choice in Claude's words goes to `extras`.
    pub(super) fn config(
        &self,
        traits: Traits,
        scribe: &mut Scribe<'_, 'a>,
        extras: &mut Object<'a>,
    ) -> Option<Json<'a>> {
        let mut tools = Vec::new();
        for tool in &self.offered {
            tools.push(offer(tool, traits, scribe));
            scribe.cache(tool.cache.as_ref(), &mut tools);
        }
        for name in &self.remembered {
            let it = Object::new()
                .with("name", scribe.names.to_target(name).into_owned())
                .with("inputSchema", input(empty_schema()));
            tools.push(Object::new().with("toolSpec", it).into());
        }
        if let Some(AnswerTool { name, schema }) = &self.answer {
            let description = schema.description.clone().filter(|it| !it.is_empty());
            let it = Object::new()
                .with("name", *name)
                .with(
                    "description",
                    description.unwrap_or("Gives the final answer.".into()),
                )
                .with("inputSchema", input(with_type(schema.schema.clone())));
            tools.push(Object::new().with("toolSpec", it).into());
        }
        if tools.is_empty() {
            return None;
        }
        let mut config = Object::new().with("tools", tools);
        if self.is_single && scribe.family == Family::Claude {
            // Bedrock takes Claude's own word only where Converse's is not said.
            extras.set("tool_choice", self.claude_choice(scribe));
            return Some(config.into());
        }
        if self.is_single {
            scribe.written.drop_field("parallel_tool_calls");
        }
        if let Some(choice) = self.choice {
            config.set("toolChoice", converse_choice(choice, scribe));
        }
        Some(config.into())
    }

    fn claude_choice(&self, scribe: &Scribe<'_, 'a>) -> Object<'a> {
        let kind = |kind: &'static str| Object::new().with("type", kind);
        let choice = match self.choice {
            None | Some(Choice::Auto) => kind("auto"),
            Some(Choice::Any) => kind("any"),
            Some(Choice::Tool(name)) => {
                kind("tool").with("name", scribe.names.to_target(name).into_owned())
            }
        };
        choice.with("disable_parallel_tool_use", true)
    }
}

fn converse_choice<'a>(choice: Choice<'_>, scribe: &Scribe<'_, 'a>) -> Object<'a> {
    match choice {
        Choice::Auto => Object::new().with("auto", Object::new()),
        Choice::Any => Object::new().with("any", Object::new()),
        Choice::Tool(name) => {
            let name = scribe.names.to_target(name).into_owned();
            Object::new().with("tool", Object::new().with("name", name))
        }
    }
}

fn is_forced(choice: Option<Choice<'_>>) -> bool {
    matches!(choice, Some(Choice::Any | Choice::Tool(_)))
}

fn caller_choice<'r>(request: &'r ChatRequest<'_>) -> Option<Choice<'r>> {
    match request.tool_choice.as_ref()? {
        ToolChoice::None => None,
        ToolChoice::Auto
        | ToolChoice::Allowed {
            is_required: false, ..
        } => Some(Choice::Auto),
        ToolChoice::Required | ToolChoice::Allowed { .. } => Some(Choice::Any),
        ToolChoice::Named(name) => Some(Choice::Tool(name)),
    }
}

/// Every tool that the history calls, once.
fn called_tools<'r>(conversation: &'r Conversation<'_, '_>) -> Vec<&'r str> {
    let parts = conversation.turns.iter().flat_map(|it| &it.parts);
    let mut names: Vec<&str> = Vec::new();
    for part in parts {
        if let Part::ToolCall(call) = &**part
            && !names.contains(&&*call.name)
        {
            names.push(&call.name);
        }
    }
    names
}

fn offer<'a>(tool: &Tool<'a>, traits: Traits, scribe: &mut Scribe<'_, 'a>) -> Json<'a> {
    let schema = match &tool.custom {
        None => with_type(tool.parameters.clone().unwrap_or_else(empty_schema)),
        Some(format) => {
            scribe.written.wrapped_tools.push((*tool.name).into());
            if holds_to_grammar(format.as_ref()) {
                scribe.written.drop_field("tools[].custom.format");
            }
            input_schema()
        }
    };
    let is_strict = tool.strict == Some(true);
    if is_strict && !traits.takes_strict_tools {
        scribe.written.drop_field("tools[].function.strict");
    }
    let is_strict = is_strict && traits.takes_strict_tools;
    let schema = if is_strict { closed(schema) } else { schema };
    // An empty description is refused.
    let description = tool.description.clone().filter(|it| !it.is_empty());
    let spec = Object::new()
        .with("name", scribe.names.to_target(&tool.name).into_owned())
        .with_some("description", description)
        .with("inputSchema", input(schema))
        .with_some("strict", is_strict.then_some(true));
    Object::new().with("toolSpec", spec).into()
}

fn input(schema: Json<'_>) -> Object<'_> {
    Object::new().with("json", schema)
}
