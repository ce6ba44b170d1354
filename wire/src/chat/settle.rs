//! Between the dialect that reads an answer and the one that writes it.
//!
//! Vendors differ in how they number tool calls, what they leave out and what they call
//! the end. [`Settler`] puts that right once, for all pairs: calls count from 0 in each
//! choice and come one after the other, nothing comes in the midst of a call's arguments, every
//! call has an id, its caller's tool name and arguments that are at least `{}`, an answer with
//! calls ends in *tool calls*, every choice says why it ends, and the tool that stood for a
//! schema becomes text again.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::chat::event::{ChatEvent, EventSink, Finish, HELD_EVENT, ToolKind};
use crate::chat::names::Names;
use crate::json::Json;

/// Puts events right on their way from a reader to a writer.
#[derive(Debug)]
pub struct Settler {
    names: Names,
    answer_tool: Option<&'static str>,
    wrapped_tools: Vec<Box<str>>,
    /// Makes ids for calls that have none; unique per answer.
    seed: Box<str>,
    choices: BTreeMap<u32, Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    calls: Vec<Call>,
    /// The number, in `calls`, of the one that is being written.
    open: usize,
    is_finished: bool,
    /// What was said in the midst of the open call: most dialects cannot go on with a call after
    /// anything else. It follows the call.
    held: Vec<ChatEvent<'static>>,
    held_bytes: u64,
}

#[derive(Debug)]
struct Call {
    /// The vendor's number.
    theirs: u32,
    /// Our number; `None` for the tool that stands for the answer's text.
    ours: Option<u32>,
    /// What waits for the calls before it: its begin, and arguments.
    held: Option<Begin>,
    held_arguments: String,
    /// How much of them was looked at, in bytes; for a wrapped tool.
    scanned: usize,
    kind: ToolKind,
    /// The vendor was told of a function; its `input` is what the caller's tool takes.
    is_wrapped: bool,
    id: Box<str>,
    json: JsonEnd,
    has_arguments: bool,
    is_ended: bool,
}

#[derive(Debug)]
struct Begin {
    id: String,
    name: String,
    signature: Option<String>,
}

impl Settler {
    /// For the answer to a request that was written so; `seed` is unique to it and fit for an id.
    pub fn new(
        names: Names,
        answer_tool: Option<&'static str>,
        wrapped_tools: Vec<Box<str>>,
        seed: &str,
    ) -> Self {
        Self {
            names,
            answer_tool,
            wrapped_tools,
            seed: seed.into(),
            choices: BTreeMap::new(),
        }
    }

    /// Passes an event on, put right.
    pub fn pass(&mut self, event: ChatEvent<'_>, sink: &mut dyn EventSink) {
        match event {
            ChatEvent::ToolCall { choice, .. } => {
                self.begin(event);
                self.choice(choice).go_on(choice, sink);
            }
            ChatEvent::Arguments { choice, call, text } => {
                let here = self.choice(choice);
                if let Some(found) = here.calls.iter_mut().rev().find(|it| it.theirs == call) {
                    found.held_arguments.push_str(&text);
                }
                here.go_on(choice, sink);
            }
            ChatEvent::ToolCallEnd { choice, call } => {
                let here = self.choice(choice);
                if let Some(found) = here.calls.iter_mut().rev().find(|it| it.theirs == call) {
                    found.is_ended = true;
                }
                here.go_on(choice, sink);
            }
            ChatEvent::Finish { choice, finish } => {
                self.choice(choice).finish(choice, finish, sink);
            }
            ChatEvent::Text { choice, .. }
            | ChatEvent::Refusal { choice, .. }
            | ChatEvent::Thinking { choice, .. } => self.choice(choice).say(event, sink),
            ChatEvent::Thought { choice, .. }
            | ChatEvent::Logprobs { choice, .. }
            | ChatEvent::Annotation { choice, .. } => match self.choices.get_mut(&choice) {
                Some(here) => here.say(event, sink),
                None => sink.take(event),
            },
            ChatEvent::End => {
                // The end was marked, the reason left out: all that is held is complete.
                for (number, choice) in &mut self.choices {
                    if !choice.is_finished {
                        choice.finish(*number, Finish::Stop, sink);
                    }
                }
                sink.take(ChatEvent::End);
            }
            other => sink.take(other),
        }
    }

