//! A vendor's stream, chunk by chunk.
//!
//! A chunk is a whole answer as far as it goes: new parts, and counts that are totals. Each
//! may have a finish reason, and what it says last counts; so a choice ends where the body does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::grounding::Sources;
use super::logprobs;
use super::partial::Partial;
use super::usage::Counts;
use crate::chat::{ChatEvent, EventSink, Finish, Provenance, Thought, ToolKind};
use crate::dialect::sse_events::{SseDialect, SseReader};
use crate::dialect::stream::fault;
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::json::Json;
use crate::reader::{StreamFault, stream_fault};
use crate::sse::Event;

/// A reader for a stream.
pub(crate) fn reader() -> SseReader<Candidates> {
    SseReader::new(Candidates::default())
}

/// What must be remembered from chunk to chunk.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    counts: Counts,
    choices: BTreeMap<u32, Choice>,
    /// The prompt was refused: there may be no candidates, or unfinished ones.
    is_blocked: bool,
    is_started: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Ended,
    Failed,
}

#[derive(Debug, Default)]
struct Choice {
    /// The text so far: sources are placed by its bytes.
    text: String,
    sources: Sources,
    /// Number of tool calls so far.
    calls: u32,
    /// The call whose arguments go on.
    partial: Option<Partial>,
    /// Words of a thought came, and nothing else since.
    is_thinking: bool,
    finish: Option<Finish>,
}

impl SseDialect for Candidates {
    fn event(&mut self, event: &Event<'_>, sink: &mut dyn EventSink) {
        let Some(data) = event.data.as_deref() else {
            return;
        };
        if event.is_error() {
            self.state = State::Failed;
            return sink.take(ChatEvent::Fault(stream_fault(Some(data))));
        }
        // One bad event does not end a good stream; what it lacks shows at the end.
        if let Some(value) = Json::parse(data) {
            self.read(&value, data, sink);
        }
    }

    fn end(&mut self, sink: &mut dyn EventSink) {
        if self.state == State::Ended {
            return;
        }
        let is_open = self.choices.values().any(|it| it.finish.is_none());
        if !self.is_blocked && (is_open || self.choices.is_empty()) {
            self.state = State::Failed;
            return sink.take(fault(Fault::Incomplete));
        }
        self.state = State::Ended;
        if self.choices.is_empty() {
            self.choices.insert(0, Choice::default());
        }
        for (number, mut choice) in std::mem::take(&mut self.choices) {
            choice.end(number, sink);
        }
        sink.take(ChatEvent::End);
    }

    fn is_over(&self) -> bool {
        self.state == State::Failed
    }
}

impl Candidates {
    /// Whether there is neither a candidate nor a reason why.
    pub(super) fn has_nothing(&self) -> bool {
        self.choices.is_empty() && !self.is_blocked
    }

    /// Reads a chunk; errors come in a list too.
    pub(super) fn read(&mut self, value: &Json<'_>, data: &[u8], sink: &mut dyn EventSink) {
        if let Some(chunks) = value.as_array() {
            for chunk in chunks {
                if !self.is_over() {
                    self.chunk(chunk, data, sink);
                }
            }
            return;
        }
        self.chunk(value, data, sink);
    }

    fn chunk(&mut self, value: &Json<'_>, data: &[u8], sink: &mut dyn EventSink) {
        if value.get("error").is_some() {
            self.state = State::Failed;
            let fault = match data.trim_ascii_start().first() {
                // Of a list of chunks only the one that failed is the error.
                Some(b'[') => stream_fault(Some(&value.to_bytes())),
                _ => stream_fault(Some(data)),
            };
            return sink.take(ChatEvent::Fault(fault));
        }
        if !std::mem::replace(&mut self.is_started, true) {
            let id = value.str("responseId").filter(|it| !it.is_empty());
            sink.take(ChatEvent::Start {
                id: id.map(Cow::Borrowed),
            });
        }
        let feedback = value.get("promptFeedback");
        self.is_blocked |= feedback.is_some_and(|it| it.get("blockReason").is_some());
        let candidates = value.get("candidates").and_then(Json::as_array);
        for (at, candidate) in candidates.unwrap_or_default().iter().enumerate() {
            let index = candidate.get("index").and_then(Json::as_u64);
            let index = index.unwrap_or(at as u64);
            self.candidate(candidate, u32::try_from(index).unwrap_or(u32::MAX), sink);
        }
        // After the words that it counts.
        if let Some(report) = value.get("usageMetadata")
            && self.counts.note(report)
        {
            sink.take(match self.counts.usage() {
                Some(usage) => ChatEvent::Usage(usage),
                None => ChatEvent::BadUsage,
            });
        }
    }

    fn candidate(&mut self, value: &Json<'_>, number: u32, sink: &mut dyn EventSink) {
        if self.is_over() {
            return;
        }
        let choice = self.choices.entry(number).or_default();
        let parts = value.get("content").and_then(|it| it.get("parts"));
        for part in parts.and_then(Json::as_array).unwrap_or_default() {
            choice.part(number, part, sink);
        }
        if let Some(tokens) = value.get("logprobsResult").and_then(logprobs::tokens) {
            sink.take(ChatEvent::Logprobs {
                choice: number,
                tokens,
            });
        }
        let Choice { text, sources, .. } = choice;
        sources.read(value, text, &mut |it| annotate(number, it, sink));
        let Some(reason) = value.str("finishReason") else {
            return;
        };
        match finish(reason) {
            Ok(finish) => choice.finish = Some(finish),
            Err(class) => {
                self.state = State::Failed;
                let error = failure(reason, value.str("finishMessage"));
                sink.take(ChatEvent::Fault(StreamFault {
                    fault: class,
                    error: Some(error),
                }));
            }
        }
    }
}

