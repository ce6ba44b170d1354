//! Lines of JSON: any cut in, whole lines out.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::events::Events;
use crate::chat::EventSink;
use crate::dialect::EventReader;
use crate::dialect::stream::fault;
use crate::fault::Fault;
use crate::json::Json;
use crate::sse::MAX_EVENT_BYTES;

/// A reader for a stream.
pub(crate) fn reader() -> LineReader {
    LineReader::default()
}

/// Splits a body into lines and reads them.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    /// Start of a line whose end has not arrived.
    carry: BytesMut,
    events: Events,
    is_broken: bool,
}

impl EventReader for LineReader {
    fn push(&mut self, chunk: Bytes, sink: &mut dyn EventSink) {
        let mut rest: &[u8] = &chunk;
        while !self.is_over() {
            let end = memchr(b'\n', rest);
            let (piece, after) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
            if self.carry.len() + piece.len() > MAX_EVENT_BYTES {
                self.is_broken = true;
                self.carry = BytesMut::new();
                return sink.take(fault(Fault::EventTooLarge));
            }
            rest = after;
            if end.is_none() {
                return self.carry.extend_from_slice(piece);
            }
            if self.carry.is_empty() {
                self.events.line(piece, sink);
            } else {
                self.carry.extend_from_slice(piece);
                let line = self.carry.split();
                self.events.line(&line, sink);
            }
        }
    }

    /// A last line that lacks only its end counts.
    fn finish(&mut self, sink: &mut dyn EventSink) {
        if self.is_over() {
            return;
        }
        let rest = self.carry.split();
        if !rest.trim_ascii().is_empty() && Json::parse(&rest).is_none() {
            self.is_broken = true;
            return sink.take(fault(Fault::Truncated));
        }
        self.events.line(&rest, sink);
        self.events.end(sink);
    }
}

impl LineReader {
    fn is_over(&self) -> bool {
        self.is_broken || self.events.is_over()
    }
}
