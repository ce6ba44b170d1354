//! Reads the tree into values, and writes down everything that is wrong with it.
//!
//! A section takes its fields one by one; what it never asked for is unknown. A field that
//! cannot be read leaves its default and a diagnostic, so reading always reaches the end and
//! one run shows every mistake. Each value read, default or written, is recorded with its origin.

mod scalar;

pub(crate) use scalar::SwitchOrPath;

use crate::node::{Node, Scalar, ScalarKind, Value};
use crate::origins::Origins;
use crate::path;
use crate::report::{Diagnostic, closest, list, quote};
use crate::source::is_secret_name;

/// What reading produces besides the values.
pub(crate) struct Reader {
    pub(crate) origins: Origins,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A table being read.
pub(crate) struct Table<'n> {
    path: String,
    entries: &'n [(String, Node)],
    asked: Vec<&'static str>,
    /// Keys that were told where they belong.
    refused: Vec<&'static str>,
    /// Where values that are not written come from.
    absent: &'static str,
}

/// One key of a table, written or not.
pub(crate) struct Field<'n> {
    pub(crate) path: String,
    /// `None`: not written, or written as nothing.
    pub(crate) node: Option<&'n Node>,
    /// Where the value comes from when it is not written.
    absent: &'static str,
}

/// The origin of a value nobody wrote.
const DEFAULT: &str = "default";

impl Reader {
    pub(crate) fn new(origins: Origins) -> Self {
        Self {
            origins,
            diagnostics: Vec::new(),
        }
    }

    /// Writes down where every key and value of the tree stands.
    pub(crate) fn record_places(&mut self, node: &Node, at: &str) {
        self.origins.record_place(at.to_owned(), node.place.clone());
        match &node.value {
            Value::Scalar(_) => {}
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.record_places(item, &path::item(at, index));
                }
            }
            Value::Table(entries) => {
                for (name, entry) in entries {
                    self.record_places(entry, &path::join(at, name));
                }
            }
        }
    }

    /// Reports a mistake at the value of `path`.
    pub(crate) fn report(&mut self, path: &str, message: impl Into<String>, help: Option<String>) {
        let mut diagnostic = self.origins.diagnose(path, message.into(), &[]);
        diagnostic.help = help;
        self.diagnostics.push(diagnostic);
    }

    /// The entries of a table, or of nothing; anything else is a mistake.
    pub(crate) fn table<'n>(&mut self, node: Option<&'n Node>, path: &str) -> Table<'n> {
        let entries: &[(String, Node)] = match node.map(|node| (node, &node.value)) {
            Some((_, Value::Table(entries))) => entries,
            Some((node, _)) if !node.is_null() && !node.is_unresolved() => {
                self.wrong_type(path, "a table of keys and values", node.noun());
                &[]
            }
            Some(_) | None => &[],
        };
        Table {
            path: path.to_owned(),
            entries,
            asked: Vec::new(),
            refused: Vec::new(),
            absent: DEFAULT,
        }
    }

    pub(crate) fn wrong_type(&mut self, path: &str, expected: &str, found: &str) {
        self.report(path, format!("expected {expected}, found {found}"), None);
    }
}

impl<'n> Table<'n> {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The same, where keys that are not written mean what `origin` says.
    pub(crate) fn inheriting(mut self, origin: &'static str) -> Self {
        self.absent = origin;
        self
    }

    /// Asks for a key.
    pub(crate) fn field(&mut self, key: &'static str) -> Field<'n> {
        self.asked.push(key);
        let node = self
            .entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node);
        Field {
            path: path::join(&self.path, key),
            node: node.filter(|node| !node.is_null()),
            absent: self.absent,
        }
    }

