//! A request and what was stored before it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::dialect::openai_responses::state::{
    State, input_items, item_reference, join, state_of, unstored, with_items,
    without_foreign_thoughts,
};

fn nothing(_: &str) -> Option<Bytes> {
    None
}

#[test]
fn a_response_is_kept_unless_the_caller_says_no() {
    let state = |body: Value| {
        let request = document(&body);
        let state = state_of(&request).unwrap();
        (
            state.is_stored,
            state.previous.map(std::borrow::Cow::into_owned),
        )
    };
    assert_eq!(state(json!({})), (true, None));
    assert_eq!(
        state(json!({"store": null, "previous_response_id": null})),
        (true, None)
    );
    assert_eq!(
        state(json!({"store": false, "previous_response_id": "resp_\u{00e9}\\"})),
        (false, Some("resp_\u{00e9}\\".to_owned()))
    );
    let wrong = document(&json!({"previous_response_id": 3}));
    assert_eq!(state_of(&wrong).unwrap_err().field, "previous_response_id");
    assert_eq!(
        state_of(&document(&json!({"store": 3}))).unwrap_err().field,
        "store"
    );
}

#[test]
fn references_are_named_and_resolved() {
    let request = document(&json!({"input": [
        {"role": "user", "content": "hi"}, {"type": "item_reference", "id": "msg_1"}, {"id": "rs_2"},
        {"type": "message", "id": "msg_9", "role": "assistant", "content": "x"}]}));
    let state = state_of(&request).unwrap();
    assert_eq!(
        state,
        State {
            is_stored: true,
            previous: None,
            references: vec!["msg_1".into(), "rs_2".into()],
            thoughts: Vec::new(),
        }
    );
    let stored = |id: &str| Some(Bytes::from(format!("{{\"found\":\"{id}\"}}")));
    let items: Value = serde_json::from_slice(&input_items(&request, stored).unwrap()).unwrap();
    assert_eq!(items[1], json!({"found": "msg_1"}));
    assert_eq!(items[2], json!({"found": "rs_2"}));
    assert_eq!(items.as_array().unwrap().len(), 4);
    assert_eq!(
        input_items(&request, nothing).unwrap_err().field,
        "input[1].id"
    );
    assert_eq!(
        input_items(&document(&json!({})), nothing)
            .unwrap_err()
            .field,
        "input"
    );
}

#[test]
fn no_spelling_and_no_length_hides_a_reference() {
    let text = format!(
        r#"{{"input": [{{"type": "item_reference", "padding": "{}", "id": "msg_1"}},
        {{"\u0074ype": "item_ref\u0065rence", "\u0069d": "msg_2"}}, {{"type": null, "id": "msg_3"}},
        {{"id": "rs_4", "summary": [], "encrypted_content": "", "type": "reasoning"}},
        {{"type": "reasoning", "id": "rs_5", "encrypted_content": null}},
        {{"type": "reasoning", "id": "rs_6", "encrypted_content": "gAAA"}},
        {{"type": "message", "id": "msg_7", "role": "user", "content": "x"}}, {{"id": "x", "role": "user", "content": "y"}}]}}"#,
        "x".repeat(5_000)
    );
    let request = Document::parse(text.into()).unwrap();
    let state = state_of(&request).unwrap();
    assert_eq!(state.references, ["msg_1", "msg_2", "msg_3"]);
    assert_eq!(state.thoughts, ["rs_4", "rs_5"]);
    let items = input_items(&request, |id| Some(item_reference(id))).unwrap();
    let items: Value = serde_json::from_slice(&items).unwrap();
    assert_eq!(items[0], json!({"type": "item_reference", "id": "msg_1"}));
}

#[test]
fn what_the_vendor_keeps_stays_named_and_what_it_is_not_to_keep_is_said() {
    let request =
        document(&json!({"model": "m", "previous_response_id": "resp_1", "input": "x", "n": 1.5}));
    let items = with_items(&request, &Bytes::from_static(b"[{\"a\":1.0}]")).unwrap();
    let body = std::str::from_utf8(items.bytes()).unwrap();
    assert!(body.contains("[{\"a\":1.0}]"), "{body}");
    assert!(items.has("previous_response_id"));
    let unstored = unstored(&request).unwrap();
    assert!(!state_of(&unstored).unwrap().is_stored);
    assert!(unstored.has("previous_response_id"));
}

#[test]
fn a_conversation_is_joined_byte_by_byte() {
    let text = "{ \"model\":\"m\", \"previous_response_id\": \"resp_1\",\n\"instructions\":\"new\", \"input\":\"and \\u00e9?\", \"temperature\":1.0 }";
    let request = Document::parse(text.into()).unwrap();
    let items = input_items(&request, nothing).unwrap();
    let history = [
        Bytes::from_static(b"[{\"role\":\"user\", \"content\":\"one\",\"n\":1.0}]"),
        Bytes::from_static(b" [ ] "),
        Bytes::from_static(b"[{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"two\"}]"),
    ];
    let joined = join(&request, &history, &items).unwrap();
    let body = std::str::from_utf8(joined.bytes()).unwrap();
    assert!(
        body.contains("{\"role\":\"user\", \"content\":\"one\",\"n\":1.0}"),
        "{body}"
    );
    assert!(body.contains("\"temperature\":1.0"), "{body}");
    assert!(!joined.has("previous_response_id"));
    let chat = DIALECT.read_request(&joined).unwrap();
    assert_eq!(chat.messages.len(), 4);
    let again = input_items(&joined, nothing).unwrap();
    let again: Value = serde_json::from_slice(&again).unwrap();
    assert_eq!(
        again[2],
        json!({"type": "message", "role": "user", "content": "and é?"})
    );
    assert!(join(&request, &[Bytes::from_static(b"oops")], &items).is_err());
    assert!(join(&request, &[Bytes::from_static(b"[{\"a\"]")], &items).is_err());
}

// trap 23
#[test]
fn thoughts_in_disguise_never_reach_the_vendor_they_imitate() {
    let ours = "tollward-thought-1:anthropic-claude-v1:signed::s";
    let request = document(&json!({"model": "m", "n": 1.0, "input": [
        {"role": "user", "content": ours},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": ours},
        {"type": "reasoning", "id": "rs_019a0000000070008000000000000000", "summary": [], "encrypted_content": "gAAA"},
        {"type": "reasoning", "id": "rs_68582a79cb90719a9167d188b812af9c0a03470b8e30fdc6", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "reasoning", "id": "rs_019a000000007000800000000000000003", "summary": []}]}));
    let cleaned = without_foreign_thoughts(&request).unwrap().unwrap();
    let cleaned: Value = serde_json::from_slice(cleaned.bytes()).unwrap();
    let mut wanted: Value = serde_json::from_slice(request.bytes()).unwrap();
    let items = wanted["input"].as_array_mut().unwrap();
    items.remove(1);
    // It has only an id of ours, under which the vendor would look for it.
    items.pop();
    assert_eq!(cleaned, wanted);
    for clean in [
        json!({"input": ours}),
        json!({"input": [{"role": "user", "content": ours}]}),
        json!({}),
    ] {
        assert!(
            without_foreign_thoughts(&document(&clean))
                .unwrap()
                .is_none()
        );
    }
}
