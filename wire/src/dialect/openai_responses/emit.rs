//! A caller's stream: items that open, fill and close one after the other.
//!
//! An item opens with its first word and closes where another one begins or the answer
//! ends; the response as a whole is repeated at the end, so all of it is kept until then.

use bytes::Bytes;

use super::error;
use super::frames::{self, Frames};
use super::open::{Kind, Open, Part};
use super::output::{Call, annotation, cipher, item_id, status};
use super::response::{Frame, Outcome};
use crate::chat::packed::pack_call;
use crate::chat::{ChatEvent, Finish, Thought};
use crate::dialect::{Echo, EventWriter};
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::json::Json;
use crate::usage::Usage;

/// A writer for a stream.
pub(crate) fn writer(echo: &Echo<'_>) -> Events {
    Events {
        frame: Frame::new(echo),
        id: echo.id.into(),
        frames: Frames::default(),
        output: Vec::new(),
        items: 0,
        open: None,
        blank: String::new(),
        characters: 0,
        has_refused: false,
        finish: None,
        usage: None,
    }
}

/// Writes events.
pub(crate) struct Events {
    frame: Frame,
    id: Box<str>,
    frames: Frames,
    /// The items that are closed, with commas between them, and their number.
    output: Vec<u8>,
    items: u64,
    open: Option<Open>,
    /// White space that came before any other text of its part.
    blank: String,
    /// Characters of text so far: where a citation's words lie.
    characters: u64,
    has_refused: bool,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

impl EventWriter for Events {
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
            | ChatEvent::Logprobs { choice: 1.., .. }
            | ChatEvent::Annotation { choice: 1.., .. }
            | ChatEvent::Finish { choice: 1.., .. } => {}
            ChatEvent::Text { text, .. } => self.text(&text, out),
            ChatEvent::Refusal { text, .. } => self.refusal(&text, out),
            ChatEvent::Thinking { text, .. } => self.thinking(&text, out),
            ChatEvent::Thought { thought, .. } => self.thought(&thought, out),
            ChatEvent::ToolCall { .. } => self.call(event, out),
            ChatEvent::Arguments { call, text, .. } => self.arguments(call, &text, out),
            ChatEvent::Logprobs { tokens, .. } => self.logprobs(&tokens, out),
            ChatEvent::Annotation { annotation, .. } => self.annotation(&annotation, out),
            ChatEvent::Finish { finish, .. } => self.finish(finish, out),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::End => self.end(out),
            ChatEvent::Start { .. }
            | ChatEvent::Item { .. }
            | ChatEvent::ToolCallEnd { .. }
            | ChatEvent::BadUsage
            | ChatEvent::Took(_)
            | ChatEvent::Fault(_) => {}
        }
    }

    /// Before the first item the stream fails; after it the response does, with what there is of it.
    fn fail(&self, fault: Fault, error: &ErrorBody) -> Option<Bytes> {
        let number = self.frames.next();
        if self.items == 0 && self.open.is_none() {
            return Some(error::event(fault, error, number));
        }
        let mut output = self.output.clone();
        if let Some(open) = &self.open {
            join(open, true, self.frame.shows_cipher, &mut output);
        }
        let outcome = Outcome {
            status: "failed",
            error: Some(error::object(fault, error)),
            usage: self.usage.as_ref(),
            ..Outcome::default()
        };
        let mut out = Vec::new();
        frames::begin("response.failed", number, &mut out);
        out.extend_from_slice(b",\"response\":");
        self.frame.write(&outcome, &output, &mut out);
        frames::end(&mut out);
        Some(out.into())
    }
}

/// Appends an item to those that are closed.
fn join(open: &Open, is_cut: bool, shows_cipher: bool, output: &mut Vec<u8>) {
    if !output.is_empty() {
        output.push(b',');
    }
    Json::from(open.item(status(is_cut), shows_cipher)).write(output);
}

