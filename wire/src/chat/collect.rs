//! A whole answer: the fold of its events.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::chat::event::{ChatEvent, EventSink, Finish, HELD_EVENT, Took, ToolKind};
use crate::chat::message::Thought;
use crate::json::Json;
use crate::reader::StreamFault;
use crate::usage::Usage;

/// An answer, put together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// The vendor's id of it.
    pub id: Option<String>,
    /// The choices, by number.
    pub choices: BTreeMap<u32, Choice>,
    /// The vendor's count.
    pub usage: Option<Usage>,
    /// The vendor's count could not be true.
    pub is_usage_bad: bool,
    /// How long the vendor took, if it says so.
    pub took: Option<Took>,
    /// The vendor failed.
    pub fault: Option<StreamFault>,
    held: u64,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// What it says, in order.
    pub blocks: Vec<Block>,
    /// Why it ended; `None` if it did not say.
    pub finish: Option<Finish>,
    /// Log probabilities per token.
    pub logprobs: Vec<Json<'static>>,
    /// Citations.
    pub annotations: Vec<Json<'static>>,
    /// The last thought is complete, although nothing proves it: more words are another one's.
    is_thought_ended: bool,
}

/// A run of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Words.
    Text(String),
    /// Words of a refusal.
    Refusal(String),
    /// A thought; whatever its text is stands in it.
    Thought(Thought<'static>),
    /// A tool call.
    Call {
        /// Its number within the choice.
        call: u32,
        /// Its id.
        id: String,
        /// The tool's name.
        name: String,
        /// JSON text, or text for a custom tool.
        arguments: String,
        /// Function or custom.
        kind: ToolKind,
        /// Gemini's proof.
        signature: Option<String>,
    },
}

impl Choice {
    /// All words of the answer.
    pub fn text(&self) -> String {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// All words of a refusal; `None` if there is none.
    pub fn refusal(&self) -> Option<String> {
        let mut refusals = self.blocks.iter().filter_map(|block| match block {
            Block::Refusal(text) => Some(text.as_str()),
            _ => None,
        });
        let first = refusals.next()?.to_owned();
        Some(refusals.fold(first, |all, next| all + next))
    }

    /// The thoughts in order.
    pub fn thoughts(&self) -> impl Iterator<Item = &Thought<'static>> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Thought(thought) => Some(thought),
            _ => None,
        })
    }

    /// Whether a tool is called.
    pub fn calls_tools(&self) -> bool {
        self.blocks
            .iter()
            .any(|it| matches!(it, Block::Call { .. }))
    }

    fn add_text(&mut self, text: &str) {
        match self.blocks.last_mut() {
            Some(Block::Text(last)) => last.push_str(text),
            _ => self.blocks.push(Block::Text(text.to_owned())),
        }
    }

    fn add_refusal(&mut self, text: &str) {
        match self.blocks.last_mut() {
            Some(Block::Refusal(last)) => last.push_str(text),
            _ => self.blocks.push(Block::Refusal(text.to_owned())),
        }
    }

    fn add_thinking(&mut self, text: &str) {
        match self.blocks.last_mut() {
            Some(Block::Thought(last)) if is_open(last) && !self.is_thought_ended => {
                last.text.to_mut().push_str(text);
            }
            _ => {
                self.is_thought_ended = false;
                self.blocks.push(Block::Thought(unsigned(text.to_owned())));
            }
        }
    }

    /// The words of a thought came before; now the rest of it.
    fn end_thought(&mut self, mut thought: Thought<'_>) {
        let was_ended = std::mem::replace(&mut self.is_thought_ended, true);
        if let Some(Block::Thought(last)) = self.blocks.last_mut()
            && is_open(last)
            && !was_ended
        {
            if thought.text.is_empty() {
                thought.text = std::mem::take(&mut last.text);
            }
            self.blocks.pop();
        }
        self.blocks.push(Block::Thought(thought.into_owned()));
    }

    fn call(&mut self, wanted: u32) -> Option<&mut String> {
        self.blocks.iter_mut().rev().find_map(|block| match block {
            Block::Call {
                call, arguments, ..
            } if *call == wanted => Some(arguments),
            _ => None,
        })
    }
}

/// A thought of which only words are known so far.
fn is_open(thought: &Thought<'_>) -> bool {
    thought.signature.is_none() && thought.encrypted.is_none() && thought.id.is_none()
}

fn unsigned(text: String) -> Thought<'static> {
    Thought {
        text: text.into(),
        signature: None,
        encrypted: None,
        id: None,
        provenance: crate::chat::Provenance::Unsigned,
    }
}

impl Thought<'_> {
    /// The same thought, which borrows nothing.
    pub fn into_owned(self) -> Thought<'static> {
        let own = |it: std::borrow::Cow<'_, str>| it.into_owned().into();
        Thought {
            text: own(self.text),
            signature: self.signature.map(own),
            encrypted: self.encrypted.map(own),
            id: self.id.map(own),
            provenance: self.provenance,
        }
    }
}

impl Collected {
    /// Bytes of memory that everything said takes up, or about.
    pub fn held_bytes(&self) -> u64 {
        let blocks: usize = self.choices.values().map(|it| it.blocks.len()).sum();
        self.held + blocks as u64 * HELD_EVENT
    }

    /// The choice of that number, made if it is new.
    fn choice(&mut self, number: u32) -> &mut Choice {
        self.choices.entry(number).or_default()
    }
}

impl EventSink for Collected {
    fn take(&mut self, event: ChatEvent<'_>) {
        self.held += event.held_bytes();
        match event {
            ChatEvent::Start { id } => {
                self.id = self.id.take().or_else(|| id.map(Into::into));
            }
            ChatEvent::Text { choice, text } => self.choice(choice).add_text(&text),
            ChatEvent::Refusal { choice, text } => self.choice(choice).add_refusal(&text),
            ChatEvent::Thinking { choice, text } => self.choice(choice).add_thinking(&text),
            ChatEvent::Thought { choice, thought } => self.choice(choice).end_thought(thought),
            ChatEvent::ToolCall {
                choice,
                call,
                id,
                name,
                kind,
                signature,
            } => self.choice(choice).blocks.push(Block::Call {
                call,
                id: id.unwrap_or_default().into_owned(),
                name: name.into_owned(),
                arguments: String::new(),
                kind,
                signature: signature.map(Into::into),
            }),
            ChatEvent::Arguments { choice, call, text } => {
                if let Some(arguments) = self.choice(choice).call(call) {
                    arguments.push_str(&text);
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
            ChatEvent::Finish { choice, finish } => self.choice(choice).finish = Some(finish),
            ChatEvent::Usage(usage) => {
                self.usage = Some(usage);
                self.is_usage_bad = false;
            }
            ChatEvent::BadUsage => self.is_usage_bad = true,
            ChatEvent::Took(took) => self.took = Some(took),
            ChatEvent::Fault(fault) => self.fault = Some(fault),
            ChatEvent::Item { .. } | ChatEvent::ToolCallEnd { .. } | ChatEvent::End => {}
        }
    }
}
