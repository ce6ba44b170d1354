//! What a check found, and how findings are shown.

use std::io;

use serde::Serialize;

use crate::cli::console::{Console, printable};

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is.
    pub verdict: Verdict,
    /// What was looked at.
    pub check: Check,
    /// Whose it is: a provider, one of its credentials, a part of this machine.
    pub subject: String,
    /// What was found; one line, a fragment without a dot.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but should be looked at; or it could not be found out.
    Warn,
    /// It does not work.
    Fail,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// The configuration.
    Config,
    /// The way to a provider: name, connection, encryption, address.
    Reach,
    /// A credential.
    Key,
    /// Whether a model that is configured is there.
    Model,
    /// This machine's clock.
    Clock,
    /// The folder of the state.
    State,
    /// The database in it.
    Database,
    /// The price table.
    Catalog,
    /// The limit of open files.
    Files,
    /// The weights of an embedded model.
    Weights,
    /// An address to listen on.
    Listener,
}

impl Verdict {
    /// The word that a line begins with.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl Finding {
    /// A finding that needs no advice.
    pub fn new(
        verdict: Verdict,
        check: Check,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            verdict,
            check,
            subject: subject.into(),
            message: message.into(),
            help: None,
        }
    }

    /// The same with what to do.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// What was found and what to do, on one line.
    pub fn text(&self) -> String {
        let help = self.help.as_deref();
        let help = help.map_or_else(String::new, |help| format!("; {help}"));
        let text = format!("{}{help}", self.message);
        let words: Vec<&str> = text.split_whitespace().collect();
        printable(&words.join(" "))
    }
}

/// Writes one line for each finding.
///
/// # Errors
/// The stream is closed.
pub fn show(findings: &[Finding], console: &mut Console<'_>) -> io::Result<()> {
    let width = findings.iter().map(|it| it.subject.chars().count()).max();
    let width = width.unwrap_or(0);
    for finding in findings {
        writeln!(
            console.out,
            "{:<4}  {:<width$}  {}",
            finding.verdict.word(),
            printable(&finding.subject),
            finding.text()
        )?;
    }
    Ok(())
}
