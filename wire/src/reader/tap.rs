//! Watching a relayed stream of a dialect other than `OpenAI`'s.
//!
//! The dialect's own reader sees every event; what it says is noted and the bytes go on
//! as they came.

use std::fmt;

use super::{StreamFault, Verdict};
use crate::chat::event::HELD_EVENT;
use crate::chat::{ChatEvent, EventSink, Finish};
use crate::dialect::Dialect;
use crate::dialect::sse_events::SseDialect;
use crate::fault::Fault;
use crate::sse::Event;
use crate::usage::Usage;

/// Most items of an answer whose ids are kept.
const MAX_ITEMS: usize = 1024;

/// Largest answer that is read, in bytes of memory: writers and readers hold some of it until its
/// end, and there must be one.
pub(crate) const MAX_TAKEN: u64 = 64 << 20;

/// Most tool calls of an answer: each is looked up among the others.
const MAX_CALLS: u32 = 1024;

/// Most choices of an answer, as `OpenAI` has it (`n`).
const MAX_CHOICES: u32 = 128;

/// What a vendor calls an answer that it keeps, and the items of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The answer's id; empty if the vendor gave none.
    pub id: String,
    /// The ids of its items, in order.
    pub items: Vec<String>,
}

/// What went by in events.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings, not a state"
)]
pub(crate) struct Observed {
    /// The last report that could be believed.
    pub(crate) usage: Option<Usage>,
    /// The last report could not be believed.
    pub(crate) is_usage_bad: bool,
    /// Bytes of text, thoughts and arguments.
    pub(crate) output_bytes: u64,
    /// As many of them are thoughts.
    thought_bytes: u64,
    /// Bytes of memory that everything said takes up, or about.
    taken_bytes: u64,
    /// Tool calls.
    calls: u32,
    /// Something for the caller came, or a choice ended.
    pub(crate) has_content: bool,
    /// Something for the caller came: words, a thought, a call.
    pub(crate) has_words: bool,
    /// The reason of some end explains an answer without words.
    pub(crate) explains_silence: bool,
    /// The vendor failed.
    pub(crate) fault: Option<StreamFault>,
    /// Some choice said why it ended.
    pub(crate) is_finished: bool,
    /// More was said since the last count, or a later one could not be believed: it is the
    /// vendor's first word, not its last.
    is_count_old: bool,
    /// The answer is complete.
    pub(crate) is_ended: bool,
    /// What the vendor calls it.
    pub(crate) named: Named,
}

impl Observed {
    /// Whether the usage is the vendor's last word.
    pub(crate) fn usage_is_final(&self) -> bool {
        (self.is_finished || self.is_ended) && !self.is_count_old
    }

    /// Bytes of text and arguments.
    pub(crate) fn words_bytes(&self) -> u64 {
        self.output_bytes - self.thought_bytes
    }

    /// Takes note of an event. An answer beyond all bounds is a fault.
    pub(crate) fn note(&mut self, event: &ChatEvent<'_>) {
        self.taken_bytes += match event {
            // The trees of many alternatives are large, and the caller asked for them.
            ChatEvent::Logprobs { tokens, .. } => {
                tokens.as_array().unwrap_or_default().len() as u64 * HELD_EVENT
            }
            event => event.held_bytes(),
        };
        self.calls += u32::from(matches!(event, ChatEvent::ToolCall { .. }));
        if let ChatEvent::Thinking { text, .. } = event {
            self.thought_bytes += text.len() as u64;
        }
        let has_end = self.taken_bytes <= MAX_TAKEN
            && self.calls <= MAX_CALLS
            && event.choice().is_none_or(|it| it < MAX_CHOICES);
        if !has_end && !self.is_ended && self.fault.is_none() {
            let (fault, error) = (Fault::EventTooLarge, None);
            self.fault = Some(StreamFault { fault, error });
        }
        self.read(event);
    }

