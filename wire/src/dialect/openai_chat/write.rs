//! A request for a vendor of the family.

use std::borrow::Cow;

use crate::chat::names::NameRule;
use crate::chat::{
    ChatRequest, Message, Names, Part, Provenance, Replay, Role, Target, Thought, ToolCall,
    ToolResult, Traits, Unsupported, Written,
};
use crate::dialect::openai_chat::left_out::note;
use crate::dialect::openai_chat::parts::{joined, plain, text_part, tool_message, user_part};
use crate::dialect::openai_chat::terms::{bounds, format, sampling, thinking, tools};
use crate::json::{Json, Object};

/// What the family takes as a tool's name.
const NAMES: NameRule = NameRule {
    max_bytes: 64,
    others: b"-",
    begins_with_any: true,
};
/// What a tool message says where no result is known.
const NO_RESULT: &str = "[no result recorded]";

/// Writes the request.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    let names = Names::new(NAMES, &tool_names(request));
    let mut written = Written::new(Json::Null);
    let mut scribe = Scribe {
        traits: target.traits,
        names: &names,
        messages: Vec::new(),
        open_calls: Vec::new(),
        written: &mut written,
    };
    for message in &request.messages {
        scribe.message(message)?;
    }
    scribe.close_calls();
    let messages = scribe.messages;
    note(request, target.traits, &mut written);
    let mut body = Object::new()
        .with("model", target.model.to_owned())
        .with("messages", messages);
    tools(request, target.traits, &names, &mut body, &mut written)?;
    format(&request.format, &mut body);
    thinking(request, target.traits, &mut body, &mut written);
    sampling(request, target.traits, &mut body, &mut written);
    bounds(request, target.traits, &mut body, &mut written);
    for (field, value) in &request.hints {
        body.push(Cow::Borrowed(field), value.clone());
    }
    request.leave_out(|_| true, &mut written)?;
    if request.is_stream {
        // Usage is asked for by whoever knows whether the vendor can be asked.
        body = body.with("stream", true);
    }
    written.body = body.into();
    written.names = names;
    Ok(written)
}

/// Every tool that the request names, history included.
pub(crate) fn tool_names<'r>(
    request: &'r ChatRequest<'_>,
) -> impl Iterator<Item = &'r str> + Clone {
    let parts = request.messages.iter().flat_map(|it| &it.parts);
    let called = parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some(&*call.name),
        _ => None,
    });
    request.tools.iter().map(|it| &*it.name).chain(called)
}

struct Scribe<'w, 'a> {
    traits: Traits,
    names: &'w Names,
    messages: Vec<Json<'a>>,
    /// Calls whose results have not come yet.
    open_calls: Vec<Cow<'a, str>>,
    written: &'w mut Written<'a>,
}

