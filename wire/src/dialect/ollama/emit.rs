//! A caller's stream: one object per line, the last one with the counts.
//!
//! A tool call goes out whole and its arguments are an object, so its fragments wait here
//! until they are one.

use bytes::Bytes;

use super::Endpoint;
use crate::chat::settle::JsonEnd;
use crate::chat::shape::arguments_object;
use crate::chat::{ChatEvent, Finish, Took, ToolKind};
use crate::dialect::timing::{Timing, rfc3339, rfc3339_seconds};
use crate::dialect::{Echo, EventWriter};
use crate::json::{Json, Object, escape_into};
use crate::usage::Usage;

/// A writer for a stream.
pub(crate) fn writer(endpoint: Endpoint, echo: &Echo<'_>) -> LineWriter {
    LineWriter {
        endpoint,
        model: echo.model.into(),
        created: rfc3339_seconds(echo.created),
        timing: echo.timing,
        first_words: None,
        open: None,
        finish: Finish::Stop,
        has_text: false,
        usage: None,
        took: None,
    }
}

/// Writes events.
pub(crate) struct LineWriter {
    endpoint: Endpoint,
    model: Box<str>,
    /// When the request came: stands in each line where nobody knows the time.
    created: String,
    timing: Timing,
    /// When the first words came.
    first_words: Option<u64>,
    open: Option<Call>,
    finish: Finish,
    has_text: bool,
    usage: Option<Usage>,
    /// What the vendor's own clock says, if it is told.
    took: Option<Took>,
}

/// A call that is not complete.
struct Call {
    number: u32,
    id: String,
    name: String,
    arguments: String,
    end: JsonEnd,
    kind: ToolKind,
}

impl EventWriter for LineWriter {
    fn write(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        match event {
            // There is one answer in this dialect.
            ChatEvent::Text { choice: 1.., .. }
            | ChatEvent::Refusal { choice: 1.., .. }
            | ChatEvent::Thinking { choice: 1.., .. }
            | ChatEvent::Thought { choice: 1.., .. }
            | ChatEvent::ToolCall { choice: 1.., .. }
            | ChatEvent::Arguments { choice: 1.., .. }
            | ChatEvent::Logprobs { choice: 1.., .. }
            | ChatEvent::Finish { choice: 1.., .. } => {}
            ChatEvent::Text { text, .. } | ChatEvent::Refusal { text, .. } => {
                self.text(&text, out);
            }
            ChatEvent::Thinking { text, .. } => self.thinking(&text, out),
            // Clients keep the words of a thought and have no place for its proof.
            ChatEvent::Thought { thought, .. } => self.thinking(&thought.text, out),
            ChatEvent::ToolCall {
                call,
                id,
                name,
                kind,
                ..
            } => {
                self.close_call(out);
                self.open = Some(Call {
                    number: call,
                    id: id.unwrap_or_default().into_owned(),
                    name: name.into_owned(),
                    arguments: String::new(),
                    end: JsonEnd::default(),
                    kind,
                });
            }
            ChatEvent::Arguments { call, text, .. } => self.arguments(call, &text, out),
            ChatEvent::Logprobs { tokens, .. } => {
                let words = Words {
                    logprobs: tokens.as_array().unwrap_or_default(),
                    ..Words::default()
                };
                self.words(&words, out);
            }
            ChatEvent::Finish { finish, .. } => {
                self.close_call(out);
                if let Finish::Refusal(Some(why)) = &finish
                    && !self.has_text
                {
                    self.text(why, out);
                }
                self.finish = finish;
            }
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Took(took) => self.took = Some(took),
            ChatEvent::End => self.end(out),
            // Citations have no place in a message.
            ChatEvent::Start { .. }
            | ChatEvent::Item { .. }
            | ChatEvent::ToolCallEnd { .. }
            | ChatEvent::Annotation { .. }
            | ChatEvent::BadUsage
            | ChatEvent::Fault(_) => {}
        }
    }

    fn keep_alive(&self) -> Option<Bytes> {
        Some(self.silent_line())
    }
}

impl LineWriter {
    /// A line that says nothing, as Ollama itself writes some.
    fn silent_line(&self) -> Bytes {
        let mut out = Vec::new();
        self.open_line(self.timing.now(), &mut out);
        words_into(self.endpoint, &Words::default(), &mut out);
        out.extend_from_slice(b",\"done\":false}\n");
        out.into()
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if !text.is_empty() {
            self.has_text = true;
            let words = Words {
                content: text,
                ..Words::default()
            };
            self.words(&words, out);
        }
    }

    fn thinking(&mut self, text: &str, out: &mut Vec<u8>) {
        if !text.is_empty() {
            let words = Words {
                thinking: text,
                ..Words::default()
            };
            self.words(&words, out);
        }
    }

