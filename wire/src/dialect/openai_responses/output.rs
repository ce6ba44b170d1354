//! The shapes of an answer's items: thoughts, messages and calls.
//!
//! A stream, a whole answer and a store all get them from here, so that an item has one id
//! and one shape wherever a client meets it.

use crate::chat::packed::pack;
use crate::chat::seal::Seal;
use crate::chat::{Thought, ToolKind};
use crate::json::{Json, Object};

/// An item's id: its kind, the answer's id and its place.
pub(super) fn item_id(kind: &str, answer: &str, index: u64) -> String {
    format!("{kind}_{answer}{index:02x}")
}

/// Whether a thought is nothing but its words.
pub(super) fn is_plain(thought: &Thought<'_>) -> bool {
    thought.signature.is_none() && thought.encrypted.is_none() && thought.id.is_none()
}

/// What a client must keep of a thought besides its words; `None` if that is nothing.
pub(super) fn cipher(thought: &Thought<'_>, seal: &Seal) -> Option<String> {
    (!is_plain(thought)).then(|| pack(thought, seal))
}

/// A thought.
pub(super) fn reasoning<'a>(
    id: &'a str,
    status: &'static str,
    text: &'a str,
    cipher: Option<&'a str>,
) -> Object<'a> {
    let summary = match text {
        "" => Vec::new(),
        text => vec![summary_part(text).into()],
    };
    Object::new()
        .with("type", "reasoning")
        .with("id", id)
        .with("summary", summary)
        .with_some("encrypted_content", cipher)
        .with("status", status)
}

pub(super) fn summary_part(text: &str) -> Object<'_> {
    Object::new()
        .with("type", "summary_text")
        .with("text", text)
}

/// A message.
pub(super) fn message<'a>(id: &'a str, status: &'static str, content: Vec<Json<'a>>) -> Object<'a> {
    Object::new()
        .with("type", "message")
        .with("id", id)
        .with("role", "assistant")
        .with("status", status)
        .with("content", content)
}

pub(super) fn text_part<'a>(
    text: &'a str,
    annotations: &[Json<'a>],
    logprobs: &[Json<'a>],
) -> Object<'a> {
    Object::new()
        .with("type", "output_text")
        .with("text", text)
        .with("annotations", annotations.to_vec())
        .with("logprobs", logprobs.to_vec())
}

pub(super) fn refusal_part(text: &str) -> Object<'_> {
    Object::new().with("type", "refusal").with("refusal", text)
}

/// A call, with what is known of its arguments.
pub(super) struct Call<'a> {
    pub(super) kind: ToolKind,
    pub(super) id: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

impl<'a> Call<'a> {
    pub(super) const fn prefix(kind: ToolKind) -> &'static str {
        match kind {
            ToolKind::Function => "fc",
            ToolKind::Custom => "ctc",
        }
    }

    pub(super) fn item(&self, id: &'a str, status: &'static str) -> Object<'a> {
        let (kind, input) = match self.kind {
            ToolKind::Function => ("function_call", "arguments"),
            ToolKind::Custom => ("custom_tool_call", "input"),
        };
        Object::new()
            .with("type", kind)
            .with("id", id)
            .with("call_id", self.id)
            .with_some("namespace", self.namespace)
            .with("name", self.name)
            .with(input, self.arguments)
            .with("status", status)
    }
}

/// A citation in the shape that Responses has, counted from the start of its own text.
pub(super) fn annotation(chat: &Json<'_>, text_start: u64) -> Json<'static> {
    let Some(inner) = chat.get("url_citation") else {
        return chat.clone().into_owned();
    };
    let index = |name: &str| {
        let index = inner.get(name).and_then(Json::as_u64).unwrap_or(0);
        index.saturating_sub(text_start)
    };
    let it = Object::new()
        .with("type", "url_citation")
        .with("start_index", index("start_index"))
        .with("end_index", index("end_index"))
        .with("url", inner.str("url").unwrap_or_default().to_owned())
        .with("title", inner.str("title").unwrap_or_default().to_owned());
    it.into()
}

/// The word for an item that is over.
pub(super) const fn status(is_cut: bool) -> &'static str {
    if is_cut { "incomplete" } else { "completed" }
}
