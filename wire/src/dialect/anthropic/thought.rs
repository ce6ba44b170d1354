//! Thoughts of other vendors in Anthropic's blocks, and the way back.
//!
//! Anthropic's clients keep a thinking block with its signature and send both back. What
//! another vendor wants back travels in the signature, under a mark by which it is known
//! as ours: it is never sent to Anthropic, who would refuse it.

use std::borrow::Cow;

use crate::chat::{Provenance, Thought};
use crate::json::Json;

const MARK: &str = "tollward-thought-1:";

/// The signature, or the data of a redacted block, that stands for a thought.
pub(super) fn pack(thought: &Thought<'_>) -> String {
    let (kind, payload) = match (&thought.encrypted, &thought.signature) {
        (Some(data), _) => ("encrypted", &**data),
        (None, Some(signature)) => ("signed", &**signature),
        (None, None) => ("plain", ""),
    };
    let id = thought.id.as_deref().unwrap_or_default();
    let packed = [thought.provenance.format(), kind, id, payload];
    let packed = packed.map(Json::from);
    format!("{MARK}{}", Json::Array(packed.to_vec()))
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

/// What was packed; `None` if it is not ours. What is ours and was damaged proves nothing.
fn packed(packed: &str) -> Option<Thought<'static>> {
    let packed = packed.strip_prefix(MARK)?;
    Some(read(packed).unwrap_or_else(|| Thought::unsigned(Cow::Borrowed(""))))
}

fn read(packed: &str) -> Option<Thought<'static>> {
    let packed = Json::parse(packed.as_bytes())?;
    let [format, kind, id, payload] = packed.as_array()? else {
        return None;
    };
    let (format, kind) = (format.as_str()?, kind.as_str()?);
    let (id, payload) = (id.as_str()?, payload.as_str()?.to_owned());
    let mut thought = Thought::unsigned(Cow::Borrowed(""));
    thought.provenance = Provenance::of_format(format);
    thought.id = (!id.is_empty()).then(|| id.to_owned().into());
    match kind {
        "encrypted" => thought.encrypted = Some(payload.into()),
        "signed" => thought.signature = Some(payload.into()),
        _ => {}
    }
    Some(thought)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    // traps 21, 23
    #[test]
    fn a_foreign_thought_comes_back_as_it_was_and_anthropics_own_is_its_own() {
        let mut thought = Thought::unsigned(Cow::Borrowed("hm"));
        thought.provenance = Provenance::Google;
        thought.signature = Some("a:b\"c".into());
        thought.id = Some("functions.f:0".into());
        let back = unpack("hm".into(), pack(&thought).into());
        assert_eq!(back, thought);
        let own = unpack("hm".into(), "EqQB".into());
        assert_eq!(own.provenance, Provenance::Anthropic);
        assert_eq!(own.signature.as_deref().unwrap(), "EqQB");
    }
}
