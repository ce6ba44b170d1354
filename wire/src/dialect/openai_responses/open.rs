//! The item of a caller's stream that is being written.

use super::frames::{Frames, Place, TEXT_DELTA};
use super::output::{Call, message, reasoning, refusal_part, status, summary_part, text_part};
use crate::chat::ToolKind;
use crate::json::{Json, Object};

/// An item that has begun.
#[derive(Debug)]
pub(super) struct Open {
    /// Its id.
    pub(super) id: String,
    /// Its place in the output.
    pub(super) place: u64,
    /// What it is, and what of it was written.
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Message {
        /// Parts that are complete.
        parts: Vec<Json<'static>>,
        part: Option<Part>,
    },
    Reasoning {
        text: String,
        cipher: Option<String>,
    },
    Call {
        /// The call's number in the answer.
        number: u32,
        kind: ToolKind,
        id: String,
        namespace: Option<String>,
        name: String,
        arguments: String,
    },
}

/// The part of a message that is being written.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) is_refusal: bool,
    pub(super) text: String,
    /// Where it begins, in characters of the whole answer.
    pub(super) start: u64,
    pub(super) annotations: Vec<Json<'static>>,
    pub(super) logprobs: Vec<Json<'static>>,
}

impl Part {
    fn json(&self) -> Object<'_> {
        if self.is_refusal {
            refusal_part(&self.text)
        } else {
            text_part(&self.text, &self.annotations, &self.logprobs)
        }
    }
}

impl Open {
    /// Says that the item begins.
    pub(super) fn begin(&self, frames: &mut Frames, out: &mut Vec<u8>) {
        let item = self.item("in_progress", false);
        frames.item("response.output_item.added", self.place, item, out);
    }

