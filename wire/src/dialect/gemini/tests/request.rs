//! Whole requests, and the fields of `generationConfig`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{body, document, refused, target, traits};
use crate::chat::Traits;
use crate::dialect::Dialect;
use crate::document::Document;

macro_rules! golden {
    ($name:ident) => {
        golden(include_str!(concat!(
            "../../../../testdata/gemini/request_",
            stringify!($name),
            ".json"
        )))
    };
}

/// Writes the chat of a golden file and compares with its body and what it says is left out.
fn golden(text: &str) {
    let golden: Value = serde_json::from_str(text).unwrap();
    let (body, dropped) = body(&golden["chat"], traits());
    assert_eq!(body, golden["body"]);
    assert_eq!(json!(dropped), golden["dropped"]);
}

fn hello(fields: &Value) -> Value {
    let mut chat = json!({"model": "public", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in fields.as_object().unwrap() {
        chat[name] = value.clone();
    }
    chat
}

#[test]
fn plain_text_and_sampling_are_carried() {
    golden!(plain_text);
}

#[test]
fn instructions_go_apart_and_late_ones_to_the_user() {
    golden!(system_and_late_system);
}

#[test]
fn pictures_recordings_and_files_become_parts() {
    golden!(media);
}

// trap 19
#[test]
fn a_tools_schema_is_sent_as_it_is() {
    golden!(one_tool);
}

// trap 13
#[test]
fn a_tool_without_arguments_has_no_schema_and_is_called_with_an_object() {
    golden!(tool_without_arguments);
}

// traps 11, 18
#[test]
fn parallel_results_are_one_turn_in_the_order_of_the_calls() {
    golden!(parallel_results);
}

#[test]
fn a_schema_for_the_answer_keeps_its_bounds() {
    golden!(json_schema);
}

// trap 25
#[test]
fn the_first_call_of_a_turn_whose_proof_is_lost_says_so() {
    golden!(lost_signature);
}

#[test]
fn what_the_vendor_does_not_know_is_named() {
    golden!(left_out);
}

#[test]
fn digits_stay_as_the_caller_wrote_them() {
    let chat = br#"{"model":"m","temperature":0.70,"seed":-3,"messages":[{"role":"user","content":"hi"}]}"#;
    let document = Document::parse(chat.as_slice().into()).unwrap();
    let request = Dialect::OpenAiChat.read_request(&document).unwrap();
    let written = Dialect::Gemini.write_request(&request, &target(traits()));
    let config = written
        .unwrap()
        .body
        .get("generationConfig")
        .unwrap()
        .to_string();
    assert_eq!(config, r#"{"temperature":0.70,"seed":-3}"#);
}

#[test]
fn a_large_picture_is_handed_on_without_a_copy() {
    let data = "A".repeat(20_000);
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": data}]});
    let document = document(&chat);
    let request = Dialect::OpenAiChat.read_request(&document).unwrap();
    let written = Dialect::Gemini
        .write_request(&request, &target(traits()))
        .unwrap();
    let segments = written.body.to_segments(document.bytes());
    let source = document.bytes().as_ptr_range();
    let shared = segments
        .iter()
        .filter(|it| it.len() == data.len() && source.contains(&it.as_ptr()));
    assert_eq!(shared.count(), 2);
}

#[test]
fn a_chat_of_instructions_alone_still_has_a_user() {
    let chat = json!({"model": "m", "messages": [{"role": "system", "content": "Greet."}]});
    let (body, _) = body(&chat, traits());
    assert_eq!(
        body,
        json!({"systemInstruction": {"parts": [{"text": "Greet."}]},
            "contents": [{"role": "user", "parts": [{"text": "."}]}]})
    );
}

#[test]
fn a_model_without_a_place_for_instructions_is_told_by_the_user() {
    let chat = json!({"model": "m", "messages": [
        {"role": "system", "content": "Greet."}, {"role": "user", "content": "hi"}]});
    let gemma = Traits {
        takes_system: false,
        ..traits()
    };
    let (body, _) = body(&chat, gemma);
    assert_eq!(
        body,
        json!({"contents": [{"role": "user", "parts": [{"text": "Greet."}, {"text": "hi"}]}]})
    );
}

#[test]
fn words_of_the_assistant_may_have_to_be_followed() {
    let chat = json!({"model": "m", "messages": [
        {"role": "user", "content": "hi"}, {"role": "assistant", "content": "Dear "}]});
    let (kept, dropped) = body(&chat, traits());
    assert_eq!(kept["contents"].as_array().unwrap().len(), 2);
    assert!(dropped.is_empty());
    let strict = Traits {
        takes_prefill: false,
        ..traits()
    };
    let (followed, dropped) = body(&chat, strict);
    assert_eq!(followed["contents"][2]["parts"][0]["text"], "Continue.");
    assert_eq!(dropped, ["messages[-1]:prefill"]);
}

#[test]
fn what_the_caller_would_miss_is_refused() {
    let refusal = |fields| refused(&hello(&fields), traits());
    assert_eq!(refusal(json!({"n": 2, "stream": true})).unwrap(), "n");
    assert_eq!(refusal(json!({"n": 9})).unwrap(), "n");
    assert_eq!(refusal(json!({"n": 8})), None);
    let audio = json!({"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "mp3"}});
    assert_eq!(refusal(audio).unwrap(), "audio");
    assert_eq!(
        refusal(json!({"modalities": ["image"]})).unwrap(),
        "modalities"
    );
    assert_eq!(refusal(json!({"modalities": ["text"]})), None);
}

#[test]
fn only_what_google_reads_may_be_linked_where_nothing_is_fetched() {
    let local = Traits {
        fetches_urls: false,
        ..traits()
    };
    let image = |url: &str| {
        json!({"model": "m", "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": url}}]}]})
    };
    let field = "messages[].content[].image_url";
    assert_eq!(
        refused(&image("https://example.com/a.png"), local).unwrap(),
        field
    );
    assert_eq!(
        refused(&image("https://www.youtube.com/watch?v=a"), local),
        None
    );
    for traits in [local, traits()] {
        assert_eq!(refused(&image("gs://bucket/a.png"), traits).unwrap(), field);
    }
    let file = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "file", "file": {"file_id": "file-abc"}}]}]});
    assert_eq!(
        refused(&file, traits()).unwrap(),
        "messages[].content[].file"
    );
}

