//! The items of a stored response one by one: each with an id, in pages.

use bytes::Bytes;

use crate::json::{Json, Object};
use crate::walk::Walker;

/// Length of the word that is unique to an answer, in item ids.
const ANSWER_LENGTH: usize = 32;

/// Which page of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Most items on it.
    pub limit: usize,
    /// The oldest first.
    pub is_ascending: bool,
    /// It begins behind the item of this id.
    pub after: Option<String>,
}

/// The answer that an item's id names, if it is an id of ours.
pub fn answer_of(item: &str) -> Option<&str> {
    let (_, rest) = item.rsplit_once('_')?;
    rest.get(..ANSWER_LENGTH)
}

/// Whether an item's id is one that an answer of ours was given: those of `OpenAI` are longer.
pub fn is_own_item(item: &str) -> bool {
    let word = item.rsplit_once('_').map_or("", |(_, rest)| rest);
    // A UUID of version 7, and the item's place.
    (ANSWER_LENGTH + 2..=ANSWER_LENGTH + 4).contains(&word.len())
        && word.bytes().all(|it| it.is_ascii_hexdigit())
        && word.as_bytes().get(12) == Some(&b'7')
}

/// The items of an array, each with its id: its own, or one made of `answer` and its place.
/// Messages are put into their long form.
///
/// `None` if it is no array of objects.
pub fn items_with_ids(array: &[u8], answer: &str) -> Option<Vec<(String, Bytes)>> {
    let items = Walker::new(array).array()?.enumerate();
    let with_id = |(at, (item, _)): (usize, (&[u8], _))| {
        let Json::Object(item) = Json::trusted(item)? else {
            return None;
        };
        Some(with_id(item, answer, at))
    };
    items.map(with_id).collect()
}

/// A page of the items as `OpenAI` lists them; `None` if the one that it begins behind is not there.
pub fn page(mut items: Vec<(String, Bytes)>, asked: &Page) -> Option<Bytes> {
    if !asked.is_ascending {
        items.reverse();
    }
    let start = match &asked.after {
        None => 0,
        Some(after) => items.iter().position(|(id, _)| id == after)? + 1,
    };
    let rest = items.get(start..).unwrap_or_default();
    let shown = rest.get(..asked.limit).unwrap_or(rest);
    let mut out = b"{\"object\":\"list\",\"data\":[".to_vec();
    for (at, (_, item)) in shown.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(item);
    }
    out.extend_from_slice(b"],");
    let id_of =
        |item: Option<&(String, Bytes)>| item.map_or(Json::Null, |(id, _)| id.clone().into());
    let end = Object::new()
        .with("first_id", id_of(shown.first()))
        .with("last_id", id_of(shown.last()))
        .with("has_more", shown.len() < rest.len());
    // The members go on where the array ended.
    out.extend(Json::from(end).to_bytes().iter().skip(1));
    Some(out.into())
}

/// What is said of a response that was deleted.
pub fn deleted(id: &str) -> Bytes {
    let object = Object::new()
        .with("id", id)
        .with("object", "response")
        .with("deleted", true);
    Json::from(object).to_bytes()
}

fn with_id(mut item: Object<'_>, answer: &str, at: usize) -> (String, Bytes) {
    let own = item.take("id");
    let own = own.as_ref().and_then(Json::as_str).map(str::to_owned);
    let mut rest = long_form(item);
    let kind = rest.get("type").and_then(Json::as_str).unwrap_or_default();
    let id = own.unwrap_or_else(|| format!("{}_{answer}i{at:02x}", prefix(kind)));
    let mut out = Object::new().with("id", id.clone());
    if let Some(kind) = rest.take("type") {
        out = out.with("type", kind);
    }
    for (key, value) in rest {
        out.push(key, value);
    }
    (id, Json::from(out).to_bytes())
}

/// The item with its type, and a message's text as a list of parts.
fn long_form(mut item: Object<'_>) -> Object<'_> {
    let Some(role) = item.get("role").and_then(Json::as_str) else {
        return item;
    };
    let part = Object::new().with("type", part_type(role));
    if item.get("type").is_none() {
        item.set("type", "message");
    }
    if item.get("status").is_none() {
        item.set("status", "completed");
    }
    if let Some(Json::String(text)) = item.get("content").cloned() {
        let part = part.with("text", text);
        item.set("content", Json::Array(vec![part.into()]));
    }
    item
}

fn part_type(role: &str) -> &'static str {
    if role == "assistant" {
        "output_text"
    } else {
        "input_text"
    }
}

/// What the ids of a kind of item begin with.
fn prefix(kind: &str) -> &'static str {
    match kind {
        "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        _ => "item",
    }
}
