//! AWS's binary event streams: frames with headers, a payload and two checksums.
//!
//! A frame is its length, the length of its headers and a checksum of both, then headers,
//! payload and a checksum of all before it; numbers are big-endian, checksums CRC-32.
//! [`Decoder`] takes bytes cut anywhere; a frame that lies whole in a chunk is a slice of
//! it. What the headers mean is the business of a dialect.
//!
//! Source: botocore 1.44.5 `eventstream.py` (read 2026-11), its limits included.

#[cfg(test)]
pub(crate) mod tests;

use bytes::{Bytes, BytesMut};

use crate::fault::Fault;

/// Most bytes of headers in a frame.
pub const MAX_HEADERS: usize = 128 * 1024;
/// Most bytes of payload in a frame.
pub const MAX_PAYLOAD: usize = crate::sse::MAX_EVENT_BYTES;

/// The two lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const TRAILER: usize = 4;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    headers: Bytes,
    payload: Bytes,
}

/// The value of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'f> {
    /// A truth.
    Bool(bool),
    /// One byte.
    Byte(i8),
    /// Two bytes.
    Short(i16),
    /// Four bytes.
    Int(i32),
    /// Eight bytes.
    Long(i64),
    /// Any bytes.
    Bytes(&'f [u8]),
    /// Text.
    Text(&'f str),
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// A UUID.
    Uuid([u8; 16]),
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The stream begins with something that no frame begins with, such as a JSON body.
    #[error("the stream is no binary event stream")]
    Foreign,
    /// The lengths were changed on their way.
    #[error("the checksum of a frame's lengths is wrong")]
    PreludeChecksum,
    /// The frame was changed on its way.
    #[error("the checksum of a frame is wrong")]
    Checksum,
    /// The lengths contradict each other.
    #[error("the lengths of a frame contradict each other")]
    Length,
    /// More than [`MAX_HEADERS`] or [`MAX_PAYLOAD`].
    #[error("a frame is too large")]
    TooLarge,
    /// The headers cannot be read.
    #[error("the headers of a frame are malformed")]
    Headers,
}

impl FrameError {
    /// The fault that a stream with such a frame stands for.
    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::TooLarge => Fault::EventTooLarge,
            Self::Foreign
            | Self::PreludeChecksum
            | Self::Checksum
            | Self::Length
            | Self::Headers => Fault::Protocol,
        }
    }
}

impl Frame {
    /// The headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        let mut rest: &[u8] = &self.headers;
        std::iter::from_fn(move || header(&mut rest))
    }

    /// The text of the first header of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers().find_map(|(it, value)| match value {
            Value::Text(text) if it == name => Some(text),
            _ => None,
        })
    }

    /// The payload.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Reads a frame of which all bytes are there.
    fn read(bytes: &Bytes, lengths: Lengths) -> Result<Self, FrameError> {
        let Some((body, checksum)) = bytes.split_last_chunk::<TRAILER>() else {
            return Err(FrameError::Length);
        };
        if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
            return Err(FrameError::Checksum);
        }
        let payload_at = PRELUDE + lengths.headers;
        let frame = Self {
            headers: bytes.slice(PRELUDE..payload_at),
            payload: bytes.slice(payload_at..body.len()),
        };
        let mut rest: &[u8] = &frame.headers;
        while !rest.is_empty() {
            header(&mut rest).ok_or(FrameError::Headers)?;
        }
        Ok(frame)
    }
}

/// Takes the next header; `None` at the end and at what is no header.
fn header<'f>(rest: &mut &'f [u8]) -> Option<(&'f str, Value<'f>)> {
    let [length] = fixed::<1>(rest)?;
    let name = std::str::from_utf8(take(rest, usize::from(length))?).ok()?;
    let [kind] = fixed::<1>(rest)?;
    let value = match kind {
        0 => Value::Bool(true),
        1 => Value::Bool(false),
        2 => Value::Byte(i8::from_be_bytes(fixed(rest)?)),
        3 => Value::Short(i16::from_be_bytes(fixed(rest)?)),
        4 => Value::Int(i32::from_be_bytes(fixed(rest)?)),
        5 => Value::Long(i64::from_be_bytes(fixed(rest)?)),
        6 => Value::Bytes(counted(rest)?),
        7 => Value::Text(std::str::from_utf8(counted(rest)?).ok()?),
        8 => Value::Timestamp(i64::from_be_bytes(fixed(rest)?)),
        9 => Value::Uuid(fixed(rest)?),
        _ => return None,
    };
    Some((name, value))
}

