//! Changes to a document as a list of splices.
//!
//! Every change names a member of the top-level object or of a nested one. They are
//! collected per object and written in one pass at the end; bytes that no change
//! touches are slices of the original body. Within one edit the last change of a
//! member wins, and a change inside a value that is replaced or removed is void.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

use super::{Document, Object};
use crate::segments::Segments;

/// A set of changes to one document.
#[derive(Debug)]
pub struct Edit<'a> {
    document: &'a Document,
    top: ObjectEdit<'a>,
    nested: Vec<ObjectEdit<'a>>,
}

#[derive(Debug)]
struct ObjectEdit<'a> {
    object: Cow<'a, Object>,
    changes: Vec<Change>,
    added: Vec<(String, Bytes)>,
}

/// What happens to one member; parallel to the object's members.
#[derive(Clone, Debug, Default)]
struct Change {
    is_removed: bool,
    name: Option<String>,
    value: Option<Bytes>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self {
            document,
            top: ObjectEdit::new(Cow::Borrowed(document.top())),
            nested: Vec::new(),
        }
    }

    /// Sets a top-level field, in its place if it is there and at the end if not.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.set_raw(field, encode(value));
    }

    /// Sets a top-level field to JSON text, which is not checked.
    pub fn set_raw(&mut self, field: &str, value: Bytes) {
        self.top.set(self.document, field, value);
    }

    /// Removes a top-level field and the comma that goes with it.
    pub fn remove(&mut self, field: &str) {
        self.top.remove(self.document, field);
    }

    /// Gives a top-level field another name; a field that has that name already goes away.
    pub fn rename(&mut self, field: &str, to: &str) {
        self.top.rename(self.document, field, to);
    }

    /// Sets a field of a nested object of this document.
    pub fn set_in(&mut self, object: &Object, field: &str, value: impl Into<Value>) {
        let document = self.document;
        self.nested(object).set(document, field, encode(value));
    }

    /// Sets a field of a nested object of this document to JSON text, which is not checked.
    pub fn set_raw_in(&mut self, object: &Object, field: &str, value: Bytes) {
        let document = self.document;
        self.nested(object).set(document, field, value);
    }

    /// Removes a field of a nested object of this document.
    pub fn remove_in(&mut self, object: &Object, field: &str) {
        let document = self.document;
        self.nested(object).remove(document, field);
    }

    /// Renames a field of a nested object of this document.
    pub fn rename_in(&mut self, object: &Object, field: &str, to: &str) {
        let document = self.document;
        self.nested(object).rename(document, field, to);
    }

    /// The changed body.
    pub fn finish(self) -> Segments {
        let mut splices = Vec::new();
        for object in std::iter::once(&self.top).chain(&self.nested) {
            object.splices(&mut splices);
        }
        // Outer spans first: whatever lies inside one of them is void.
        splices.sort_by(|(a, _), (b, _)| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        let body = self.document.bytes();
        let mut segments = Segments::new();
        let mut written = 0;
        for (span, text) in splices {
            if span.start < written {
                continue;
            }
            segments.push(body.slice(written..span.start));
            segments.push(text);
            written = span.end;
        }
        segments.push(body.slice(written..));
        segments
    }

    fn nested(&mut self, object: &Object) -> &mut ObjectEdit<'a> {
        if object.open == self.top.object.open {
            return &mut self.top;
        }
        let known = self
            .nested
            .iter()
            .position(|it| it.object.open == object.open);
        let at = known.unwrap_or_else(|| {
            self.nested
                .push(ObjectEdit::new(Cow::Owned(object.clone())));
            self.nested.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the position was just found or just made"
        )]
        &mut self.nested[at]
    }
}

impl<'a> ObjectEdit<'a> {
    fn new(object: Cow<'a, Object>) -> Self {
        Self {
            changes: vec![Change::default(); object.members.len()],
            object,
            added: Vec::new(),
        }
    }

    /// The member that is called `field` after the changes so far.
    fn change(&mut self, document: &Document, field: &str) -> Option<&mut Change> {
        let members = self.object.members.iter();
        let mut changes = members.zip(&mut self.changes);
        changes
            .find(|(member, change)| match &change.name {
                _ if change.is_removed => false,
                Some(name) => name == field,
                None => member.is(document, field),
            })
            .map(|(_, change)| change)
    }

    fn added(&mut self, field: &str) -> Option<usize> {
        self.added.iter().position(|(name, _)| name == field)
    }

    fn set(&mut self, document: &Document, field: &str, value: Bytes) {
        if let Some(change) = self.change(document, field) {
            change.value = Some(value);
            return;
        }
        self.added.retain(|(name, _)| name != field);
        // A member that was removed before comes back in its place.
        let position = self.object.position(document, field);
        match position.and_then(|at| self.changes.get_mut(at)) {
            Some(change) if change.is_removed => {
                *change = Change {
                    value: Some(value),
                    ..Change::default()
                };
            }
            _ => self.added.push((field.to_owned(), value)),
        }
    }

    fn remove(&mut self, document: &Document, field: &str) {
        if let Some(change) = self.change(document, field) {
            change.is_removed = true;
        }
        self.added.retain(|(name, _)| name != field);
    }

    fn rename(&mut self, document: &Document, field: &str, to: &str) {
        if field == to {
            return;
        }
        if let Some(at) = self.added(field) {
            let (_, value) = self.added.remove(at);
            self.set(document, to, value);
        } else if self.change(document, field).is_some() {
            self.remove(document, to);
            if let Some(change) = self.change(document, field) {
                change.name = Some(to.to_owned());
            }
        }
    }

    fn splices(&self, splices: &mut Vec<(Range<usize>, Bytes)>) {
        let members = &self.object.members;
        let mut kept_end = None;
        let mut last_end = None;
        for (at, (member, change)) in members.iter().zip(&self.changes).enumerate() {
            if change.is_removed {
                // With a kept member before it, a removed one takes the comma before it;
                // without, the comma after it.
                let span = match (kept_end, members.get(at + 1)) {
                    (Some(_), _) => last_end.unwrap_or(member.key.start)..member.value.end,
                    (None, Some(next)) => member.key.start..next.key.start,
                    (None, None) => member.key.start..member.value.end,
                };
                splices.push((span, Bytes::new()));
            } else {
                kept_end = Some(member.value.end);
                if let Some(name) = &change.name {
                    splices.push((member.key.clone(), encode(name.as_str())));
                }
                if let Some(value) = &change.value {
                    splices.push((member.value.clone(), value.clone()));
                }
            }
            last_end = Some(member.value.end);
        }
        if self.added.is_empty() {
            return;
        }
        let position = last_end.unwrap_or(self.object.open + 1);
        splices.push((position..position, self.added_text(kept_end.is_some())));
    }

    fn added_text(&self, needs_comma: bool) -> Bytes {
        let mut text = BytesMut::new();
        for (at, (name, value)) in self.added.iter().enumerate() {
            if needs_comma || at > 0 {
                text.put_u8(b',');
            }
            text.put(encode(name.as_str()));
            text.put_u8(b':');
            text.put_slice(value);
        }
        text.freeze()
    }
}

fn encode(value: impl Into<Value>) -> Bytes {
    Bytes::from(value.into().to_string())
}
