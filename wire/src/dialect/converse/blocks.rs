//! The blocks of an answer, from a stream's events or whole.
//!
//! Most models announce only tool calls: a block of text or thought begins with its first
//! delta. After `messageStop` comes `metadata` with the counts, and it ends the answer.

use std::borrow::Cow;

use super::{error, usage};
use crate::chat::shape::url_citation;
use crate::chat::{ChatEvent, EventSink, Finish, Provenance, Thought, ToolKind};
use crate::dialect::stream::fault;
use crate::fault::Fault;
use crate::json::Json;
use crate::reader::StreamFault;

/// What must be remembered from event to event.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Vec<(u64, Block)>,
    /// Characters of text so far: where a citation's words lie.
    characters: u64,
    is_finished: bool,
    is_counted: bool,
    is_ended: bool,
    /// The model wrote what is of no use; said last, because the counts come after it.
    malformed: Option<StreamFault>,
}

/// An open block.
#[derive(Debug)]
enum Block {
    Text { start: u64 },
    Thinking { signature: String },
    Tool,
}

impl Blocks {
    /// Takes one event of a stream.
    pub(super) fn event(&mut self, kind: &str, value: &Json<'_>, sink: &mut dyn EventSink) {
        let index = value.get("contentBlockIndex").and_then(Json::as_u64);
        let index = index.unwrap_or(0);
        match kind {
            "messageStart" => sink.take(ChatEvent::Start { id: None }),
            "contentBlockStart" => {
                if let Some(start) = value.get("start") {
                    self.start(index, start, sink);
                }
            }
            "contentBlockDelta" => {
                if let Some(delta) = value.get("delta") {
                    self.delta(index, delta, sink);
                }
            }
            "contentBlockStop" => self.stop(index, sink),
            "messageStop" => {
                self.stop_message(value, sink);
                if self.is_counted {
                    self.end(sink);
                }
            }
            "metadata" => {
                self.count(value, sink);
                if self.is_finished {
                    self.end(sink);
                }
            }
            // What is not known yet.
            _ => {}
        }
    }

    /// Takes a block that is complete.
    pub(super) fn whole(&mut self, index: u64, block: &Json<'_>, sink: &mut dyn EventSink) {
        if let Some(text) = block.str("text") {
            self.text(index, text, sink);
        } else if let Some(call) = block.get("toolUse") {
            self.start(index, block, sink);
            let input = call.get("input");
            let is_given = !matches!(input, Some(Json::Object(it)) if it.is_empty());
            if let Some(input) = input.filter(|_| is_given) {
                self.arguments(index, input.to_string().into(), sink);
            }
        } else if let Some(thought) = block.get("reasoningContent") {
            let words = thought.get("reasoningText").unwrap_or(thought);
            self.thought(index, words, sink);
        } else if let Some(cited) = block.get("citationsContent") {
            let items = |name: &str| cited.get(name).and_then(Json::as_array).unwrap_or_default();
            for text in items("content").iter().filter_map(|it| it.str("text")) {
                self.text(index, text, sink);
            }
            for citation in items("citations") {
                self.citation(index, citation, sink);
            }
        }
        self.stop(index, sink);
    }

    fn start(&mut self, index: u64, start: &Json<'_>, sink: &mut dyn EventSink) {
        self.stop(index, sink);
        // A tool that the vendor runs itself is no business of the caller's.
        let call = start.get("toolUse");
        let Some(call) = call.filter(|it| it.str("type") != Some("server_tool_use")) else {
            return;
        };
        self.open.push((index, Block::Tool));
        sink.take(ChatEvent::ToolCall {
            choice: 0,
            call: number(index),
            id: call.str("toolUseId").map(Cow::Borrowed),
            name: Cow::Borrowed(call.str("name").unwrap_or_default()),
            kind: ToolKind::Function,
            signature: None,
        });
    }

    fn delta(&mut self, index: u64, delta: &Json<'_>, sink: &mut dyn EventSink) {
        if let Some(text) = delta.str("text") {
            self.text(index, text, sink);
        } else if let Some(call) = delta.get("toolUse") {
            let text = call.str("input").unwrap_or_default();
            self.arguments(index, text.into(), sink);
        } else if let Some(thought) = delta.get("reasoningContent") {
            self.thought(index, thought, sink);
        } else if let Some(citation) = delta.get("citation") {
            self.citation(index, citation, sink);
        }
    }

    fn text(&mut self, index: u64, text: &str, sink: &mut dyn EventSink) {
        if !matches!(self.block(index), Some(Block::Text { .. })) {
            self.stop(index, sink);
            let start = self.characters;
            self.open.push((index, Block::Text { start }));
        }
        if text.is_empty() {
            return;
        }
        self.characters += text.chars().count() as u64;
        sink.take(ChatEvent::Text {
            choice: 0,
            text: Cow::Borrowed(text),
        });
    }

