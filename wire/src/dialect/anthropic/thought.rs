//! Thoughts of other vendors in Anthropic's blocks, and the way back.
//!
//! Anthropic's clients keep a thinking block with its signature and send both back. What
//! another vendor wants back travels in the signature, under a mark by which it is known
//! as ours: it is never sent to Anthropic, who would refuse it.

use std::borrow::Cow;

use crate::chat::{Provenance, Thought};

const MARK: &str = "tollward-thought-1";

/// The signature, or the data of a redacted block, that stands for a thought.
pub(super) fn pack(thought: &Thought<'_>) -> String {
    let (kind, payload) = match (&thought.encrypted, &thought.signature) {
        (Some(data), _) => ("encrypted", &**data),
        (None, Some(signature)) => ("signed", &**signature),
        (None, None) => ("plain", ""),
    };
    let id = thought.id.as_deref().unwrap_or_default();
    [MARK, thought.provenance.format(), kind, id, payload].join(":")
}

/// A thinking block of a caller's history.
pub(super) fn unpack<'a>(text: Cow<'a, str>, signature: Cow<'a, str>) -> Thought<'a> {
    let Some(mut thought) = packed(&signature) else {
        return Thought {
            text,
            signature: (!signature.is_empty()).then_some(signature),
            encrypted: None,
            id: None,
            provenance: Provenance::Anthropic,
        };
    };
    thought.text = text;
    thought
}

/// A redacted block of a caller's history.
pub(super) fn unpack_redacted(data: Cow<'_, str>) -> Thought<'_> {
    packed(&data).unwrap_or(Thought {
        text: Cow::Borrowed(""),
        signature: None,
        encrypted: Some(data),
        id: None,
        provenance: Provenance::Anthropic,
    })
}

fn packed(packed: &str) -> Option<Thought<'static>> {
    let mut parts = packed.strip_prefix(MARK)?.strip_prefix(':')?.splitn(4, ':');
    let (format, kind, id) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = || parts.next().unwrap_or_default().to_owned().into();
    let mut thought = Thought::unsigned(Cow::Borrowed(""));
    thought.provenance = Provenance::of_format(format);
    thought.id = (!id.is_empty()).then(|| id.to_owned().into());
    let mut payload = payload;
    match kind {
        "encrypted" => thought.encrypted = Some(payload()),
        "signed" => thought.signature = Some(payload()),
        _ => {}
    }
    Some(thought)
}
