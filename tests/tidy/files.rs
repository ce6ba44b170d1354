//! Reading the tree: every rule sees files through this.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::blank::blank;

/// One Rust file: as written, and with comments and literals blanked out.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn is_test(&self) -> bool {
        let path = &self.path;
        path.starts_with("tests/")
            || path.contains("benches/")
            || path.contains("/tests/")
            || path.ends_with("tests.rs")
            || path.contains("conformance")
    }

    /// The numbered lines of code up to a test module written inside the file.
    pub(crate) fn body(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self
            .code
            .find("#[cfg(test)]\nmod tests {")
            .unwrap_or(self.code.len());
        number(self.code.get(..end).unwrap_or_default())
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn join(folder: &str, file: &str) -> String {
    if folder.is_empty() {
        file.to_owned()
    } else {
        format!("{folder}/{file}")
    }
}

pub(crate) fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(root().join(path))
        .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
}

pub(crate) fn verdict(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

pub(crate) fn number(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

pub(crate) fn sources() -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    for path in files(&root(), &["rs"])? {
        let text = read(&path)?;
        let code = blank(&text);
        found.push(Source { path, text, code });
    }
    assert!(found.len() > 6, "no source found");
    Ok(found)
}

/// Paths below `folder`, relative to the root, without build outputs and hidden folders.
pub(crate) fn files(folder: &Path, endings: &[&str]) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.starts_with("target") || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, endings)?);
        } else if path
            .extension()
            .is_some_and(|e| endings.iter().any(|ending| e == *ending))
        {
            found.push(
                path.strip_prefix(root())
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
    Ok(found)
}
