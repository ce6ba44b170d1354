//! The streamed answer of an OpenAI-shaped upstream, relayed.
//!
//! [`StreamReader`] looks and does not touch: whole events go out as slices of the bytes
//! that came in, in the upstream's own framing. It notes usage, finish reasons and the
//! first content, drops the usage chunk that the caller did not ask for, and stops at an
//! error event (which the gateway restates) or at `[DONE]`. Invariant: what goes out does
//! not depend on how the bytes were cut on their way in. A relayed stream of another
//! dialect is watched by a [`Tap`] instead; the bytes go the same way.

mod cut;
mod framed;
mod tap;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use self::cut::Farewell;
pub use self::framed::Framing;
#[cfg(test)]
pub(crate) use self::tap::MAX_TAKEN;
pub use self::tap::Named;
pub(crate) use self::tap::{Observed, Tap};
use crate::dialect::Dialect;
use crate::document::Document;
use crate::error_body::ErrorBody;
use crate::eventstream::Decoder;
use crate::facts::{Facts, FailedFinish};
use crate::fault::Fault;
use crate::operation::Operation;
use crate::segments::Segments;
use crate::sse::{DONE, Event, Scanner};
use crate::usage::Usage;

/// The most important thing in one push: a fault before the end before content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Comments, role-only deltas, usage, half an event.
    Nothing,
    /// At least one event that carries something for the caller.
    Content,
    /// The upstream reported an error or broke the protocol; nothing more goes out.
    Fault(StreamFault),
    /// `[DONE]`; only late usage is read from here on.
    End,
}

/// A failure inside an answer that began well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFault {
    /// The class of the failure.
    pub fault: Fault,
    /// What the upstream said about it; `None` if it said nothing readable.
    pub error: Option<ErrorBody>,
}

/// Whether the chunk that carries only usage is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageChunk {
    /// The caller asked for it.
    Keep,
    /// Only we asked for it.
    Hide,
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// `[DONE]` was seen.
    Complete,
    /// Every choice had finished but `[DONE]` was missing; it was appended.
    MissingDone,
    /// A clean end without `[DONE]` and without a finish reason.
    Incomplete,
    /// Cut inside an event.
    Truncated,
    /// The last event, which lacked its blank line, was an error.
    Failed(StreamFault),
}

/// Reads one stream. Feed it with [`push`](Self::push), end it with [`finish`](Self::finish).
#[derive(Debug)]
pub struct StreamReader {
    operation: Operation,
    usage_chunk: UsageChunk,
    /// Takes the events out of AWS's frames, where they come in them.
    frames: Option<Box<Decoder>>,
    scanner: Scanner,
    state: State,
    /// Whether the event before was dropped, and with it its late LF.
    is_tail_hidden: bool,
    has_content: bool,
    seen: u128,
    finished: u128,
    output_bytes: u64,
    /// As many of them are thoughts, or may be.
    thought_bytes: u64,
    /// As many of them had passed when the usage came.
    counted_bytes: u64,
    malformed: u64,
    usage: Option<Box<Usage>>,
    usage_anomaly: bool,
    /// Watches a stream of another dialect.
    tap: Option<Box<Tap>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Done,
    Failed,
}

/// What becomes of one event.
enum Verdict {
    Forward,
    Content,
    Hide,
    Done,
    Fault(StreamFault),
}

/// What was left of a stream after its last whole event.
enum Rest {
    /// Nothing, or an event that lacked only its blank line.
    Read,
    /// A part of an event that is worth something.
    Cut,
    /// An error that lacked only its blank line.
    Failed(StreamFault),
}

impl StreamReader {
    /// A reader for a stream of `operation`.
    pub fn new(operation: Operation, usage_chunk: UsageChunk) -> Self {
        Self {
            operation,
            usage_chunk,
            frames: None,
            scanner: Scanner::new(),
            state: State::Open,
            is_tail_hidden: false,
            has_content: false,
            seen: 0,
            finished: 0,
            output_bytes: 0,
            thought_bytes: 0,
            counted_bytes: 0,
            malformed: 0,
            usage: None,
            usage_anomaly: false,
            tap: operation.dialect().and_then(Tap::of).map(Box::new),
        }
    }

    /// Takes the next bytes of the stream and appends to `out` what may go to the caller.
    ///
    /// Consecutive events of one chunk go out as one slice. Once a fault was returned,
    /// further bytes are ignored.
    pub fn push(&mut self, chunk: Bytes, out: &mut Segments) -> Seen {
        if self.frames.is_some() {
            return self.push_frames(chunk, out);
        }
        self.push_events(chunk, out)
    }

