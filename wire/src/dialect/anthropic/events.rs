//! A vendor's stream.

use std::borrow::Cow;

use super::usage::Counts;
use crate::chat::shape::url_citation;
use crate::chat::{ChatEvent, EventSink, Finish, Provenance, Thought, ToolKind};
use crate::dialect::sse_events::{SseDialect, SseReader};
use crate::dialect::stream::fault;
use crate::fault::Fault;
use crate::json::Json;
use crate::reader::stream_fault;
use crate::sse::{Event, MAX_EVENT_BYTES};

/// A reader for a stream.
pub(crate) fn reader() -> SseReader<Blocks> {
    SseReader::new(Blocks::default())
}

/// Most blocks that are open at once: each is looked up among the others. One is usual.
const MAX_OPEN: usize = 1024;

/// What must be remembered from event to event.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    open: Vec<(u64, Block)>,
    /// Bytes of signatures and pages so far, which are passed on where their block ends.
    held_bytes: usize,
    /// Number of the next call: a vendor that begins anew counts its blocks from 0 again.
    calls: u32,
    counts: Counts,
    /// Characters of text so far: where a citation's words lie.
    characters: u64,
    is_finished: bool,
    is_ended: bool,
    is_failed: bool,
}

/// An open block.
#[derive(Debug)]
enum Block {
    Text {
        /// Where it begins, in characters of the answer.
        start: u64,
        /// The pages it cites, which are told before its words: URL and title.
        cited: Vec<(String, String)>,
    },
    Thinking {
        signature: String,
    },
    Tool {
        call: u32,
        has_arguments: bool,
    },
    Other,
}

impl SseDialect for Blocks {
    fn event(&mut self, event: &Event<'_>, sink: &mut dyn EventSink) {
        let Some(data) = event.data.as_deref() else {
            return;
        };
        let value = Json::parse(data);
        let is_error = value
            .as_ref()
            .is_some_and(|it| it.str("type") == Some("error"));
        if event.is_error() || is_error {
            self.is_failed = true;
            return sink.take(ChatEvent::Fault(stream_fault(Some(data))));
        }
        if let Some(value) = value {
            self.read(&value, sink);
        }
        if !self.is_failed && (self.open.len() > MAX_OPEN || self.held_bytes > MAX_EVENT_BYTES) {
            self.is_failed = true;
            sink.take(fault(Fault::EventTooLarge));
        }
    }

    fn end(&mut self, sink: &mut dyn EventSink) {
        if self.is_ended {
            return;
        }
        if self.is_finished {
            self.is_ended = true;
            sink.take(ChatEvent::End);
        } else {
            self.is_failed = true;
            sink.take(fault(Fault::Incomplete));
        }
    }

    fn is_over(&self) -> bool {
        self.is_failed
    }
}

impl Blocks {
    fn read(&mut self, value: &Json<'_>, sink: &mut dyn EventSink) {
        if self.is_ended {
            return;
        }
        let index = value.get("index").and_then(Json::as_u64).unwrap_or(0);
        match value.str("type") {
            Some("message_start") => {
                self.begin_anew(sink);
                let message = value.get("message");
                let id = message.and_then(|it| it.str("id")).map(Cow::Borrowed);
                sink.take(ChatEvent::Start { id });
                self.note(message.and_then(|it| it.get("usage")), sink);
            }
            Some("content_block_start") => {
                if let Some(block) = value.get("content_block") {
                    self.start(index, block, sink);
                }
            }
            Some("content_block_delta") => {
                if let Some(delta) = value.get("delta") {
                    self.delta(index, delta, sink);
                }
            }
            Some("content_block_stop") => self.stop(index, sink),
            Some("message_delta") => {
                self.note(value.get("usage"), sink);
                if let Some(delta) = value.get("delta") {
                    self.finish(delta, sink);
                }
            }
            Some("message_stop") if self.is_finished => self.end(sink),
            // Pings, and what is not known yet.
            _ => {}
        }
    }

    /// A block begins; a whole answer's block is complete already.
    pub(super) fn start(&mut self, index: u64, block: &Json<'_>, sink: &mut dyn EventSink) {
        let open = match block.str("type") {
            Some("text") => {
                let start = self.characters;
                self.text(block.str("text").unwrap_or_default(), sink);
                let citations = block.get("citations").and_then(Json::as_array);
                let cited = citations.unwrap_or_default().iter().filter_map(page);
                Block::Text {
                    start,
                    cited: cited.collect(),
                }
            }
            Some("thinking") => {
                thinking(block.str("thinking").unwrap_or_default(), sink);
                Block::Thinking {
                    signature: block.str("signature").unwrap_or_default().to_owned(),
                }
            }
            Some("redacted_thinking") => {
                sink.take(ChatEvent::Thought {
                    choice: 0,
                    thought: Thought {
                        text: Cow::Borrowed(""),
                        signature: None,
                        encrypted: block.str("data").map(Cow::Borrowed),
                        id: None,
                        provenance: Provenance::Anthropic,
                    },
                });
                Block::Other
            }
            Some("tool_use") => {
                let call = self.calls;
                self.calls += 1;
                sink.take(ChatEvent::ToolCall {
                    choice: 0,
                    call,
                    id: block.str("id").map(Cow::Borrowed),
                    name: Cow::Borrowed(block.str("name").unwrap_or_default()),
                    kind: ToolKind::Function,
                    signature: None,
                });
                let input = block.get("input").and_then(Json::as_object);
                let input = input.filter(|it| !it.is_empty());
                if let Some(input) = input {
                    arguments(call, Json::from(input.clone()).to_string().into(), sink);
                }
                Block::Tool {
                    call,
                    has_arguments: input.is_some(),
                }
            }
            // Tools that the vendor runs itself, and what is not known yet.
            _ => Block::Other,
        };
        self.open.push((index, open));
    }

