//! A request body in pieces, sent as it is: only small pieces are joined.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tollward_wire::segments::Segments;

/// Pieces that fit into this together are sent as one.
///
/// A splice leaves pieces of a few bytes, each of which would be an HTTP/2 frame of
/// its own. A server may count many small frames as an attack and end the connection.
const JOINED_BYTES: usize = 8 * 1024;

/// The pieces of a spliced document as an HTTP body of known length.
pub struct SegmentsBody {
    pieces: <Segments as IntoIterator>::IntoIter,
    /// A piece that did not fit behind the ones before it.
    next: Option<Bytes>,
    remaining: u64,
}

impl From<Segments> for SegmentsBody {
    fn from(segments: Segments) -> Self {
        let remaining = segments.len() as u64;
        Self {
            pieces: segments.into_iter(),
            next: None,
            remaining,
        }
    }
}

impl SegmentsBody {
    fn piece(&mut self) -> Option<Bytes> {
        let waiting = self.next.take();
        waiting.or_else(|| self.pieces.find(|piece| !piece.is_empty()))
    }

    /// The next piece, with those behind it that fit; a large one stays the caller's own bytes.
    fn joined(&mut self) -> Option<Bytes> {
        let left = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let first = self.piece()?;
        let mut joined = BytesMut::new();
        while let Some(piece) = self.piece() {
            let length = joined.len().max(first.len()) + piece.len();
            if length > JOINED_BYTES {
                self.next = Some(piece);
                break;
            }
            if joined.is_empty() {
                joined.reserve(left.min(JOINED_BYTES));
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&piece);
        }
        Some(if joined.is_empty() {
            first
        } else {
            joined.freeze()
        })
    }
}

impl Body for SegmentsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.joined();
        if let Some(piece) = &piece {
            self.remaining = self.remaining.saturating_sub(piece.len() as u64);
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

#[cfg(test)]
mod tests;