    fn read(&mut self, event: &ChatEvent<'_>) {
        match event {
            ChatEvent::Text { text, .. }
            | ChatEvent::Refusal { text, .. }
            | ChatEvent::Thinking { text, .. }
            | ChatEvent::Arguments { text, .. } => {
                self.output_bytes += text.len() as u64;
                self.has_content = true;
                self.has_words = true;
                self.is_count_old |= !text.is_empty();
            }
            ChatEvent::ToolCall { name, .. } => {
                self.output_bytes += name.len() as u64;
                self.has_content = true;
                self.has_words = true;
                self.is_count_old = true;
            }
            ChatEvent::Thought { thought, .. } => {
                self.has_content = true;
                self.has_words = true;
                self.is_count_old |= thought.encrypted.is_some();
            }
            ChatEvent::Finish { finish, .. } => {
                self.has_content = true;
                self.is_finished = true;
                self.explains_silence |= explains_silence(finish);
            }
            ChatEvent::Usage(usage) => {
                self.usage = Some(usage.clone());
                self.is_usage_bad = false;
                self.is_count_old = false;
            }
            ChatEvent::BadUsage => {
                self.is_usage_bad = true;
                self.is_count_old = true;
            }
            // What follows a complete answer cannot spoil it, wherever the bytes were cut.
            ChatEvent::Fault(_) if self.is_ended => {}
            // The first one is the cause.
            ChatEvent::Fault(fault) => {
                self.fault.get_or_insert_with(|| fault.clone());
            }
            ChatEvent::End => self.is_ended = true,
            ChatEvent::Start { id } => {
                id.as_deref()
                    .unwrap_or_default()
                    .clone_into(&mut self.named.id);
            }
            ChatEvent::Item { id, is_hosted } => {
                // Nobody waits for words while the vendor's own tools are at work.
                self.has_content |= is_hosted;
                self.has_words |= is_hosted;
                self.is_count_old |= is_hosted;
                if !id.is_empty() && self.named.items.len() < MAX_ITEMS {
                    self.named.items.push(id.clone().into_owned());
                }
            }
            ChatEvent::Took(_)
            | ChatEvent::ToolCallEnd { .. }
            | ChatEvent::Logprobs { .. }
            | ChatEvent::Annotation { .. } => {}
        }
    }
}

/// Whether an answer that ends so may well have nothing in it.
fn explains_silence(finish: &Finish) -> bool {
    match finish {
        Finish::Length | Finish::ContentFilter | Finish::Refusal(_) => true,
        Finish::Stop | Finish::StopText(_) | Finish::ToolCalls => false,
    }
}

impl EventSink for Observed {
    fn take(&mut self, event: ChatEvent<'_>) {
        self.note(&event);
    }
}

/// A dialect's reader and what it saw.
pub(crate) struct Tap {
    dialect: Box<dyn SseDialect>,
    observed: Observed,
    /// Events that went on to the caller.
    passed: u64,
}

impl Tap {
    /// For a stream in `dialect`; `None` for the one that needs no tap.
    pub(crate) fn of(dialect: Dialect) -> Option<Self> {
        Some(Self {
            dialect: dialect.sse_reader()?,
            observed: Observed::default(),
            passed: 0,
        })
    }

    pub(crate) fn observed(&self) -> &Observed {
        &self.observed
    }

    /// How many events went on to the caller.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    pub(super) fn judge(&mut self, event: &Event<'_>) -> Verdict {
        let had_ended = self.observed.is_ended;
        let (bytes, had_content) = (self.observed.output_bytes, self.observed.has_content);
        self.dialect.event(event, &mut self.observed);
        if let Some(fault) = self.observed.fault.take() {
            return Verdict::Fault(fault);
        }
        self.passed += 1;
        if self.observed.is_ended && !had_ended {
            return Verdict::Done;
        }
        let is_content = self.observed.output_bytes > bytes || !had_content;
        if self.observed.has_content && is_content {
            Verdict::Content
        } else {
            Verdict::Forward
        }
    }

    /// Takes note of the end of the body; whether the answer is complete.
    pub(super) fn end(&mut self) -> bool {
        self.dialect.end(&mut self.observed);
        self.observed.is_ended
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("observed", &self.observed)
            .finish_non_exhaustive()
    }
}
