//! Proofs of thoughts: to the caller and back on the part that they belong to.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{body, document, echo, target, traits};
use crate::chat::seal::tests::received;
use crate::chat::settle::Settler;
use crate::chat::{Names, Traits};
use crate::dialect::Dialect;
use crate::translate::tests::translate_answer;

const PROOF: &str = "CpQBProof==";

/// The vendor's parts as they come back with the next turn of a caller of dialect `to`, who may
/// lose something of the answer first.
fn back(to: Dialect, parts: &Value, lose: impl FnOnce(&mut Value)) -> (Value, Vec<String>) {
    let gemini = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]});
    let request = document(&json!({}));
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::Gemini, to);
    let gemini = gemini.to_string();
    let answer = translate_answer(way, &mut settler, &echo(&request), gemini.as_bytes());
    let mut answer: Value = serde_json::from_slice(&answer.unwrap().0).unwrap();
    let mut message = match to {
        Dialect::Anthropic => json!({"role": "assistant", "content": answer["content"].take()}),
        Dialect::Ollama => answer["message"].take(),
        _ => answer["choices"][0]["message"].take(),
    };
    lose(&mut message);
    let history = document(&json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "hi"}, message]}));
    let history = received(&history);
    let chat = to.read_request(&history).unwrap();
    let written = Dialect::Gemini.write_request(&chat, &target(traits()));
    let written = written.unwrap();
    let mut body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    let dropped = written.dropped.iter().map(ToString::to_string).collect();
    (body["contents"][1]["parts"].take(), dropped)
}

fn call(id: Option<&str>) -> Value {
    let mut parts = json!([
        {"functionCall": {"name": "f", "args": {"a": 1.5}}, "thoughtSignature": PROOF},
        {"functionCall": {"name": "f", "args": {}}}]);
    if let Some(id) = id {
        parts[0]["functionCall"]["id"] = json!(id);
        parts[1]["functionCall"]["id"] = json!("other");
    }
    parts
}

// trap 25
#[test]
fn a_client_of_ollama_has_no_place_for_a_proof_and_the_vendors_own_excuse_stands_for_it() {
    for parts in [call(Some("call_1")), call(None)] {
        let (parts, dropped) = back(Dialect::Ollama, &parts, |_| {});
        assert_eq!(
            parts[0]["thoughtSignature"],
            "skip_thought_signature_validator"
        );
        assert_eq!(parts[0]["functionCall"]["args"], json!({"a": 1.5}));
        assert_eq!(parts[1].get("thoughtSignature"), None);
        assert!(
            !dropped.iter().any(|it| it.contains("tool_calls")),
            "{dropped:?}"
        );
    }
}

// trap 25
#[test]
fn the_proof_of_a_call_comes_back_on_it_from_both_kinds_of_callers() {
    for to in [Dialect::OpenAiChat, Dialect::Anthropic] {
        let (parts, dropped) = back(to, &call(None), |_| {});
        assert_eq!(parts, call(None), "{to:?}");
        assert!(dropped.is_empty(), "{dropped:?}");
    }
}

// trap 25
#[test]
fn either_copy_of_a_proof_is_enough() {
    for id in [None, Some("g-1")] {
        let (parts, _) = back(Dialect::OpenAiChat, &call(id), |message| {
            message["tool_calls"][0]["extra_content"] = Value::Null;
        });
        assert_eq!(parts, call(None));
        let (parts, _) = back(Dialect::OpenAiChat, &call(id), |message| {
            message["reasoning_details"] = Value::Null;
        });
        assert_eq!(parts, call(None));
    }
}

// trap 25
#[test]
fn a_proof_that_the_client_lost_is_excused() {
    let (parts, dropped) = back(Dialect::OpenAiChat, &call(None), |message| {
        message["tool_calls"][0]["extra_content"] = Value::Null;
        message["reasoning_details"] = Value::Null;
    });
    assert_eq!(
        parts[0]["thoughtSignature"],
        "skip_thought_signature_validator"
    );
    assert_eq!(parts[1].get("thoughtSignature"), None);
    assert!(
        dropped.is_empty(),
        "nothing that was sent is left out: {dropped:?}"
    );
}

#[test]
fn older_models_are_not_told_of_a_lost_proof() {
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]});
    let older = Traits {
        thinks_by_effort: false,
        ..traits()
    };
    let (body, dropped) = body(&chat, older);
    let parts = &body["contents"][1]["parts"];
    assert_eq!(parts, &json!([{"functionCall": {"name": "f", "args": {}}}]));
    assert!(dropped.is_empty());
}

// trap 21
#[test]
fn the_proof_of_a_text_comes_back_on_it() {
    let parts = json!([{"text": "Forty-two.", "thoughtSignature": PROOF}]);
    for to in [Dialect::OpenAiChat, Dialect::Anthropic] {
        let (again, dropped) = back(to, &parts, |_| {});
        assert_eq!(again, parts, "{to:?}");
        assert!(dropped.is_empty(), "{dropped:?}");
    }
}

// trap 22
#[test]
fn a_proof_after_the_pieces_of_a_text_belongs_to_the_text() {
    let pieces = json!([{"text": "Hm.", "thought": true}, {"text": "Forty-"}, {"text": "two."},
        {"text": "", "thoughtSignature": PROOF}]);
    let (parts, _) = back(Dialect::OpenAiChat, &pieces, |_| {});
    assert_eq!(
        parts,
        json!([{"text": "Forty-two.", "thoughtSignature": PROOF}])
    );
    let (parts, dropped) = back(Dialect::Anthropic, &pieces, |_| {});
    assert_eq!(
        parts,
        json!([{"text": "Forty-two.", "thoughtSignature": PROOF}])
    );
    // The words of a thought without a proof are of no use to the model.
    assert_eq!(dropped, ["messages[].reasoning"]);
}

// trap 21
#[test]
fn a_signed_thought_comes_back_whole() {
    let parts =
        json!([{"text": "Hm.", "thought": true, "thoughtSignature": PROOF}, {"text": "Hi"}]);
    for to in [Dialect::OpenAiChat, Dialect::Anthropic] {
        let (again, dropped) = back(to, &parts, |_| {});
        assert_eq!(again, parts, "{to:?}");
        assert!(dropped.is_empty(), "{dropped:?}");
    }
}

// trap 23
#[test]
fn a_thought_of_another_vendor_is_never_sent() {
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello", "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "EqQB", "format": "anthropic-claude-v1"},
            {"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1"}]}]});
    let (body, dropped) = body(&chat, traits());
    assert_eq!(body["contents"][1]["parts"], json!([{"text": "Hello"}]));
    assert_eq!(dropped, ["messages[].reasoning"]);
}
