//! A request body: one JSON object, kept as the bytes it came in, plus an index.
//!
//! [`Document::parse`] reads the whole text once, checks it and remembers where each
//! top-level value lies; only fields that someone asks for are decoded. [`Edit`] replaces
//! spans and leaves every other byte alone, so numbers keep their digits and keys their
//! order. Invariant: a `Document` is valid JSON in which no object has the same key twice,
//! however spelt, so no reader further on can see another value than we did.
//!
//! Walking untrusted answers of upstreams is `facts`' business, not this module's.

mod edit;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

pub use self::edit::Edit;
use crate::walk::{Walker, unescape};

/// Deepest nesting accepted, the document itself included.
pub const MAX_DEPTH: usize = 128;

/// Most keys accepted in one object.
pub const MAX_KEYS: usize = 4096;

/// A validated JSON object and the spans of its top-level members. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Document {
    body: Bytes,
    top: Arc<Object>,
}

/// The spans of one object inside a document.
#[derive(Clone, Debug)]
pub struct Object {
    members: Vec<Member>,
    /// Position of the opening brace; also the object's identity within its document.
    open: usize,
}

#[derive(Clone, Debug)]
struct Member {
    /// The key with its quotes.
    key: Range<usize>,
    /// The key's text when it is spelt with escapes.
    unescaped: Option<Box<str>>,
    value: Range<usize>,
}

/// Why a body is not accepted as a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is not valid JSON.
    #[error("expected {expected} at byte {offset}")]
    Syntax {
        /// Position of the first byte that does not fit.
        offset: usize,
        /// What would have fitted.
        expected: &'static str,
    },
    /// Nesting over [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels at byte {offset}")]
    TooDeep {
        /// Position of the bracket that is one too many.
        offset: usize,
    },
    /// An object with more than [`MAX_KEYS`] keys.
    #[error("object with more than {MAX_KEYS} keys at byte {offset}")]
    TooManyKeys {
        /// Position of the key that is one too many.
        offset: usize,
    },
    /// An object that has the same key twice.
    #[error("duplicate key `{path}` at byte {offset}")]
    DuplicateKey {
        /// Where the key sits, such as `messages[2].role`.
        path: String,
        /// Position of the second occurrence.
        offset: usize,
    },
}

impl DocumentError {
    /// Position in the body, in bytes from its start.
    pub fn offset(&self) -> usize {
        match self {
            Self::Syntax { offset, .. }
            | Self::TooDeep { offset }
            | Self::TooManyKeys { offset }
            | Self::DuplicateKey { offset, .. } => *offset,
        }
    }

    /// The machine-readable code for the caller: `invalid_json` or `duplicate_key`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::Syntax { .. } | Self::TooDeep { .. } | Self::TooManyKeys { .. } => "invalid_json",
        }
    }
}

/// A field that is there but cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be {expected}")]
pub struct FieldError {
    /// The field's path, such as `messages[0].role`; what an API calls `param`.
    pub field: String,
    /// What would have been right, as a noun phrase.
    pub expected: Cow<'static, str>,
}

impl FieldError {
    /// An error for `field`, which must be `expected`.
    pub fn new(field: impl Into<String>, expected: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: field.into(),
            expected: expected.into(),
        }
    }
}

impl Document {
    /// Checks a body and indexes its top level, in one pass and without a copy.
    ///
    /// # Errors
    /// Anything that is not one JSON object in UTF-8, and the limits in [`DocumentError`].
    pub fn parse(body: Bytes) -> Result<Document, DocumentError> {
        let scanned = scan::scan(&body)?;
        Ok(Document {
            body,
            top: Arc::new(Object {
                members: scanned.members,
                open: scanned.open,
            }),
        })
    }

    /// The body as it came in.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// `{}`: of a body that is no JSON, or is not read.
    pub fn empty() -> Self {
        Self {
            body: Bytes::from_static(b"{}"),
            top: Arc::new(Object {
                members: Vec::new(),
                open: 0,
            }),
        }
    }

    /// The top-level object's spans.
    pub fn top(&self) -> &Object {
        &self.top
    }

    /// A top-level value verbatim; `None` if the field is absent.
    pub fn raw(&self, field: &str) -> Option<&[u8]> {
        self.top.raw(self, field)
    }

