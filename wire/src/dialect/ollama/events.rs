//! One line of a vendor's stream. A whole answer is the same object, once.

use std::borrow::Cow;

use super::error;
use crate::chat::{ChatEvent, EventSink, Finish, Took, ToolKind};
use crate::dialect::stream::fault;
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::usage::{MAX_TOKENS, Usage};

/// What must be remembered from line to line.
#[derive(Debug, Default)]
pub(super) struct Events {
    is_started: bool,
    /// Calls so far. Their own `index` is not trusted: it may begin anew in each line.
    calls: u32,
    is_ended: bool,
    is_failed: bool,
}

impl Events {
    /// Takes one line. One bad line does not end a good stream; what it lacks shows at the end.
    pub(super) fn line(&mut self, line: &[u8], sink: &mut dyn EventSink) {
        if let Some(value) = Json::parse(line) {
            self.object(&value, line, sink);
        }
    }

    /// Takes one line that was read before.
    pub(super) fn object(&mut self, value: &Json<'_>, raw: &[u8], sink: &mut dyn EventSink) {
        if error::is_in(value) {
            self.is_failed = true;
            return sink.take(ChatEvent::Fault(error::fault_in(raw)));
        }
        if !std::mem::replace(&mut self.is_started, true) {
            sink.take(ChatEvent::Start { id: None });
        }
        let message = value.get("message");
        let words = message.unwrap_or(value);
        let text = |name: &str| words.str(name).filter(|it| !it.is_empty());
        if let Some(text) = text("thinking") {
            let text = Cow::Borrowed(text);
            sink.take(ChatEvent::Thinking { choice: 0, text });
        }
        let content = if message.is_some() {
            "content"
        } else {
            "response"
        };
        if let Some(text) = text(content) {
            let text = Cow::Borrowed(text);
            sink.take(ChatEvent::Text { choice: 0, text });
        }
        if let Some(tokens) = value.get("logprobs").and_then(Json::as_array)
            && !tokens.is_empty()
        {
            let tokens = tokens.iter().cloned().map(logprob).collect();
            let tokens = Json::Array(tokens);
            sink.take(ChatEvent::Logprobs { choice: 0, tokens });
        }
        let calls = words.get("tool_calls").and_then(Json::as_array);
        for call in calls.unwrap_or_default() {
            self.call(call, sink);
        }
        if let Some(usage) = usage(value) {
            sink.take(usage);
        }
        if let Some(took) = took(value) {
            sink.take(ChatEvent::Took(took));
        }
        if value.get("done").and_then(Json::as_bool) == Some(true) {
            self.finish(value, sink);
        }
    }

    /// Takes note of the end of the body.
    pub(super) fn end(&mut self, sink: &mut dyn EventSink) {
        if !self.is_over() {
            self.is_failed = true;
            sink.take(fault(Fault::Incomplete));
        }
    }

    /// Whether nothing that follows matters.
    pub(super) fn is_over(&self) -> bool {
        self.is_ended || self.is_failed
    }

    fn call(&mut self, value: &Json<'_>, sink: &mut dyn EventSink) {
        let Some(function) = value.get("function") else {
            return;
        };
        let (choice, call) = (0, self.calls);
        self.calls = self.calls.saturating_add(1);
        let id = value.str("id").filter(|it| !it.is_empty());
        sink.take(ChatEvent::ToolCall {
            choice,
            call,
            id: id.map(Cow::Borrowed),
            name: Cow::Borrowed(function.str("name").unwrap_or_default()),
            kind: ToolKind::Function,
            signature: None,
        });
        let text = match function.get("arguments") {
            None => Cow::Borrowed(""),
            Some(Json::String(text)) => Cow::Borrowed(&**text),
            Some(other) => Cow::Owned(other.to_string()),
        };
        if !text.is_empty() {
            sink.take(ChatEvent::Arguments { choice, call, text });
        }
        sink.take(ChatEvent::ToolCallEnd { choice, call });
    }

    /// `done` without a reason and without counts is how a server says that the model went away;
    /// older versions give counts and no reason.
    fn finish(&mut self, value: &Json<'_>, sink: &mut dyn EventSink) {
        let reason = value.str("done_reason").unwrap_or_default();
        let finish = match reason {
            "" if value.get("eval_count").is_none() => return self.end(sink),
            "length" => Finish::Length,
            "tool_calls" => Finish::ToolCalls,
            "content_filter" => Finish::ContentFilter,
            _ => Finish::Stop,
        };
        sink.take(ChatEvent::Finish { choice: 0, finish });
        self.is_ended = true;
        sink.take(ChatEvent::End);
    }
}

/// A token in `OpenAI`'s shape, where no field may be missing.
fn logprob(token: Json<'_>) -> Json<'_> {
    let Json::Object(members) = token else {
        return token;
    };
    let mut token = members;
    let top = match token.take("top_logprobs") {
        Some(Json::Array(items)) => items.into_iter().map(with_bytes).collect(),
        _ => Vec::new(),
    };
    let mut token = match with_bytes(token.into()) {
        Json::Object(members) => members,
        _ => Object::new(),
    };
    token.set("top_logprobs", top);
    token.into()
}

fn with_bytes(token: Json<'_>) -> Json<'_> {
    match token {
        Json::Object(mut members) => {
            if members.get("bytes").is_none() {
                members.set("bytes", Json::Null);
            }
            members.into()
        }
        other => other,
    }
}

/// The durations, in nanoseconds; one of 0 is left out by the server.
///
/// Source: `Metrics` in Ollama's `api/types.go` (read 2026-11).
fn took(value: &Json<'_>) -> Option<Took> {
    let of = |field: &str| value.get(field).and_then(Json::as_u64);
    let rest = |field: &str| of(field).unwrap_or(0);
    Some(Took {
        total: of("total_duration").filter(|it| *it > 0)?,
        load: rest("load_duration"),
        prompt: rest("prompt_eval_duration"),
        output: rest("eval_duration"),
    })
}

/// The counts; a count of 0 is left out by the server. Nothing is said of caches or thoughts.
fn usage(value: &Json<'_>) -> Option<ChatEvent<'static>> {
    let (input, output) = (value.get("prompt_eval_count"), value.get("eval_count"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let count = |it: Option<&Json<'_>>| match it {
        None => Some(0),
        Some(count) => count.as_u64().filter(|it| *it <= MAX_TOKENS),
    };
    Some(match (count(input), count(output)) {
        (Some(input), Some(output)) => ChatEvent::Usage(Usage {
            input,
            output,
            ..Usage::default()
        }),
        _ => ChatEvent::BadUsage,
    })
}
