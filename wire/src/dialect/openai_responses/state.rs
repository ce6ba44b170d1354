//! What a request refers to, and how it is put together with what was stored.
//!
//! A store keeps the input and the output of a response as two arrays of items. A request
//! that goes on from it is given them here, as text: nothing stored is written anew.

use std::borrow::Cow;

use bytes::Bytes;

use crate::chat::packed;
use crate::document::{Document, FieldError};
use crate::json::{Json, Object};
use crate::walk::Walker;

/// What a request says about stored responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State<'d> {
    /// The response is to be kept; so it is unless the caller says no.
    pub is_stored: bool,
    /// The response that this one goes on from.
    pub previous: Option<Cow<'d, str>>,
    /// Ids of the stored items that stand in the input by reference, in order.
    pub references: Vec<String>,
}

/// Reads what a request says about stored responses.
///
/// # Errors
/// [`FieldError`] naming a field of the wrong type.
pub fn state_of(request: &Document) -> Result<State<'_>, FieldError> {
    let previous = match request.raw("previous_response_id").and_then(Json::trusted) {
        None | Some(Json::Null) => None,
        Some(Json::String(id)) => Some(id),
        Some(_) => return Err(FieldError::new("previous_response_id", "a string")),
    };
    let mut references = Vec::new();
    if let Some(mut items) = request.raw("input").and_then(|it| Walker::new(it).array()) {
        references.extend(items.by_ref().filter_map(|(item, _)| reference(item)));
    }
    Ok(State {
        is_stored: request.get("store")?.unwrap_or(true),
        previous,
        references,
    })
}

/// The request's own input as an array of items, to be stored and to be joined.
///
/// `find` gives the item of a reference.
///
/// # Errors
/// [`FieldError`] if there is no input, or an item that a reference names is not stored.
pub fn input_items(
    request: &Document,
    find: impl Fn(&str) -> Option<Bytes>,
) -> Result<Bytes, FieldError> {
    let missing = || FieldError::new("input", "a string or an array of items");
    let raw = request.raw("input").ok_or_else(missing)?;
    if let Some(text @ Json::String(_)) = Json::trusted(raw) {
        let item = Object::new()
            .with("type", "message")
            .with("role", "user")
            .with("content", text);
        return Ok(Json::Array(vec![item.into()]).to_bytes());
    }
    let items = Walker::new(raw).array().ok_or_else(missing)?;
    let mut out = Items::default();
    for (at, (item, _)) in items.enumerate() {
        match reference(item) {
            None => out.push(item),
            Some(id) => out.push(&find(&id).ok_or_else(|| {
                FieldError::new(
                    format!("input[{at}].id"),
                    "the id of an item that is stored here",
                )
            })?),
        }
    }
    Ok(out.finish())
}

/// The request with `history`, arrays of items from the oldest to the newest, before its own `items`.
///
/// It goes on from nothing: `previous_response_id` is taken out. The instructions are its own.
///
/// # Errors
/// [`FieldError`] if the whole is no request any more: it is too deep, or what was stored is broken.
pub fn join(request: &Document, history: &[Bytes], items: &Bytes) -> Result<Document, FieldError> {
    let mut all = Items::default();
    for array in history.iter().chain([items]) {
        let elements = Walker::new(array).array();
        let elements = elements.ok_or_else(|| FieldError::new("input", "an array of items"))?;
        for (item, _) in elements {
            all.push(item);
        }
    }
    let mut edit = request.edit();
    edit.set_raw("input", all.finish());
    edit.remove("previous_response_id");
    Document::parse(edit.finish().to_bytes())
        .map_err(|error| FieldError::new("input", format!("a usable conversation ({error})")))
}

/// The request without the thoughts that went out in disguise, for a vendor of this dialect that
/// would take them for its own and refuse them; `None` if it has none.
///
/// # Errors
/// [`FieldError`] if what is left is no request, which cannot be.
pub fn without_disguised(request: &Document) -> Result<Option<Document>, FieldError> {
    let is_likely = packed::may_be_in(request.bytes());
    let items = request.raw("input").and_then(|it| Walker::new(it).array());
    let Some(items) = items.filter(|_| is_likely) else {
        return Ok(None);
    };
    let mut out = Items::default();
    let mut is_changed = false;
    for (item, _) in items {
        if is_disguised(item) {
            is_changed = true;
        } else {
            out.push(item);
        }
    }
    if !is_changed {
        return Ok(None);
    }
    let mut edit = request.edit();
    edit.set_raw("input", out.finish());
    let whole = Document::parse(edit.finish().to_bytes());
    let whole = whole.map_err(|error| FieldError::new("input", error.to_string()))?;
    Ok(Some(whole))
}

fn is_disguised(item: &[u8]) -> bool {
    let Some(item) = Json::trusted(item).filter(|_| packed::may_be_in(item)) else {
        return false;
    };
    let cipher = item.str("encrypted_content");
    item.str("type") == Some("reasoning") && cipher.is_some_and(|it| packed::unpack(it).is_some())
}

/// The id that an item refers to; `None` if it is an item itself.
fn reference(item: &[u8]) -> Option<String> {
    // Most items are long and say their type first; only small ones can be references.
    if item.len() > MAX_REFERENCE {
        return None;
    }
    let item = Json::trusted(item)?;
    let is_reference = match item.str("type") {
        Some(kind) => kind == "item_reference",
        None => item.get("role").is_none(),
    };
    is_reference.then(|| item.str("id").map(str::to_owned))?
}

/// Longest item that may be a reference, in bytes.
const MAX_REFERENCE: usize = 1024;

/// An array in the making.
#[derive(Default)]
struct Items(Vec<u8>);

impl Items {
    fn push(&mut self, item: &[u8]) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(item);
    }

    fn finish(mut self) -> Bytes {
        if self.0.is_empty() {
            self.0.push(b'[');
        }
        self.0.push(b']');
        self.0.into()
    }
}
