//! A function call whose arguments come in pieces, each with the place it belongs to.
//!
//! Vertex streams them so: `{"jsonPath": "$.to[0]", "stringValue": "Bos", "willContinue": true}`.
//! Source: google-genai 3.6 `types.FunctionCall`, `types.PartialArg` (read 2026-11); paths are
//! those of RFC 9535 that name one place.

use crate::json::{Json, Object};

/// Deepest path that is followed, in steps.
const MAX_DEPTH: usize = 64;

/// A call that goes on.
#[derive(Debug)]
pub(super) struct Partial {
    /// Its number in the answer.
    pub(super) call: u32,
    arguments: Json<'static>,
}

/// A step of a path.
enum Step {
    Name(String),
    At(usize),
}

impl Partial {
    /// Begins with whatever arguments came whole.
    pub(super) fn new(call: u32, value: &Json<'_>) -> Self {
        let arguments = value.get("args").and_then(Json::as_object).cloned();
        let arguments = Json::Object(arguments.unwrap_or_default()).into_owned();
        let mut partial = Self { call, arguments };
        partial.add(value);
        partial
    }

    /// Puts the next pieces in their places; one without a place is of no use.
    pub(super) fn add(&mut self, value: &Json<'_>) {
        let pieces = value.get("partialArgs").and_then(Json::as_array);
        for piece in pieces.unwrap_or_default() {
            let place = piece.str("jsonPath").and_then(steps);
            let place = place.and_then(|steps| place_of(&mut self.arguments, steps));
            if let (Some(place), Some(new)) = (place, value_of(piece)) {
                match (place, new) {
                    // Pieces of one text have one place.
                    (Json::String(text), Json::String(more)) => text.to_mut().push_str(&more),
                    (place, new) => *place = new.into_owned(),
                }
            }
        }
    }

    /// The arguments: all of them, or what there is of them, which is no JSON.
    pub(super) fn text(&self, is_whole: bool) -> String {
        let mut text = self.arguments.to_string();
        if !is_whole {
            text.pop();
        }
        text
    }
}

fn value_of<'j>(piece: &'j Json<'_>) -> Option<Json<'j>> {
    let found = ["stringValue", "numberValue", "boolValue"];
    let found = found.iter().find_map(|it| piece.get(it));
    match found {
        Some(value) => Some(value.clone()),
        None => piece.as_object()?.get("nullValue").map(|_| Json::Null),
    }
}

/// The steps of a path; `None` if it names no single place below the root.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() && steps.len() < MAX_DEPTH {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, tail) = after.split_at_checked(end)?;
            steps.push(Step::Name(name.to_owned()));
            rest = tail;
            continue;
        }
        let after = rest.strip_prefix('[')?;
        let quote = after.chars().next().filter(|it| matches!(it, '"' | '\''));
        let end = match quote {
            Some(quote) => after.find(&format!("{quote}]"))? + 1,
            None => after.find(']')?,
        };
        let (inner, tail) = after.split_at_checked(end)?;
        steps.push(match quote {
            Some(quote) => Step::Name(inner.trim_matches(quote).to_owned()),
            None => Step::At(inner.parse().ok()?),
        });
        rest = tail.strip_prefix(']')?;
    }
    (rest.is_empty() && !steps.is_empty()).then_some(steps)
}

/// The place, made on the way; an array grows by one element at a time.
fn place_of<'p>(root: &'p mut Json<'static>, steps: Vec<Step>) -> Option<&'p mut Json<'static>> {
    let mut place = root;
    for step in steps {
        place = match step {
            Step::Name(name) => {
                if place.as_object().is_none() {
                    *place = Json::Object(Object::new());
                }
                let Json::Object(object) = place else {
                    return None;
                };
                if object.get(&name).is_none() {
                    object.push(name.clone().into(), Json::Null);
                }
                object.get_mut(&name)?
            }
            Step::At(at) => {
                if place.as_array().is_none() {
                    *place = Json::Array(Vec::new());
                }
                let Json::Array(items) = place else {
                    return None;
                };
                if at == items.len() {
                    items.push(Json::Null);
                }
                items.get_mut(at)?
            }
        };
    }
    Some(place)
}
