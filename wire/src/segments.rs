//! A body in pieces.
//!
//! An edited request is a few slices of what the client sent and a few bytes of
//! ours between them. [`Segments`] keeps them apart, so that neither an edit nor a
//! retry copies the body: cloning one is a handful of reference counts.

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// An ordered list of non-empty byte slices that together are one body.
#[derive(Clone, Debug, Default)]
pub struct Segments(SmallVec<[Bytes; 8]>);

impl Segments {
    /// An empty body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a piece; an empty one is ignored.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push(piece);
        }
    }

    /// The body with text of ours before and after it.
    #[must_use]
    pub fn between(self, before: &'static str, after: &'static str) -> Self {
        let mut whole = Self::new();
        whole.push(Bytes::from_static(before.as_bytes()));
        whole.0.extend(self.0);
        whole.push(Bytes::from_static(after.as_bytes()));
        whole
    }

    /// Whether the body has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Length of the body in bytes.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// How many pieces there are.
    pub fn pieces(&self) -> usize {
        self.0.len()
    }

    /// The pieces in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Bytes> {
        self.0.iter()
    }

    /// Takes the first piece out.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Forgets all pieces and keeps the room they took.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The body in one slice: free for one piece, a copy for several.
    pub fn to_bytes(&self) -> Bytes {
        match self.0.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => {
                let mut joined = BytesMut::with_capacity(self.len());
                for piece in pieces {
                    joined.extend_from_slice(piece);
                }
                joined.freeze()
            }
        }
    }
}

impl From<Bytes> for Segments {
    fn from(piece: Bytes) -> Self {
        let mut segments = Self::new();
        segments.push(piece);
        segments
    }
}

impl IntoIterator for Segments {
    type Item = Bytes;
    type IntoIter = smallvec::IntoIter<[Bytes; 8]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Segments {
    type Item = &'a Bytes;
    type IntoIter = std::slice::Iter<'a, Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Bytes> for Segments {
    fn extend<T: IntoIterator<Item = Bytes>>(&mut self, pieces: T) {
        for piece in pieces {
            self.push(piece);
        }
    }
}
