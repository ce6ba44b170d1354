//! A caller's stream: chunks that are whole answers as far as they go.
//!
//! A call is one whole part, so its arguments are held until they are complete. The end comes
//! last and once, with the counts, in a chunk that has a part all the same: Google's SDKs throw
//! away the history of a stream in which a chunk has none (google-genai 3.6.1 `chats`).

use std::collections::BTreeMap;

use super::carrier::Carrier;
use super::{ending, logprobs, usage};
use crate::chat::seal::Seal;
use crate::chat::settle::JsonEnd;
use crate::chat::shape::arguments_object;
use crate::chat::{ChatEvent, Finish, Thought};
use crate::dialect::{Echo, EventWriter};
use crate::json::{Json, Object, escape_into};
use crate::usage::Usage;

/// The end of every event.
pub(super) const END: &[u8] = b"\r\n\r\n";

/// A writer for a stream.
pub(crate) fn writer(echo: &Echo<'_>) -> Chunks {
    let mut tail = b",\"modelVersion\":".to_vec();
    escape_into(echo.model, &mut tail);
    tail.extend_from_slice(b",\"responseId\":");
    escape_into(echo.id, &mut tail);
    tail.push(b'}');
    tail.extend_from_slice(END);
    Chunks {
        tail,
        seal: echo.seal.clone(),
        choices: BTreeMap::new(),
        usage: None,
    }
}

/// Writes chunks.
pub(crate) struct Chunks {
    /// The end of every chunk, from the model on.
    tail: Vec<u8>,
    seal: Seal,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
}

struct Choice {
    carrier: Carrier,
    /// Bytes of words of the thought that is open.
    words: usize,
    call: Option<Call>,
    /// The text so far: sources are placed by its bytes.
    said: String,
    has_parts: bool,
    annotations: Vec<Json<'static>>,
    logprobs: Vec<Json<'static>>,
    finish: Option<Finish>,
}

impl Choice {
    const fn new(seal: Seal) -> Self {
        Self {
            carrier: Carrier::new(seal),
            words: 0,
            call: None,
            said: String::new(),
            has_parts: false,
            annotations: Vec::new(),
            logprobs: Vec::new(),
            finish: None,
        }
    }
}

/// A call whose arguments are not complete.
struct Call {
    number: u32,
    id: String,
    name: String,
    arguments: String,
    end: JsonEnd,
    signature: Option<String>,
}

