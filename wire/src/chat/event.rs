//! What an answer says, bit by bit.

use std::borrow::Cow;

use crate::chat::message::Thought;
use crate::json::Json;
use crate::reader::StreamFault;
use crate::usage::Usage;

/// One bit of an answer. Choices are numbered from 0; `call` numbers the tool calls of a choice.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent<'e> {
    /// The answer begins. The first one counts.
    Start {
        /// The vendor's id of the answer.
        id: Option<Cow<'e, str>>,
    },
    /// The next item of an answer that is a list of items. Its words follow, if it has any.
    Item {
        /// The vendor's id of it.
        id: Cow<'e, str>,
        /// Whether it is the work of a tool that the vendor runs itself: only callers of the
        /// vendor's own dialect hear of it.
        is_hosted: bool,
    },
    /// Words of the answer.
    Text {
        /// Whose.
        choice: u32,
        /// The next words.
        text: Cow<'e, str>,
    },
    /// Words of a refusal.
    Refusal {
        /// Whose.
        choice: u32,
        /// The next words.
        text: Cow<'e, str>,
    },
    /// Words of a thought.
    Thinking {
        /// Whose.
        choice: u32,
        /// The next words.
        text: Cow<'e, str>,
    },
    /// A thought is complete. Its `text` repeats nothing: it is empty if the words came before.
    Thought {
        /// Whose.
        choice: u32,
        /// What the vendor wants back with the next turn.
        thought: Thought<'e>,
    },
    /// A tool call begins.
    ToolCall {
        /// Whose.
        choice: u32,
        /// The vendor's number of it; [`crate::chat::settle`] makes it count from 0.
        call: u32,
        /// The vendor's id; `None` if it gives none.
        id: Option<Cow<'e, str>>,
        /// The tool's name.
        name: Cow<'e, str>,
        /// Function or custom.
        kind: ToolKind,
        /// Gemini's proof.
        signature: Option<Cow<'e, str>>,
    },
    /// The next characters of a call's arguments.
    Arguments {
        /// Whose.
        choice: u32,
        /// Which call.
        call: u32,
        /// The characters.
        text: Cow<'e, str>,
    },
    /// A call's arguments are complete. Only dialects that mark it say so.
    ToolCallEnd {
        /// Whose.
        choice: u32,
        /// Which call.
        call: u32,
    },
    /// Log probabilities, in the shape of `OpenAI`'s `logprobs.content`: an array of tokens.
    Logprobs {
        /// Whose.
        choice: u32,
        /// The tokens.
        tokens: Json<'e>,
    },
    /// A citation, in the shape of `OpenAI`'s `annotations`.
    Annotation {
        /// Whose.
        choice: u32,
        /// The citation.
        annotation: Json<'e>,
    },
    /// A choice is complete.
    Finish {
        /// Which.
        choice: u32,
        /// Why.
        finish: Finish,
    },
    /// The vendor's count; the last one wins.
    Usage(Usage),
    /// A count that cannot be true.
    BadUsage,
    /// How long the vendor took, by its own clock: only callers of Ollama's dialect hear of it.
    Took(Took),
    /// The vendor failed; nothing follows.
    Fault(StreamFault),
    /// The answer is complete; only usage may follow.
    End,
}

/// Bytes of memory that what is made of an event takes up besides its words, about.
pub(crate) const HELD_EVENT: u64 = 128;

