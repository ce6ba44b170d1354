//! GGUF files, checked before anything trusts them.
//!
//! [`GgufFile::open`] reads the header with our own bounded reader and verifies every
//! count, size and offset against the length of the file, so that a hostile file ends in
//! an error and never in a panic, an overflow or a huge allocation. Tensor data is read
//! with plain reads, one tensor at a time: a file that is cut while we read it is an I/O
//! error, where a memory map would be a signal. Candle sees only the bytes of tensors
//! that passed, and decodes their blocks.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md> (read 2026-11).

mod metadata;
mod reader;
mod tensor;

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::error::LoadError;

pub(crate) use metadata::{Metadata, Value};
use reader::HeaderReader;
pub(crate) use tensor::{Kind, TensorInfo};

/// Largest header, metadata and tensor table together, in bytes.
const MAX_HEADER_BYTES: u64 = 64 << 20;
const MAX_ALIGNMENT: u64 = 64 << 10;
const DEFAULT_ALIGNMENT: u64 = 32;
/// A key of one byte, its type and a one-byte value: nothing smaller exists.
const MIN_ENTRY_BYTES: u64 = 8 + 1 + 4 + 1;
/// A name of one byte, the dimension count, one dimension, type and offset.
const MIN_TENSOR_BYTES: u64 = 8 + 1 + 4 + 8 + 4 + 8;

/// The checked header of a GGUF file.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) metadata: Metadata,
    tensors: HashMap<String, TensorInfo>,
    /// Where tensor data begins in the file.
    data_start: u64,
}

impl Header {
    /// Reads and checks a header from a source of `file_bytes` bytes.
    pub(crate) fn read(source: impl Read, file_bytes: u64) -> Result<Self, LoadError> {
        let mut reader = HeaderReader::new(source, file_bytes.min(MAX_HEADER_BYTES));
        if &reader.array::<4>()? != b"GGUF" {
            return Err(malformed("it does not start with `GGUF`"));
        }
        let version = reader.u32()?;
        if !(2..=3).contains(&version) {
            return Err(malformed(&format!(
                "version {version}; versions 2 and 3 are known"
            )));
        }
        let tensor_count = reader.count(MIN_TENSOR_BYTES)?;
        let entry_count = reader.count(MIN_ENTRY_BYTES)?;
        let metadata = Metadata::read(&mut reader, entry_count)?;
        let alignment = match metadata.u64("general.alignment")? {
            None => DEFAULT_ALIGNMENT,
            Some(n) if n.is_power_of_two() && (8..=MAX_ALIGNMENT).contains(&n) => n,
            Some(n) => {
                return Err(malformed(&format!(
                    "alignment {n}; it must be a power of two from 8 to {MAX_ALIGNMENT}"
                )));
            }
        };
        let mut tensors = HashMap::new();
        for _ in 0..tensor_count {
            let (name, tensor) = TensorInfo::read(&mut reader)?;
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(malformed(&format!("tensor `{name}` appears twice")));
            }
        }
        let data_start = reader.position().next_multiple_of(alignment);
        for (name, tensor) in &tensors {
            tensor.check_place(name, alignment, data_start, file_bytes)?;
        }
        Ok(Self {
            metadata,
            tensors,
            data_start,
        })
    }

    /// A tensor's description; `None` when the file has no such tensor.
    pub(crate) fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }
}

/// An open file with its checked header.
#[derive(Debug)]
pub(crate) struct GgufFile {
    pub(crate) header: Header,
    file: File,
}

impl GgufFile {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let file = File::open(path)?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(malformed("it is not a regular file"));
        }
        let header = Header::read(BufReader::with_capacity(1 << 16, &file), facts.len())?;
        Ok(Self { header, file })
    }

    /// Reads the raw blocks of one tensor.
    pub(crate) fn tensor_bytes(&mut self, tensor: &TensorInfo) -> Result<Vec<u8>, LoadError> {
        let too_large = || malformed("a tensor is larger than memory can address");
        let bytes = usize::try_from(tensor.bytes).map_err(|_| too_large())?;
        let start = self.header.data_start.saturating_add(tensor.offset);
        self.file.seek(SeekFrom::Start(start))?;
        let mut data = vec![0; bytes];
        self.file.read_exact(&mut data)?;
        Ok(data)
    }
}

fn malformed(reason: &str) -> LoadError {
    LoadError::Malformed(reason.to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
