//! A caller's stream: blocks that open, fill and close one after the other.
//!
//! Clients fall over a delta for a block that is not open, over two `message_start`s and
//! over empty text blocks that they keep and send back; one state machine owns all of it.

use super::{citation, thought, usage};
use crate::chat::seal::Seal;
use crate::chat::{ChatEvent, Finish, Provenance, Thought};
use crate::dialect::{Echo, EventWriter};
use crate::json::{Json, Object, escape_into};
use crate::usage::Usage;

/// A writer for a stream.
pub(crate) fn writer(echo: &Echo<'_>) -> Blocks {
    Blocks {
        id: echo.id.into(),
        model: echo.model.into(),
        estimated_input: echo.estimated_input,
        seal: echo.seal.clone(),
        is_begun: false,
        next: 0,
        open: None,
        blank: String::new(),
        finish: None,
        usage: None,
    }
}

/// Writes events.
pub(crate) struct Blocks {
    id: Box<str>,
    model: Box<str>,
    estimated_input: u64,
    seal: Seal,
    is_begun: bool,
    /// The index of the next block.
    next: u64,
    open: Option<Open>,
    /// White space that came before any other text of its block.
    blank: String,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Tool(u32),
}

impl EventWriter for Blocks {
    fn write(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        self.begin(out);
        match event {
            // There is one answer in this dialect.
            ChatEvent::Text { choice: 1.., .. }
            | ChatEvent::Refusal { choice: 1.., .. }
            | ChatEvent::Thinking { choice: 1.., .. }
            | ChatEvent::Thought { choice: 1.., .. }
            | ChatEvent::ToolCall { choice: 1.., .. }
            | ChatEvent::Arguments { choice: 1.., .. }
            | ChatEvent::Finish { choice: 1.., .. } => {}
            ChatEvent::Text { text, .. } | ChatEvent::Refusal { text, .. } => {
                self.text(&text, out);
            }
            ChatEvent::Thinking { text, .. } => {
                self.open_thinking(out);
                self.delta("thinking_delta", "thinking", &text, out);
            }
            ChatEvent::Thought { thought, .. } => self.thought(&thought, out),
            ChatEvent::ToolCall { call, id, name, .. } => {
                let block = Object::new()
                    .with("type", "tool_use")
                    .with("id", id.unwrap_or_default())
                    .with("name", name)
                    .with("input", Object::new());
                self.start(Open::Tool(call), block, out);
            }
            ChatEvent::Arguments { call, text, .. } => {
                if self.open == Some(Open::Tool(call)) {
                    self.delta("input_json_delta", "partial_json", &text, out);
                }
            }
            ChatEvent::Finish { finish, .. } => self.finish = Some(finish),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::End => self.end(out),
            ChatEvent::Annotation {
                choice: 0,
                annotation,
            } => self.cite(&annotation, out),
            // Blocks carry no log probabilities.
            ChatEvent::Start { .. }
            | ChatEvent::Item { .. }
            | ChatEvent::ToolCallEnd { .. }
            | ChatEvent::Logprobs { .. }
            | ChatEvent::Annotation { .. }
            | ChatEvent::BadUsage
            | ChatEvent::Took(_)
            | ChatEvent::Fault(_) => {}
        }
    }
}

