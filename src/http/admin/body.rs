//! JSON bodies of the admin API: every field is known, and what is wrong names its field.
//!
//! A field that does not exist is refused with the one that was likely meant, as in configuration files:
//! somebody who writes `limt` must not get a budget without one.

use std::cell::RefCell;
use std::fmt;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};
use tollward_config::closest;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;

use super::refusal::AdminError;
use crate::http::ingress::Ingress;

/// Longest body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A body that was read.
pub struct Told<T>(pub T);

/// What is wrong with the fields of a body or of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// There is no such field.
    #[error("there is no field `{name}`; {}", hint(.meant.as_deref(), .known))]
    Unknown {
        /// What was written.
        name: String,
        /// What was likely meant.
        meant: Option<String>,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A field that must be there is not.
    #[error("the field `{0}` is missing")]
    Missing(String),
    /// A field has a value that it cannot have.
    #[error("`{name}`: {message}")]
    Value {
        /// The field.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Told<T> {
    type Rejection = AdminError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AdminError> {
        let mut ingress = Ingress::new(Operation::Passthrough, request);
        let body = ingress.read_body(MAX_BODY_BYTES).await?;
        read(body).map(Self)
    }
}

/// Reads a body.
///
/// # Errors
/// It is no JSON object that two parsers would read alike, or its fields are not those of `T`.
pub fn read<T: DeserializeOwned>(body: Bytes) -> Result<T, AdminError> {
    let document = Document::parse(body)?;
    let fields: Map<String, Value> = serde_json::from_slice(document.bytes())
        .map_err(|error| AdminError::Json(error.to_string()))?;
    Ok(from_fields(fields)?)
}

/// Reads fields.
///
/// # Errors
/// They are not those of `T`.
pub fn from_fields<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, FieldsError> {
    let current = RefCell::new(String::new());
    let noted = fields.into_iter().map(|(name, value)| {
        current.borrow_mut().clone_from(&name);
        (name, Field(value))
    });
    T::deserialize(MapDeserializer::<_, Flaw>::new(noted)).map_err(|flaw| match flaw {
        Flaw::Unknown(name, known) => {
            let meant = closest(&name, known.iter().copied()).map(str::to_owned);
            let known = known.to_vec();
            FieldsError::Unknown { name, meant, known }
        }
        Flaw::Missing(name) => FieldsError::Missing(name.to_owned()),
        Flaw::Value(message) => FieldsError::Value {
            name: current.into_inner(),
            message,
        },
    })
}

impl FieldsError {
    /// The field that it is about.
    pub fn field(&self) -> &str {
        match self {
            Self::Unknown { name, .. } | Self::Missing(name) | Self::Value { name, .. } => name,
        }
    }

    /// A field's value that is not taken.
    pub fn value(name: &str, message: impl Into<String>) -> Self {
        Self::Value {
            name: name.to_owned(),
            message: message.into(),
        }
    }
}

/// What would be right in place of a field that does not exist.
fn hint(meant: Option<&str>, known: &[&'static str]) -> String {
    match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// Why serde stopped.
#[derive(Debug)]
enum Flaw {
    Unknown(String, &'static [&'static str]),
    Missing(&'static str),
    Value(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name, _) => write!(f, "there is no field `{name}`"),
            Self::Missing(name) => write!(f, "the field `{name}` is missing"),
            Self::Value(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Flaw {}

impl de::Error for Flaw {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown(field.to_owned(), expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// The value of a field.
struct Field(Value);

impl IntoDeserializer<'_, Flaw> for Field {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Field {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.0.deserialize_any(visitor).map_err(told)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.0.deserialize_option(visitor).map_err(told)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        let read = self.0.deserialize_newtype_struct(name, visitor);
        read.map_err(told)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        let read = self.0.deserialize_enum(name, variants, visitor);
        read.map_err(told)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn told(error: serde_json::Error) -> Flaw {
    de::Error::custom(error)
}

#[cfg(test)]
mod tests;
