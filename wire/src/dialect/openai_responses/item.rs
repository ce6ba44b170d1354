//! The items of a vendor's answer, and what has been passed on of each.

use std::borrow::Cow;

use crate::chat::{ChatEvent, EventSink, Provenance, Thought, ToolKind};
use crate::json::{Json, Object};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Text,
    Refusal,
    /// A thought as the vendor sums it up.
    Summary,
    /// A thought as the model had it.
    Thinking,
    Arguments,
}

/// Where what is read goes.
pub(super) struct Out<'o> {
    pub(super) sink: &'o mut dyn EventSink,
    /// Characters of text so far: where a citation's words lie.
    pub(super) characters: &'o mut u64,
}

/// An item that has begun.
#[derive(Debug)]
pub(super) struct Item {
    /// Its place in the output.
    pub(super) index: u64,
    /// Its id.
    pub(super) id: String,
    kind: Kind,
    /// What was passed on of each of its parts.
    parts: Vec<Part>,
    is_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    /// A thought; which of its two forms is passed on.
    Reasoning(Option<What>),
    Call {
        kind: ToolKind,
        /// Whether the call was passed on.
        is_begun: bool,
    },
    Other,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Bytes of text.
    sent: usize,
    /// Where the text begins, in characters of the whole answer.
    start: u64,
    annotations: usize,
    has_logprobs: bool,
}