impl Choice {
    fn part(&mut self, choice: u32, part: &Json<'_>, sink: &mut dyn EventSink) {
        let signature = part.str("thoughtSignature").filter(|it| !it.is_empty());
        if let Some(call) = part.get("functionCall") {
            self.close_thought(choice, sink);
            return self.call(choice, call, signature, sink);
        }
        let is_alone = || part.as_object().is_some_and(|it| it.members().count() == 1);
        let text = match part.str("text") {
            Some(text) => text,
            None if signature.is_some() && is_alone() => "",
            // Pictures, recordings, code that the vendor ran: there is no place for them.
            None => return,
        };
        let is_thought = part.get("thought").and_then(Json::as_bool) == Some(true);
        if is_thought {
            if !text.is_empty() {
                self.is_thinking = true;
                let text = Cow::Borrowed(text);
                sink.take(ChatEvent::Thinking { choice, text });
            }
            self.is_thinking &= signature.is_none();
        } else {
            self.close_thought(choice, sink);
            if !text.is_empty() {
                self.text.push_str(text);
                let text = Cow::Borrowed(text);
                sink.take(ChatEvent::Text { choice, text });
            }
        }
        if signature.is_some() {
            let signature = signature.map(Cow::Borrowed);
            sink.take(thought(choice, signature, None, None));
        }
    }

    /// A proof of something else must not be taken for one of the words before it.
    fn close_thought(&mut self, choice: u32, sink: &mut dyn EventSink) {
        if std::mem::take(&mut self.is_thinking) {
            sink.take(thought(choice, None, None, None));
        }
    }

    /// A call comes whole, or goes on without its name. Its proof goes with it, and once more as a
    /// thought, for callers whose calls have no place for it.
    fn call(
        &mut self,
        choice: u32,
        value: &Json<'_>,
        signature: Option<&str>,
        sink: &mut dyn EventSink,
    ) {
        let goes_on = value.get("willContinue").and_then(Json::as_bool) == Some(true);
        let name = value.str("name").unwrap_or_default();
        if name.is_empty() {
            if let Some(partial) = &mut self.partial {
                partial.add(value);
                if !goes_on {
                    self.end_call(choice, true, sink);
                }
            }
            // What has no name and follows no call cannot be run by anybody.
            return;
        }
        self.end_call(choice, true, sink);
        let call = self.calls;
        self.calls += 1;
        let id = value.str("id").filter(|it| !it.is_empty());
        if let Some(proof) = signature {
            sink.take(thought(choice, None, Some(proof), id));
        }
        sink.take(ChatEvent::ToolCall {
            choice,
            call,
            id: id.map(Cow::Borrowed),
            name: Cow::Borrowed(name),
            kind: ToolKind::Function,
            signature: signature.map(Cow::Borrowed),
        });
        self.partial = Some(Partial::new(call, value));
        if !goes_on {
            self.end_call(choice, true, sink);
        }
    }

    /// The arguments of the call that is open; where it was cut, they stay without their end.
    fn end_call(&mut self, choice: u32, is_whole: bool, sink: &mut dyn EventSink) {
        let Some(partial) = self.partial.take() else {
            return;
        };
        let call = partial.call;
        let text = Cow::Owned(partial.text(is_whole));
        sink.take(ChatEvent::Arguments { choice, call, text });
        sink.take(ChatEvent::ToolCallEnd { choice, call });
    }

    fn end(&mut self, choice: u32, sink: &mut dyn EventSink) {
        self.close_thought(choice, sink);
        self.end_call(choice, false, sink);
        let Self { text, sources, .. } = self;
        sources.finish(text, &mut |it| annotate(choice, it, sink));
        let finish = self.finish.take().unwrap_or(Finish::ContentFilter);
        sink.take(ChatEvent::Finish { choice, finish });
    }
}

fn annotate(choice: u32, annotation: Json<'_>, sink: &mut dyn EventSink) {
    sink.take(ChatEvent::Annotation { choice, annotation });
}

/// A proof of words is a signature; one of a call is ciphertext with the call's id, if it has one.
fn thought<'e>(
    choice: u32,
    signature: Option<Cow<'e, str>>,
    encrypted: Option<&'e str>,
    id: Option<&'e str>,
) -> ChatEvent<'e> {
    ChatEvent::Thought {
        choice,
        thought: Thought {
            text: Cow::Borrowed(""),
            signature,
            encrypted: encrypted.map(Cow::Borrowed),
            id: id.map(Cow::Borrowed),
            provenance: Provenance::Google,
        },
    }
}

/// Why a candidate ended; what is no end of an answer is a fault of the vendor's.
fn finish(reason: &str) -> Result<Finish, Fault> {
    Ok(match reason {
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "LANGUAGE"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => Finish::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE" => return Err(Fault::Server),
        // The account is limited; another one may answer.
        "PUP_LIMITED_DISABLED" => return Err(Fault::Auth),
        _ => Finish::Stop,
    })
}

fn failure(reason: &str, message: Option<&str>) -> ErrorBody {
    let message = message.filter(|it| !it.is_empty());
    ErrorBody {
        message: message.map_or_else(
            || format!("the model's answer ended with {reason}"),
            str::to_owned,
        ),
        kind: "upstream_error".to_owned(),
        param: None,
        code: Some(reason.to_owned()),
        filtered: None,
    }
}