    /// A second answer in one stream: a vendor that lost its place begins again. What is open is
    /// closed as it stands, because it went out; a call's arguments must not look complete.
    fn begin_anew(&mut self, sink: &mut dyn EventSink) {
        for (_, block) in &self.open {
            if let Block::Tool {
                call,
                has_arguments: false,
            } = block
            {
                arguments(*call, Cow::Borrowed("{"), sink);
            }
        }
        while let Some(&(index, _)) = self.open.first() {
            self.stop(index, sink);
        }
    }

    fn delta(&mut self, index: u64, delta: &Json<'_>, sink: &mut dyn EventSink) {
        match delta.str("type") {
            Some("text_delta") => self.text(delta.str("text").unwrap_or_default(), sink),
            Some("thinking_delta") => thinking(delta.str("thinking").unwrap_or_default(), sink),
            Some("signature_delta") => {
                let more = delta.str("signature").unwrap_or_default();
                self.held_bytes += more.len();
                if let Some(Block::Thinking { signature }) = self.block(index) {
                    signature.push_str(more);
                }
            }
            Some("input_json_delta") => {
                let text = delta.str("partial_json").unwrap_or_default();
                if let Some(Block::Tool {
                    call,
                    has_arguments,
                }) = self.block(index)
                    && !text.is_empty()
                {
                    *has_arguments = true;
                    arguments(*call, text.into(), sink);
                }
            }
            Some("citations_delta") => {
                let page = delta.get("citation").and_then(page);
                let bytes = page
                    .as_ref()
                    .map_or(0, |(url, title)| url.len() + title.len());
                self.held_bytes += bytes + size_of::<(String, String)>();
                if let Some(Block::Text { cited, .. }) = self.block(index) {
                    cited.extend(page);
                }
            }
            _ => {}
        }
    }

    /// A block ends. A signature proves a thought even where its words are kept back.
    pub(super) fn stop(&mut self, index: u64, sink: &mut dyn EventSink) {
        let Some(at) = self.open.iter().position(|(it, _)| *it == index) else {
            return;
        };
        match self.open.remove(at).1 {
            Block::Thinking { signature } => sink.take(ChatEvent::Thought {
                choice: 0,
                thought: Thought {
                    text: Cow::Borrowed(""),
                    signature: (!signature.is_empty()).then_some(signature.into()),
                    encrypted: None,
                    id: None,
                    provenance: Provenance::Anthropic,
                },
            }),
            Block::Tool { call, .. } => sink.take(ChatEvent::ToolCallEnd { choice: 0, call }),
            Block::Text { start, cited } => {
                for (url, title) in cited {
                    sink.take(ChatEvent::Annotation {
                        choice: 0,
                        annotation: url_citation(start..self.characters, &url, &title),
                    });
                }
            }
            Block::Other => {}
        }
    }

    /// `stop_reason`, which a whole answer has at its top.
    pub(super) fn finish(&mut self, holder: &Json<'_>, sink: &mut dyn EventSink) {
        let Some(reason) = holder.str("stop_reason") else {
            return;
        };
        let finish = match reason {
            "stop_sequence" => Finish::StopText(holder.str("stop_sequence").map(Into::into)),
            // A pause in the vendor's own searches: the answer lacks the rest.
            "max_tokens" | "model_context_window_exceeded" | "pause_turn" => Finish::Length,
            "tool_use" => Finish::ToolCalls,
            "refusal" => {
                let details = holder.get("stop_details");
                Finish::Refusal(details.and_then(|it| it.str("explanation")).map(Into::into))
            }
            _ => Finish::Stop,
        };
        self.is_finished = true;
        sink.take(ChatEvent::Finish { choice: 0, finish });
    }

    pub(super) fn note(&mut self, usage: Option<&Json<'_>>, sink: &mut dyn EventSink) {
        let Some(usage) = usage else { return };
        self.counts.note(usage);
        sink.take(match self.counts.usage() {
            Some(usage) => ChatEvent::Usage(usage),
            None => ChatEvent::BadUsage,
        });
    }

    fn block(&mut self, index: u64) -> Option<&mut Block> {
        let found = self.open.iter_mut().rfind(|(it, _)| *it == index);
        found.map(|(_, block)| block)
    }

    fn text(&mut self, text: &str, sink: &mut dyn EventSink) {
        if text.is_empty() {
            return;
        }
        self.characters += text.chars().count() as u64;
        sink.take(ChatEvent::Text {
            choice: 0,
            text: Cow::Borrowed(text),
        });
    }
}

/// A page of the web that is cited; citations of other kinds have no place in a chat.
fn page(citation: &Json<'_>) -> Option<(String, String)> {
    let title = citation.str("title").unwrap_or_default();
    Some((citation.str("url")?.to_owned(), title.to_owned()))
}

fn thinking(text: &str, sink: &mut dyn EventSink) {
    if !text.is_empty() {
        sink.take(ChatEvent::Thinking {
            choice: 0,
            text: Cow::Borrowed(text),
        });
    }
}

fn arguments(call: u32, text: Cow<'_, str>, sink: &mut dyn EventSink) {
    sink.take(ChatEvent::Arguments {
        choice: 0,
        call,
        text,
    });
}