impl Events {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.frames.next() > 0 {
            return;
        }
        let outcome = Outcome {
            status: "in_progress",
            ..Outcome::default()
        };
        for kind in ["response.created", "response.in_progress"] {
            let frame = &self.frame;
            self.frames
                .response(kind, |out| frame.write(&outcome, b"", out), out);
        }
    }

    /// Words. A message that begins with nothing but white space does not begin.
    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        self.characters += text.chars().count() as u64;
        let part = self.open.as_mut().and_then(Open::part);
        if part.is_some_and(|it| !it.is_refusal) {
            return self.add(text, out);
        }
        self.blank.push_str(text);
        if self.blank.trim().is_empty() {
            // Thoughts on both sides of it are two.
            if self.is_thinking() {
                let blank = std::mem::take(&mut self.blank);
                self.close(false, out);
                self.blank = blank;
            }
            return;
        }
        let text = std::mem::take(&mut self.blank);
        let part = Part {
            start: self.characters - text.chars().count() as u64,
            ..Part::default()
        };
        self.begin_part(part, out);
        self.add(&text, out);
    }

    fn refusal(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.has_refused = true;
        self.blank.clear();
        let part = self.open.as_mut().and_then(Open::part);
        if part.is_none_or(|it| !it.is_refusal) {
            let part = Part {
                is_refusal: true,
                ..Part::default()
            };
            self.begin_part(part, out);
        }
        self.add(text, out);
    }

    fn begin_part(&mut self, part: Part, out: &mut Vec<u8>) {
        let is_message = matches!(&self.open, Some(it) if matches!(it.kind, Kind::Message { .. }));
        if !is_message {
            let kind = Kind::Message {
                parts: Vec::new(),
                part: None,
            };
            self.start("msg", kind, out);
        }
        self.blank.clear();
        if let Some(open) = &mut self.open {
            open.begin_part(part, &mut self.frames, out);
        }
    }

    fn add(&mut self, text: &str, out: &mut Vec<u8>) {
        if let Some(open) = self.open.as_mut().filter(|_| !text.is_empty()) {
            open.add(text, &mut self.frames, out);
        }
    }

    fn is_thinking(&self) -> bool {
        matches!(&self.open, Some(it) if matches!(it.kind, Kind::Reasoning { .. }))
    }

    fn thinking(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if !self.is_thinking() {
            let kind = Kind::Reasoning {
                text: String::new(),
                cipher: None,
            };
            self.start("rs", kind, out);
        }
        self.add(text, out);
    }

    /// A thought ends. One without a proof goes on until something else begins.
    fn thought(&mut self, thought: &Thought<'_>, out: &mut Vec<u8>) {
        self.thinking(&thought.text, out);
        if let Some(cipher) = cipher(thought, &self.frame.seal) {
            self.seal(cipher, out);
        }
    }

    fn seal(&mut self, sealed: String, out: &mut Vec<u8>) {
        if !self.is_thinking() {
            let kind = Kind::Reasoning {
                text: String::new(),
                cipher: None,
            };
            self.start("rs", kind, out);
        }
        if let Some(Open {
            kind: Kind::Reasoning { cipher, .. },
            ..
        }) = &mut self.open
        {
            *cipher = Some(sealed);
        }
        self.close(false, out);
    }

    fn call(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        let ChatEvent::ToolCall {
            call: number,
            id,
            name,
            kind,
            signature,
            ..
        } = event
        else {
            return;
        };
        self.close(false, out);
        let id = id.unwrap_or_default().into_owned();
        if let Some(signature) = signature {
            self.seal(pack_call(&id, &signature, &self.frame.seal), out);
        }
        let (namespace, name) = self.frame.namespaces.split(&name);
        let call = Kind::Call {
            number,
            kind,
            id,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            arguments: String::new(),
        };
        self.start(Call::prefix(kind), call, out);
    }

    fn arguments(&mut self, call: u32, text: &str, out: &mut Vec<u8>) {
        let is_open = matches!(&self.open, Some(Open { kind: Kind::Call { number, .. }, .. }) if *number == call);
        if is_open {
            self.add(text, out);
        }
    }

    fn logprobs(&mut self, tokens: &Json<'_>, out: &mut Vec<u8>) {
        if let Some(open) = &mut self.open {
            open.logprobs(tokens, &mut self.frames, out);
        }
    }

    fn annotation(&mut self, chat: &Json<'_>, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let Some(part) = open.part().filter(|it| !it.is_refusal) {
            let it = annotation(chat, part.start);
            open.annotation(it, &mut self.frames, out);
        }
    }

    fn start(&mut self, prefix: &str, kind: Kind, out: &mut Vec<u8>) {
        self.close(false, out);
        let open = Open {
            id: item_id(prefix, &self.id, self.items),
            place: self.items,
            kind,
        };
        open.begin(&mut self.frames, out);
        self.open = Some(open);
    }

    /// Closes the open item.
    fn close(&mut self, is_cut: bool, out: &mut Vec<u8>) {
        self.blank.clear();
        let Some(mut open) = self.open.take() else {
            return;
        };
        let shows_cipher = self.frame.shows_cipher;
        open.end(is_cut, shows_cipher, &mut self.frames, out);
        join(&open, is_cut, shows_cipher, &mut self.output);
        self.items += 1;
    }

    /// The answer is complete, but the end waits for the count.
    fn finish(&mut self, finish: Finish, out: &mut Vec<u8>) {
        if let Finish::Refusal(Some(why)) = &finish
            && !self.has_refused
        {
            self.refusal(why, out);
        }
        self.close(Outcome::of(&finish).incomplete.is_some(), out);
        self.finish = Some(finish);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close(false, out);
        let outcome = Outcome {
            usage: self.usage.as_ref(),
            ..Outcome::of(self.finish.as_ref().unwrap_or(&Finish::Stop))
        };
        let kind = match outcome.incomplete {
            None => "response.completed",
            Some(_) => "response.incomplete",
        };
        let (frame, output) = (&self.frame, &self.output);
        self.frames
            .response(kind, |out| frame.write(&outcome, output, out), out);
    }
}
