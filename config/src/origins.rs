//! Where each value came from; what `config show --origin` prints.
//!
//! Values are stored as they are shown: a credential is masked before it gets here, so nothing
//! in this module can leak one. Errors that are found later, by whoever understands a provider's
//! settings, get their place through [`Origins::diagnose`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::report::{Diagnostic, Location, closest, list};
use crate::source::{SourceFile, Span};

/// The origin of every value that was written, by key path.
#[derive(Clone, Default)]
pub struct Origins {
    file: Option<Arc<SourceFile>>,
    places: BTreeMap<String, Place>,
    entries: Vec<OriginEntry>,
}

/// One value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginEntry {
    /// The key, such as `server.listen`.
    pub path: String,
    /// The value as it may be shown: credentials are masked.
    pub value: String,
    /// `default`, `tollward.yaml:3:11`, `variable TOLLWARD__SERVER__LISTEN` or `option --listen`.
    pub origin: String,
}

/// Where a key and its value were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the file: the key (empty for list items) and the value.
    File { key: Span, value: Span },
    /// In an environment variable of this name.
    Variable(String),
    /// On the command line.
    Override,
}

impl Origins {
    /// A diagnostic about `path` (such as `providers.groq.base_url`) at the place it was written,
    /// or at the nearest enclosing key that was.
    ///
    /// `candidates` are the names that would have been right: the nearest one becomes the
    /// suggestion, all of them the help line. Empty: the message says enough, and the value is
    /// underlined instead of the key.
    pub fn diagnose(&self, path: &str, message: String, candidates: &[&str]) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(path, message);
        if !candidates.is_empty() {
            let written = crate::path::last(path);
            diagnostic.suggestion = closest(&written, candidates.iter().copied()).map(String::from);
            diagnostic.help = Some(format!(
                "expected one of: {}",
                list(candidates.iter().copied())
            ));
        }
        let found = std::iter::successors(Some(path), |path| crate::path::parent(path))
            .find_map(|path| self.places.get(path).map(|place| (path, place)));
        if let Some((at, place)) = found {
            let wants_value = at == path && candidates.is_empty();
            self.locate(&mut diagnostic, place, wants_value);
        }
        diagnostic
    }

    /// A diagnostic that underlines the key itself, for a name that is wrong.
    pub(crate) fn diagnose_key(&self, path: &str, message: String) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(path, message);
        if let Some(place) = self.places.get(path) {
            self.locate(&mut diagnostic, place, false);
        }
        diagnostic
    }

    /// Every value in force, by key path: written ones and defaults.
    pub fn entries(&self) -> &[OriginEntry] {
        &self.entries
    }

    /// Where the value of `path` was written in the file. `None`: it was not.
    pub fn location(&self, path: &str) -> Option<Location> {
        match (self.places.get(path)?, &self.file) {
            (Place::File { value, .. }, Some(file)) => Some(file.location(value.start)),
            _ => None,
        }
    }

    /// Whether users of this machine other than the file's owner and group may read the file.
    pub(crate) fn is_open_to_others(&self) -> bool {
        self.file
            .as_ref()
            .is_some_and(|file| file.is_open_to_others)
    }

    /// The path of a provider, for [`Origins::diagnose`]; a setting of it follows after a dot.
    pub fn provider_path(provider: &str) -> String {
        crate::path::join("providers", provider)
    }

    /// The path of something written about a model, such as `policy`, for [`Origins::diagnose`].
    pub fn model_path(model: &str, what: &str) -> String {
        crate::path::join(&crate::path::join("models", model), what)
    }

    /// The path of one of a model's deployments, for [`Origins::diagnose`].
    pub fn deployment_path(model: &str, index: usize) -> String {
        let model = crate::path::join("models", model);
        crate::path::item(&crate::path::join(&model, "deployments"), index)
    }

    pub(crate) fn new(file: Option<Arc<SourceFile>>) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// Puts the diagnostic where `place` is, and says so when that is not the file.
    pub(crate) fn locate(&self, diagnostic: &mut Diagnostic, place: &Place, wants_value: bool) {
        match (place, &self.file) {
            (Place::File { key, value }, Some(file)) => {
                let is_key = !wants_value && key.end > key.start;
                let span = if is_key { *key } else { *value };
                diagnostic.location = Some(file.location(span.start));
                diagnostic.excerpt = Some(file.excerpt(span));
            }
            (Place::Variable(name), _) => {
                diagnostic.message = format!("{} (from the variable {name})", diagnostic.message);
            }
            (Place::Override, _) => diagnostic.message += " (from the command line)",
            (Place::File { .. }, None) => {}
        }
    }

    pub(crate) fn record_place(&mut self, path: String, place: Place) {
        self.places.insert(path, place);
    }

    pub(crate) fn place(&self, path: &str) -> Option<&Place> {
        self.places.get(path)
    }

    /// Adds a value in force; `value` must be fit to be shown. `absent` is its origin when it was
    /// not written.
    pub(crate) fn record_value(&mut self, path: String, value: String, absent: &str) {
        let origin = match (self.places.get(&path), &self.file) {
            (Some(Place::File { value, .. }), Some(file)) => {
                let Location { file, line, column } = file.location(value.start);
                format!("{file}:{line}:{column}")
            }
            (Some(Place::Variable(name)), _) => format!("variable {name}"),
            (Some(Place::Override), _) => String::from("command line"),
            (Some(Place::File { .. }) | None, _) => absent.to_owned(),
        };
        self.entries.push(OriginEntry {
            path,
            value,
            origin,
        });
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.entries).finish()
    }
}