impl Item {
    pub(super) fn new(index: u64, it: &Json<'_>) -> Self {
        let call = |kind| Kind::Call {
            kind,
            is_begun: false,
        };
        Self {
            index,
            id: it.str("id").unwrap_or_default().to_owned(),
            kind: match it.str("type") {
                Some("message") => Kind::Message,
                Some("reasoning") => Kind::Reasoning(None),
                Some("function_call") => call(ToolKind::Function),
                Some("custom_tool_call") => call(ToolKind::Custom),
                // Tools that the vendor runs itself.
                _ => Kind::Other,
            },
            parts: Vec::new(),
            is_ended: false,
        }
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.kind, Kind::Call { .. })
    }

    /// Whether a tool that the vendor runs itself made it.
    pub(super) fn is_hosted(&self) -> bool {
        self.kind == Kind::Other
    }

    fn call(&self) -> u32 {
        u32::try_from(self.index).unwrap_or(u32::MAX)
    }

    /// The item as it begins. A call is passed on once its name is known.
    pub(super) fn begin(&mut self, it: &Json<'_>, out: &mut Out<'_>) {
        let number = self.call();
        let Kind::Call { kind, is_begun } = &mut self.kind else {
            return;
        };
        let name = it.str("name").unwrap_or_default();
        if name.is_empty() || std::mem::replace(is_begun, true) {
            return;
        }
        out.sink.take(ChatEvent::ToolCall {
            choice: 0,
            call: number,
            id: it.str("call_id").map(Cow::Borrowed),
            name: Cow::Borrowed(name),
            kind: *kind,
            signature: None,
        });
    }

    /// The item as it is at its end: whatever of it was not passed on yet.
    pub(super) fn end(&mut self, it: &Json<'_>, out: &mut Out<'_>) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        match self.kind {
            Kind::Message => self.end_message(it, out),
            Kind::Reasoning(_) => self.end_thought(it, out),
            Kind::Call { .. } => {
                self.begin(it, out);
                let text = it.str("arguments").or_else(|| it.str("input"));
                self.say_rest(What::Arguments, 0, text.unwrap_or_default(), out);
                let call = self.call();
                out.sink.take(ChatEvent::ToolCallEnd { choice: 0, call });
            }
            Kind::Other => {}
        }
    }

    fn end_message(&mut self, it: &Json<'_>, out: &mut Out<'_>) {
        for (at, part) in elements(it, "content").iter().enumerate() {
            if let Some(text) = part.str("refusal") {
                self.say_rest(What::Refusal, at, text, out);
            } else {
                let text = part.str("text").unwrap_or_default();
                self.say_rest(What::Text, at, text, out);
            }
            let sent = self.part(at).map_or(0, |it| it.annotations);
            for annotation in elements(part, "annotations").iter().skip(sent) {
                self.annotation(at, annotation, out);
            }
            let has_logprobs = self.part(at).is_some_and(|it| it.has_logprobs);
            if let Some(tokens) = part.get("logprobs").filter(|_| !has_logprobs) {
                self.logprobs(at, tokens, out);
            }
        }
    }

    fn end_thought(&mut self, it: &Json<'_>, out: &mut Out<'_>) {
        for (what, list) in [(What::Thinking, "content"), (What::Summary, "summary")] {
            for (at, part) in elements(it, list).iter().enumerate() {
                let text = part.str("text").unwrap_or_default();
                self.say_rest(what, at, text, out);
            }
        }
        let encrypted = it.str("encrypted_content").filter(|it| !it.is_empty());
        let has_words = self.parts.iter().any(|it| it.sent > 0);
        if encrypted.is_none() && !has_words {
            return;
        }
        // Without its cipher a thought cannot be sent back: the vendor keeps nothing for us.
        let id = encrypted.and_then(|_| it.str("id"));
        out.sink.take(ChatEvent::Thought {
            choice: 0,
            thought: Thought {
                text: Cow::Borrowed(""),
                signature: None,
                encrypted: encrypted.map(Cow::Borrowed),
                id: id.map(Cow::Borrowed),
                provenance: match encrypted {
                    Some(_) => Provenance::OpenAi,
                    None => Provenance::Unsigned,
                },
            },
        });
    }

    fn part(&mut self, number: usize) -> Option<&mut Part> {
        if number >= MAX_PARTS {
            return None;
        }
        while self.parts.len() <= number {
            self.parts.push(Part::default());
        }
        self.parts.get_mut(number)
    }

    /// The next characters of a part.
    pub(super) fn say(&mut self, what: What, number: usize, text: &str, out: &mut Out<'_>) {
        if text.is_empty() || !self.takes(what) {
            return;
        }
        let is_next = self.parts.iter().any(|it| it.sent > 0);
        let call = self.call();
        let Some(part) = self.part(number) else {
            return;
        };
        let is_first = part.sent == 0;
        part.sent += text.len();
        let text = Cow::Borrowed(text);
        let choice = 0;
        let event = match what {
            What::Text => {
                if is_first {
                    part.start = *out.characters;
                }
                *out.characters += text.chars().count() as u64;
                ChatEvent::Text { choice, text }
            }
            What::Refusal => ChatEvent::Refusal { choice, text },
            What::Arguments => ChatEvent::Arguments { choice, call, text },
            What::Summary | What::Thinking => {
                // The parts of a thought are paragraphs.
                if is_first && is_next {
                    let text = Cow::Borrowed("\n\n");
                    out.sink.take(ChatEvent::Thinking { choice, text });
                }
                ChatEvent::Thinking { choice, text }
            }
        };
        out.sink.take(event);
    }

    /// The whole of a part: what was not said of it before is said now.
    pub(super) fn say_rest(&mut self, what: What, number: usize, whole: &str, out: &mut Out<'_>) {
        let sent = self.part(number).map_or(0, |it| it.sent);
        let rest = whole.get(sent..).unwrap_or_default();
        self.say(what, number, rest, out);
    }

    /// Whether text of this kind belongs to the item. Of the two forms of a thought the first counts.
    fn takes(&mut self, what: What) -> bool {
        match (&mut self.kind, what) {
            (Kind::Message, What::Text | What::Refusal) => true,
            (Kind::Reasoning(form), What::Summary | What::Thinking) => {
                *form.get_or_insert(what) == what
            }
            (Kind::Call { is_begun, .. }, What::Arguments) => *is_begun,
            _ => false,
        }
    }

    /// Token probabilities of the text so far.
    pub(super) fn logprobs(&mut self, number: usize, tokens: &Json<'_>, out: &mut Out<'_>) {
        let is_empty = tokens.as_array().is_none_or(<[_]>::is_empty);
        if let Some(part) = self.part(number).filter(|_| !is_empty) {
            part.has_logprobs = true;
            let tokens = tokens.clone();
            out.sink.take(ChatEvent::Logprobs { choice: 0, tokens });
        }
    }

    /// A citation of a page of the web, in a chat's shape; others have no place there.
    pub(super) fn annotation(&mut self, number: usize, it: &Json<'_>, out: &mut Out<'_>) {
        let Some(part) = self.part(number) else {
            return;
        };
        part.annotations += 1;
        let start = part.start;
        if it.str("type") != Some("url_citation") {
            return;
        }
        let index = |name: &str| it.get(name).and_then(Json::as_u64).unwrap_or(0) + start;
        let inner = Object::new()
            .with("start_index", index("start_index"))
            .with("end_index", index("end_index"))
            .with("url", it.str("url").unwrap_or_default())
            .with("title", it.str("title").unwrap_or_default());
        let annotation = Object::new()
            .with("type", "url_citation")
            .with("url_citation", inner)
            .into();
        out.sink.take(ChatEvent::Annotation {
            choice: 0,
            annotation,
        });
    }
}

/// Most parts of one item that are told apart.
const MAX_PARTS: usize = 1024;

fn elements<'j>(holder: &'j Json<'_>, name: &str) -> &'j [Json<'j>] {
    let list = holder.get(name).and_then(Json::as_array);
    list.unwrap_or_default()
}