impl ChatEvent<'_> {
    /// Whose it is; `None` if it is about the whole answer.
    pub(crate) const fn choice(&self) -> Option<u32> {
        match self {
            Self::Text { choice, .. }
            | Self::Refusal { choice, .. }
            | Self::Thinking { choice, .. }
            | Self::Thought { choice, .. }
            | Self::ToolCall { choice, .. }
            | Self::Arguments { choice, .. }
            | Self::ToolCallEnd { choice, .. }
            | Self::Logprobs { choice, .. }
            | Self::Annotation { choice, .. }
            | Self::Finish { choice, .. } => Some(*choice),
            Self::Start { .. }
            | Self::Item { .. }
            | Self::Usage(_)
            | Self::Took(_)
            | Self::BadUsage
            | Self::Fault(_)
            | Self::End => None,
        }
    }

    /// The same event, which borrows nothing.
    pub(crate) fn into_owned(self) -> ChatEvent<'static> {
        let own = |it: Cow<'_, str>| -> Cow<'static, str> { it.into_owned().into() };
        match self {
            Self::Start { id } => ChatEvent::Start { id: id.map(own) },
            Self::Item { id, is_hosted } => {
                let id = own(id);
                ChatEvent::Item { id, is_hosted }
            }
            Self::Text { choice, text } => {
                let text = own(text);
                ChatEvent::Text { choice, text }
            }
            Self::Refusal { choice, text } => {
                let text = own(text);
                ChatEvent::Refusal { choice, text }
            }
            Self::Thinking { choice, text } => {
                let text = own(text);
                ChatEvent::Thinking { choice, text }
            }
            Self::Thought { choice, thought } => {
                let thought = thought.into_owned();
                ChatEvent::Thought { choice, thought }
            }
            Self::ToolCall {
                choice,
                call,
                id,
                name,
                kind,
                signature,
            } => ChatEvent::ToolCall {
                choice,
                call,
                id: id.map(own),
                name: own(name),
                kind,
                signature: signature.map(own),
            },
            Self::Arguments { choice, call, text } => {
                let text = own(text);
                ChatEvent::Arguments { choice, call, text }
            }
            Self::ToolCallEnd { choice, call } => ChatEvent::ToolCallEnd { choice, call },
            Self::Logprobs { choice, tokens } => {
                let tokens = tokens.into_owned();
                ChatEvent::Logprobs { choice, tokens }
            }
            Self::Annotation { choice, annotation } => {
                let annotation = annotation.into_owned();
                ChatEvent::Annotation { choice, annotation }
            }
            Self::Finish { choice, finish } => ChatEvent::Finish { choice, finish },
            Self::Usage(usage) => ChatEvent::Usage(usage),
            Self::BadUsage => ChatEvent::BadUsage,
            Self::Took(took) => ChatEvent::Took(took),
            Self::Fault(fault) => ChatEvent::Fault(fault),
            Self::End => ChatEvent::End,
        }
    }

    /// Bytes of memory that what it brings takes up, or about. Words join those before them.
    pub(crate) fn held_bytes(&self) -> u64 {
        let text = |it: &Option<Cow<'_, str>>| it.as_deref().map_or(0, str::len);
        let (made, bytes) = match self {
            Self::Text { text, .. }
            | Self::Refusal { text, .. }
            | Self::Thinking { text, .. }
            | Self::Arguments { text, .. } => (0, text.len()),
            Self::Thought { thought, .. } => {
                let proof = text(&thought.signature) + text(&thought.encrypted);
                (1, thought.text.len() + proof + text(&thought.id))
            }
            Self::ToolCall {
                id,
                name,
                signature,
                ..
            } => (1, text(id) + name.len() + text(signature)),
            Self::Logprobs { tokens, .. } => (0, tokens.held_bytes()),
            Self::Annotation { annotation, .. } => (1, annotation.held_bytes()),
            Self::Start { id } => (0, text(id)),
            Self::Item { id, .. } => (1, id.len()),
            Self::ToolCallEnd { .. }
            | Self::Finish { .. }
            | Self::Usage(_)
            | Self::BadUsage
            | Self::Took(_)
            | Self::Fault(_)
            | Self::End => (0, 0),
        };
        made * HELD_EVENT + bytes as u64
    }
}

/// Nanoseconds that an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// All of it.
    pub total: u64,
    /// Loading the model.
    pub load: u64,
    /// Reading the prompt.
    pub prompt: u64,
    /// Writing the answer.
    pub output: u64,
}

/// What kind of tool is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolKind {
    /// Its arguments are JSON.
    Function,
    /// Its input is text.
    Custom,
}

/// Why an answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model was done.
    Stop,
    /// One of the caller's texts came; which, if the vendor says.
    StopText(Option<Box<str>>),
    /// The bound on output, or the end of the context.
    Length,
    /// Tools are to be run.
    ToolCalls,
    /// The vendor's policy cut it.
    ContentFilter,
    /// The model declined; why, if it says.
    Refusal(Option<Box<str>>),
}

impl Finish {
    /// `OpenAI`'s word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stop | Self::StopText(_) => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter | Self::Refusal(_) => "content_filter",
        }
    }
}

/// Takes events as they are read.
pub trait EventSink {
    /// Takes one.
    fn take(&mut self, event: ChatEvent<'_>);
}

impl<F: FnMut(ChatEvent<'_>)> EventSink for F {
    fn take(&mut self, event: ChatEvent<'_>) {
        self(event);
    }
}
