//! The tree every syntax is parsed into, with the place of each key and value.
//!
//! Scalars keep their text: `0.15` stays those four characters, so prices never pass through a
//! float. Trees may hold credentials and therefore have no `Debug`.

use crate::origins::Place;

/// Deepest nesting of a configuration; a file beyond it is refused, not followed.
pub(crate) const MAX_DEPTH: usize = 64;

/// A value and its place.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// What a node holds.
#[derive(Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In file order, without duplicates.
    Table(Vec<(String, Node)>),
}

/// One text, number, truth value or nothing.
#[derive(Clone)]
pub(crate) struct Scalar {
    pub(crate) kind: ScalarKind,
    /// As written, after escapes; decimal for integers in another base; empty for null.
    pub(crate) text: String,
    /// Whether text may stand for a number or truth value: it came from the environment, the
    /// command line or a reference, which know nothing but text.
    pub(crate) is_loose: bool,
    /// Whether it came from somewhere secrets are kept, so it must not be shown.
    pub(crate) is_secret: bool,
}

/// What a scalar was written as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    Text,
    Integer,
    Float,
    Bool,
    Null,
    /// A reference without a value. It was reported; nothing more is said about it.
    Unresolved,
}

impl Scalar {
    pub(crate) fn new(kind: ScalarKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            is_loose: false,
            is_secret: false,
        }
    }
}

impl Node {
    /// Whether nothing was written: `key:` in YAML, `null` in JSON.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind == ScalarKind::Null)
    }

    /// Whether it is a reference without a value, which was reported already.
    pub(crate) fn is_unresolved(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind == ScalarKind::Unresolved)
    }

    /// Whether it holds keys and values.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, Value::Table(_))
    }

    /// The entry of that name, when this is a table that has it.
    #[cfg(test)]
    pub(crate) fn child(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// What it is, for messages.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Text => "text",
                ScalarKind::Integer | ScalarKind::Float => "a number",
                ScalarKind::Bool => "true or false",
                ScalarKind::Null | ScalarKind::Unresolved => "nothing",
            },
        }
    }
}
