//! Answers that come compressed though they were asked for as they are.
//!
//! Every request says `accept-encoding: identity`; some front ends compress all the same. gzip and
//! deflate are undone piece by piece, so that a stream stays one. What decodes to far more than it
//! was is refused, whatever it says its length is (faults U-43, U-44).

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use tollward_wire::fault::Fault;

/// Bytes that any body may decode to.
const FREE_BYTES: u64 = 1024 * 1024;
/// Beyond them it may decode to so many times its own size. JSON becomes some twenty times smaller.
const MAX_RATIO: u64 = 200;

/// The body of an answer broke off, or is not what its headers say.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection failed.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// It cannot be decompressed.
    #[error("{0}")]
    Coding(#[from] io::Error),
}

impl BodyError {
    /// What became of a stream that ends so.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Http(_) => Fault::Truncated,
            Self::Coding(_) => Fault::Protocol,
        }
    }
}

/// Undoes one coding of a body.
#[derive(Debug)]
pub(super) struct Decoder {
    codec: Codec,
    /// Bytes that came.
    read: u64,
}

#[derive(Debug)]
enum Codec {
    Gzip(MultiGzDecoder<Decoded>),
    Deflate(ZlibDecoder<Decoded>),
}

/// What was decoded and not taken yet.
#[derive(Debug, Default)]
struct Decoded {
    bytes: Vec<u8>,
    /// Bytes decoded so far.
    total: u64,
    /// Most that they may be.
    allowed: u64,
}

impl Decoder {
    /// For the body of an answer with these headers, which then are those of the decoded body;
    /// `None` where it is not compressed, or in a way that is not undone here.
    pub(super) fn of(headers: &mut HeaderMap) -> Option<Self> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let (Some(coding), None) = (codings.next(), codings.next()) else {
            return None;
        };
        // RFC 9110 §8.4.1 (read 2026-11): names have no case, and `x-gzip` is gzip.
        let codec = match coding.to_str().ok()?.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Codec::Gzip(MultiGzDecoder::new(Decoded::default())),
            "deflate" => Codec::Deflate(ZlibDecoder::new(Decoded::default())),
            _ => return None,
        };
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        Some(Self { codec, read: 0 })
    }

    /// Decodes the next bytes; what there is of them may be nothing.
    ///
    /// # Errors
    /// They are not of this coding, or decode to too much.
    pub(super) fn push(&mut self, chunk: &[u8]) -> io::Result<Bytes> {
        self.read += chunk.len() as u64;
        let allowed = FREE_BYTES.max(self.read.saturating_mul(MAX_RATIO));
        self.decoded().allowed = allowed;
        match &mut self.codec {
            Codec::Gzip(codec) => write(codec, chunk)?,
            Codec::Deflate(codec) => write(codec, chunk)?,
        }
        Ok(std::mem::take(&mut self.decoded().bytes).into())
    }

    /// The last bytes, at the end of the body.
    ///
    /// # Errors
    /// The body was cut.
    pub(super) fn finish(&mut self) -> io::Result<Bytes> {
        // The answer to `HEAD`, for one, has the header and no body.
        if self.read == 0 {
            return Ok(Bytes::new());
        }
        match &mut self.codec {
            Codec::Gzip(codec) => codec.try_finish()?,
            Codec::Deflate(codec) => codec.try_finish()?,
        }
        Ok(std::mem::take(&mut self.decoded().bytes).into())
    }

    fn decoded(&mut self) -> &mut Decoded {
        match &mut self.codec {
            Codec::Gzip(codec) => codec.get_mut(),
            Codec::Deflate(codec) => codec.get_mut(),
        }
    }
}

/// A decoder keeps back what it has decoded until it is flushed: a stream must not wait for that.
fn write(codec: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
    codec.write_all(chunk)?;
    codec.flush()
}

impl Write for Decoded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.total += bytes.len() as u64;
        if self.total > self.allowed {
            let why = "the answer decodes to more than 200 times its size";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn coded(coding: &str, text: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        if coding == "gzip" {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        } else {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
    }

    /// What pieces decode to.
    fn decode<'c>(
        coding: &'static str,
        pieces: impl IntoIterator<Item = &'c [u8]>,
    ) -> io::Result<Vec<u8>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        let mut decoder = Decoder::of(&mut headers).unwrap();
        assert!(headers.is_empty());
        let mut text = Vec::new();
        for piece in pieces {
            text.extend_from_slice(&decoder.push(piece)?);
        }
        text.extend_from_slice(&decoder.finish()?);
        Ok(text)
    }

    // faults U-43: the answer to `HEAD` has the header and no body.
    #[test]
    fn nothing_is_nothing_in_any_coding() {
        assert_eq!(decode("gzip", []).unwrap(), b"");
        assert_eq!(decode("deflate", []).unwrap(), b"");
    }

    // faults U-44
    #[test]
    fn the_bound_is_met_within_a_piece_and_not_after_it() {
        let bomb = coded("gzip", &vec![0; 64 << 20]);
        let error = decode("gzip", [&bomb[..]]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let small = coded("gzip", &vec![0; 1 << 20]);
        assert_eq!(decode("gzip", [&small[..]]).unwrap().len(), 1 << 20);
    }

    proptest! {
        // faults U-43
        #[test]
        fn any_text_comes_back_however_it_is_cut(text in prop::collection::vec(any::<u8>(), 0..2_000), size in 1_usize..100) {
            for coding in ["gzip", "deflate"] {
                let coded = coded(coding, &text);
                prop_assert_eq!(decode(coding, coded.chunks(size)).unwrap(), text.clone());
            }
        }

        // faults U-44
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
            for coding in ["gzip", "deflate"] {
                let mut coded = coded(coding, b"something that can be damaged");
                let at = at.index(coded.len());
                coded.splice(at.., bytes.iter().copied());
                let whole = decode(coding, [&coded[..]]).ok();
                prop_assert_eq!(decode(coding, coded.chunks(3)).ok(), whole);
            }
        }
    }
}