#[test]
fn a_tier_is_named_where_the_vendor_knows_tiers() {
    let tier = |tier: &str, takes_service_tier| {
        let traits = Traits {
            takes_service_tier,
            ..traits()
        };
        let (body, dropped) = body(&hello(&json!({"service_tier": tier})), traits);
        (body["serviceTier"].as_str().map(str::to_owned), dropped)
    };
    assert_eq!(tier("flex", true), (Some("flex".to_owned()), vec![]));
    assert_eq!(tier("default", true).0.unwrap(), "standard");
    assert_eq!(tier("auto", true), (None, vec![]));
    assert_eq!(tier("priority", false).1, ["service_tier"]);
    assert_eq!(tier("scale", true).1, ["service_tier"]);
}

#[test]
fn a_model_that_takes_no_sampling_gets_none() {
    let traits = Traits {
        takes_sampling: false,
        max_output: Some(100),
        ..traits()
    };
    let chat = hello(&json!({"temperature": 1, "top_k": 3, "max_tokens": 500}));
    let (body, dropped) = body(&chat, traits);
    assert_eq!(body["generationConfig"], json!({"maxOutputTokens": 100}));
    assert_eq!(dropped, ["temperature", "top_k"]);
}

#[test]
fn a_caller_of_messages_is_served_as_well() {
    let request = document(&json!({
        "model": "public", "max_tokens": 100, "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "t1", "name": "Read", "input": {"path": "a"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [
                {"type": "text", "text": "no such file"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}]}]}],
        "tools": [{"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}]
    }));
    let chat = Dialect::Anthropic.read_request(&request).unwrap();
    let ids = Traits {
        takes_call_ids: true,
        thinks: false,
        ..traits()
    };
    let written = Dialect::Gemini.write_request(&chat, &target(ids)).unwrap();
    let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    assert_eq!(
        body["contents"][1]["parts"],
        json!([{"functionCall": {"id": "t1", "name": "Read", "args": {"path": "a"}}}])
    );
    assert_eq!(
        body["contents"][2]["parts"],
        json!([
            {"functionResponse": {"id": "t1", "name": "Read", "response": {"error": "no such file"}}},
            {"text": "[attachments of the result of Read]"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}])
    );
    assert!(written.dropped.is_empty());
}
