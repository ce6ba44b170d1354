//! Whether an answer is what the description of the API says of it.
//!
//! As much of JSON Schema as the description uses; a keyword that is not known here fails the test, so
//! that nothing passes unlooked at. Stricter in one way: an answer has no member that is not described.

use serde_json::{Map, Value};

/// Checks an answer against `document`.
#[track_caller]
pub(super) fn check(document: &Value, (method, path): (&str, &str), status: u16, body: &Value) {
    let place = format!("{method} {path} {status}");
    let path = path.split('?').next().unwrap();
    let paths = document["paths"].as_object().unwrap();
    let item = paths.get(path).or_else(|| {
        let templates = paths.iter().filter(|(template, _)| is_of(template, path));
        templates.map(|(_, item)| item).next()
    });
    let item = item.unwrap_or_else(|| panic!("{place} is not described"));
    let responses = &item[method.to_lowercase()]["responses"];
    let response = &responses[status.to_string()];
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{place} is not described: {responses}");
    if let Err(fault) = fits(document, schema, body, "") {
        panic!("{place}: {fault}: {body:#}");
    }
}

fn is_of(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(path)
            .all(|(one, other)| one.starts_with('{') || *one == other)
}

fn fits(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(target) => {
            let pointer = target.strip_prefix('#').unwrap();
            document
                .pointer(pointer)
                .ok_or_else(|| format!("{target} leads nowhere"))?
        }
        None => schema,
    };
    let Value::Object(keywords) = schema else {
        return Err(format!("{at} has no schema"));
    };
    for (keyword, wanted) in keywords {
        keyword_fits(document, (keyword, wanted), value, at)?;
    }
    if let (Some(Value::Object(described)), Value::Object(members)) =
        (keywords.get("properties"), value)
    {
        members_fit(document, described, members, at)?;
    }
    Ok(())
}

fn members_fit(
    document: &Value,
    described: &Map<String, Value>,
    members: &Map<String, Value>,
    at: &str,
) -> Result<(), String> {
    for (name, member) in members {
        let schema = described.get(name);
        let schema = schema.ok_or_else(|| format!("{at}/{name} is not described"))?;
        fits(document, schema, member, &format!("{at}/{name}"))?;
    }
    Ok(())
}

fn keyword_fits(
    document: &Value,
    (keyword, wanted): (&str, &Value),
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let wrong = || Err(format!("{at} is not `{keyword}: {wanted}`"));
    let list = || wanted.as_array().unwrap().iter();
    match keyword {
        "type" => {
            let is = |name: &Value| match name.as_str().unwrap() {
                "null" => value.is_null(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                "array" => value.is_array(),
                "object" => value.is_object(),
                other => panic!("an unknown type {other}"),
            };
            let fits = if wanted.is_array() {
                list().any(is)
            } else {
                is(wanted)
            };
            if !fits {
                return wrong();
            }
        }
        "enum" if !list().any(|it| it == value) => return wrong(),
        "required" => {
            for name in list() {
                if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                    return Err(format!("{at} lacks {name}"));
                }
            }
        }
        "items" => {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                fits(document, wanted, item, &format!("{at}/{index}"))?;
            }
        }
        "oneOf" | "anyOf" if !list().any(|it| fits(document, it, value, at).is_ok()) => {
            return wrong();
        }
        "minimum" if value.is_i64() && value.as_i64() < wanted.as_i64() => return wrong(),
        "minItems" if value.as_array().unwrap().len() < length(wanted) => return wrong(),
        "maxItems" if value.as_array().unwrap().len() > length(wanted) => return wrong(),
        "pattern" if wanted.as_str().unwrap().starts_with("^[0-9]") => {
            let text = value.as_str().unwrap();
            let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
            let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
            if !is_number(whole) || !is_number(part) {
                return wrong();
            }
        }
        // A word that is always the same: `^list$`.
        "pattern" if value.as_str() != Some(wanted.as_str().unwrap().trim_matches(['^', '$'])) => {
            if !wanted.as_str().unwrap().starts_with("^[0-9]") {
                return wrong();
            }
        }
        "format" if wanted == "date-time" && value.is_string() => {
            let text = value.as_str().unwrap();
            if !(text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T') {
                return wrong();
            }
        }
        "enum" | "oneOf" | "anyOf" | "minimum" | "minItems" | "maxItems" | "pattern" | "format"
        | "properties" | "description" | "examples" | "example" | "title" | "default" => {}
        other => return Err(format!("{at}: the keyword {other} is not known here")),
    }
    Ok(())
}

fn length(wanted: &Value) -> usize {
    usize::try_from(wanted.as_u64().unwrap()).unwrap()
}
