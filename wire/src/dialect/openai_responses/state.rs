//! What a request refers to, and how it is put together with what was stored.
//!
//! A store keeps the input and the output of a response as two arrays of items. A request
//! that goes on from it is given them here, as text: nothing stored is written anew.

use std::borrow::Cow;

use bytes::Bytes;

use super::listing::is_own_item;
use crate::chat::packed;
use crate::document::{Document, Edit, FieldError};
use crate::json::{Json, Object};
use crate::walk::{Walker, unescape};

/// What a request says about stored responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State<'d> {
    /// The response is to be kept; so it is unless the caller says no.
    pub is_stored: bool,
    /// The response that this one goes on from.
    pub previous: Option<Cow<'d, str>>,
    /// Ids of the stored items that stand in the input by reference, in order.
    pub references: Vec<String>,
    /// Ids of the thoughts that stand in the input without their cipher: a vendor that keeps
    /// thoughts looks them up.
    pub thoughts: Vec<String>,
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
    let (mut references, mut thoughts) = (Vec::new(), Vec::new());
    let items = request.raw("input").and_then(|it| Walker::new(it).array());
    for (item, _) in items.into_iter().flatten() {
        match Head::of(item) {
            Some(head) if head.is_reference() => references.extend(head.id),
            Some(head) if head.is_bare_thought() => thoughts.extend(head.id),
            _ => {}
        }
    }
    Ok(State {
        is_stored: request.get("store")?.unwrap_or(true),
        previous,
        references,
        thoughts,
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

/// An item that stands for another one by its id.
pub fn item_reference(id: &str) -> Bytes {
    let item = Object::new().with("type", "item_reference").with("id", id);
    Json::from(item).to_bytes()
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
    usable(edit)
}

/// The request with other `items`, still going on from what the vendor keeps.
///
/// # Errors
/// As of [`join`].
pub fn with_items(request: &Document, items: &Bytes) -> Result<Document, FieldError> {
    let mut edit = request.edit();
    edit.set_raw("input", items.clone());
    usable(edit)
}

/// The request for a vendor that is to keep nothing of it.
///
/// # Errors
/// [`FieldError`] if what is left is no request, which cannot be.
pub fn unstored(request: &Document) -> Result<Document, FieldError> {
    let mut edit = request.edit();
    edit.set("store", false);
    usable(edit)
}

fn usable(edit: Edit<'_>) -> Result<Document, FieldError> {
    Document::parse(edit.finish().to_bytes())
        .map_err(|error| FieldError::new("input", format!("a usable conversation ({error})")))
}

/// The request without the thoughts that are not the vendor's own, for a vendor of this dialect
/// that would refuse them: those in disguise, and those that have only an id of ours, under which
/// it would look for them. `None` if it has none.
///
/// # Errors
/// [`FieldError`] if what is left is no request, which cannot be.
pub fn without_foreign_thoughts(request: &Document) -> Result<Option<Document>, FieldError> {
    let items = request.raw("input").and_then(|it| Walker::new(it).array());
    let Some(items) = items else {
        return Ok(None);
    };
    let mut out = Items::default();
    let mut is_changed = false;
    for (item, _) in items {
        if is_foreign(item) {
            is_changed = true;
        } else {
            out.push(item);
        }
    }
    if !is_changed {
        return Ok(None);
    }
    with_items(request, &out.finish()).map(Some)
}

fn is_foreign(item: &[u8]) -> bool {
    match Head::of(item) {
        Some(head) if head.is_bare_thought() => head.id.is_some_and(|it| is_own_item(&it)),
        Some(head) => head.cipher.is_some_and(|it| packed::unpack(&it).is_some()),
        None => false,
    }
}

/// The id that an item refers to; `None` if it is an item itself.
fn reference(item: &[u8]) -> Option<String> {
    Head::of(item).filter(Head::is_reference)?.id
}

/// What an item says of itself, as far as it may stand for what is stored.
#[derive(Default)]
struct Head {
    kind: Option<String>,
    id: Option<String>,
    cipher: Option<String>,
    has_role: bool,
}

impl Head {
    /// Reads it, unless it is of a kind that stands for nothing. Most items say their kind first.
    fn of(item: &[u8]) -> Option<Self> {
        let text = |value| match Json::trusted(value)? {
            Json::String(text) if !text.is_empty() => Some(text.into_owned()),
            _ => None,
        };
        let mut head = Self::default();
        for field in Walker::new(item).object()? {
            match &*key(field.key)? {
                "type" => {
                    head.kind = text(field.value);
                    let kind = head.kind.as_deref();
                    if kind.is_some_and(|it| it != "item_reference" && it != "reasoning") {
                        return None;
                    }
                }
                "id" => head.id = text(field.value),
                "role" => head.has_role = true,
                "encrypted_content" => head.cipher = text(field.value),
                _ => {}
            }
        }
        Some(head)
    }

    fn is_reference(&self) -> bool {
        match self.kind.as_deref() {
            Some(kind) => kind == "item_reference",
            None => !self.has_role,
        }
    }

    fn is_bare_thought(&self) -> bool {
        self.kind.as_deref() == Some("reasoning") && self.cipher.is_none()
    }
}

/// A key, which may be spelt with escapes.
fn key(raw: &[u8]) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'\\', raw).is_none() {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    unescape(&[b"\"", raw, b"\""].concat()).map(Cow::Owned)
}

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
