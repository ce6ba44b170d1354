//! Thinking blocks of a caller's history: Anthropic's own, or another vendor's in disguise.

use std::borrow::Cow;

pub(super) use crate::chat::packed::pack;
use crate::chat::packed::{self, Packed};
use crate::chat::{Provenance, Thought};

/// A thinking block of a caller's history.
pub(super) fn unpack<'a>(text: Cow<'a, str>, signature: Cow<'a, str>) -> Thought<'a> {
    let Some(mut thought) = ours(&signature) else {
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
    ours(&data).unwrap_or(Thought {
        text: Cow::Borrowed(""),
        signature: None,
        encrypted: Some(data),
        id: None,
        provenance: Provenance::Anthropic,
    })
}

fn ours(packed: &str) -> Option<Thought<'static>> {
    match packed::unpack(packed)? {
        Packed::Thought(thought) => Some(thought),
        Packed::Call { .. } => None,
    }
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
