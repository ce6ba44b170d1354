//! The folder that weights are kept in: one writer at a time, whole files or none.
//!
//! A file gets its final name only after its checksum was verified and its bytes are on the disk, so
//! whatever has the final name is good. Everything unfinished has a name of its own beside it:
//! `<file>.part` (a download that can be continued), `.<file>.unpack` (a wheel being opened),
//! `.<file>.lock` (held by the process that is fetching). Paths are made of file names from the table in
//! `known`, never of what somebody typed.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::weights::progress::Progress;

/// How often a waiting process looks whether the lock is free.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// A failure of the models folder.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {path}: {reason}", path = path.display(), reason = reason(source))]
pub struct FileError {
    /// What was being done, as a verb: `write`, `rename`.
    pub action: &'static str,
    /// The file or folder it was done to.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

fn reason(error: &io::Error) -> String {
    let words = match error.kind() {
        io::ErrorKind::StorageFull => {
            "the disk is full; free some space or choose another folder with TOLLWARD_MODELS_DIR"
        }
        io::ErrorKind::QuotaExceeded => "your disk quota is used up",
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; choose another folder with TOLLWARD_MODELS_DIR"
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; choose a folder of yours with TOLLWARD_MODELS_DIR"
        }
        _ => return error.to_string(),
    };
    words.to_owned()
}

/// A file that is not what it should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyError {
    /// The size differs.
    #[error("the file has {actual} bytes, expected {expected}")]
    Size {
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        actual: u64,
    },
    /// The checksum differs.
    #[error("the file's sha256 is {actual}, expected {expected}; it was not kept")]
    Hash {
        /// Checksum it should have.
        expected: String,
        /// Checksum it has.
        actual: String,
    },
}

/// What a finished file must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Exact size.
    pub bytes: u64,
    /// Checksum of the whole file, lowercase hex.
    pub sha256: String,
}

/// The names that one model's file has in the models folder.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    dir: PathBuf,
    file: &'static str,
}

impl Place {
    pub(crate) fn new(dir: &Path, file: &'static str) -> Self {
        Self {
            dir: dir.to_owned(),
            file,
        }
    }

    /// The finished file.
    pub(crate) fn target(&self) -> PathBuf {
        self.dir.join(self.file)
    }

    /// The unfinished download.
    pub(crate) fn part(&self) -> PathBuf {
        self.dir.join(format!("{}.part", self.file))
    }

    /// What the unfinished download is a part of.
    pub(crate) fn part_state(&self) -> PathBuf {
        self.dir.join(format!("{}.part.json", self.file))
    }

    /// The checksum that the first download of an unlisted file pinned.
    pub(crate) fn pin(&self) -> PathBuf {
        self.dir.join(format!("{}.pin.json", self.file))
    }

    /// A folder for a wheel while it is opened; gone afterwards.
    pub(crate) fn unpack_dir(&self) -> PathBuf {
        self.dir.join(format!(".{}.unpack", self.file))
    }

    /// Waits until this process is the only one that fetches this file. Dropping the lock frees it, and so
    /// does the end of the process, however it ends.
    pub(crate) async fn lock(&self, progress: &mut dyn Progress) -> Result<File, FileError> {
        fs::create_dir_all(&self.dir)
            .map_err(|error| FileError::new("create", &self.dir, error))?;
        let path = self.dir.join(format!(".{}.lock", self.file));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let lock = lock.map_err(|error| FileError::new("create", &path, error))?;
        let mut has_said_so = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => {
                    if !has_said_so {
                        progress.note(&format!(
                            "another process is fetching {}; waiting for it",
                            self.file
                        ));
                        has_said_so = true;
                    }
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::Error(error)) => {
                    return Err(FileError::new("lock", &path, error));
                }
            }
        }
    }

    /// Gives the verified file `from` its final name, so that it is there after a power cut.
    pub(crate) fn keep(&self, from: &Path) -> Result<(), FileError> {
        let target = self.target();
        let file = File::options().write(true).open(from);
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(|error| FileError::new("write", from, error))?;
        fs::rename(from, &target).map_err(|error| FileError::new("rename", from, error))?;
        // The name itself is durable once the folder is; systems that cannot sync a folder need no help.
        if let Ok(dir) = File::open(&self.dir) {
            drop(dir.sync_all());
        }
        Ok(())
    }

    /// Removes the unfinished download and what is known about it.
    pub(crate) fn discard_part(&self) -> Result<(), FileError> {
        remove(&self.part())?;
        remove(&self.part_state())
    }
}

/// Removes a file, or a link, never what a link points to; a file that is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Size of the regular file at `path`; `None` when nothing is there.
///
/// Anything else under that name (a link, a folder) is removed or reported: following a link that somebody
/// left there would write a download over a file of their choice.
pub(crate) fn regular_size(path: &Path) -> Result<Option<u64>, FileError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found.len())),
        Ok(_) => remove(path).map(|()| None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", path, error)),
    }
}

/// Checks size and checksum of the whole file at `path`, off the runtime.
pub(crate) async fn verify(
    path: &Path,
    expected: &Expected,
) -> Result<Result<(), VerifyError>, FileError> {
    let (owned, expected) = (path.to_owned(), expected.clone());
    let check = tokio::task::spawn_blocking(move || check(&owned, &expected)).await;
    check.map_err(|error| FileError::new("read", path, io::Error::other(error)))?
}

pub(crate) fn check(
    path: &Path,
    expected: &Expected,
) -> Result<Result<(), VerifyError>, FileError> {
    let read = |error| FileError::new("read", path, error);
    let mut file = File::open(path).map_err(read)?;
    let actual = file.metadata().map_err(read)?.len();
    if actual != expected.bytes {
        return Ok(Err(VerifyError::Size {
            expected: expected.bytes,
            actual,
        }));
    }
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).map_err(read)?;
        let Some(filled) = buffer.get(..count).filter(|filled| !filled.is_empty()) else {
            break;
        };
        digest.update(filled);
    }
    let actual = hex(&digest.finalize());
    if actual == expected.sha256 {
        Ok(Ok(()))
    } else {
        Ok(Err(VerifyError::Hash {
            expected: expected.sha256.clone(),
            actual,
        }))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Reads a small JSON note of ours; `None` when it is missing or not one of ours.
pub(crate) fn read_note<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a small JSON note of ours.
pub(crate) fn write_note(path: &Path, note: &impl Serialize) -> Result<(), FileError> {
    let failed = |error| FileError::new("write", path, error);
    let text = serde_json::to_vec_pretty(note).map_err(|error| failed(io::Error::other(error)))?;
    remove(path)?;
    fs::write(path, text).map_err(failed)
}

#[cfg(test)]
mod tests;