    /// Ends every choice that is open as the bound on output does, and with them the answer; whether
    /// there was one.
    pub fn cut(&mut self, sink: &mut dyn EventSink) -> bool {
        let mut is_cut = false;
        for (number, choice) in self.choices.iter_mut().filter(|(_, it)| !it.is_finished) {
            choice.finish(*number, Finish::Length, sink);
            is_cut = true;
        }
        if is_cut {
            sink.take(ChatEvent::End);
        }
        is_cut
    }

    /// Bytes of memory that what is held back takes up, or about; arguments not counted.
    pub fn held_bytes(&self) -> u64 {
        self.choices.values().map(|it| it.held_bytes).sum()
    }

    /// Takes note of a call that begins.
    fn begin(&mut self, event: ChatEvent<'_>) {
        let ChatEvent::ToolCall {
            choice,
            call,
            id,
            name,
            kind,
            signature,
        } = event
        else {
            return;
        };
        let name = self.names.to_caller(name).into_owned();
        let is_answer = self.answer_tool == Some(name.as_str());
        let is_wrapped = self.wrapped_tools.iter().any(|it| **it == *name);
        let seed = self.seed.clone();
        let here = self.choice(choice);
        let ours = here.calls.iter().filter(|it| it.ours.is_some()).count();
        let ours = u32::try_from(ours).unwrap_or(u32::MAX);
        let id = id.filter(|it| !it.is_empty()).map_or_else(
            || format!("call_{seed}{choice:x}{ours:02x}"),
            std::borrow::Cow::into_owned,
        );
        // A result names its call: two with one id could not be told apart.
        let is_taken = here.calls.iter().any(|it| *it.id == *id);
        let id = if is_taken {
            format!("{id}_{}", ours + 1)
        } else {
            id
        };
        here.calls.push(Call {
            theirs: call,
            ours: (!is_answer).then_some(ours),
            held: Some(Begin {
                id: id.clone(),
                name,
                signature: signature.map(Into::into),
            }),
            held_arguments: String::new(),
            scanned: 0,
            kind: if is_wrapped { ToolKind::Custom } else { kind },
            is_wrapped,
            id: id.as_str().into(),
            json: JsonEnd::default(),
            has_arguments: false,
            is_ended: false,
        });
    }

    fn choice(&mut self, number: u32) -> &mut Choice {
        self.choices.entry(number).or_default()
    }
}

impl Choice {
    fn finish(&mut self, choice: u32, finish: Finish, sink: &mut dyn EventSink) {
        self.is_finished = true;
        let last = self.calls.len().saturating_sub(1);
        for (at, call) in self.calls.iter_mut().enumerate() {
            // The bound may have cut the last call before its first argument: `{}` would pass for
            // what the model meant.
            let may_be_cut =
                finish == Finish::Length && at == last && call.held_arguments.is_empty();
            call.is_ended |= !may_be_cut;
        }
        self.go_on(choice, sink);
        self.let_out(sink);
        let finish = self.settle_finish(finish);
        sink.take(ChatEvent::Finish { choice, finish });
    }

    /// Writes what may be written: the open call, and the next ones as it ends.
    ///
    /// A call without arguments, of a vendor that does not mark where calls end, holds the next
    /// ones until the choice ends. That the next one has arguments is no proof: some vendors
    /// announce all calls first and fill them in any order, and `{}` could not be taken back.
    fn go_on(&mut self, choice: u32, sink: &mut dyn EventSink) {
        while let Some(call) = self.calls.get_mut(self.open) {
            call.go_on(choice, sink);
            if !call.is_complete() {
                return;
            }
            self.let_out(sink);
            if self.open + 1 == self.calls.len() {
                return;
            }
            self.open += 1;
        }
    }

