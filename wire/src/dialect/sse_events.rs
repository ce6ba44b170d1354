//! Server-sent events for the dialects that use them: any cut in, whole events out.

use bytes::Bytes;

use super::EventReader;
use super::stream::fault;
use crate::chat::EventSink;
use crate::fault::Fault;
use crate::sse::{Event, Scanner};

/// Reads one dialect's events.
pub trait SseDialect: Send {
    /// Takes one whole event.
    fn event(&mut self, event: &Event<'_>, sink: &mut dyn EventSink);

    /// Takes note of the end of the body after a whole event: says *end* or a fault, or
    /// nothing if one of them was said before.
    fn end(&mut self, sink: &mut dyn EventSink);

    /// Whether nothing that follows matters: a fault was said.
    fn is_over(&self) -> bool;
}

/// An event stream in dialect `D`.
#[derive(Debug)]
pub struct SseReader<D> {
    scanner: Scanner,
    dialect: D,
    is_broken: bool,
}

impl<D: SseDialect> SseReader<D> {
    pub(crate) fn new(dialect: D) -> Self {
        Self {
            scanner: Scanner::new(),
            dialect,
            is_broken: false,
        }
    }
}

impl<D: SseDialect> EventReader for SseReader<D> {
    fn push(&mut self, chunk: Bytes, sink: &mut dyn EventSink) {
        let mut at = 0;
        while !self.is_broken && !self.dialect.is_over() {
            let boundary = match self.scanner.next_event(&chunk, at) {
                Ok(Some(boundary)) => boundary,
                Ok(None) => return,
                Err(_) => {
                    self.is_broken = true;
                    return sink.take(fault(Fault::EventTooLarge));
                }
            };
            let raw = match &boundary.carried {
                Some(carried) => carried,
                None => chunk.get(at..boundary.end).unwrap_or_default(),
            };
            at = boundary.end;
            if boundary.is_tail {
                continue;
            }
            let event = if boundary.is_first {
                Event::parse_first(raw)
            } else {
                Event::parse(raw)
            };
            self.dialect.event(&event, sink);
        }
    }

    fn finish(&mut self, sink: &mut dyn EventSink) {
        if self.is_broken || self.dialect.is_over() {
            return;
        }
        let rest = self.scanner.remainder();
        let event = if self.scanner.is_started() {
            Event::parse(rest)
        } else {
            Event::parse_first(rest)
        };
        // A last event that lacks only its blank line counts.
        let is_whole = event.is_done()
            || event
                .data
                .as_deref()
                .is_some_and(|data| crate::json::Json::parse(data).is_some());
        if is_whole {
            self.dialect.event(&event, sink);
        } else if !rest.trim_ascii().is_empty() && !rest.starts_with(b":") {
            return sink.take(fault(Fault::Truncated));
        }
        if !self.dialect.is_over() {
            self.dialect.end(sink);
        }
    }
}
