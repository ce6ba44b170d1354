//! References in text: `${VAR}`, `${VAR:-default}`, `${file:/run/secrets/key}`, `$${` for itself.
//!
//! They are resolved in values that were parsed already, never in the file's raw text, so no
//! variable can add keys or break the syntax. A variable that is missing or empty is an error
//! unless a default is given: an empty credential must not look like a configured one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::node::{Node, Scalar, ScalarKind, Value};
use crate::origins::Origins;
use crate::path;
use crate::report::{Diagnostic, closest, quote};
use crate::source::is_secret_name;

/// Longest file that `${file:…}` may name, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// How `LiteLLM` spells a variable.
const LITELLM_PREFIX: &str = "os.environ/";

/// Resolves every reference of a tree.
pub(crate) struct Interpolator<'s> {
    variables: HashMap<&'s str, &'s str>,
    /// What relative secret files are relative to.
    folder: PathBuf,
    origins: &'s Origins,
    diagnostics: Vec<Diagnostic>,
}

/// One resolved reference.
struct Resolved {
    text: String,
    is_secret: bool,
}

/// Why a reference has no value, and what would help.
struct Unresolved {
    message: String,
    suggestion: Option<String>,
    help: Option<String>,
}

impl<'s> Interpolator<'s> {
    pub(crate) fn new(
        env: &'s [(String, String)],
        file: Option<&Path>,
        origins: &'s Origins,
    ) -> Self {
        Self {
            variables: env
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            folder: file
                .and_then(Path::parent)
                .map(PathBuf::from)
                .unwrap_or_default(),
            origins,
            diagnostics: Vec::new(),
        }
    }

    /// Resolves the tree in place; answers what could not be resolved.
    pub(crate) fn run(mut self, root: &mut Node) -> Vec<Diagnostic> {
        self.visit(root, "");
        self.diagnostics
    }

    fn visit(&mut self, node: &mut Node, at: &str) {
        let place = node.place.clone();
        match &mut node.value {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.visit(item, &path::item(at, index));
                }
            }
            Value::Table(entries) => {
                for (name, entry) in entries {
                    self.visit(entry, &path::join(at, name));
                }
            }
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Text => {
                let mut found = Vec::new();
                if let Some(name) = scalar.text.strip_prefix(LITELLM_PREFIX).map(str::to_owned) {
                    let help = format!("write ${{{name}}}");
                    let message = format!("{} is LiteLLM's spelling", quote(&scalar.text));
                    found.push(Diagnostic::error(at, message).with_help(help).as_warning());
                    scalar.text = format!("${{{name}}}");
                }
                for Unresolved {
                    message,
                    suggestion,
                    help,
                } in self.expand(scalar)
                {
                    let mut diagnostic = Diagnostic::error(at, message);
                    diagnostic.suggestion = suggestion;
                    diagnostic.help = help;
                    found.push(diagnostic);
                }
                for mut diagnostic in found {
                    self.origins.locate(&mut diagnostic, &place, true);
                    self.diagnostics.push(diagnostic);
                }
            }
            Value::Scalar(_) => {}
        }
    }

    /// Replaces the references in one text.
    fn expand(&self, scalar: &mut Scalar) -> Vec<Unresolved> {
        if !scalar.text.contains("${") {
            return Vec::new();
        }
        let mut problems = Vec::new();
        let mut text = String::new();
        let source = std::mem::take(&mut scalar.text);
        let mut rest = source.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(literal) = before.strip_suffix('$') {
                text.push_str(literal);
                text.push_str("${");
                rest = after;
                continue;
            }
            text.push_str(before);
            let Some((reference, after)) = after.split_once('}') else {
                problems.push(Unresolved::new("this `${` has no closing brace"));
                rest = "";
                break;
            };
            match self.resolve(reference) {
                Ok(resolved) => {
                    text.push_str(&resolved.text);
                    scalar.is_secret |= resolved.is_secret;
                    scalar.is_loose = true;
                }
                Err(problem) => problems.push(problem),
            }
            rest = after;
        }
        text.push_str(rest);
        if problems.is_empty() {
            scalar.text = text;
        } else {
            // Nothing reads further into a value that is missing: one mistake, one message.
            scalar.kind = ScalarKind::Unresolved;
        }
        problems
    }

    fn resolve(&self, reference: &str) -> Result<Resolved, Unresolved> {
        if let Some(file) = reference.strip_prefix("file:") {
            return self.read(file);
        }
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(Unresolved {
                message: format!("{} is not the name of a variable", quote(name)),
                suggestion: None,
                help: Some(String::from(
                    "references are ${NAME}, ${NAME:-default} and ${file:/path}; $${ is a plain ${",
                )),
            });
        }
        let value = self.variables.get(name).filter(|value| !value.is_empty());
        match (value, default) {
            (Some(value), _) => Ok(Resolved {
                text: (*value).to_owned(),
                is_secret: is_secret_variable(name),
            }),
            (None, Some(default)) => Ok(Resolved {
                text: default.to_owned(),
                is_secret: false,
            }),
            (None, None) => Err(self.missing(name)),
        }
    }

    fn missing(&self, name: &str) -> Unresolved {
        let state = if self.variables.contains_key(name) {
            "empty"
        } else {
            "not set"
        };
        let near = closest(
            name,
            self.variables
                .keys()
                .copied()
                .filter(|known| known.len() > 3),
        );
        Unresolved {
            message: format!("the variable {name} is {state}"),
            suggestion: near.map(String::from),
            help: Some(format!("set it, or give a default: ${{{name}:-…}}")),
        }
    }

    fn read(&self, file: &str) -> Result<Resolved, Unresolved> {
        let path = self.folder.join(file);
        let fail = |reason: &str| Unresolved::new(format!("the file {} {reason}", quote(file)));
        let metadata = std::fs::metadata(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => fail("does not exist"),
            kind => fail(&format!("cannot be read: {kind}")),
        })?;
        if !metadata.is_file() {
            return Err(fail("is not a regular file"));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(fail("is larger than 64 KiB"));
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|error| fail(&format!("cannot be read: {}", error.kind())))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(fail("is empty"));
        }
        Ok(Resolved {
            text: text.to_owned(),
            is_secret: true,
        })
    }
}

impl Unresolved {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            suggestion: None,
            help: None,
        }
    }
}

/// Whether a variable of that name usually holds a credential.
fn is_secret_variable(name: &str) -> bool {
    is_secret_name(name) || name.ends_with("_KEY") || name.ends_with("_PAT")
}

#[cfg(test)]
mod tests;