    fn arguments(&mut self, index: u64, text: Cow<'_, str>, sink: &mut dyn EventSink) {
        if !text.is_empty() && matches!(self.block(index), Some(Block::Tool)) {
            sink.take(ChatEvent::Arguments {
                choice: 0,
                call: number(index),
                text,
            });
        }
    }

    /// Words of a thought, its signature, or all of it in the vendor's cipher.
    fn thought(&mut self, index: u64, thought: &Json<'_>, sink: &mut dyn EventSink) {
        if let Some(data) = thought.str("redactedContent") {
            self.stop(index, sink);
            return sink.take(ChatEvent::Thought {
                choice: 0,
                thought: Thought {
                    encrypted: Some(Cow::Borrowed(data)),
                    provenance: Provenance::Anthropic,
                    ..Thought::unsigned(Cow::Borrowed(""))
                },
            });
        }
        if !matches!(self.block(index), Some(Block::Thinking { .. })) {
            self.stop(index, sink);
            let signature = String::new();
            self.open.push((index, Block::Thinking { signature }));
        }
        let text = thought.str("text").unwrap_or_default();
        if !text.is_empty() {
            sink.take(ChatEvent::Thinking {
                choice: 0,
                text: Cow::Borrowed(text),
            });
        }
        if let Some(Block::Thinking { signature }) = self.block(index) {
            signature.push_str(thought.str("signature").unwrap_or_default());
        }
    }

    /// A block ends. Only Claude signs, and a signature proves a thought even without words.
    fn stop(&mut self, index: u64, sink: &mut dyn EventSink) {
        let Some(at) = self.open.iter().position(|(it, _)| *it == index) else {
            return;
        };
        match self.open.remove(at).1 {
            Block::Thinking { signature } => {
                let mut thought = Thought::unsigned(Cow::Borrowed(""));
                if !signature.is_empty() {
                    thought.signature = Some(signature.into());
                    thought.provenance = Provenance::Anthropic;
                }
                sink.take(ChatEvent::Thought { choice: 0, thought });
            }
            Block::Tool => sink.take(ChatEvent::ToolCallEnd {
                choice: 0,
                call: number(index),
            }),
            Block::Text { .. } => {}
        }
    }

    /// `stopReason`, which a whole answer has at its top.
    pub(super) fn stop_message(&mut self, holder: &Json<'_>, sink: &mut dyn EventSink) {
        let Some(reason) = holder.str("stopReason") else {
            return;
        };
        while let Some((index, _)) = self.open.first() {
            self.stop(*index, sink);
        }
        self.is_finished = true;
        let finish = match reason {
            "stop_sequence" => Finish::StopText(stop_text(holder).map(Into::into)),
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "tool_use" => Finish::ToolCalls,
            "guardrail_intervened" | "content_filtered" => Finish::ContentFilter,
            "malformed_model_output" | "malformed_tool_use" => {
                self.malformed = Some(error::malformed(reason));
                return;
            }
            _ => Finish::Stop,
        };
        sink.take(ChatEvent::Finish { choice: 0, finish });
    }

    /// Takes the counts, if they are there: this was the last that could hold them.
    pub(super) fn count(&mut self, holder: &Json<'_>, sink: &mut dyn EventSink) {
        self.is_counted = true;
        if let Some(report) = holder.get("usage") {
            sink.take(usage::event(report, holder));
        }
    }

    /// The end of the body, or of what matters in it. Once the model's stop was told the answer
    /// is complete, even if its counts never come.
    pub(super) fn end(&mut self, sink: &mut dyn EventSink) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        sink.take(match self.malformed.take() {
            Some(found) => ChatEvent::Fault(found),
            None if self.is_finished => ChatEvent::End,
            None => fault(Fault::Incomplete),
        });
    }

    /// Whether nothing that follows matters.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    fn block(&mut self, index: u64) -> Option<&mut Block> {
        let found = self.open.iter_mut().find(|(it, _)| *it == index);
        found.map(|(_, block)| block)
    }

    /// A citation of a page of the web, in `OpenAI`'s shape; others have no place there.
    fn citation(&mut self, index: u64, citation: &Json<'_>, sink: &mut dyn EventSink) {
        let location = citation.get("location").and_then(|it| it.get("web"));
        let Some(url) = location.and_then(|it| it.str("url")) else {
            return;
        };
        let start = match self.block(index) {
            Some(Block::Text { start }) => *start,
            _ => self.characters,
        };
        let title = citation.str("title").unwrap_or_default();
        let annotation = url_citation(start..self.characters, url, title);
        sink.take(ChatEvent::Annotation {
            choice: 0,
            annotation,
        });
    }
}

/// Which of the caller's texts ended the answer. It is asked for from Claude, whose own field
/// lies elsewhere in a stream than in a whole answer.
fn stop_text<'j>(holder: &'j Json<'_>) -> Option<&'j str> {
    let fields = holder.get("additionalModelResponseFields")?;
    let delta = fields.get("delta").and_then(|it| it.str("stop_sequence"));
    delta.or_else(|| fields.str("stop_sequence"))
}

fn number(index: u64) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
