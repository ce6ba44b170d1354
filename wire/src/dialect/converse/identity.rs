//! Whom a request is for: `requestMetadata`, which shows in the logs of the account, and the
//! tier of service.

use crate::chat::{ChatRequest, Written};
use crate::json::{Json, Object};

/// Most entries of metadata.
const MAX_ENTRIES: usize = 16;
/// Longest key and longest value, in characters.
const MAX_CHARACTERS: usize = 256;

/// Whether a hint is carried.
pub(super) fn takes(hint: &str) -> bool {
    matches!(hint, "metadata" | "safety_identifier" | "service_tier")
}

/// The caller's metadata and user, as far as the characters are taken.
pub(super) fn metadata<'a>(request: &ChatRequest<'a>, written: &mut Written<'a>) -> Object<'a> {
    let mut kept = Object::new();
    let mut entries = 0;
    let mut keep = |key: &str, value: &Json<'a>| {
        let Json::String(text) = value else {
            return false;
        };
        let fits = !key.is_empty() && is_plain(key) && is_plain(text) && entries < MAX_ENTRIES;
        if fits && kept.get(key).is_none() {
            entries += 1;
            kept.push(key.to_owned().into(), value.clone());
            return true;
        }
        false
    };
    match hint(request, "metadata") {
        Some(Json::Object(object)) => {
            for (key, value) in object.members() {
                if keep(key, value) {
                    continue;
                }
                // The list of what was left out may become a header.
                if !key.is_empty() && key.bytes().all(|it| it.is_ascii_graphic()) {
                    written.drop_field(format!("metadata.{key}"));
                } else {
                    written.drop_field("metadata");
                }
            }
        }
        Some(_) => written.drop_field("metadata"),
        None => {}
    }
    let user = request.user.clone().map(Json::from);
    let safety = hint(request, "safety_identifier").cloned();
    for (field, value) in [("user", user), ("safety_identifier", safety)] {
        if value.is_some_and(|it| !keep(field, &it)) {
            written.drop_field(field);
        }
    }
    kept
}

/// `serviceTier`; the vendor's own choice is what saying nothing means.
pub(super) fn tier<'a>(request: &ChatRequest<'a>, written: &mut Written<'a>) -> Option<Json<'a>> {
    match hint(request, "service_tier")?.as_str() {
        Some(word @ ("priority" | "default" | "flex" | "reserved")) => {
            let word = word.to_owned();
            Some(Object::new().with("type", word).into())
        }
        Some("auto") => None,
        _ => {
            written.drop_field("service_tier");
            None
        }
    }
}

fn hint<'r, 'a>(request: &'r ChatRequest<'a>, name: &str) -> Option<&'r Json<'a>> {
    let found = request.hints.iter().find(|(it, _)| *it == name);
    found.map(|(_, value)| value)
}

/// Letters, digits, white space and the few signs that Bedrock takes, not too many of them.
fn is_plain(text: &str) -> bool {
    let is_taken = |it: char| {
        it.is_ascii_alphanumeric() || it.is_ascii_whitespace() || ":_@$#=/+,-.".contains(it)
    };
    text.len() <= MAX_CHARACTERS && text.chars().all(is_taken)
}
