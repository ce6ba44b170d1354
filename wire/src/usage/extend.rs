//! Putting members into the usage that an answer tells, in the bytes that the answer has.
//!
//! The rest of the answer stays as it is, byte for byte. A member that is there already is the
//! vendor's and is neither replaced nor told twice. What the members mean is not known here.

use bytes::Bytes;
use memchr::memmem;

use crate::document::{Document, Object};
use crate::operation::Operation;
use crate::segments::Segments;

/// Members of an object: names and JSON text.
pub type Members<'m> = [(&'m str, Bytes)];

/// A whole answer of `operation` with `members` in its usage; `None` where it tells no usage, or has
/// the first of them already.
pub fn extend_answer(operation: Operation, body: &Bytes, members: &Members<'_>) -> Option<Bytes> {
    match operation {
        Operation::Chat | Operation::Completions | Operation::Embeddings | Operation::Responses => {
        }
        _ => return None,
    }
    let document = Document::parse(body.clone()).ok()?;
    let usage = document.object("usage")?;
    extended(&document, &usage, members).map(|it| it.to_bytes())
}

/// Puts `members` into the last usage that is told by whole events of `stream`, from its piece
/// number `from` on; `false` where none is told there.
pub fn extend_events(
    operation: Operation,
    stream: &mut Segments,
    from: usize,
    members: &Members<'_>,
) -> bool {
    let pieces: Vec<Bytes> = stream.iter().cloned().collect();
    for (at, piece) in pieces.iter().enumerate().skip(from).rev() {
        let Some(told) = in_piece(operation, piece, members) else {
            continue;
        };
        if let Told::Changed(changed) = told {
            let before = pieces.iter().take(at).cloned();
            let after = pieces.iter().skip(at + 1).cloned();
            let mut whole = Segments::new();
            whole.extend(before.chain(changed).chain(after));
            *stream = whole;
        }
        return true;
    }
    false
}

/// A piece that tells a usage.
enum Told {
    /// With the members in it.
    Changed(Vec<Bytes>),
    /// It has the first of them already.
    AsItWas,
}

/// A piece with `members` in its last usage; `None` where it tells none.
fn in_piece(operation: Operation, piece: &Bytes, members: &Members<'_>) -> Option<Told> {
    let mut end = piece.len();
    loop {
        let found = memmem::rfind(piece.get(..end)?, b"\"usage\"")?;
        let start = memchr::memrchr2(b'\n', b'\r', piece.get(..found)?).map_or(0, |it| it + 1);
        let stop = memchr::memchr2(b'\n', b'\r', piece.get(found..)?);
        let stop = stop.map_or(piece.len(), |it| found + it);
        if let Some(told) = in_line(operation, piece, (start, stop), members) {
            return Some(told);
        }
        // It was said, not told: a word of the answer.
        end = start;
    }
}

fn in_line(
    operation: Operation,
    piece: &Bytes,
    (start, stop): (usize, usize),
    members: &Members<'_>,
) -> Option<Told> {
    let line = piece.get(start..stop)?;
    let data = line.strip_prefix(b"data:")?;
    let json = stop - data.trim_ascii_start().len();
    let document = Document::parse(piece.slice(json..stop)).ok()?;
    let usage = match operation {
        Operation::Chat | Operation::Completions => document.object("usage")?,
        Operation::Responses => document.object("response")?.object(&document, "usage")?,
        _ => return None,
    };
    let Some(changed) = extended(&document, &usage, members) else {
        return Some(Told::AsItWas);
    };
    let mut whole = Segments::new();
    whole.push(piece.slice(..json));
    whole.extend(changed);
    whole.push(piece.slice(stop..));
    Some(Told::Changed(whole.into_iter().collect()))
}

/// The document with `members` in `usage`; `None` where the first of them is there.
fn extended(document: &Document, usage: &Object, members: &Members<'_>) -> Option<Segments> {
    let (first, _) = members.first()?;
    if usage.raw(document, first).is_some() {
        return None;
    }
    let mut edit = document.edit();
    for (name, value) in members {
        if usage.raw(document, name).is_none() {
            edit.set_raw_in(usage, name, value.clone());
        }
    }
    Some(edit.finish())
}

#[cfg(test)]
mod tests;
