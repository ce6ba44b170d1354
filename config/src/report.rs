//! What is wrong with a configuration, for people and for machines.
//!
//! A [`Report`] is every mistake of one load, errors first, in file order. Its `Display` prints them the way
//! compilers do: message, place, the source line with a caret, and what would be right.
//! [`Report::to_json`] carries the same facts. Neither ever shows a credential: excerpts arrive
//! here already masked, see `crate::source`.

use std::fmt;

use serde::Serialize;

/// Every mistake found in one load; as an error it holds at least one [`Severity::Error`].
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Report(pub Vec<Diagnostic>);

/// One mistake, or one thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it keeps the configuration from being used.
    pub severity: Severity,
    /// What is wrong; a fragment without a dot.
    pub message: String,
    /// The key it is about, such as `models.chat.fallbacks[1]`; empty for the whole file.
    pub path: String,
    /// Where it was written. `None`: not in a file, the message then names the source.
    pub location: Option<Location>,
    /// The source line, credentials masked.
    pub excerpt: Option<Excerpt>,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// What would be right, or what to do.
    pub help: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It works, but probably not for long or not as meant.
    Warning,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The file as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Part of a source line and what to underline in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The text, on one line, printable.
    pub text: String,
    /// Terminal cells before the underline.
    pub indent: usize,
    /// Terminal cells to underline, at least 1.
    pub width: usize,
}

impl Diagnostic {
    /// An error about `path` that has no place in a file.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            path: path.into(),
            location: None,
            excerpt: None,
            suggestion: None,
            help: None,
        }
    }

    /// The same, saying what would be right.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, naming the candidate that `written` is a likely misspelling of, if any.
    #[must_use]
    pub fn with_candidates<'c>(
        mut self,
        written: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Self {
        self.suggestion = closest(written, candidates).map(String::from);
        self
    }

    /// The same as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl Report {
    /// The report for programs: `{"diagnostics":[…]}` with the fields of [`Diagnostic`].
    pub fn to_json(&self) -> String {
        serde_json::json!({ "diagnostics": self.0 }).to_string()
    }

    /// Puts errors before warnings, each in the order of the file.
    pub fn sort(&mut self) {
        self.0.sort_by_key(|it| {
            let place = it.location.as_ref();
            (it.severity, place.map(|at| (at.line, at.column)))
        });
    }

    /// How many are errors.
    pub fn error_count(&self) -> usize {
        self.0
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}", self.message)?;
        let gutter = self
            .location
            .as_ref()
            .map_or(1, |location| location.line.to_string().len());
        if let Some(Location { file, line, column }) = &self.location {
            writeln!(f, "{:gutter$}--> {file}:{line}:{column}", "")?;
        }
        let hint = self
            .suggestion
            .as_ref()
            .map(|name| format!("did you mean `{name}`?"));
        match (&self.excerpt, &self.location) {
            (Some(excerpt), Some(location)) => {
                let Excerpt {
                    text,
                    indent,
                    width,
                } = excerpt;
                let caret = "^".repeat(*width);
                let line = format!("{:indent$}{caret} {}", "", hint.unwrap_or_default());
                writeln!(f, "{:gutter$} |", "")?;
                writeln!(f, "{} | {text}", location.line)?;
                writeln!(f, "{:gutter$} | {}", "", line.trim_end())?;
            }
            _ => {
                if let Some(hint) = hint {
                    writeln!(f, "{:gutter$} = {hint}", "")?;
                }
            }
        }
        if let Some(help) = &self.help {
            writeln!(f, "{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// The candidate nearest to `written`, if one is near enough to be meant.
pub fn closest<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let folded = written.to_lowercase();
    let length = folded.chars().count();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != written && !candidate.is_empty())
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
            // A prefix is a shortened word, however much is missing.
            let is_prefix = length >= 3 && candidate.starts_with(&folded);
            (
                if is_prefix { distance.min(1) } else { distance },
                candidate,
            )
        })
        // Of a letter or two, any other one would be near.
        .filter(|(distance, _)| *distance <= if length < 3 { 0 } else { length / 3 })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `text` in backquotes: printable and short, whatever a file holds.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// `names` as `a, b, c`, with the number of those beyond what a help line can hold.
pub(crate) fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const MOST: usize = 24;
    let mut names: Vec<&str> = names.into_iter().collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let listed = names.join(", ");
    if more == 0 {
        listed
    } else {
        format!("{listed} and {more} more")
    }
}

#[cfg(test)]
mod tests;
