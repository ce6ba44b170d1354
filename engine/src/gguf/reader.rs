//! A reader that cannot be talked into reading or allocating more than the file holds.

use std::io::{ErrorKind, Read};

use super::malformed;
use crate::error::LoadError;

/// Longest metadata key or tensor name in bytes; the format says 65535 and 64.
const MAX_NAME_BYTES: u64 = 65_535;

/// Little-endian reads with a running position and a byte limit.
pub(super) struct HeaderReader<R> {
    source: R,
    position: u64,
    limit: u64,
}

impl<R: Read> HeaderReader<R> {
    pub(super) fn new(source: R, limit: u64) -> Self {
        Self {
            source,
            position: 0,
            limit,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes that may still belong to the header.
    pub(super) fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.position)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, LoadError> {
        // The limit is checked before the allocation: a length field is only a claim.
        if count > self.remaining() {
            return Err(past_the_end());
        }
        let count = usize::try_from(count).map_err(|_| past_the_end())?;
        let mut bytes = vec![0; count];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, LoadError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, LoadError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A number of items of at least `item_bytes` each, refused when they cannot fit.
    pub(super) fn count(&mut self, item_bytes: u64) -> Result<u64, LoadError> {
        let count = self.u64()?;
        let fits = count
            .checked_mul(item_bytes)
            .is_some_and(|bytes| bytes <= self.remaining());
        if fits {
            Ok(count)
        } else {
            Err(malformed(&format!(
                "a count of {count} items does not fit in the header"
            )))
        }
    }

    /// Text that names something: short and UTF-8.
    pub(super) fn name(&mut self) -> Result<String, LoadError> {
        let length = self.u64()?;
        if length > MAX_NAME_BYTES {
            return Err(malformed(&format!("a name of {length} bytes")));
        }
        String::from_utf8(self.bytes(length)?).map_err(|_| malformed("a name is not UTF-8"))
    }

    /// Text of any length. Vocabularies hold tokens that are not UTF-8 on their own.
    pub(super) fn text(&mut self) -> Result<Vec<u8>, LoadError> {
        let length = self.u64()?;
        self.bytes(length)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LoadError> {
        if bytes.len() as u64 > self.remaining() {
            return Err(past_the_end());
        }
        self.source.read_exact(bytes).map_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof {
                past_the_end()
            } else {
                error.into()
            }
        })?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn past_the_end() -> LoadError {
    malformed("the header runs past the end of the file or past 64 MiB")
}