    fn arguments(&mut self, number: u32, text: &str, out: &mut Vec<u8>) {
        let Some(call) = self.open.as_mut().filter(|it| it.number == number) else {
            return;
        };
        call.arguments.push_str(text);
        call.end.read(text);
        if call.end.is_complete() && call.kind == ToolKind::Function {
            self.close_call(out);
        }
    }

    fn close_call(&mut self, out: &mut Vec<u8>) {
        if let Some(call) = self.open.take() {
            let calls = [tool_call(
                call.number,
                (&call.id, &call.name),
                &call.arguments,
                call.kind,
            )];
            let words = Words {
                calls: &calls,
                ..Words::default()
            };
            self.words(&words, out);
        }
    }

    fn words(&mut self, words: &Words<'_>, out: &mut Vec<u8>) {
        let now = self.timing.now();
        self.first_words = self.first_words.or(now);
        self.open_line(now, out);
        words_into(self.endpoint, words, out);
        out.extend_from_slice(b",\"done\":false}\n");
    }

    fn open_line(&self, now: Option<u64>, out: &mut Vec<u8>) {
        match now {
            Some(now) => open_into(&self.model, &rfc3339(now), out),
            None => open_into(&self.model, &self.created, out),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close_call(out);
        let now = self.timing.now();
        self.open_line(now, out);
        words_into(self.endpoint, &Words::default(), out);
        let total = self.timing.since(now);
        let prompt = self.timing.since(self.first_words.or(now));
        let took = self.took.unwrap_or(Took {
            total,
            load: 0,
            prompt,
            output: total.saturating_sub(prompt),
        });
        end_into(&self.finish, self.usage.as_ref(), took, out);
        out.push(b'\n');
    }
}

/// When a whole answer was written, or the request came if nobody knows better.
pub(super) fn created_at(echo: &Echo<'_>) -> String {
    let now = echo.timing.now();
    now.map_or_else(|| rfc3339_seconds(echo.created), rfc3339)
}

/// What one object says.
#[derive(Clone, Copy, Default)]
pub(super) struct Words<'w> {
    pub(super) content: &'w str,
    pub(super) thinking: &'w str,
    pub(super) calls: &'w [Json<'w>],
    pub(super) logprobs: &'w [Json<'w>],
}

/// The start of an object.
pub(super) fn open_into(model: &str, created_at: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"model\":");
    escape_into(model, out);
    out.extend_from_slice(b",\"created_at\":");
    escape_into(created_at, out);
}

/// The words, where the endpoint has them. Written by hand: it is most of a stream.
pub(super) fn words_into(endpoint: Endpoint, words: &Words<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(match endpoint {
        Endpoint::Chat => b",\"message\":{\"role\":\"assistant\",\"content\":",
        Endpoint::Generate => b",\"response\":".as_slice(),
    });
    escape_into(words.content, out);
    if !words.thinking.is_empty() {
        out.extend_from_slice(b",\"thinking\":");
        escape_into(words.thinking, out);
    }
    array_into(",\"tool_calls\":[", words.calls, out);
    if endpoint == Endpoint::Chat {
        out.push(b'}');
    }
    array_into(",\"logprobs\":[", words.logprobs, out);
}

fn array_into(open: &str, items: &[Json<'_>], out: &mut Vec<u8>) {
    for (at, item) in items.iter().enumerate() {
        out.extend_from_slice(if at == 0 { open.as_bytes() } else { b"," });
        item.write(out);
    }
    if !items.is_empty() {
        out.push(b']');
    }
}

/// The end of the last object. No other reasons are known to clients.
pub(super) fn end_into(finish: &Finish, usage: Option<&Usage>, took: Took, out: &mut Vec<u8>) {
    let reason = match finish {
        Finish::Length => "length",
        Finish::Stop
        | Finish::StopText(_)
        | Finish::ToolCalls
        | Finish::ContentFilter
        | Finish::Refusal(_) => "stop",
    };
    let it = Object::new()
        .with("done", true)
        .with("done_reason", reason)
        .with("total_duration", took.total)
        .with("load_duration", took.load)
        .with_some("prompt_eval_count", usage.map(|it| it.input))
        .with("prompt_eval_duration", took.prompt)
        .with_some("eval_count", usage.map(|it| it.output))
        .with("eval_duration", took.output);
    let text = Json::from(it).to_bytes();
    out.push(b',');
    out.extend_from_slice(text.get(1..).unwrap_or_default());
}

/// A whole call.
pub(super) fn tool_call<'c>(
    number: u32,
    (id, name): (&'c str, &'c str),
    arguments: &'c str,
    kind: ToolKind,
) -> Json<'c> {
    let arguments = match kind {
        ToolKind::Function => arguments_object(arguments),
        ToolKind::Custom => Object::new().with("input", arguments).into(),
    };
    let function = Object::new()
        .with("index", number)
        .with("name", name)
        .with("arguments", arguments);
    Object::new()
        .with("id", id)
        .with("function", function)
        .into()
}