impl EventWriter for Chunks {
    fn write(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        match event {
            ChatEvent::Text { choice, text } | ChatEvent::Refusal { choice, text } => {
                if !text.is_empty() {
                    self.text(choice, &text, out);
                }
            }
            ChatEvent::Thinking { choice, text } => self.thinking(choice, &text, out),
            ChatEvent::Thought { choice, thought } => self.thought(choice, &thought, out),
            ChatEvent::ToolCall { .. } => self.call(event, out),
            ChatEvent::Arguments { choice, call, text } => {
                let here = self.choice(choice);
                let Some(open) = here.call.as_mut().filter(|it| it.number == call) else {
                    return;
                };
                open.arguments.push_str(&text);
                open.end.read(&text);
                if open.end.is_complete() {
                    self.end_call(choice, out);
                }
            }
            ChatEvent::Logprobs { choice, tokens } => {
                if let Json::Array(tokens) = tokens.into_owned() {
                    self.choice(choice).logprobs.extend(tokens);
                }
            }
            ChatEvent::Annotation { choice, annotation } => {
                let annotation = annotation.into_owned();
                self.choice(choice).annotations.push(annotation);
            }
            ChatEvent::Finish { choice, finish } => {
                self.end_call(choice, out);
                self.choice(choice).finish = Some(finish);
            }
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
}

impl Chunks {
    fn choice(&mut self, number: u32) -> &mut Choice {
        let seal = &self.seal;
        let begun = || Choice::new(seal.clone());
        self.choices.entry(number).or_insert_with(begun)
    }

    /// Written by hand: it is most of a stream.
    fn text(&mut self, number: u32, text: &str, out: &mut Vec<u8>) {
        let choice = self.choice(number);
        choice.said.push_str(text);
        choice.words = 0;
        choice.has_parts = true;
        let signature = choice.carrier.unload();
        let logprobs = std::mem::take(&mut choice.logprobs);
        out.extend_from_slice(b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":");
        escape_into(text, out);
        if let Some(signature) = signature {
            out.extend_from_slice(b",\"thoughtSignature\":");
            escape_into(&signature, out);
        }
        out.extend_from_slice(b"}],\"role\":\"model\"}");
        if !logprobs.is_empty() {
            out.extend_from_slice(b",\"logprobsResult\":");
            Json::from(logprobs::result(&logprobs)).write(out);
        }
        self.close(number, out);
    }

    fn thinking(&mut self, number: u32, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let choice = self.choice(number);
        choice.words += text.len();
        choice.has_parts = true;
        let part = Object::new().with("text", text).with("thought", true);
        self.part(number, part, out);
    }

    /// A thought ends. What its vendor wants back rides on the part that follows.
    fn thought(&mut self, number: u32, thought: &Thought<'_>, out: &mut Vec<u8>) {
        self.thinking(number, &thought.text, out);
        let choice = self.choice(number);
        let words = std::mem::take(&mut choice.words);
        choice.carrier.load(words, thought);
    }

    fn call(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        let ChatEvent::ToolCall {
            choice,
            call,
            id,
            name,
            signature,
            ..
        } = event
        else {
            return;
        };
        self.end_call(choice, out);
        self.choice(choice).call = Some(Call {
            number: call,
            id: id.unwrap_or_default().into_owned(),
            name: name.into_owned(),
            arguments: String::new(),
            end: JsonEnd::default(),
            signature: signature.map(Into::into),
        });
    }

    /// Writes the call whose arguments are complete.
    fn end_call(&mut self, number: u32, out: &mut Vec<u8>) {
        let choice = self.choice(number);
        let Some(call) = choice.call.take() else {
            return;
        };
        choice.words = 0;
        choice.has_parts = true;
        // A proof of Google's own is the model's for this very call.
        let carried = choice.carrier.unload();
        let signature = call.signature.or(carried);
        let part = call_part((&call.id, &call.name), &call.arguments, signature);
        self.part(number, part, out);
    }

    /// A chunk with one part.
    fn part(&self, number: u32, part: Object<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: {\"candidates\":[{\"content\":{\"parts\":[");
        Json::from(part).write(out);
        out.extend_from_slice(b"],\"role\":\"model\"}");
        self.close(number, out);
    }

    fn close(&self, number: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"index\":");
        out.extend_from_slice(number.to_string().as_bytes());
        out.extend_from_slice(b"}]");
        out.extend_from_slice(&self.tail);
    }

    /// The chunk that ends all choices.
    fn end(&mut self, out: &mut Vec<u8>) {
        let mut choices = std::mem::take(&mut self.choices);
        let candidates = choices.iter_mut().map(|(number, choice)| {
            let finish = choice.finish.take().unwrap_or(Finish::Stop);
            if !choice.has_parts && ending::is_refusal(&finish) {
                return Err(finish);
            }
            let rest = Object::new()
                .with("text", "")
                .with_some("thoughtSignature", choice.carrier.unload());
            Ok(ending::Candidate {
                number: *number,
                parts: vec![rest.into()],
                finish,
                said: &choice.said,
                annotations: &choice.annotations,
                logprobs: &choice.logprobs,
            })
        });
        let candidates: Vec<_> = candidates.collect();
        let body = ending::body(&candidates, self.usage.as_ref().map(usage::object));
        let mut text = Vec::new();
        Json::from(body).write(&mut text);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(text.strip_suffix(b"}").unwrap_or(&text));
        out.extend_from_slice(&self.tail);
    }
}

/// A whole call as a part.
pub(super) fn call_part<'p>(
    (id, name): (&'p str, &'p str),
    arguments: &'p str,
    signature: Option<String>,
) -> Object<'p> {
    let call = Object::new()
        .with("id", id)
        .with("name", name)
        .with("args", arguments_object(arguments));
    Object::new()
        .with("functionCall", call)
        .with_some("thoughtSignature", signature)
}