    /// Says what is no part of a call, now or after the one that is open.
    fn say(&mut self, event: ChatEvent<'_>, sink: &mut dyn EventSink) {
        let is_midst = self
            .calls
            .get(self.open)
            .is_some_and(|it| !it.is_complete());
        if !is_midst || self.is_finished {
            return sink.take(event);
        }
        self.held_bytes += event.held_bytes();
        let last = self.held.last_mut();
        match (last, &event) {
            (Some(ChatEvent::Text { text, .. }), ChatEvent::Text { text: more, .. })
            | (Some(ChatEvent::Refusal { text, .. }), ChatEvent::Refusal { text: more, .. })
            | (Some(ChatEvent::Thinking { text, .. }), ChatEvent::Thinking { text: more, .. }) => {
                text.to_mut().push_str(more);
            }
            _ => {
                self.held_bytes += HELD_EVENT;
                self.held.push(event.into_owned());
            }
        }
    }

    fn let_out(&mut self, sink: &mut dyn EventSink) {
        self.held_bytes = 0;
        for event in self.held.drain(..) {
            sink.take(event);
        }
    }

    fn settle_finish(&self, finish: Finish) -> Finish {
        let calls_tools = self.calls.iter().any(|it| it.ours.is_some());
        match finish {
            Finish::Stop | Finish::StopText(_) if calls_tools => Finish::ToolCalls,
            Finish::ToolCalls if !calls_tools => Finish::Stop,
            other => other,
        }
    }
}

impl Call {
    /// Whether nothing more of it comes.
    fn is_complete(&self) -> bool {
        self.is_ended || self.json.is_complete
    }

    fn go_on(&mut self, choice: u32, sink: &mut dyn EventSink) {
        if let Some(begin) = self.held.take()
            && let Some(call) = self.ours
        {
            sink.take(ChatEvent::ToolCall {
                choice,
                call,
                id: Some(begin.id.into()),
                name: begin.name.into(),
                kind: self.kind,
                signature: begin.signature.map(Into::into),
            });
        }
        if self.is_wrapped {
            return self.unwrap_input(choice, sink);
        }
        let mut text = std::mem::take(&mut self.held_arguments);
        // The text of a custom tool is no JSON: only the vendor says where it ends.
        if self.kind == ToolKind::Function {
            self.json.read(&text);
        }
        self.has_arguments |= !text.trim().is_empty();
        let lacks_any = self.is_ended && !self.has_arguments && self.kind == ToolKind::Function;
        if lacks_any {
            self.has_arguments = true;
            text.push_str("{}");
        }
        if text.is_empty() {
            return;
        }
        let text = text.into();
        sink.take(match self.ours {
            Some(call) => ChatEvent::Arguments { choice, call, text },
            None => ChatEvent::Text { choice, text },
        });
    }
}

impl Call {
    /// The input of a wrapped tool, once all of it is there; what is not wrapped after all stays as it is.
    fn unwrap_input(&mut self, choice: u32, sink: &mut dyn EventSink) {
        // Only what is new is read: inputs are long and come in small pieces.
        let new = self.held_arguments.get(self.scanned..).unwrap_or_default();
        self.json.read(new);
        self.scanned = self.held_arguments.len();
        let Some(call) = self.ours.filter(|_| self.json.is_complete || self.is_ended) else {
            return;
        };
        let wrapped = std::mem::take(&mut self.held_arguments);
        if wrapped.is_empty() {
            return;
        }
        let input = Json::parse(wrapped.as_bytes());
        let input = input.as_ref().and_then(|it| it.str("input"));
        let text = input.unwrap_or(&wrapped).into();
        sink.take(ChatEvent::Arguments { choice, call, text });
    }
}

/// Notices where a JSON value that comes in pieces is complete.
#[derive(Debug, Default)]
pub(crate) struct JsonEnd {
    depth: u32,
    is_in_string: bool,
    is_escaped: bool,
    is_complete: bool,
}

impl JsonEnd {
    /// Whether the value is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Takes the next characters of an object or array.
    pub(crate) fn read(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.is_in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.is_in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_complete |= self.depth == 0;
                }
                _ => {}
            }
        }
    }
}