fn take<'f>(rest: &mut &'f [u8], length: usize) -> Option<&'f [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

fn counted<'f>(rest: &mut &'f [u8]) -> Option<&'f [u8]> {
    let length = u16::from_be_bytes(fixed(rest)?);
    take(rest, usize::from(length))
}

/// What the first bytes of a frame say; checked.
#[derive(Clone, Copy)]
struct Lengths {
    total: usize,
    headers: usize,
}

impl Lengths {
    /// Reads them once they are there.
    fn read(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some((prelude, _)) = bytes.split_first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        let [t0, t1, t2, t3, h0, h1, h2, h3, checksum @ ..] = *prelude;
        let lengths = [t0, t1, t2, t3, h0, h1, h2, h3];
        if crc32fast::hash(&lengths) != u32::from_be_bytes(checksum) {
            return Err(FrameError::PreludeChecksum);
        }
        let size = |bytes: [u8; 4]| usize::try_from(u32::from_be_bytes(bytes));
        let (Ok(total), Ok(headers)) = (size([t0, t1, t2, t3]), size([h0, h1, h2, h3])) else {
            return Err(FrameError::TooLarge);
        };
        let Some(payload) = total.checked_sub(PRELUDE + TRAILER + headers) else {
            return Err(FrameError::Length);
        };
        if headers > MAX_HEADERS || payload > MAX_PAYLOAD {
            return Err(FrameError::TooLarge);
        }
        Ok(Some(Self { total, headers }))
    }
}

/// Finds frames in bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The start of a frame whose end is still to come.
    carried: BytesMut,
    /// What was not looked at yet; it follows on `carried`.
    chunk: Bytes,
    is_started: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes. What was left of the ones before stays in front of them.
    pub fn push(&mut self, chunk: Bytes) {
        let left = std::mem::replace(&mut self.chunk, chunk);
        self.carried.extend_from_slice(&left);
    }

    /// The next frame; `None` until more bytes come.
    ///
    /// # Errors
    /// [`FrameError`]; the rest of the stream cannot be read after that.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        self.reject_foreign()?;
        if !self.carried.is_empty() {
            return self.next_carried();
        }
        if let Some(lengths) = Lengths::read(&self.chunk)?
            && lengths.total <= self.chunk.len()
        {
            let bytes = self.chunk.split_to(lengths.total);
            return Frame::read(&bytes, lengths).map(Some);
        }
        self.carry(usize::MAX);
        Ok(None)
    }

    /// Whether no part of a frame waits for the rest of it.
    pub fn is_empty(&self) -> bool {
        self.carried.is_empty() && self.chunk.is_empty()
    }

    /// A frame's length is far below 2^25, so its first byte tells it from any text.
    fn reject_foreign(&mut self) -> Result<(), FrameError> {
        if self.is_started {
            return Ok(());
        }
        match self.carried.first().or(self.chunk.first()) {
            None => Ok(()),
            Some(0 | 1) => {
                self.is_started = true;
                Ok(())
            }
            Some(_) => Err(FrameError::Foreign),
        }
    }

    /// The next frame where its start was kept from an earlier chunk.
    fn next_carried(&mut self) -> Result<Option<Frame>, FrameError> {
        self.carry(PRELUDE);
        let Some(lengths) = Lengths::read(&self.carried)? else {
            return Ok(None);
        };
        self.carry(lengths.total);
        if self.carried.len() < lengths.total {
            return Ok(None);
        }
        let bytes = self.carried.split_to(lengths.total).freeze();
        Frame::read(&bytes, lengths).map(Some)
    }

    /// Moves bytes from the chunk until `length` are carried, as far as there are any.
    fn carry(&mut self, length: usize) {
        let missing = length.saturating_sub(self.carried.len());
        let taken = self.chunk.split_to(missing.min(self.chunk.len()));
        self.carried.extend_from_slice(&taken);
    }
}
