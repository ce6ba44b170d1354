//! Journal segments: files of checksummed records, named by a rising number.
//!
//! A file is a header and records; a record is length, CRC-32 over length and
//! payload, payload. A process appends only to segments that it created, so a
//! torn record can only be the last of its file and never needs cutting.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::codec::MAX_PAYLOAD;

/// First bytes of each segment; the digit is the version of the framing.
const HEADER: &[u8; 8] = b"TWJRNL1\n";
/// Where the first record begins.
pub(crate) const START: u64 = 8;
/// Length and checksum before each payload.
pub(crate) const FRAME: usize = 8;
const EXTENSION: &str = "seg";

/// What lies at the start of some bytes of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan<'a> {
    /// A whole record; the next one follows its frame and payload.
    Record(&'a [u8]),
    /// The beginning of a record, or nothing.
    Incomplete,
    /// Bytes that no record of ours begins with.
    Damaged,
}

/// Fills in the frame of `record`, whose first [`FRAME`] bytes were left free for it.
pub(crate) fn seal(record: &mut [u8]) {
    let Some((frame, payload)) = record.split_first_chunk_mut::<FRAME>() else {
        return;
    };
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    let checksum = checksum(length, payload).to_le_bytes();
    let [l0, l1, l2, l3] = length;
    let [c0, c1, c2, c3] = checksum;
    *frame = [l0, l1, l2, l3, c0, c1, c2, c3];
}

/// Looks at the first record in `bytes`.
pub(crate) fn scan(bytes: &[u8]) -> Scan<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Scan::Incomplete;
    };
    let wanted = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if wanted == 0 || wanted > MAX_PAYLOAD {
        return Scan::Damaged;
    }
    let Some((stored, rest)) = rest.split_first_chunk::<4>() else {
        return Scan::Incomplete;
    };
    let Some(payload) = rest.get(..wanted) else {
        return Scan::Incomplete;
    };
    if checksum(*length, payload) == u32::from_le_bytes(*stored) {
        Scan::Record(payload)
    } else {
        Scan::Damaged
    }
}

/// Whether what follows the last good record of a closed segment is what a crash leaves:
/// at most one record's worth of anything, then only zeros.
pub(crate) fn is_torn(tail: &[u8]) -> bool {
    tail.iter().skip(FRAME + MAX_PAYLOAD).all(|byte| *byte == 0)
}

/// Path of segment `number`.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016}.{EXTENSION}"))
}

/// Numbers and lengths of the segments in `folder`, in order; a missing folder has none.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<(u64, u64)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let (Some(number), true) = (number, path.extension().is_some_and(|e| e == EXTENSION))
        else {
            continue;
        };
        match fs::metadata(&path) {
            Ok(metadata) => segments.push((number, metadata.len())),
            // The gateway beside us applied and deleted it in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Creates segment `number` with its header, open for appending, readable by the owner only.
pub(crate) fn create(folder: &Path, number: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let path = path(folder, number);
    let mut file = options.open(&path)?;
    if let Err(error) = file.write_all(HEADER) {
        // Else the next try would find the name taken.
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(file)
}

/// Reads up to `limit` bytes of segment `number` from `offset`; `None` when there is no such file.
pub(crate) fn read(
    folder: &Path,
    number: u64,
    offset: u64,
    limit: u64,
) -> io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path(folder, number)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Moves a segment that cannot be read to the end out of the way, for a person to look at.
pub(crate) fn set_aside(folder: &Path, number: u64) -> io::Result<PathBuf> {
    let aside = path(folder, number).with_extension("damaged");
    fs::rename(path(folder, number), &aside)?;
    Ok(aside)
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests;
