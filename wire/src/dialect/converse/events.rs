//! A vendor's stream: frames whose payloads are events, or the exception that ends it.

use bytes::Bytes;

use super::blocks::Blocks;
use super::error;
use crate::chat::{ChatEvent, EventSink};
use crate::dialect::EventReader;
use crate::dialect::stream::fault;
use crate::eventstream::{Decoder, Frame, FrameError};
use crate::fault::Fault;
use crate::json::{Json, Object};

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
                Err(FrameError::TooLarge) => self.fail(fault(Fault::EventTooLarge), sink),
                Err(
                    FrameError::Foreign
                    | FrameError::PreludeChecksum
                    | FrameError::Checksum
                    | FrameError::Length
                    | FrameError::Headers,
                ) => self.fail(fault(Fault::Protocol), sink),
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
        match frame.text(":message-type") {
            Some("event") => {
                // What is no JSON is passed over; what is missed then shows at the end.
                if let Some(value) = Json::parse(frame.payload()) {
                    let kind = frame.text(":event-type").unwrap_or_default();
                    self.blocks.event(kind, &value, sink);
                }
            }
            Some("exception") => {
                let name = frame.text(":exception-type").unwrap_or_default();
                let found = error::fault(name, frame.payload());
                self.fail(ChatEvent::Fault(found), sink);
            }
            Some("error") => {
                let name = frame.text(":error-code").unwrap_or_default();
                let message = frame.text(":error-message").unwrap_or_default();
                let body = Json::from(Object::new().with("message", message)).to_bytes();
                self.fail(ChatEvent::Fault(error::fault(name, &body)), sink);
            }
            // What is not known yet.
            _ => {}
        }
    }
}
