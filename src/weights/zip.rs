//! One member out of a zip archive: what opening a wheel takes, and no more.
//!
//! Members are found through the central directory, as the format wants it; stored and deflated ones are
//! read, encrypted and zip64 ones are refused. Nothing is ever unpacked to a path that the archive names:
//! the caller says which member and gives the writer. The caller also knows the content's checksum, so the
//! archive's own CRC is left alone.
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.16 (read 2026-11).

use std::io::{self, Read, Seek, SeekFrom, Write};

use flate2::read::DeflateDecoder;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const ENTRY_SIGNATURE: u32 = 0x0201_4b50;
const ENTRY_BYTES: usize = 46;
const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
const LOCAL_BYTES: usize = 30;
pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATED: u16 = 8;

/// Why a member could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// The bytes are not a zip archive, or a cut one.
    #[error("not a whole zip archive: {0}")]
    Malformed(&'static str),
    /// The archive uses something that is not read here.
    #[error("the archive uses {0}, which is not supported")]
    Unsupported(&'static str),
    /// The archive has no such member.
    #[error("the archive has no member `{0}`")]
    Missing(String),
    /// The member unpacks to another size than was expected.
    #[error("the member unpacks to {actual} bytes or more, expected {expected}")]
    Size {
        /// Bytes it should have.
        expected: u64,
        /// Bytes seen until reading stopped.
        actual: u64,
    },
    /// Reading the archive failed.
    #[error("could not read the archive: {0}")]
    Read(#[source] io::Error),
    /// Writing the member failed.
    #[error("could not write the member: {0}")]
    Write(#[source] io::Error),
}

struct Member {
    method: u16,
    packed_bytes: u64,
    header_at: u64,
}

/// Writes the content of `name` to `out`, which must come to exactly `expected` bytes.
///
/// Never writes more than that: an archive cannot fill the disk.
///
/// # Errors
/// A cut, unsupported or unreadable archive, a missing member, another size.
pub fn extract<A: Read + Seek>(
    archive: &mut A,
    name: &str,
    expected: u64,
    out: &mut impl Write,
) -> Result<(), ZipError> {
    let member = find(archive, name)?;
    archive
        .seek(SeekFrom::Start(member.header_at))
        .map_err(ZipError::Read)?;
    let header = read_exact(archive, LOCAL_BYTES)?;
    if u32_at(&header, 0)? != LOCAL_SIGNATURE {
        return Err(ZipError::Malformed(
            "a member's header is not where the directory says",
        ));
    }
    // Name and extra field of the local header may differ in length from the directory's.
    let skip = i64::from(u16_at(&header, 26)?) + i64::from(u16_at(&header, 28)?);
    archive
        .seek(SeekFrom::Current(skip))
        .map_err(ZipError::Read)?;
    let packed = archive.by_ref().take(member.packed_bytes);
    match member.method {
        STORED => copy(packed, expected, out),
        DEFLATED => copy(DeflateDecoder::new(packed), expected, out),
        _ => Err(ZipError::Unsupported(
            "a compression method other than deflate",
        )),
    }
}

fn copy(mut content: impl Read, expected: u64, out: &mut impl Write) -> Result<(), ZipError> {
    let mut buffer = vec![0; 1 << 17];
    let mut actual = 0;
    loop {
        let count = content.read(&mut buffer).map_err(ZipError::Read)?;
        let Some(filled) = buffer.get(..count).filter(|filled| !filled.is_empty()) else {
            break;
        };
        actual += filled.len() as u64;
        if actual > expected {
            return Err(ZipError::Size { expected, actual });
        }
        out.write_all(filled).map_err(ZipError::Write)?;
    }
    if actual == expected {
        Ok(())
    } else {
        Err(ZipError::Size { expected, actual })
    }
}

fn find<A: Read + Seek>(archive: &mut A, name: &str) -> Result<Member, ZipError> {
    let (count, at) = directory(archive)?;
    archive.seek(SeekFrom::Start(at)).map_err(ZipError::Read)?;
    for _ in 0..count {
        let entry = read_exact(archive, ENTRY_BYTES)?;
        if u32_at(&entry, 0)? != ENTRY_SIGNATURE {
            return Err(ZipError::Malformed("the directory is cut"));
        }
        let this_name = read_exact(archive, usize::from(u16_at(&entry, 28)?))?;
        if this_name == name.as_bytes() {
            return member(&entry);
        }
        let skip = i64::from(u16_at(&entry, 30)?) + i64::from(u16_at(&entry, 32)?);
        archive
            .seek(SeekFrom::Current(skip))
            .map_err(ZipError::Read)?;
    }
    Err(ZipError::Missing(name.to_owned()))
}

fn member(entry: &[u8]) -> Result<Member, ZipError> {
    if u16_at(entry, 8)? & 1 == 1 {
        return Err(ZipError::Unsupported("encryption"));
    }
    let (packed_bytes, header_at) = (u32_at(entry, 20)?, u32_at(entry, 42)?);
    if packed_bytes == u32::MAX || header_at == u32::MAX {
        return Err(ZipError::Unsupported("zip64"));
    }
    Ok(Member {
        method: u16_at(entry, 10)?,
        packed_bytes: packed_bytes.into(),
        header_at: header_at.into(),
    })
}

/// Number of entries of the central directory and where it starts.
fn directory<A: Read + Seek>(archive: &mut A) -> Result<(u16, u64), ZipError> {
    let length = archive.seek(SeekFrom::End(0)).map_err(ZipError::Read)?;
    // The record at the end is followed by a comment of at most 65,535 bytes.
    let tail_bytes = length.min(END_BYTES as u64 + u64::from(u16::MAX));
    archive
        .seek(SeekFrom::Start(length - tail_bytes))
        .map_err(ZipError::Read)?;
    let mut tail = Vec::new();
    archive
        .by_ref()
        .take(tail_bytes)
        .read_to_end(&mut tail)
        .map_err(ZipError::Read)?;
    let at = memchr::memmem::rfind(&tail, END_SIGNATURE);
    let end = at
        .and_then(|at| tail.get(at..))
        .filter(|end| end.len() >= END_BYTES);
    let end = end.ok_or(ZipError::Malformed("it has no directory"))?;
    let (count, at) = (u16_at(end, 10)?, u32_at(end, 16)?);
    if count == u16::MAX || at == u32::MAX {
        return Err(ZipError::Unsupported("zip64"));
    }
    Ok((count, at.into()))
}

fn read_exact(archive: &mut impl Read, count: usize) -> Result<Vec<u8>, ZipError> {
    let mut bytes = vec![0; count];
    archive
        .read_exact(&mut bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ZipError::Malformed("it is cut"),
            _ => ZipError::Read(error),
        })?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, ZipError> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field
        .map(|field| u16::from_le_bytes(*field))
        .ok_or(ZipError::Malformed("it is cut"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, ZipError> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field
        .map(|field| u32::from_le_bytes(*field))
        .ok_or(ZipError::Malformed("it is cut"))
}

#[cfg(test)]
pub(crate) mod tests;
