//! A JSON value that borrows from the text it was read from.
//!
//! Translation takes documents apart and puts them together differently. [`Json`] keeps
//! what must not change on that way: the order of keys, the digits of numbers, and strings
//! as slices of the text wherever they have no escapes. [`Json::to_segments`] writes a
//! value and hands large borrowed strings on as slices of their source, so that an image
//! is never copied. A relayed body never comes here; see `document`.

mod object;
#[cfg(test)]
mod tests;
mod text;
mod write;

use std::borrow::Cow;

use serde::de::IgnoredAny;

pub use self::object::Object;
use self::text::text;
pub use self::write::{escape_into, member_into};
use crate::walk::Walker;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, in the digits it was written with.
    Number(Cow<'a, str>),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// A string in pieces, which is only written: a long one among them is not copied for its
    /// prefix. It is read as no string, and never comes out of a parser.
    Joined(Vec<Cow<'a, str>>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, its members in order.
    Object(Object<'a>),
}

impl<'a> Json<'a> {
    /// Reads a whole text; `None` if it is not one JSON value.
    pub fn parse(text: &'a [u8]) -> Option<Json<'a>> {
        serde_json::from_slice::<IgnoredAny>(text).ok()?;
        Self::read(&mut Walker::new(text))
    }

    /// Reads a text that was validated before.
    pub(crate) fn trusted(text: &'a [u8]) -> Option<Json<'a>> {
        Self::read(&mut Walker::new(text))
    }

    fn read(walker: &mut Walker<'a>) -> Option<Json<'a>> {
        match walker.first()? {
            b'{' => {
                let mut object = Object::new();
                walker.each_member(|key, value| {
                    object.push(text(key), Self::read(value)?);
                    Some(())
                })?;
                Some(Self::Object(object))
            }
            b'[' => {
                let mut items = Vec::new();
                walker.each_element(|value| {
                    items.push(Self::read(value)?);
                    Some(())
                })?;
                Some(Self::Array(items))
            }
            _ => Self::scalar(walker.raw()?),
        }
    }

    fn scalar(raw: &'a [u8]) -> Option<Json<'a>> {
        Some(match raw {
            b"null" => Self::Null,
            b"true" => Self::Bool(true),
            b"false" => Self::Bool(false),
            [b'"', inner @ .., b'"'] => Self::String(text(inner)),
            _ => Self::Number(Cow::Borrowed(std::str::from_utf8(raw).ok()?)),
        })
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative; `3.0` counts, `3.5` does not.
    pub fn as_u64(&self) -> Option<u64> {
        let Self::Number(digits) = self else {
            return None;
        };
        match digits.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|it| it == b'0') => whole,
            _ => digits,
        }
        .parse()
        .ok()
    }

    /// A number, as near as a float comes.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(it) => Some(*it),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// A member of an object; `None` if there is none or it is `null`.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.as_object()?.get(key)
    }

    /// The text of a member of an object.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Bytes of memory that the value takes up once it borrows nothing, or about.
    pub(crate) fn held_bytes(&self) -> usize {
        let inner = match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(text) | Self::String(text) => text.len(),
            Self::Joined(pieces) => pieces.iter().map(|it| it.len()).sum(),
            Self::Array(items) => items.iter().map(Self::held_bytes).sum(),
            Self::Object(object) => {
                let members = object.members();
                members
                    .map(|(key, value)| size_of::<Cow<'_, str>>() + key.len() + value.held_bytes())
                    .sum()
            }
        };
        size_of::<Self>() + inner
    }

    /// The same value, which borrows nothing.
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(it) => Json::Bool(it),
            Self::Number(digits) => Json::Number(Cow::Owned(digits.into_owned())),
            Self::String(text) => Json::String(Cow::Owned(text.into_owned())),
            Self::Joined(pieces) => Json::String(Cow::Owned(pieces.concat())),
            Self::Array(items) => Json::Array(items.into_iter().map(Json::into_owned).collect()),
            Self::Object(object) => Json::Object(object.into_owned()),
        }
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

impl From<String> for Json<'_> {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for Json<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Json<'_> {
    fn from(it: bool) -> Self {
        Self::Bool(it)
    }
}

impl From<u64> for Json<'_> {
    fn from(number: u64) -> Self {
        Self::Number(Cow::Owned(number.to_string()))
    }
}

impl From<u32> for Json<'_> {
    fn from(number: u32) -> Self {
        Self::from(u64::from(number))
    }
}

impl<'a> From<Vec<Json<'a>>> for Json<'a> {
    fn from(items: Vec<Json<'a>>) -> Self {
        Self::Array(items)
    }
}

impl<'a> From<Object<'a>> for Json<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}