impl Blocks {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        let counts = usage::guessed(self.estimated_input);
        let mut message = Object::new()
            .with("id", format!("msg_{}", self.id))
            .with("type", "message")
            .with("role", "assistant")
            .with("model", &*self.model)
            .with("content", Vec::new());
        message.push("stop_reason".into(), Json::Null);
        message.push("stop_sequence".into(), Json::Null);
        let message = message.with("usage", usage::object(&counts));
        let body = Object::new()
            .with("type", "message_start")
            .with("message", message);
        event("message_start", &body.into(), out);
        event("ping", &Object::new().with("type", "ping").into(), out);
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if self.open != Some(Open::Text) {
            self.blank.push_str(text);
            if self.blank.trim().is_empty() {
                return;
            }
            let text = std::mem::take(&mut self.blank);
            let block = Object::new().with("type", "text").with("text", "");
            self.start(Open::Text, block, out);
            return self.delta("text_delta", "text", &text, out);
        }
        if !text.is_empty() {
            self.delta("text_delta", "text", text, out);
        }
    }

    /// A citation of the open text; what comes after the text has no place.
    fn cite(&mut self, annotation: &Json<'_>, out: &mut Vec<u8>) {
        let citation = citation::of_annotation(annotation);
        let Some(citation) = citation.filter(|_| self.open == Some(Open::Text)) else {
            return;
        };
        let delta = Object::new()
            .with("type", "citations_delta")
            .with("citation", citation);
        let body = Object::new()
            .with("type", "content_block_delta")
            .with("index", self.next.saturating_sub(1))
            .with("delta", delta);
        event("content_block_delta", &body.into(), out);
    }

    fn open_thinking(&mut self, out: &mut Vec<u8>) {
        if self.open != Some(Open::Thinking) {
            let block = Object::new()
                .with("type", "thinking")
                .with("thinking", "")
                .with("signature", "");
            self.start(Open::Thinking, block, out);
        }
    }

    /// A thought ends. A client needs a signature to keep it, ours where the vendor has none.
    fn thought(&mut self, it: &Thought<'_>, out: &mut Vec<u8>) {
        if let Some(data) = &it.encrypted {
            self.close(out);
            let data = match it.provenance {
                Provenance::Anthropic => data.clone().into_owned(),
                _ => thought::pack(it, &self.seal),
            };
            let block = Object::new()
                .with("type", "redacted_thinking")
                .with("data", data);
            self.start(Open::Thinking, block, out);
            self.open = None;
            return self.stop(out);
        }
        if it.signature.is_none() && self.open != Some(Open::Thinking) {
            return;
        }
        self.open_thinking(out);
        if !it.text.is_empty() {
            self.delta("thinking_delta", "thinking", &it.text, out);
        }
        let signature = match (&it.provenance, &it.signature) {
            (Provenance::Anthropic, Some(signature)) => signature.clone().into_owned(),
            _ => thought::pack(it, &self.seal),
        };
        self.delta("signature_delta", "signature", &signature, out);
        self.open = None;
        self.stop(out);
    }

    fn start(&mut self, kind: Open, block: Object<'_>, out: &mut Vec<u8>) {
        self.close(out);
        self.open = Some(kind);
        let body = Object::new()
            .with("type", "content_block_start")
            .with("index", self.next)
            .with("content_block", block);
        event("content_block_start", &body.into(), out);
        self.next += 1;
    }

    /// Closes the open block.
    fn close(&mut self, out: &mut Vec<u8>) {
        self.blank.clear();
        match self.open {
            None => {}
            Some(Open::Thinking) => {
                self.open = Some(Open::Thinking);
                self.thought(&Thought::unsigned("".into()), out);
            }
            Some(Open::Text | Open::Tool(_)) => {
                self.open = None;
                self.stop(out);
            }
        }
    }

    fn stop(&self, out: &mut Vec<u8>) {
        let body = Object::new()
            .with("type", "content_block_stop")
            .with("index", self.next.saturating_sub(1));
        event("content_block_stop", &body.into(), out);
    }

    /// Written by hand: it is most of a stream.
    fn delta(&self, kind: &str, field: &str, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
        );
        out.extend_from_slice(self.next.saturating_sub(1).to_string().as_bytes());
        out.extend_from_slice(b",\"delta\":{\"type\":");
        escape_into(kind, out);
        out.push(b',');
        escape_into(field, out);
        out.push(b':');
        escape_into(text, out);
        out.extend_from_slice(b"}}\n\n");
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        let delta = stopped(Object::new(), &finish);
        let counts = self.usage.take();
        let counts = counts.unwrap_or_else(|| usage::guessed(self.estimated_input));
        let body = Object::new()
            .with("type", "message_delta")
            .with("delta", delta)
            .with("usage", usage::object(&counts));
        event("message_delta", &body.into(), out);
        let body = Object::new().with("type", "message_stop");
        event("message_stop", &body.into(), out);
    }
}

/// The object with `stop_reason`, `stop_sequence`, and what a refusal says of itself.
pub(super) fn stopped<'f>(object: Object<'f>, finish: &'f Finish) -> Object<'f> {
    let (reason, stop) = stop_reason(finish);
    let mut object = object.with("stop_reason", reason);
    object.push("stop_sequence".into(), stop.map_or(Json::Null, Json::from));
    let Finish::Refusal(Some(why)) = finish else {
        return object;
    };
    let mut details = Object::new().with("type", "refusal");
    details.push("category".into(), Json::Null);
    object.with("stop_details", details.with("explanation", &**why))
}

fn stop_reason(finish: &Finish) -> (&'static str, Option<&str>) {
    match finish {
        Finish::Stop => ("end_turn", None),
        Finish::StopText(text) => ("stop_sequence", text.as_deref()),
        Finish::Length => ("max_tokens", None),
        Finish::ToolCalls => ("tool_use", None),
        Finish::ContentFilter | Finish::Refusal(_) => ("refusal", None),
    }
}

pub(super) fn event(name: &str, body: &Json<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    body.write(out);
    out.extend_from_slice(b"\n\n");
}
