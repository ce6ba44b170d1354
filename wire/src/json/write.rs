//! From a value to bytes: compact, keys in order, strings escaped as little as JSON allows.

use std::fmt;

use bytes::Bytes;

use super::Json;
use crate::segments::Segments;

/// Borrowed strings from this length on are handed on as slices, in bytes.
const MIN_SLICE: usize = 4 * 1024;

impl Json<'_> {
    /// Writes the value to the end of `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut writer = Writer {
            source: None,
            segments: Segments::new(),
            buffer: std::mem::take(out),
        };
        writer.value(self);
        *out = writer.buffer;
    }

    /// The value as compact text.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.write(&mut out);
        out.into()
    }

    /// The value as pieces; long strings that borrow from `source` are slices of it.
    pub fn to_segments(&self, source: &Bytes) -> Segments {
        let mut writer = Writer {
            source: Some(source),
            segments: Segments::new(),
            buffer: Vec::new(),
        };
        writer.value(self);
        writer.flush();
        writer.segments
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

struct Writer<'s> {
    source: Option<&'s Bytes>,
    segments: Segments,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Json<'_>) {
        match value {
            Json::Null => self.buffer.extend_from_slice(b"null"),
            Json::Bool(true) => self.buffer.extend_from_slice(b"true"),
            Json::Bool(false) => self.buffer.extend_from_slice(b"false"),
            Json::Number(digits) => self.buffer.extend_from_slice(digits.as_bytes()),
            Json::String(text) => self.string(&[text]),
            Json::Joined(pieces) => self.string(pieces),
            Json::Array(items) => {
                self.buffer.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.buffer.push(b',');
                    }
                    self.value(item);
                }
                self.buffer.push(b']');
            }
            Json::Object(object) => {
                self.buffer.push(b'{');
                for (at, (key, value)) in object.members().enumerate() {
                    if at > 0 {
                        self.buffer.push(b',');
                    }
                    self.string(&[key]);
                    self.buffer.push(b':');
                    self.value(value);
                }
                self.buffer.push(b'}');
            }
        }
    }

    /// A string, whole or in pieces.
    fn string(&mut self, pieces: &[impl AsRef<str>]) {
        self.buffer.push(b'"');
        for text in pieces.iter().map(AsRef::as_ref) {
            match self.source.and_then(|source| slice_of(source, text)) {
                Some(slice) => {
                    self.flush();
                    self.segments.push(slice);
                }
                None => escape(text, &mut self.buffer),
            }
        }
        self.buffer.push(b'"');
    }

    fn flush(&mut self) {
        self.segments.push(std::mem::take(&mut self.buffer).into());
    }
}

/// The part of `source` that `text` is, if it is long enough and needs no escapes.
fn slice_of(source: &Bytes, text: &str) -> Option<Bytes> {
    let bytes = text.as_bytes();
    if bytes.len() < MIN_SLICE || bytes.iter().any(|it| needs_escape(*it)) {
        return None;
    }
    let (start, end) = (
        source.as_ptr() as usize,
        source.as_ptr() as usize + source.len(),
    );
    let at = bytes.as_ptr() as usize;
    (at >= start && at + bytes.len() <= end).then(|| source.slice_ref(bytes))
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Writes `text` as a JSON string, with its quotes.
pub fn escape_into(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

fn escape(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|it| needs_escape(*it)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = tail.split_first() else {
            break;
        };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let digit = |half: u8| HEX.get(usize::from(half)).copied().unwrap_or(b'0');
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xF)]);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// Writes `,"key":` and the text as a string.
pub fn member_into(key: &str, text: &str, out: &mut Vec<u8>) {
    out.push(b',');
    escape_into(key, out);
    out.push(b':');
    escape_into(text, out);
}
