//! A request body: pieces, sent as they are but for small ones, which are joined; and after them,
//! where there is one, the rest of an upload.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tollward_wire::segments::Segments;

use crate::upstream::upload::{BrokenUpload, Upload, UploadBody};

/// Pieces that fit into this together are sent as one.
///
/// A splice leaves pieces of a few bytes, each of which would be an HTTP/2 frame of
/// its own. A server may count many small frames as an attack and end the connection.
const JOINED_BYTES: usize = 8 * 1024;

/// A body on its way to a vendor; its length is known unless an upload's is not.
pub struct RequestBody {
    pieces: <Segments as IntoIterator>::IntoIter,
    /// A piece that did not fit behind the ones before it.
    next: Option<Bytes>,
    remaining: u64,
    upload: Option<UploadBody>,
    /// Bytes of the upload, if they are known.
    upload_left: Option<u64>,
}

impl From<Segments> for RequestBody {
    fn from(segments: Segments) -> Self {
        let remaining = segments.len() as u64;
        Self {
            pieces: segments.into_iter(),
            next: None,
            remaining,
            upload: None,
            upload_left: None,
        }
    }
}

impl RequestBody {
    /// The body with an upload behind it, if there is one.
    #[must_use]
    pub fn then(self, upload: Option<&Upload>) -> Self {
        Self {
            upload: upload.map(UploadBody::new),
            upload_left: upload.and_then(Upload::left),
            ..self
        }
    }

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

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BrokenUpload;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        if let Some(piece) = self.joined() {
            self.remaining = self.remaining.saturating_sub(piece.len() as u64);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(upload) = &mut self.upload else {
            return Poll::Ready(None);
        };
        let heard = upload.poll(context);
        if let (Poll::Ready(Some(Ok(frame))), Some(left)) = (&heard, &mut self.upload_left) {
            let length = frame.data_ref().map_or(0, |it| it.len() as u64);
            *left = left.saturating_sub(length);
        }
        heard
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0 && self.upload.as_ref().is_none_or(UploadBody::is_ended)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.upload, self.upload_left) {
            (None, _) => SizeHint::with_exact(self.remaining),
            (Some(_), Some(left)) => SizeHint::with_exact(self.remaining + left),
            (Some(_), None) => SizeHint::new(),
        }
    }
}

#[cfg(test)]
mod tests;
