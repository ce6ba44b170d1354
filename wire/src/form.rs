//! Forms with files in them (`multipart/form-data`, RFC 7578), read while they pass.
//!
//! [`FormScanner`] is fed the body cut anywhere and finds the parts; it holds no content. It is
//! stricter than servers are: what two of them could read differently is refused, because a form
//! that names one model to us and another to the vendor would pass a key's list of models.
//! [`Form`] is the beginning of such a body, with the fields that the gateway acts on, and puts
//! another model's name in.

mod head;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;

use self::head::Head;
use crate::segments::Segments;

/// Most parts of one form.
const MAX_PARTS: usize = 256;
/// Longest head of a part, in bytes.
const MAX_HEAD_BYTES: usize = 4 * 1024;
/// Longest boundary, in characters (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
/// Longest value of a field that the gateway acts on, in bytes.
const MAX_VALUE_BYTES: usize = 256;

/// Why a form is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The content type has no boundary that can be one.
    #[error("the content type has no boundary of 1 to 70 plain characters")]
    Boundary,
    /// The text between the parts is not what the RFC says, or could be read in two ways.
    #[error("the form is not put together as RFC 7578 says: {0}")]
    Malformed(&'static str),
    /// More parts than a form may have.
    #[error("the form has more than {MAX_PARTS} parts")]
    TooManyParts,
    /// A field that the gateway acts on is there twice.
    #[error("the field `{0}` is there twice")]
    Twice(&'static str),
    /// A field that the gateway acts on is a file, or too long.
    #[error("the field `{0}` is not a short text")]
    NoText(&'static str),
}

impl FormError {
    /// The body ends before the form does.
    pub const UNENDED: Self = Self::Malformed("it ends before its last delimiter");
}

/// The fields that the gateway acts on, in the order of [`FormScanner::fields`].
const FIELDS: [&str; 2] = ["model", "stream"];

/// Finds the parts of a form; memory is bounded by one chunk.
#[derive(Debug)]
pub struct FormScanner {
    /// `--` and the boundary.
    delimiter: Box<[u8]>,
    state: State,
    /// What was not decided yet, from `offset` on.
    held: Vec<u8>,
    /// Where in the body `held` begins.
    offset: usize,
    parts: usize,
    /// Which field the open part is.
    open: Option<usize>,
    fields: [Option<Range<usize>>; FIELDS.len()],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    AfterDelimiter,
    Head,
    Content,
    Ended,
}

impl FormScanner {
    /// A scanner for a body of this content type.
    ///
    /// # Errors
    /// [`FormError::Boundary`].
    pub fn new(content_type: &str) -> Result<Self, FormError> {
        let boundary = head::boundary(content_type).ok_or(FormError::Boundary)?;
        let is_plain = |it: u8| it.is_ascii_graphic() && it != b'"' && it != b'\\';
        if !(1..=MAX_BOUNDARY).contains(&boundary.len()) || !boundary.bytes().all(is_plain) {
            return Err(FormError::Boundary);
        }
        Ok(Self {
            delimiter: [b"--", boundary.as_bytes()].concat().into(),
            state: State::Start,
            held: Vec::new(),
            offset: 0,
            parts: 0,
            open: None,
            fields: [const { None }; FIELDS.len()],
        })
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// [`FormError`]; the bytes must not be passed on then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), FormError> {
        self.held.extend_from_slice(chunk);
        while self.step()? {}
        Ok(())
    }

    /// Whether the last delimiter was met.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Where the value of `model` is in the body; `None` if it was not met or has not ended.
    pub fn model(&self) -> Option<Range<usize>> {
        let [model, _] = &self.fields;
        model.clone().filter(|it| it.end > 0)
    }

    /// Goes one step; `false` when it needs more bytes.
    fn step(&mut self) -> Result<bool, FormError> {
        match self.state {
            State::Start => self.start(),
            State::AfterDelimiter => self.after_delimiter(),
            State::Head => self.head(),
            State::Content => self.content(),
            State::Ended => {
                let rest = self.held.as_slice();
                if self.held.len() > 2 || !b"\r\n".starts_with(rest) {
                    return Err(FormError::Malformed("something follows the last delimiter"));
                }
                Ok(false)
            }
        }
    }

    fn start(&mut self) -> Result<bool, FormError> {
        let length = self.held.len().min(self.delimiter.len());
        if self.held.get(..length) != self.delimiter.get(..length) {
            return Err(FormError::Malformed("it does not begin with a delimiter"));
        }
        if length < self.delimiter.len() {
            return Ok(false);
        }
        self.consume(length);
        self.state = State::AfterDelimiter;
        Ok(true)
    }

    fn after_delimiter(&mut self) -> Result<bool, FormError> {
        match self.held.get(..2) {
            None => return Ok(false),
            Some(b"\r\n") => self.state = State::Head,
            Some(b"--") => self.state = State::Ended,
            Some(_) => return Err(FormError::Malformed("the boundary occurs in a content")),
        }
        self.consume(2);
        Ok(true)
    }

    fn head(&mut self) -> Result<bool, FormError> {
        let end = memmem::find(&self.held, b"\r\n\r\n");
        if end.unwrap_or(self.held.len()) > MAX_HEAD_BYTES {
            return Err(FormError::Malformed("the head of a part is too long"));
        }
        let Some(end) = end else { return Ok(false) };
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(FormError::TooManyParts);
        }
        let head = Head::parse(self.held.get(..end).unwrap_or_default())?;
        let is_file = head.is_file;
        self.open = FIELDS.iter().position(|it| *it == head.name);
        // `model[]` is a list of models to some servers, and the last of them the model.
        let plain = head.name.split('[').next().unwrap_or_default().trim();
        if self.open.is_none() && FIELDS.contains(&plain) {
            return Err(FormError::Malformed(
                "a field's name can be read as `model` or `stream` and is neither",
            ));
        }
        self.consume(end + 4);
        let start = self.offset;
        if let Some((name, field)) = self.open_field() {
            if is_file {
                return Err(FormError::NoText(name));
            }
            if field.is_some() {
                return Err(FormError::Twice(name));
            }
            // Its end is set when it is met.
            *field = Some(start..0);
        }
        self.state = State::Content;
        Ok(true)
    }

    fn open_field(&mut self) -> Option<(&'static str, &mut Option<Range<usize>>)> {
        let index = self.open?;
        Some((FIELDS.get(index)?, self.fields.get_mut(index)?))
    }

    fn content(&mut self) -> Result<bool, FormError> {
        let found = memmem::find(&self.held, &self.delimiter);
        // A delimiter that is cut keeps its line end with it.
        let kept = self.delimiter.len() + 1;
        let passed = found.map_or(self.held.len().saturating_sub(kept), |at| at);
        let offset = self.offset;
        if let Some((name, Some(field))) = self.open_field() {
            let end = offset + passed;
            if end.saturating_sub(field.start) > MAX_VALUE_BYTES {
                return Err(FormError::NoText(name));
            }
            if found.is_some() {
                field.end = end.saturating_sub(2);
            }
        }
        if found.is_none() {
            self.consume(passed);
            return Ok(false);
        }
        let line_end = passed
            .checked_sub(2)
            .and_then(|at| self.held.get(at..passed));
        if line_end != Some(b"\r\n") {
            return Err(FormError::Malformed("the boundary occurs in a content"));
        }
        self.open = None;
        self.consume(passed + self.delimiter.len());
        self.state = State::AfterDelimiter;
        Ok(true)
    }

    fn consume(&mut self, length: usize) {
        self.held.drain(..length);
        self.offset += length;
    }
}

/// A form, or the beginning of one, as far as it was read before its call was routed.
#[derive(Clone, Debug)]
pub struct Form {
    bytes: Bytes,
    model: Range<usize>,
    is_stream: bool,
    content_type: Box<str>,
}

impl Form {
    /// What `scanner` found in `bytes`, the beginning of the body; `None` if it has no model.
    pub fn new(content_type: &str, bytes: Bytes, scanner: &FormScanner) -> Option<Self> {
        let model = scanner.model()?;
        bytes.get(model.clone())?;
        let [_, stream] = &scanner.fields;
        let stream = stream.clone().and_then(|it| bytes.get(it));
        Some(Self {
            is_stream: stream.is_some_and(|it| it.eq_ignore_ascii_case(b"true") || it == b"1"),
            model,
            bytes,
            content_type: content_type.into(),
        })
    }

    /// The model asked for, not checked yet.
    pub fn model(&self) -> String {
        let name = self.bytes.get(self.model.clone()).unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    /// Whether the answer is to be streamed, as far as it was said yet.
    pub fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// The content type, with the boundary.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Bytes that were read.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was read; never so.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was read, with another model's name.
    pub fn with_model(&self, model: &str) -> Segments {
        let mut body = Segments::new();
        body.push(self.bytes.slice(..self.model.start));
        body.push(Bytes::copy_from_slice(model.as_bytes()));
        body.push(self.bytes.slice(self.model.end..));
        body
    }
}
