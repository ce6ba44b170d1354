//! The events of a stream as bytes: each with its name, its number and its place.

use crate::json::{Json, Object, member_into};

/// Numbers events.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The number of the next event.
    next: u64,
}

/// Where in the output an event belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    /// The item's id.
    pub(super) item: &'p str,
    /// The item's place.
    pub(super) output: u64,
    /// The name and number of the place inside the item.
    pub(super) part: Option<(&'static str, usize)>,
}

impl Frames {
    /// The number of the next event.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Writes an event with these members.
    pub(super) fn event(&mut self, kind: &str, members: &[(&str, Json<'_>)], out: &mut Vec<u8>) {
        self.begin(kind, out);
        for (key, value) in members {
            member(key, value, out);
        }
        end(out);
    }

    /// Writes an event that carries a response object, which `write` writes.
    pub(super) fn response(
        &mut self,
        kind: &str,
        write: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        self.begin(kind, out);
        out.extend_from_slice(b",\"response\":");
        write(out);
        end(out);
    }

    /// Writes the event of an item that begins or ends.
    pub(super) fn item(&mut self, kind: &str, place: u64, item: Object<'_>, out: &mut Vec<u8>) {
        let members = [("output_index", place.into()), ("item", item.into())];
        self.event(kind, &members, out);
    }

    /// Writes an event at a place, with these members.
    pub(super) fn at(
        &mut self,
        kind: &str,
        place: Place<'_>,
        members: &[(&str, Json<'_>)],
        out: &mut Vec<u8>,
    ) {
        self.place(kind, place, out);
        for (key, value) in members {
            member(key, value, out);
        }
        end(out);
    }

    /// Writes an event that carries the next characters; most of a stream is this.
    pub(super) fn delta(&mut self, kind: &str, place: Place<'_>, text: &str, out: &mut Vec<u8>) {
        self.place(kind, place, out);
        member_into("delta", text, out);
        if kind == TEXT_DELTA {
            out.extend_from_slice(b",\"logprobs\":[]");
        }
        end(out);
    }

    fn place(&mut self, kind: &str, place: Place<'_>, out: &mut Vec<u8>) {
        self.begin(kind, out);
        member_into("item_id", place.item, out);
        out.extend_from_slice(b",\"output_index\":");
        out.extend_from_slice(place.output.to_string().as_bytes());
        if let Some((name, number)) = place.part {
            member(name, &(number as u64).into(), out);
        }
    }

    fn begin(&mut self, kind: &str, out: &mut Vec<u8>) {
        begin(kind, self.next, out);
        self.next += 1;
    }
}

/// The event of words.
pub(super) const TEXT_DELTA: &str = "response.output_text.delta";

/// The head of the event with that number.
pub(super) fn begin(kind: &str, number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: {\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"sequence_number\":");
    out.extend_from_slice(number.to_string().as_bytes());
}

/// The end of an event.
pub(super) fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}\n\n");
}

/// Writes `,"key":` and the value; `key` needs no escapes.
pub(super) fn member(key: &str, value: &Json<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    value.write(out);
}