    /// Whether a top-level field is there and not `null`.
    pub fn has(&self, field: &str) -> bool {
        self.raw(field).is_some_and(|raw| raw != b"null")
    }

    /// Decodes a top-level value; `None` if the field is absent or `null`.
    ///
    /// # Errors
    /// If the value is of another type.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, field: &str) -> Result<Option<T>, FieldError> {
        match self.raw(field) {
            None => Ok(None),
            Some(raw) => serde_json::from_slice(raw)
                .map_err(|error| FieldError::new(field, expected_text(&error))),
        }
    }

    /// The names of the top-level fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.top.fields(self)
    }

    /// The object under a top-level field; `None` if there is none or it is of another type.
    pub fn object(&self, field: &str) -> Option<Object> {
        let member = self.top.member(self, field)?;
        Object::walk(self.body.get(member.value.clone())?, member.value.start)
    }

    /// The objects of a top-level array; `None` if the field is not an array of objects.
    pub fn objects(&self, field: &str) -> Option<Vec<Object>> {
        self.top.objects(self, field)
    }

    /// Starts a set of changes; the document itself stays as it is.
    pub fn edit(&self) -> Edit<'_> {
        Edit::new(self)
    }
}

impl Object {
    /// Indexes an object whose text is valid and starts at `base` in the document.
    fn walk(raw: &[u8], base: usize) -> Option<Object> {
        let members = Walker::new(raw)
            .object()?
            .map(|field| Member {
                unescaped: memchr::memchr(b'\\', field.key)
                    .and_then(|_| unescape(raw.get(field.key_span.clone())?))
                    .map(Into::into),
                key: field.key_span.start + base..field.key_span.end + base,
                value: field.value_span.start + base..field.value_span.end + base,
            })
            .collect();
        Some(Object {
            members,
            open: base,
        })
    }

    /// A member's value verbatim; `None` if the field is absent.
    ///
    /// `document` must be the one that this object was taken from.
    pub fn raw<'a>(&self, document: &'a Document, field: &str) -> Option<&'a [u8]> {
        document
            .body
            .get(self.member(document, field)?.value.clone())
    }

    /// Whether a field is there and not `null`.
    pub fn has(&self, document: &Document, field: &str) -> bool {
        self.raw(document, field).is_some_and(|raw| raw != b"null")
    }

    /// The object under a field of this one; `None` if there is none or it is of another type.
    ///
    /// `document` must be the one that this object was taken from.
    pub fn object(&self, document: &Document, field: &str) -> Option<Object> {
        let member = self.member(document, field)?;
        Self::walk(document.body.get(member.value.clone())?, member.value.start)
    }

    /// The objects of an array in this one; `None` if the field is not an array of objects.
    ///
    /// `document` must be the one that this object was taken from.
    pub fn objects(&self, document: &Document, field: &str) -> Option<Vec<Object>> {
        let member = self.member(document, field)?;
        let elements = Walker::new(document.body.get(member.value.clone())?).array()?;
        elements
            .map(|(raw, span)| Object::walk(raw, member.value.start + span.start))
            .collect()
    }

    /// The names of the fields, in order.
    pub fn fields<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = &'a str> {
        self.members.iter().map(|it| it.name(document))
    }

    fn member(&self, document: &Document, field: &str) -> Option<&Member> {
        self.members.iter().find(|it| it.is(document, field))
    }

    fn position(&self, document: &Document, field: &str) -> Option<usize> {
        self.members.iter().position(|it| it.is(document, field))
    }
}

impl Member {
    #[inline]
    fn is(&self, document: &Document, field: &str) -> bool {
        match &self.unescaped {
            Some(name) => name.as_ref() == field,
            None => {
                self.key.len() == field.len() + 2
                    && document.body.get(self.key.start + 1..self.key.end - 1)
                        == Some(field.as_bytes())
            }
        }
    }

    fn name<'a>(&'a self, document: &'a Document) -> &'a str {
        match &self.unescaped {
            Some(name) => name,
            None => document
                .body
                .get(self.key.start + 1..self.key.end - 1)
                .and_then(|raw| std::str::from_utf8(raw).ok())
                .unwrap_or_default(),
        }
    }
}

/// The "expected …" half of a serde message, or the whole of it.
fn expected_text(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    match text.split_once(", expected ") {
        Some((_, expected)) => expected.to_owned(),
        None => format!("a usable value ({text})"),
    }
}
