//! From files, environment and command line to a [`Config`]: the only way in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::interpolate::Interpolator;
use crate::layers;
use crate::origins::Origins;
use crate::reader::Reader;
use crate::references;
use crate::report::{Diagnostic, Report, Severity};
use crate::schema::{Config, SECTIONS};
use crate::source::{SourceFile, Span};
use crate::syntax::{Syntax, SyntaxError};

/// Largest configuration file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Where the configuration comes from; later ones win: file, environment, overrides.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file; its extension (`yaml`, `yml`, `toml`, `json`) says the syntax. `None`: no file.
    pub file: Option<PathBuf>,
    /// The environment, for `${VAR}` and `TOLLWARD__SECTION__KEY`.
    pub env: Vec<(String, String)>,
    /// From the command line: key path, such as `server.listen`, and value as text.
    pub overrides: Vec<(String, String)>,
    /// Kinds of provider that exist. Empty: kinds are not checked.
    pub known_kinds: Vec<String>,
}

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where they came from.
    pub origins: Origins,
    /// What works but should be looked at.
    pub warnings: Vec<Diagnostic>,
}

/// Reads, merges, interpolates and checks everything, and reports every mistake at once.
///
/// # Errors
/// A [`Report`] with at least one error; warnings are in it too.
pub fn load(sources: &Sources) -> Result<Loaded, Report> {
    judged(sources, |_| true)
}

/// The same for who looks for mistakes: what can be read in spite of them comes with them, so that
/// what only others understand can be looked at too.
///
/// # Errors
/// A [`Report`] of a file that cannot be read at all.
pub fn survey(sources: &Sources) -> Result<(Loaded, Vec<Diagnostic>), Report> {
    let mut loaded = read(sources, |_| true)?;
    let is_error = |it: &mut Diagnostic| it.severity == Severity::Error;
    let errors = loaded.warnings.extract_if(.., is_error).collect();
    Ok((loaded, errors))
}

/// The same, for who needs no more than `sections`: what is wrong elsewhere does not matter, and
/// nothing there may be relied on.
///
/// # Errors
/// A [`Report`] of what is wrong in these, or with the file as a whole.
pub fn load_sections(sources: &Sources, sections: &[&str]) -> Result<Loaded, Report> {
    judged(sources, |path| {
        let section = path.split('.').next().unwrap_or_default();
        section.is_empty() || sections.contains(&section)
    })
}

fn judged(sources: &Sources, matters: impl Fn(&str) -> bool) -> Result<Loaded, Report> {
    let loaded = read(sources, matters)?;
    let is_error = |it: &Diagnostic| it.severity == Severity::Error;
    if loaded.warnings.iter().any(is_error) {
        return Err(Report(loaded.warnings));
    }
    Ok(loaded)
}

/// Reads what can be read; errors, the first of them, are among the warnings.
fn read(sources: &Sources, matters: impl Fn(&str) -> bool) -> Result<Loaded, Report> {
    let mut diagnostics = Vec::new();
    let (file, tree) = match &sources.file {
        Some(path) => {
            let read = read_file(path)?;
            let parsed = read.syntax.parse(read.file.text());
            let errors = parsed.errors.into_iter();
            diagnostics.extend(errors.map(|error| error.into_diagnostic(&read.file)));
            (Some(Arc::new(read.file)), parsed.root)
        }
        None => (None, None),
    };
    if sources.file.is_some() && tree.is_none() && !diagnostics.is_empty() {
        // Broken syntax hides everything else; guessing at the rest would only add noise.
        return Err(Report(diagnostics));
    }
    let (mut root, merge_errors) = layers::merge(tree, sources, &SECTIONS);
    diagnostics.extend(merge_errors);

    let mut reader = Reader::new(Origins::new(file));
    reader.record_places(&root, "");
    let interpolator = Interpolator::new(&sources.env, sources.file.as_deref(), &reader.origins);
    diagnostics.extend(interpolator.run(&mut root));
    let mut config = Config::read(&root, &sources.known_kinds, &mut reader);
    references::check(&mut config, &sources.known_kinds, &mut reader);

    diagnostics.append(&mut reader.diagnostics);
    diagnostics.retain(|it| matters(&it.path));
    let mut report = Report(diagnostics);
    report.sort();
    let Report(diagnostics) = report;
    Ok(Loaded {
        config,
        origins: reader.origins,
        warnings: diagnostics,
    })
}

/// A file in memory and how it is written.
struct ReadFile {
    file: SourceFile,
    syntax: Syntax,
}

fn read_file(path: &Path) -> Result<ReadFile, Report> {
    let name = path.display().to_string();
    let fail = |reason: String| Report(vec![Diagnostic::error("", format!("{name} {reason}"))]);
    let Some(syntax) = Syntax::of(path) else {
        let message = format!("{name} has no known extension");
        let help = "name it .yaml, .toml or .json; the extension says the syntax";
        return Err(Report(vec![Diagnostic::error("", message).with_help(help)]));
    };
    let cannot = |error: std::io::Error| fail(format!("cannot be read: {error}"));
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(fail(String::from("is not a regular file")));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(fail(String::from("is larger than 1 MiB")));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    match String::from_utf8(bytes) {
        Ok(text) => {
            let mut file = SourceFile::new(name, text);
            file.is_open_to_others = is_open_to_others(&metadata);
            Ok(ReadFile { file, syntax })
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let readable = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let file = SourceFile::new(name, readable);
            let error = SyntaxError::new(Span::new(at, at), "this is not UTF-8 text");
            Err(Report(vec![error.into_diagnostic(&file)]))
        }
    }
}

#[cfg(unix)]
fn is_open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

/// Elsewhere permissions are lists that this does not read.
#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("env", &self.env.len())
            .field("overrides", &self.overrides.len())
            .field("known_kinds", &self.known_kinds)
            .finish()
    }
}

#[cfg(test)]
mod tests;