impl<'a> Scribe<'_, 'a> {
    fn message(&mut self, message: &Message<'a>) -> Result<(), Unsupported> {
        match message.role {
            Role::System => self.words("system", message),
            Role::Developer => self.words("developer", message),
            Role::User => self.user(message)?,
            Role::Assistant => {
                self.close_calls();
                self.assistant(message);
            }
        }
        Ok(())
    }

    fn words(&mut self, role: &'static str, message: &Message<'a>) {
        let text = joined(&message.parts, "\n");
        if !text.trim().is_empty() {
            self.close_calls();
            let it = Object::new()
                .with("role", role)
                .with("content", text)
                .with_some("name", message.name.clone());
            self.messages.push(it.into());
        }
    }

    /// Results are messages of their own and come first; pictures in them follow as the user's.
    fn user(&mut self, message: &Message<'a>) -> Result<(), Unsupported> {
        let mut parts = Vec::new();
        for part in &message.parts {
            if let Part::ToolResult(result) = part {
                self.result(result, &mut parts)?;
            }
        }
        for part in &message.parts {
            if !matches!(part, Part::ToolResult(_)) {
                parts.extend(user_part(part, self.traits)?);
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        self.close_calls();
        let it = Object::new()
            .with("role", "user")
            .with("content", plain(parts))
            .with_some("name", message.name.clone());
        self.messages.push(it.into());
        Ok(())
    }

    fn result(
        &mut self,
        result: &ToolResult<'a>,
        beside: &mut Vec<Json<'a>>,
    ) -> Result<(), Unsupported> {
        let mut text = joined(&result.parts, "\n").into_owned();
        if result.is_error && !text.starts_with("Error") {
            text.insert_str(0, "Error: ");
        }
        let media = result
            .parts
            .iter()
            .filter(|it| matches!(it, Part::Image(_) | Part::File(_) | Part::Audio(_)));
        let mut shown = 0;
        for part in media {
            if shown == 0 {
                let label = format!("[attachments of the tool result {}]", result.call);
                beside.push(text_part(label.into()));
            }
            shown += 1;
            beside.extend(user_part(part, self.traits)?);
        }
        if shown > 0 && text.is_empty() {
            text.push_str("[see the attachments that follow]");
        }
        let Some(at) = self.open_calls.iter().position(|it| *it == result.call) else {
            // A result without a call would be refused together with everything else.
            beside.push(text_part(format!("[tool result]\n{text}").into()));
            return Ok(());
        };
        self.open_calls.remove(at);
        self.messages.push(tool_message(&result.call, text));
        Ok(())
    }

    /// Every call must have a result before anybody speaks.
    fn close_calls(&mut self) {
        for call in std::mem::take(&mut self.open_calls) {
            self.messages
                .push(tool_message(&call, NO_RESULT.to_owned()));
        }
    }

    fn assistant(&mut self, message: &Message<'a>) {
        let text = joined(&message.parts, "");
        let mut calls = Vec::new();
        let mut refusal = None;
        let mut thoughts = Vec::new();
        for part in &message.parts {
            match part {
                Part::ToolCall(call) => {
                    self.open_calls.push(call.id.clone());
                    calls.push(self.call(call));
                }
                Part::Refusal(text) => refusal = Some(text.clone()),
                Part::Thought(thought) => thoughts.push(thought),
                _ => {}
            }
        }
        if text.is_empty() && calls.is_empty() && refusal.is_none() {
            return;
        }
        let mut it = Object::new()
            .with("role", "assistant")
            .with_some("name", message.name.clone());
        it.push(
            Cow::Borrowed("content"),
            if text.is_empty() {
                Json::Null
            } else {
                text.into()
            },
        );
        it = it.with_some("refusal", refusal);
        if !calls.is_empty() {
            it = it.with("tool_calls", calls);
        }
        let it = self.with_thoughts(it, &thoughts);
        self.messages.push(it.into());
    }

    fn with_thoughts(&mut self, it: Object<'a>, thoughts: &[&Thought<'a>]) -> Object<'a> {
        let text = || {
            let texts: Vec<&str> = thoughts.iter().map(|it| &*it.text).collect();
            texts.join("\n")
        };
        match self.traits.thoughts {
            Replay::AlwaysAsText => it.with("reasoning_content", text()),
            Replay::AsText if thoughts.iter().any(|it| !it.text.is_empty()) => {
                it.with("reasoning_content", text())
            }
            Replay::AsDetails if !thoughts.is_empty() => {
                let (own, lost): (Vec<&Thought<'a>>, _) = thoughts
                    .iter()
                    .partition(|it| it.provenance != Provenance::Lost);
                if !lost.is_empty() {
                    self.written.drop_field("messages[].reasoning");
                }
                let details: Vec<_> = own.iter().map(|it| detail(it)).collect();
                if details.is_empty() {
                    return it;
                }
                it.with("reasoning_details", details)
            }
            Replay::Never if !thoughts.is_empty() => {
                self.written.drop_field("messages[].reasoning");
                it
            }
            _ => it,
        }
    }

    fn call(&mut self, call: &ToolCall<'a>) -> Json<'a> {
        let name = self.names.to_target(&call.name).into_owned();
        let it = Object::new().with("id", call.id.clone());
        if call.is_custom && self.traits.takes_custom_tools {
            let custom = Object::new()
                .with("name", name)
                .with("input", call.arguments.clone());
            return it.with("type", "custom").with("custom", custom).into();
        }
        let arguments = match &call.arguments {
            text if call.is_custom => Json::from(Object::new().with("input", text.clone()))
                .to_string()
                .into(),
            text if text.trim().is_empty() => Cow::Borrowed("{}"),
            text => text.clone(),
        };
        let function = Object::new()
            .with("name", name)
            .with("arguments", arguments);
        it.with("type", "function")
            .with("function", function)
            .into()
    }
}

/// A thought in `OpenRouter`'s container.
pub(super) fn detail<'a>(thought: &Thought<'a>) -> Json<'a> {
    let format = thought.provenance.format().to_owned();
    let it = match &thought.encrypted {
        Some(data) => Object::new()
            .with("type", "reasoning.encrypted")
            .with("data", data.clone()),
        None if thought.provenance == Provenance::OpenAi => Object::new()
            .with("type", "reasoning.summary")
            .with("summary", thought.text.clone()),
        None => Object::new()
            .with("type", "reasoning.text")
            .with("text", thought.text.clone()),
    };
    it.with_some("signature", thought.signature.clone())
        .with_some("id", thought.id.clone())
        .with("format", format)
        .into()
}
