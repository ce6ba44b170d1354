//! A JSON schema as Anthropic's strict decoder takes it.
//!
//! It wants closed objects and refuses most bounds. A bound that has to go is told to the
//! model in the description, so that it is at least meant.

use crate::json::{Json, Object};

/// Keywords that are refused.
const REFUSED: [&str; 16] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "not",
    "default",
    "examples",
];

/// Formats that are understood.
const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

/// Keywords whose value is a map from names to schemas.
const MAPS: [&str; 4] = ["properties", "$defs", "definitions", "patternProperties"];

/// The schema, closed and without what is refused.
pub(crate) fn closed(schema: Json<'_>) -> Json<'_> {
    let Json::Object(members) = schema else {
        return schema;
    };
    let mut kept = Object::new();
    let mut told = Vec::new();
    for (key, value) in members {
        if REFUSED.contains(&&*key) {
            told.push(format!("{key}: {value}"));
            continue;
        }
        let is_unknown_format =
            key == "format" && !value.as_str().is_some_and(|it| FORMATS.contains(&it));
        if is_unknown_format {
            told.push(format!("format: {value}"));
            continue;
        }
        let value = match value {
            Json::Object(inner) if MAPS.contains(&&*key) => {
                let mut map = Object::new();
                for (name, schema) in inner {
                    map.push(name, closed(schema));
                }
                map.into()
            }
            Json::Array(items) if matches!(&*key, "anyOf" | "oneOf" | "allOf") => {
                items.into_iter().map(closed).collect::<Vec<_>>().into()
            }
            value if key == "items" => closed(value),
            value => value,
        };
        let key = if key == "oneOf" { "anyOf".into() } else { key };
        kept.push(key, value);
    }
    let is_object = kept.get("type").and_then(Json::as_str) == Some("object")
        || kept.get("properties").is_some();
    if is_object {
        kept.set("additionalProperties", false);
    }
    if !told.is_empty() {
        let bounds = told.join(", ");
        let description = match kept.get("description").and_then(Json::as_str) {
            Some(text) => format!("{text} ({bounds})"),
            None => bounds,
        };
        kept.set("description", description);
    }
    kept.into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_and_bounds_become_words() {
        let schema = br#"{"type":"object","properties":{"age":{"type":"integer","minimum":0,"description":"years"},"tags":{"type":"array","items":{"oneOf":[{"type":"string","format":"phone"},{"type":"object"}]}}}}"#;
        let closed = closed(Json::parse(schema).unwrap()).to_string();
        assert_eq!(
            closed,
            r#"{"type":"object","properties":{"age":{"type":"integer","description":"years (minimum: 0)"},"tags":{"type":"array","items":{"anyOf":[{"type":"string","description":"format: \"phone\""},{"type":"object","additionalProperties":false}]}}},"additionalProperties":false}"#
        );
    }
}
