//! A vendor's stream: frames whose payloads are events, or the exception that ends it.

use bytes::Bytes;

use super::blocks::Blocks;
use super::error;
use crate::chat::{ChatEvent, EventSink};
use crate::dialect::EventReader;
use crate::dialect::stream::fault;
use crate::eventstream::{Decoder, Frame};
use crate::fault::Fault;
use crate::json::Json;

/// A reader for a stream.
pub(crate) fn reader() -> Stream {
    Stream {
        frames: Decoder::new(),
        blocks: Blocks::default(),
        is_failed: false,
    }
}

/// Reads frames.
pub(crate) struct Stream {
    frames: Decoder,
    blocks: Blocks,
    is_failed: bool,
}

impl EventReader for Stream {
    fn push(&mut self, chunk: Bytes, sink: &mut dyn EventSink) {
        if self.is_over() {
            return;
        }
        self.frames.push(chunk);
        while !self.is_over() {
            match self.frames.next_frame() {
                Ok(Some(frame)) => self.frame(&frame, sink),
                Ok(None) => return,
                Err(error) => self.fail(fault(error.fault()), sink),
            }
        }
    }

    fn finish(&mut self, sink: &mut dyn EventSink) {
        if self.is_over() {
            return;
        }
        if self.frames.is_empty() {
            self.blocks.end(sink);
        } else {
            self.fail(fault(Fault::Truncated), sink);
        }
    }
}

impl Stream {
    fn is_over(&self) -> bool {
        self.is_failed || self.blocks.is_ended()
    }

    fn fail(&mut self, event: ChatEvent<'_>, sink: &mut dyn EventSink) {
        self.is_failed = true;
        sink.take(event);
    }

    fn frame(&mut self, frame: &Frame, sink: &mut dyn EventSink) {
        if let Some(found) = error::in_frame(frame) {
            return self.fail(ChatEvent::Fault(found), sink);
        }
        // What is not known yet, or no JSON, is passed over; what is missed then shows at the end.
        if frame.text(":message-type") == Some("event")
            && let Some(value) = Json::parse(frame.payload())
        {
            let kind = frame.text(":event-type").unwrap_or_default();
            self.blocks.event(kind, &value, sink);
        }
    }
}