    /// The item as far as it was written.
    pub(super) fn item(&self, status: &'static str, shows_cipher: bool) -> Object<'_> {
        match &self.kind {
            Kind::Message { parts, part } => {
                let part = part.as_ref().map(|it| it.json().into());
                let content = parts.iter().cloned().chain(part).collect();
                message(&self.id, status, content)
            }
            Kind::Reasoning { text, cipher } => {
                let cipher = cipher.as_deref().filter(|_| shows_cipher);
                reasoning(&self.id, status, text, cipher)
            }
            Kind::Call {
                kind,
                id,
                namespace,
                name,
                arguments,
                ..
            } => {
                let call = Call {
                    kind: *kind,
                    id,
                    namespace: namespace.as_deref(),
                    name,
                    arguments,
                };
                call.item(&self.id, status)
            }
        }
    }

    /// The part of a message that is being written.
    pub(super) fn part(&mut self) -> Option<&mut Part> {
        match &mut self.kind {
            Kind::Message { part, .. } => part.as_mut(),
            _ => None,
        }
    }

    /// Begins a part of a message; the one before it ends.
    pub(super) fn begin_part(&mut self, part: Part, frames: &mut Frames, out: &mut Vec<u8>) {
        self.end_part(frames, out);
        let place = self.place(("content_index", self.number_of_parts()));
        let members = [("part", part.json().into())];
        frames.at("response.content_part.added", place, &members, out);
        if let Kind::Message { part: open, .. } = &mut self.kind {
            *open = Some(part);
        }
    }

    fn number_of_parts(&self) -> usize {
        match &self.kind {
            Kind::Message { parts, .. } => parts.len(),
            _ => 0,
        }
    }

    fn place(&self, part: (&'static str, usize)) -> Place<'_> {
        Place {
            item: &self.id,
            output: self.place,
            part: Some(part),
        }
    }

    /// The next characters of whatever the item is made of.
    pub(super) fn add(&mut self, text: &str, frames: &mut Frames, out: &mut Vec<u8>) {
        let mut part = Some(("content_index", self.number_of_parts()));
        let (kind, all) = match &mut self.kind {
            Kind::Message { part: None, .. } => return,
            Kind::Message {
                part: Some(part), ..
            } => {
                let kind = if part.is_refusal {
                    "response.refusal.delta"
                } else {
                    TEXT_DELTA
                };
                (kind, &mut part.text)
            }
            Kind::Reasoning { text, .. } => {
                part = Some(("summary_index", 0));
                ("response.reasoning_summary_text.delta", text)
            }
            Kind::Call {
                kind, arguments, ..
            } => {
                part = None;
                match kind {
                    ToolKind::Function => ("response.function_call_arguments.delta", arguments),
                    ToolKind::Custom => ("response.custom_tool_call_input.delta", arguments),
                }
            }
        };
        let is_first = all.is_empty();
        all.push_str(text);
        let place = Place {
            item: &self.id,
            output: self.place,
            part,
        };
        if is_first && matches!(part, Some(("summary_index", _))) {
            let members = [("part", summary_part("").into())];
            frames.at(
                "response.reasoning_summary_part.added",
                place,
                &members,
                out,
            );
        }
        frames.delta(kind, place, text, out);
    }

    /// Token probabilities of the text so far.
    pub(super) fn logprobs(&mut self, tokens: &Json<'_>, frames: &mut Frames, out: &mut Vec<u8>) {
        let number = self.number_of_parts();
        let Some(part) = self.part().filter(|it| !it.is_refusal) else {
            return;
        };
        let tokens = tokens.clone().into_owned();
        part.logprobs
            .extend(tokens.as_array().unwrap_or_default().iter().cloned());
        let members = [("delta", "".into()), ("logprobs", tokens)];
        let place = self.place(("content_index", number));
        frames.at(TEXT_DELTA, place, &members, out);
    }

    /// A citation in the text.
    pub(super) fn annotation(&mut self, it: Json<'static>, frames: &mut Frames, out: &mut Vec<u8>) {
        let number = self.number_of_parts();
        let Some(part) = self.part() else {
            return;
        };
        let at = part.annotations.len() as u64;
        part.annotations.push(it.clone());
        let members = [("annotation_index", at.into()), ("annotation", it)];
        let place = self.place(("content_index", number));
        let kind = "response.output_text.annotation.added";
        frames.at(kind, place, &members, out);
    }

    fn end_part(&mut self, frames: &mut Frames, out: &mut Vec<u8>) {
        let number = self.number_of_parts();
        let Kind::Message { part, .. } = &mut self.kind else {
            return;
        };
        let Some(part) = part.take() else {
            return;
        };
        let place = self.place(("content_index", number));
        let text = ("text", part.text.as_str().into());
        if part.is_refusal {
            let refusal = [("refusal", part.text.as_str().into())];
            frames.at("response.refusal.done", place, &refusal, out);
        } else {
            let members = [text, ("logprobs", part.logprobs.clone().into())];
            frames.at("response.output_text.done", place, &members, out);
        }
        let members = [("part", part.json().into())];
        frames.at("response.content_part.done", place, &members, out);
        let whole = Json::from(part.json()).into_owned();
        if let Kind::Message { parts, .. } = &mut self.kind {
            parts.push(whole);
        }
    }

    /// Says that the item is over.
    pub(super) fn end(
        &mut self,
        is_cut: bool,
        shows_cipher: bool,
        frames: &mut Frames,
        out: &mut Vec<u8>,
    ) {
        self.end_part(frames, out);
        let mut place = self.place(("summary_index", 0));
        match &self.kind {
            Kind::Message { .. } => {}
            Kind::Reasoning { text, .. } if text.is_empty() => {}
            Kind::Reasoning { text, .. } => {
                let members = [("text", text.as_str().into())];
                let kind = "response.reasoning_summary_text.done";
                frames.at(kind, place, &members, out);
                let members = [("part", summary_part(text).into())];
                frames.at("response.reasoning_summary_part.done", place, &members, out);
            }
            Kind::Call {
                kind,
                name,
                arguments,
                ..
            } => {
                place.part = None;
                let text = arguments.as_str().into();
                match kind {
                    ToolKind::Function => {
                        let members = [("name", name.as_str().into()), ("arguments", text)];
                        let kind = "response.function_call_arguments.done";
                        frames.at(kind, place, &members, out);
                    }
                    ToolKind::Custom => {
                        let kind = "response.custom_tool_call_input.done";
                        frames.at(kind, place, &[("input", text)], out);
                    }
                }
            }
        }
        let item = self.item(status(is_cut), shows_cipher);
        frames.item("response.output_item.done", self.place, item, out);
    }
}
