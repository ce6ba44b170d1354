//! Server-sent events: a scanner that survives any cut, and an encoder.
//!
//! The scanner finds where events end and does not copy: an event that lies inside one
//! chunk is a slice of it, and only one that spans chunks is put together in a buffer of
//! bounded size. It works on bytes, so a character split over chunks stays whole. Which
//! events matter is the reader's business.
//!
//! Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream" (read 2026-11).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

/// Largest event held, in bytes.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// `data: <data>` and the blank line, for data without line ends.
pub fn data_event(data: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(data.len() + 8);
    event.extend_from_slice(b"data: ");
    event.extend_from_slice(data);
    event.extend_from_slice(b"\n\n");
    event.freeze()
}

/// The event that ends an `OpenAI` stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Finds the ends of events in a stream that arrives in chunks.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Start of an event whose end has not arrived.
    carry: BytesMut,
    /// Whether the line being read has bytes already.
    is_mid_line: bool,
    /// Whether the last byte read was a CR, whose LF may still come.
    is_after_cr: bool,
    /// Whether an event has ended before.
    is_started: bool,
}

/// Where an event found by [`Scanner::next_event`] ends, and its bytes if it spans chunks.
#[derive(Debug)]
pub struct Boundary {
    /// End of the event in the chunk.
    pub end: usize,
    /// The whole event when it began in an earlier chunk.
    pub carried: Option<Bytes>,
    /// A lone LF that belongs to the CR that ended the event before.
    pub is_tail: bool,
    /// The first event of the stream: only it may start with a byte order mark.
    pub is_first: bool,
}

/// An event is larger than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event larger than {MAX_EVENT_BYTES} bytes")]
pub struct EventTooLarge;

impl Scanner {
    /// A scanner at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The end of the next event in `chunk`, looking from `from`; `None` if it needs more.
    ///
    /// Call again with the returned end until it says `None`, then with the next chunk.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream cannot be read on.
    pub fn next_event(
        &mut self,
        chunk: &[u8],
        from: usize,
    ) -> Result<Option<Boundary>, EventTooLarge> {
        let rest = chunk.get(from..).unwrap_or_default();
        let is_tail = self.is_after_cr
            && !self.is_mid_line
            && self.carry.is_empty()
            && self.is_started
            && rest.first() == Some(&b'\n');
        if is_tail {
            self.is_after_cr = false;
            return Ok(Some(Boundary {
                end: from + 1,
                carried: None,
                is_tail,
                is_first: false,
            }));
        }
        let end = self.find_end(rest);
        let length = self.carry.len() + end.unwrap_or(rest.len());
        if length > MAX_EVENT_BYTES {
            return Err(EventTooLarge);
        }
        let Some(end) = end else {
            self.carry.extend_from_slice(rest);
            return Ok(None);
        };
        let is_first = !std::mem::replace(&mut self.is_started, true);
        let carried = if self.carry.is_empty() {
            None
        } else {
            self.carry
                .extend_from_slice(rest.get(..end).unwrap_or_default());
            Some(self.carry.split().freeze())
        };
        Ok(Some(Boundary {
            end: from + end,
            carried,
            is_tail,
            is_first,
        }))
    }

    /// What arrived of an event that never ended.
    pub fn remainder(&self) -> &[u8] {
        &self.carry
    }

    /// Whether an event has ended before.
    pub fn is_started(&self) -> bool {
        self.is_started
    }

    /// Length up to and including the blank line that ends the current event.
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if self.is_after_cr && bytes.first() == Some(&b'\n') {
            at = 1;
        }
        if !bytes.is_empty() {
            self.is_after_cr = false;
        }
        loop {
            let rest = bytes.get(at..)?;
            let Some(offset) = memchr2(b'\n', b'\r', rest) else {
                self.is_mid_line |= !rest.is_empty();
                return None;
            };
            let is_blank = offset == 0 && !self.is_mid_line;
            let is_cr = rest.get(offset) == Some(&b'\r');
            at += offset + 1;
            self.is_mid_line = false;
            self.is_after_cr = is_cr && at == bytes.len();
            if is_cr && bytes.get(at) == Some(&b'\n') {
                at += 1;
            }
            if is_blank {
                return Some(at);
            }
        }
    }
}

/// The fields of one event that matter.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of `event:`, if there is one.
    pub name: Option<&'a [u8]>,
    /// The values of all `data:` lines joined by LF; `None` without such a line.
    pub data: Option<Cow<'a, [u8]>>,
}

impl<'a> Event<'a> {
    /// Reads the lines of one event; the blank line at its end may be missing.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Event<'a> {
        // The shape of nearly every event there is: one data line that ends in LF.
        if let Some(rest) = raw.strip_prefix(b"data:")
            && let Some(end) = memchr(b'\n', rest)
            && rest.len() == end + 2
            && let Some(line) = rest.get(..end)
            && memchr(b'\r', line).is_none()
        {
            return Event {
                name: None,
                data: Some(Cow::Borrowed(line.strip_prefix(b" ").unwrap_or(line))),
            };
        }
        Self::parse_lines(raw)
    }

    /// Reads the first event of a stream, which may start with a byte order mark.
    pub fn parse_first(raw: &'a [u8]) -> Event<'a> {
        Self::parse(raw.strip_prefix(BOM).unwrap_or(raw))
    }

    fn parse_lines(mut rest: &'a [u8]) -> Event<'a> {
        let mut event = Event::default();
        while !rest.is_empty() {
            let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let (line, tail) = rest.split_at(end);
            rest = match tail {
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => tail,
            };
            event.line(line);
        }
        event
    }

    fn line(&mut self, line: &'a [u8]) {
        let colon = memchr(b':', line).unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = Some(value),
            b"data" => match &mut self.data {
                None => self.data = Some(Cow::Borrowed(value)),
                Some(data) => {
                    let data = data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            },
            _ => {}
        }
    }

    /// Whether the event says that the stream is over, in any spelling seen in the wild.
    #[inline]
    pub fn is_done(&self) -> bool {
        let data = self.data.as_deref().unwrap_or_default();
        let is_named = |name: &[u8]| name.trim_ascii() == b"[DONE]";
        (data.first() != Some(&b'{') && data.trim_ascii_start().starts_with(b"[DONE]"))
            || self.name.is_some_and(is_named)
    }

    /// Whether the event says by its name that it is an error.
    pub fn is_error(&self) -> bool {
        self.name.is_some_and(|it| it == b"error")
    }
}