    /// Every entry, for tables whose keys are names that people choose.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'n str, Field<'n>)> + use<'n> {
        let path = self.path.clone();
        self.entries.iter().map(move |(name, node)| {
            let field = Field {
                path: path::join(&path, name),
                node: Some(node),
                absent: DEFAULT,
            };
            (name.as_str(), field)
        })
    }

    /// Reports a key that has no meaning in this table, should it be written.
    pub(crate) fn refuse(&mut self, key: &'static str, reader: &mut Reader, why: &str, help: &str) {
        self.refused.push(key);
        if self.entries.iter().any(|(name, _)| name == key) {
            let path = path::join(&self.path, key);
            let diagnostic = reader.origins.diagnose_key(&path, why.to_owned());
            reader.diagnostics.push(diagnostic.with_help(help));
        }
    }

    /// The entries that were neither asked for nor refused.
    pub(crate) fn rest(&self) -> impl Iterator<Item = (&'n str, Field<'n>)> {
        self.entries()
            .filter(|(name, _)| !self.asked.contains(name) && !self.refused.contains(name))
    }

    /// Reports the keys nobody asked for.
    pub(crate) fn finish(self, reader: &mut Reader) {
        let unknown: Vec<_> = self.rest().collect();
        for (name, field) in unknown {
            let message = format!("unknown field {}", quote(name));
            let mut diagnostic = reader.origins.diagnose(&field.path, message, &self.asked);
            let known = list(self.asked.iter().copied());
            diagnostic.help = Some(match self.path.as_str() {
                "" => format!("the sections are: {known}"),
                path => format!("{path} accepts: {known}"),
            });
            diagnostic.suggestion = closest(name, self.asked.iter().copied()).map(String::from);
            reader.diagnostics.push(diagnostic);
        }
    }
}

impl<'n> Field<'n> {
    /// A value that was reached without a table, such as a list item.
    pub(crate) fn at(path: &str, node: &'n Node) -> Self {
        Self {
            path: path.to_owned(),
            node: Some(node),
            absent: DEFAULT,
        }
    }

    /// The field as a table.
    pub(crate) fn table(&self, reader: &mut Reader) -> Table<'n> {
        reader.table(self.node, &self.path)
    }

    /// The items of a list. From the environment or the command line: text with commas.
    pub(crate) fn items(&self, reader: &mut Reader) -> Vec<(String, Node)> {
        let Some(node) = self.node.filter(|node| !node.is_unresolved()) else {
            return Vec::new();
        };
        match &node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (path::item(&self.path, index), item.clone()))
                .collect(),
            Value::Scalar(scalar) if scalar.is_loose => scalar
                .text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| {
                    let value = Value::Scalar(Scalar {
                        text: item.to_owned(),
                        ..scalar.clone()
                    });
                    let place = node.place.clone();
                    (self.path.clone(), Node { value, place })
                })
                .collect(),
            Value::Scalar(_) | Value::Table(_) => {
                reader.wrong_type(&self.path, "a list", node.noun());
                Vec::new()
            }
        }
    }

    /// The scalar, if that is what was written.
    fn scalar(&self, reader: &mut Reader, expected: &str) -> Option<&'n Scalar> {
        let node = self.node.filter(|node| !node.is_unresolved())?;
        match &node.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Table(_) => {
                reader.wrong_type(&self.path, expected, node.noun());
                None
            }
        }
    }

    /// Reads a scalar; `parse` answers what it means or why it means nothing.
    pub(crate) fn read<T>(
        &self,
        reader: &mut Reader,
        expected: &str,
        parse: impl FnOnce(&Scalar) -> Option<T>,
    ) -> Option<T> {
        let scalar = self.scalar(reader, expected)?;
        let value = parse(scalar);
        if value.is_none() {
            let found = shown(&self.path, scalar);
            reader.report(
                &self.path,
                format!("expected {expected}, found {found}"),
                None,
            );
        }
        value
    }
}

/// A scalar for a message; what may be a credential is not repeated.
fn shown(path: &str, scalar: &Scalar) -> String {
    if scalar.is_secret || is_secret_name(&path::last(path)) {
        return String::from("something else");
    }
    match scalar.kind {
        ScalarKind::Integer | ScalarKind::Float => format!("the number {}", quote(&scalar.text)),
        ScalarKind::Text | ScalarKind::Bool => quote(&scalar.text),
        ScalarKind::Null | ScalarKind::Unresolved => String::from("nothing"),
    }
}

#[cfg(test)]
mod tests;