    fn push_events(&mut self, chunk: Bytes, out: &mut Segments) -> Seen {
        let mut best = Seen::Nothing;
        let mut run = 0..0;
        while self.state != State::Failed {
            let boundary = match self.scanner.next_event(&chunk, run.end) {
                Ok(Some(boundary)) => boundary,
                Ok(None) => break,
                Err(_) => {
                    best = self.fail(Fault::EventTooLarge, None);
                    break;
                }
            };
            let start = run.end;
            let verdict = if boundary.is_tail {
                self.tail()
            } else {
                let raw = match &boundary.carried {
                    Some(carried) => carried,
                    None => chunk.get(start..boundary.end).unwrap_or_default(),
                };
                self.judge(&if boundary.is_first {
                    Event::parse_first(raw)
                } else {
                    Event::parse(raw)
                })
            };
            self.is_tail_hidden = match &verdict {
                Verdict::Hide | Verdict::Fault(_) => true,
                Verdict::Forward | Verdict::Content | Verdict::Done => false,
            };
            if self.is_tail_hidden {
                out.push(chunk.slice(run.clone()));
                run = boundary.end..boundary.end;
            } else if let Some(carried) = boundary.carried {
                out.push(carried);
                run = boundary.end..boundary.end;
            } else {
                run.end = boundary.end;
            }
            match verdict {
                Verdict::Content if best == Seen::Nothing => best = Seen::Content,
                Verdict::Done => best = Seen::End,
                Verdict::Forward | Verdict::Hide | Verdict::Content => {}
                Verdict::Fault(fault) => best = self.fail(fault.fault, fault.error),
            }
        }
        if !run.is_empty() {
            out.push(if run.len() == chunk.len() {
                chunk
            } else {
                chunk.slice(run)
            });
        }
        best
    }

    /// Takes note of the end of the stream.
    ///
    /// A last event that is complete but for its blank line still counts and goes out with
    /// one. Appends `[DONE]` when it returns [`StreamEnd::MissingDone`].
    pub fn finish(&mut self, out: &mut Segments) -> StreamEnd {
        let rest = self.finish_remainder(out);
        if let Rest::Failed(fault) = rest {
            return StreamEnd::Failed(fault);
        }
        match self.state {
            State::Done => StreamEnd::Complete,
            State::Open if matches!(rest, Rest::Cut) || self.is_mid_frame() => StreamEnd::Truncated,
            State::Open if self.tap.is_some() => self.end_tap(),
            State::Open if self.finish_seen() => {
                out.push(Bytes::from_static(DONE));
                self.state = State::Done;
                StreamEnd::MissingDone
            }
            State::Open | State::Failed => StreamEnd::Incomplete,
        }
    }

    /// The last usage report that could be believed.
    pub fn usage(&self) -> Option<&Usage> {
        match &self.tap {
            Some(tap) => tap.observed().usage.as_ref(),
            None => self.usage.as_deref(),
        }
    }

    /// Whether the last usage report could not be believed.
    pub fn usage_anomaly(&self) -> bool {
        let tap = self.tap.as_ref();
        tap.map_or(self.usage_anomaly, |it| it.observed().is_usage_bad)
    }

    /// Whether the usage is the vendor's last word, and not a count from before the last words.
    pub fn usage_is_final(&self) -> bool {
        match &self.tap {
            Some(tap) => tap.observed().usage_is_final(),
            None => !self.usage_anomaly && self.counted_bytes == self.output_bytes,
        }
    }

    /// Bytes of text observed in all choices: the base of an estimate without usage.
    pub fn output_bytes(&self) -> u64 {
        let tap = self.tap.as_ref();
        tap.map_or(self.output_bytes, |it| it.observed().output_bytes)
    }

    /// What the vendor calls the answer; `None` where nobody listens for it.
    pub fn named(&self) -> Option<&Named> {
        self.tap.as_ref().map(|it| &it.observed().named)
    }

    /// Whether every choice seen has a finish reason.
    pub fn finish_seen(&self) -> bool {
        match &self.tap {
            Some(tap) => tap.observed().is_finished || tap.observed().is_ended,
            None => self.seen != 0 && self.seen == self.finished,
        }
    }

    /// Whether anything for the caller was met: from here on nothing may be retried.
    pub fn content_seen(&self) -> bool {
        let tap = self.tap.as_ref();
        tap.map_or(self.has_content, |it| it.observed().has_content)
    }

    /// The event that ends the stream with an error, in the words of its dialect.
    pub fn error_event(&self, fault: Fault, error: &ErrorBody) -> Bytes {
        let dialect = self.operation.dialect().unwrap_or(Dialect::OpenAiChat);
        let passed = self.tap.as_ref().map_or(0, |it| it.passed());
        dialect.error_event(fault, error, passed)
    }

    /// What tells the caller that the stream is alive while it says nothing.
    pub fn keep_alive(&self) -> Bytes {
        let dialect = self.operation.dialect().unwrap_or(Dialect::OpenAiChat);
        Bytes::from_static(dialect.keep_alive())
    }

