//! Thinking blocks of a caller's history: Anthropic's own, or another vendor's in disguise.

use std::borrow::Cow;

use super::citation;
pub(super) use crate::chat::packed::pack;
use crate::chat::packed::{self, Packed};
use crate::chat::{Provenance, Thought};
use crate::document::Document;
use crate::json::{Json, Object};

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
    let mut has_taken = false;
    for message in messages.iter_mut() {
        if let Json::Object(message) = message
            && let Some(Json::Array(blocks)) = message.get_mut("content")
        {
            let before = blocks.len();
            blocks.retain(|it| !is_disguised(it));
            has_taken |= blocks.len() < before;
            blocks.iter_mut().for_each(citation::take_off);
        }
    }
    // A message of nothing else is none.
    messages.retain(|it| it.get("content") != Some(&Json::Array(Vec::new())));
    // Where a model is to think, its last turn with tools must begin with a thought.
    if has_taken && body.get("thinking").is_some() && lacks_thought(body.get("messages")) {
        body.set("thinking", Object::new().with("type", "disabled"));
    }
    Document::parse(Json::Object(body).to_bytes()).ok()
}

/// Whether the last turn of the assistant calls tools and does not begin with a thought.
fn lacks_thought(messages: Option<&Json<'_>>) -> bool {
    let messages = messages.and_then(Json::as_array).unwrap_or_default();
    let last = messages
        .iter()
        .rfind(|it| it.str("role") == Some("assistant"));
    let blocks = last
        .and_then(|it| it.get("content"))
        .and_then(Json::as_array);
    let blocks = blocks.unwrap_or_default();
    let is = |block: &Json<'_>, kind: &str| block.str("type") == Some(kind);
    let thinks = |it: &Json<'_>| is(it, "thinking") || is(it, "redacted_thinking");
    blocks.iter().any(|it| is(it, "tool_use")) && !blocks.first().is_some_and(thinks)
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

    // trap 24
    #[test]
    fn a_turn_with_tools_that_lost_its_thought_is_gone_on_from_without_thinking() {
        let history = |proof: String| {
            serde_json::json!({"thinking": {"type": "enabled", "budget_tokens": 2000}, "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": proof},
                    {"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}]})
        };
        let of = |proof: String| {
            let request = Document::parse(history(proof).to_string().into()).unwrap();
            without_disguised(&request)
        };
        let foreign = Thought {
            signature: Some("s".into()),
            provenance: Provenance::Google,
            ..Thought::unsigned("".into())
        };
        let freed = of(packed_thought(&foreign)).unwrap();
        let thinking = Json::trusted(freed.raw("thinking").unwrap()).unwrap();
        assert_eq!(thinking.str("type"), Some("disabled"));
        assert!(of("EqQB".to_owned()).is_none());
    }
}
