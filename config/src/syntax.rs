//! The three syntaxes, equal by extension, all parsed into [`Node`].
//!
//! A parser here reports what makes a file unreadable or ambiguous: broken syntax, duplicate
//! keys, absurd nesting. What the keys mean is decided later. No input may panic.

mod json;
mod toml;
mod yaml;

use std::path::Path;

use crate::node::Node;
use crate::origins::Place;
use crate::report::{Diagnostic, quote};
use crate::source::{SourceFile, Span};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Yaml,
    Toml,
    Json,
}

/// A mistake in the text: where, what, and what would be right.
pub(crate) struct SyntaxError {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// What a parser made of a file.
#[derive(Default)]
pub(crate) struct Parsed {
    /// The tree. `None`: the file is empty, or not readable at all.
    pub(crate) root: Option<Node>,
    pub(crate) errors: Vec<SyntaxError>,
}

impl Syntax {
    /// The syntax that an extension stands for.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(crate) fn parse(self, text: &str) -> Parsed {
        match self {
            Self::Yaml => yaml::parse(text),
            Self::Toml => toml::parse(text),
            Self::Json => json::parse(text),
        }
    }
}

impl SyntaxError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            help: None,
        }
    }

    fn duplicate(key: &str, span: Span, first: Span, text: &str) -> Self {
        let line = text
            .get(..first.start)
            .unwrap_or_default()
            .matches('\n')
            .count()
            + 1;
        Self {
            span,
            message: format!("duplicate key {}", quote(key)),
            help: Some(format!(
                "it was first written in line {line}; keep one of them"
            )),
        }
    }

    fn too_deep(span: Span) -> Self {
        Self::new(
            span,
            format!("nested deeper than {} levels", crate::node::MAX_DEPTH),
        )
    }

    /// The error with its line and caret.
    pub(crate) fn into_diagnostic(self, file: &SourceFile) -> Diagnostic {
        let mut diagnostic = Diagnostic::error("", self.message);
        diagnostic.help = self.help;
        diagnostic.location = Some(file.location(self.span.start));
        diagnostic.excerpt = Some(file.excerpt(self.span));
        diagnostic
    }
}

/// The place of a value that has no key yet.
fn place(value: Span) -> Place {
    Place::File {
        key: Span::default(),
        value,
    }
}

/// Tells a value which key it stands under.
fn set_key(node: &mut Node, span: Span) {
    if let Place::File { key, .. } = &mut node.place {
        *key = span;
    }
}

#[cfg(test)]
mod tests;