    /// Number of data events that are not JSON objects; they were forwarded all the same.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    fn fail(&mut self, fault: Fault, error: Option<ErrorBody>) -> Seen {
        self.state = State::Failed;
        Seen::Fault(StreamFault { fault, error })
    }

    fn tail(&self) -> Verdict {
        if self.is_tail_hidden {
            Verdict::Hide
        } else {
            Verdict::Forward
        }
    }

    /// Reads one whole event.
    #[inline]
    fn judge(&mut self, event: &Event<'_>) -> Verdict {
        if let Some(tap) = &mut self.tap {
            let verdict = tap.judge(event);
            if self.state == State::Done {
                return Verdict::Hide;
            }
            if matches!(verdict, Verdict::Done) {
                self.state = State::Done;
            }
            return verdict;
        }
        if self.state == State::Done {
            self.read_late(event);
            return Verdict::Hide;
        }
        if event.is_done() {
            self.state = State::Done;
            return Verdict::Done;
        }
        match event.data.as_deref() {
            data if event.is_error() => Verdict::Fault(stream_fault(data)),
            Some(data) => self.read_data(data),
            None => Verdict::Forward,
        }
    }

    #[inline]
    fn read_data(&mut self, data: &[u8]) -> Verdict {
        let facts = Facts::read(self.operation, data);
        if !facts.is_whole {
            self.malformed += u64::from(!data.trim_ascii().is_empty());
        }
        self.output_bytes += facts.output_bytes;
        self.thought_bytes += facts.thought_bytes;
        self.seen |= facts.seen;
        self.note_usage(&facts);
        if facts.error.is_some() {
            return Verdict::Fault(stream_fault(Some(data)));
        }
        if let Some(failed) = facts.failed_finish {
            return Verdict::Fault(StreamFault {
                fault: match failed {
                    FailedFinish::Error => Fault::Server,
                    FailedFinish::Overloaded => Fault::Overloaded,
                },
                error: None,
            });
        }
        self.finished |= facts.finished;
        if facts.has_content || facts.finished != 0 {
            self.has_content = true;
            return Verdict::Content;
        }
        match self.usage_chunk {
            UsageChunk::Hide if facts.is_usage_only() => Verdict::Hide,
            UsageChunk::Hide | UsageChunk::Keep => Verdict::Forward,
        }
    }

    fn read_late(&mut self, event: &Event<'_>) {
        if let Some(data) = &event.data {
            let facts = Facts::read(self.operation, data);
            self.note_usage(&facts);
        }
    }

    /// The last report wins: vendors repeat cumulative counts.
    #[inline]
    fn note_usage(&mut self, facts: &Facts<'_>) {
        match facts.count(Usage::from_openai) {
            Some(Ok(usage)) => {
                self.usage = Some(Box::new(usage));
                self.usage_anomaly = false;
                self.counted_bytes = self.output_bytes;
            }
            Some(Err(_)) => self.usage_anomaly = true,
            None => {}
        }
    }

    fn end_tap(&mut self) -> StreamEnd {
        match self.tap.as_mut().map(|it| it.end()) {
            Some(true) => StreamEnd::Complete,
            _ => StreamEnd::Incomplete,
        }
    }

    /// Reads what came after the last blank line.
    fn finish_remainder(&mut self, out: &mut Segments) -> Rest {
        if self.state != State::Open {
            return Rest::Read;
        }
        let rest = Bytes::copy_from_slice(self.scanner.remainder());
        let event = if self.scanner.is_started() {
            Event::parse(&rest)
        } else {
            Event::parse_first(&rest)
        };
        let Some(data) = event.data.as_deref() else {
            let is_cut = !event.is_done() && has_partial_field(&rest);
            return if is_cut { Rest::Cut } else { Rest::Read };
        };
        if !event.is_done() && Document::parse(Bytes::copy_from_slice(data)).is_err() {
            return Rest::Cut;
        }
        match self.judge(&event) {
            Verdict::Fault(fault) => {
                self.state = State::Failed;
                return Rest::Failed(fault);
            }
            Verdict::Hide => {}
            Verdict::Forward | Verdict::Content | Verdict::Done => {
                let is_ended = rest.ends_with(b"\n") || rest.ends_with(b"\r");
                out.push(rest.clone());
                out.push(Bytes::from_static(if is_ended { b"\n" } else { b"\n\n" }));
            }
        }
        Rest::Read
    }
}

/// Whether the remainder of a stream holds the start of a field, not just comments.
fn has_partial_field(rest: &[u8]) -> bool {
    rest.split(|it| matches!(it, b'\n' | b'\r'))
        .any(|line| !line.is_empty() && !line.starts_with(b":"))
}

/// The fault that an error event or a chunk with an error stands for.
pub(crate) fn stream_fault(data: Option<&[u8]>) -> StreamFault {
    let error = data.and_then(error_in);
    let fault = error.as_ref().and_then(Fault::from_error);
    StreamFault {
        fault: fault.unwrap_or(Fault::Server),
        error,
    }
}

/// The error inside a chunk: its own, Groq's, a choice's, or the chunk taken as text.
pub(crate) fn error_in(data: &[u8]) -> Option<ErrorBody> {
    ErrorBody::parse(data)
        .or_else(|| {
            let raw = Facts::read(Operation::Chat, data).error?;
            ErrorBody::parse(raw)
        })
        .or_else(|| {
            let text = serde_json::Value::from(String::from_utf8_lossy(data).into_owned());
            ErrorBody::parse(text.to_string().as_bytes())
        })
}
