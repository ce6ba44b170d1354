//! How amounts and times are written: dollars as exact decimal text, times in RFC 3339.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tollward_store::NanoUsd;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The latest time that can be written: the end of the year 9999, milliseconds since 1970.
const LATEST_MS: i64 = 253_402_300_799_999;

/// An amount in US dollars, as text: `"25.00"`. Exact to a billionth of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dollars(pub NanoUsd);

/// A point in time, in milliseconds since 1970; written `"2026-11-28T09:30:00Z"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As people read it, at least two digits after the point, without the sign of the currency.
        let text = self.0.to_string();
        serializer.serialize_str(&text.replacen('$', "", 1))
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Numbers are refused: who writes 0.1 in JSON has lost the exact amount already.
        deserializer.deserialize_str(Written(
            "an amount in US dollars as text, such as \"25.00\"",
            |text| {
                let read = NanoUsd::exactly(text).map(Dollars);
                read.map_err(|error| {
                    format!("{} is no amount in US dollars: {error}", quoted(text))
                })
            },
        ))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = Timestamp::from_millisecond(self.0.clamp(0, LATEST_MS));
        serializer.serialize_str(&time.unwrap_or_default().to_string())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written(
            "a time in RFC 3339, such as \"2026-11-28T09:30:00Z\"",
            |text| {
                Moment::parse(text)
                    .ok_or_else(|| format!("{} is no time in RFC 3339", quoted(text)))
            },
        ))
    }
}

impl Moment {
    /// Reads a time between the years 1970 and 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let time: Timestamp = text.parse().ok()?;
        let millis = time.as_millisecond();
        (0..=LATEST_MS).contains(&millis).then_some(Self(millis))
    }
}

/// What somebody wrote, printable and not too long.
fn quoted(text: &str) -> String {
    let shown: String = text
        .chars()
        .filter(|it| !it.is_control())
        .take(40)
        .collect();
    format!("`{shown}`")
}

/// Reads text into something that it must be.
struct Written<T>(&'static str, fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

impl PartialSchema for Dollars {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^[0-9]{1,10}(\.[0-9]{1,9})?$"))
            .description(Some(
                "US dollars, exact to a billionth; never a number, which would round it",
            ))
            .examples(["25.00"])
            .into()
    }
}

impl ToSchema for Dollars {
    fn name() -> Cow<'static, str> {
        "Dollars".into()
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A time in RFC 3339; answers have it in UTC"))
            .examples(["2026-11-28T09:30:00Z"])
            .into()
    }
}

impl ToSchema for Moment {
    fn name() -> Cow<'static, str> {
        "Moment".into()
    }
}

#[cfg(test)]
mod tests;
