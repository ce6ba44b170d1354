//! A caller's schema in Google's `Schema`, a part of `OpenAPI` 3.0, as JSON Schema.
//!
//! Types are in capitals, `nullable` stands beside them, and bounds that are 64-bit integers
//! may be texts. Source: google-genai 3.6.1 `types.Schema` (read 2026-11).

use std::borrow::Cow;

use super::names::renamed;
use crate::json::{Json, Object};

/// Bounds that may be written as texts.
const BOUNDS: [&str; 6] = [
    "maxItems",
    "minItems",
    "maxLength",
    "minLength",
    "maxProperties",
    "minProperties",
];

/// The schema in JSON Schema's words; what is no object stays as it is.
pub(super) fn json_schema(schema: Json<'_>) -> Json<'_> {
    let Json::Object(schema) = schema else {
        return schema;
    };
    let mut written = Object::new();
    let mut is_nullable = false;
    for (name, value) in renamed(schema) {
        match (&*name, value) {
            ("nullable", value) => is_nullable = value.as_bool() == Some(true),
            // Tells Gemini in which order to write, and nobody else.
            ("propertyOrdering", _) => {}
            ("type", Json::String(word)) => {
                if word != "TYPE_UNSPECIFIED" {
                    let word = Cow::Owned(word.to_ascii_lowercase());
                    written.push(name, Json::String(word));
                }
            }
            // Only says that `enum` is there.
            ("format", value) if value.as_str() == Some("enum") => {}
            ("properties", Json::Object(properties)) => {
                written.push(name, each(properties).into());
            }
            ("defs" | "$defs", Json::Object(schemas)) => {
                written.push(Cow::Borrowed("$defs"), each(schemas).into());
            }
            ("ref", value) => written.push(Cow::Borrowed("$ref"), value),
            ("items" | "additionalProperties", value) => written.push(name, json_schema(value)),
            ("anyOf", Json::Array(choices)) => {
                let choices: Vec<Json<'_>> = choices.into_iter().map(json_schema).collect();
                written.push(name, choices.into());
            }
            ("example", value) => {
                written.push(Cow::Borrowed("examples"), vec![value].into());
            }
            (bound, Json::String(digits)) if BOUNDS.contains(&bound) => {
                let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
                let digits = if is_number {
                    Json::Number(digits)
                } else {
                    Json::String(digits)
                };
                written.push(name, digits);
            }
            (_, value) => written.push(name, value),
        }
    }
    if is_nullable {
        allow_null(&mut written);
    }
    written.into()
}

/// The names of properties are the caller's own.
fn each(schemas: Object<'_>) -> Object<'_> {
    let mut written = Object::new();
    for (name, schema) in schemas {
        written.push(name, json_schema(schema));
    }
    written
}

/// `null` as one more type, one more choice, and one more value.
fn allow_null(schema: &mut Object<'_>) {
    if let Some(kind) = schema.get_mut("type") {
        let named = std::mem::replace(kind, Json::Null);
        *kind = vec![named, "null".into()].into();
    } else if let Some(Json::Array(choices)) = schema.get_mut("anyOf") {
        choices.push(Object::new().with("type", "null").into());
    }
    if let Some(Json::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Json::Null)
    {
        values.push(Json::Null);
    }
}
