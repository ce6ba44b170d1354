//! A relayed stream whose events come in AWS's frames: Claude's, by Bedrock's `InvokeModel`.
//!
//! A frame of type `chunk` holds one event of the vendor's own, in base64. It goes on as the
//! server-sent event that the vendor itself would have sent, byte for byte; what only AWS says in it
//! (`amazon-bedrock-invocationMetrics`) is left there, as Anthropic's own client leaves it. An
//! exception ends the stream as it does in Converse.
//!
//! Source: `ResponseStream` of the service model `bedrock-runtime` 2023-09-30 in botocore 1.44, and
//! `lib/bedrock/_stream_decoder.py` of anthropic-python 2.14 (read 2026-11).

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Seen, State, StreamFault, StreamReader};
use crate::dialect::converse::error;
use crate::eventstream::{Frame, FrameError};
use crate::fault::Fault;
use crate::json::Json;
use crate::segments::Segments;

/// How the events of a stream are set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// They are server-sent events.
    Events,
    /// Each is in one of AWS's binary frames.
    Frames,
}

impl StreamReader {
    /// The same reader for a stream whose events are set apart like this.
    #[must_use]
    pub fn framed(mut self, framing: Framing) -> Self {
        self.frames = match framing {
            Framing::Events => None,
            Framing::Frames => Some(Box::default()),
        };
        self
    }

    /// Whether a frame has begun whose end is missing.
    pub(super) fn is_mid_frame(&self) -> bool {
        self.frames.as_ref().is_some_and(|it| !it.is_empty())
    }

    pub(super) fn push_frames(&mut self, chunk: Bytes, out: &mut Segments) -> Seen {
        let mut best = Seen::Nothing;
        let mut chunk = Some(chunk);
        while self.state != State::Failed {
            let seen = match self.next_frame(chunk.take()) {
                Ok(Some(frame)) => self.take_frame(&frame, out),
                Ok(None) => break,
                // A late exception, or noise: the answer is complete.
                Err(_) if self.state == State::Done => break,
                Err(error) => self.fail(error.fault(), None),
            };
            match seen {
                Seen::Nothing => {}
                Seen::Content if best != Seen::Nothing => {}
                seen => best = seen,
            }
        }
        best
    }

    fn next_frame(&mut self, chunk: Option<Bytes>) -> Result<Option<Frame>, FrameError> {
        let Some(frames) = &mut self.frames else {
            return Ok(None);
        };
        if let Some(chunk) = chunk {
            frames.push(chunk);
        }
        frames.next_frame()
    }

    fn take_frame(&mut self, frame: &Frame, out: &mut Segments) -> Seen {
        if let Some(StreamFault { fault, error }) = error::in_frame(frame) {
            return match self.state {
                State::Done => Seen::Nothing,
                State::Open | State::Failed => self.fail(fault, error),
            };
        }
        if frame.text(":event-type") != Some("chunk") {
            return Seen::Nothing;
        }
        match event(frame) {
            Some(event) => self.push_events(event.into(), out),
            None if self.state == State::Done => Seen::Nothing,
            // A part of the answer that is left out would not be missed by anybody.
            None => self.fail(Fault::Protocol, None),
        }
    }
}

/// The vendor's event in a frame of type `chunk`; `None` if there is none.
fn event(frame: &Frame) -> Option<Vec<u8>> {
    let payload = Json::parse(frame.payload())?;
    let data = STANDARD.decode(payload.str("bytes")?).ok()?;
    let value = Json::parse(&data)?;
    let name = value.str("type")?;
    if name.contains(['\n', '\r']) {
        return None;
    }
    let mut event = Vec::with_capacity(name.len() + data.len() + 16);
    event.extend_from_slice(b"event: ");
    event.extend_from_slice(name.as_bytes());
    // Line ends in JSON are blanks between its tokens.
    for line in data.split(|it| matches!(it, b'\n' | b'\r')) {
        event.extend_from_slice(b"\ndata: ");
        event.extend_from_slice(line);
    }
    event.extend_from_slice(b"\n\n");
    Some(event)
}
