//! A request body in pieces, sent as it is: nothing is joined.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tollward_wire::segments::Segments;

/// The pieces of a spliced document as an HTTP body of known length.
pub struct SegmentsBody {
    pieces: <Segments as IntoIterator>::IntoIter,
    remaining: u64,
}

impl From<Segments> for SegmentsBody {
    fn from(segments: Segments) -> Self {
        let remaining = segments.len() as u64;
        Self {
            pieces: segments.into_iter(),
            remaining,
        }
    }
}

impl Body for SegmentsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.find(|piece| !piece.is_empty());
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
