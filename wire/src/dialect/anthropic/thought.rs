//! Thinking blocks of a caller's history: Anthropic's own, or another vendor's in disguise.

use std::borrow::Cow;

use super::citation;
pub(super) use crate::chat::packed::pack;
use crate::chat::packed::{self, Packed};
use crate::chat::{Provenance, Thought};
use crate::document::Document;
use crate::json::Json;

/// The request without the thoughts and citations that went out in disguise, for Anthropic, who
/// would take them for its own and refuse them; `None` if it has none.
pub fn without_disguised(request: &Document) -> Option<Document> {
    let is_citing = memchr::memmem::find(request.bytes(), citation::MARK.as_bytes()).is_some();
    if !is_citing && !packed::may_be_in(request.bytes()) {
        return None;
    }
    let Some(Json::Object(mut body)) = Json::trusted(request.bytes()) else {
        return None;
    };
    let Some(Json::Array(messages)) = body.get_mut("messages") else {
        return None;
    };
    for message in messages.iter_mut() {
        if let Json::Object(message) = message
            && let Some(Json::Array(blocks)) = message.get_mut("content")
        {
            blocks.retain(|it| !is_disguised(it));
            blocks.iter_mut().for_each(citation::take_off);
        }
    }
    // A message of nothing else is none.
    messages.retain(|it| it.get("content") != Some(&Json::Array(Vec::new())));
    Document::parse(Json::Object(body).to_bytes()).ok()
}

fn is_disguised(block: &Json<'_>) -> bool {
    let proof = block.str("signature").or_else(|| block.str("data"));
    proof.is_some_and(|it| packed::unpack(it).is_some())
}

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
    use crate::chat::packed::packed_thought;

    // trap 23
    #[test]
    fn a_relayed_history_is_freed_of_thoughts_in_disguise_and_of_nothing_else() {
        let mut thought = Thought::unsigned(Cow::Borrowed("hm"));
        thought.provenance = Provenance::Google;
        thought.signature = Some("abc".into());
        let packed = packed_thought(&thought);
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"hm","signature":"{packed}"}},{{"type":"thinking","thinking":"own","signature":"EqQB"}},{{"type":"text","text":"1.00"}}]}},{{"role":"assistant","content":[{{"type":"redacted_thinking","data":"{packed}"}}]}}],"n":1.00}}"#
        );
        let request = Document::parse(body.into()).unwrap();
        let freed = without_disguised(&request).unwrap();
        assert_eq!(
            std::str::from_utf8(freed.bytes()).unwrap(),
            r#"{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"own","signature":"EqQB"},{"type":"text","text":"1.00"}]}],"n":1.00}"#
        );
        assert!(without_disguised(&freed).is_none());
    }

    #[test]
    fn a_relayed_history_is_freed_of_citations_that_are_not_anthropics() {
        let body = r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"text","text":"a","citations":[{"url":"u","encrypted_index":"tollwardcitation"}]},{"type":"text","text":"b","citations":[{"url":"u","encrypted_index":"tollwardcitation"},{"url":"u","encrypted_index":"Eo8B"}]}]}]}"#;
        let request = Document::parse(body.into()).unwrap();
        let freed = without_disguised(&request).unwrap();
        assert_eq!(
            std::str::from_utf8(freed.bytes()).unwrap(),
            r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b","citations":[{"url":"u","encrypted_index":"Eo8B"}]}]}]}"#
        );
        assert!(without_disguised(&freed).is_none());
    }

    // traps 21, 23
    #[test]
    fn a_foreign_thought_comes_back_as_it_was_and_anthropics_own_is_its_own() {
        let mut thought = Thought::unsigned(Cow::Borrowed("hm"));
        thought.provenance = Provenance::Google;
        thought.signature = Some("a:b\"c".into());
        thought.id = Some("functions.f:0".into());
        let back = unpack("hm".into(), packed_thought(&thought).into());
        assert_eq!(back, thought);
        let own = unpack("hm".into(), "EqQB".into());
        assert_eq!(own.provenance, Provenance::Anthropic);
        assert_eq!(own.signature.as_deref().unwrap(), "EqQB");
    }
}
