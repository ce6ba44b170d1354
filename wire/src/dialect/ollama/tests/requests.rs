//! Requests, in and out.

use super::*;
use crate::chat::{Target, Traits};

macro_rules! goldens {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../../testdata/ollama/", $folder, "/", $name, ".json")))),+]
    };
}

fn target(golden: &Value, model: &'static str) -> Target<'static> {
    let says = |name: &str| golden["traits"][name].as_bool();
    let usual = Traits::default();
    let traits = Traits {
        takes_schema: says("takes_schema").unwrap_or(usual.takes_schema),
        thinks: says("thinks").unwrap_or(usual.thinks),
        thinks_by_effort: says("thinks_by_effort").unwrap_or(usual.thinks_by_effort),
        may_not_think: says("may_not_think").unwrap_or(usual.may_not_think),
        ..usual
    };
    Target { model, traits }
}

#[test]
fn a_chat_becomes_a_request_that_ollama_takes() {
    for (name, text) in goldens!["to_ollama":
        "cache_points", "file", "image", "image_by_url", "json_object", "json_schema",
        "json_schema_not_taken", "no_reasoning", "nothing_said", "one_tool",
        "parallel_tools_with_results", "plain", "reasoning",
        "reasoning_by_yes_or_no", "reasoning_that_cannot_be_off",
        "reasoning_of_a_model_that_does_not_think", "sampling", "several_answers",
        "spoken_answer", "system_and_late_system", "tool_choice_allowed", "tool_choice_named",
        "tool_choice_none", "tool_choice_required", "tool_without_arguments",
    ] {
        let golden: Value = serde_json::from_str(text).unwrap();
        let request = document(&golden["chat"]);
        let chat = Dialect::OpenAiChat.read_request(&request).unwrap();
        match Dialect::Ollama.write_request(&chat, &target(&golden, "m:8b")) {
            Err(refused) => assert_eq!(*refused.param, golden["refused"], "{name}"),
            Ok(written) => {
                let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
                assert_eq!(body, golden["ollama"], "{name}");
                assert_eq!(json!(written.dropped), golden["dropped"], "{name}");
                assert_eq!(golden.get("refused"), None, "{name}");
            }
        }
    }
}

#[test]
fn a_request_of_an_ollama_client_becomes_a_chat() {
    for (name, text) in goldens!["from_ollama":
        "generate", "generate_between", "generate_picture_by_url", "generate_raw", "images",
        "not_streamed", "options", "options_that_stand_for_none", "plain", "schema",
        "tools_with_ids", "tools_without_ids", "wrong_format", "wrong_num_predict", "wrong_role",
        "wrong_think",
    ] {
        let golden: Value = serde_json::from_str(text).unwrap();
        let request = document(&golden["ollama"]);
        let dialect = match golden["endpoint"].as_str() {
            Some("generate") => Dialect::OllamaGenerate,
            _ => Dialect::Ollama,
        };
        match dialect.read_request(&request) {
            Err(error) => assert_eq!(error.field, golden["wrong"], "{name}"),
            Ok(chat) => {
                let written = Dialect::OpenAiChat
                    .write_request(&chat, &target(&golden, "gpt"))
                    .unwrap();
                let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
                assert_eq!(body, golden["chat"], "{name}");
                assert_eq!(json!(written.dropped), golden["dropped"], "{name}");
                assert_eq!(golden.get("wrong"), None, "{name}");
            }
        }
    }
}

#[test]
fn a_request_that_went_through_a_chat_says_the_same() {
    let request = document(&json!({
        "model": "l", "stream": false,
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "look", "images": ["iVBORw0KGgoAAAA="]},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"id": "call_a", "function": {"index": 0, "name": "f", "arguments": {"x": {"y": []}}}}]},
            {"role": "tool", "content": "done", "tool_name": "f", "tool_call_id": "call_a",
                "images": ["/9j/4AAQ"]}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d",
            "parameters": {"type": "object", "properties": {}}}}],
        "format": {"type": "object"}, "think": "low",
        "options": {"temperature": 0.5, "num_predict": 7, "stop": ["x"]},
        "logprobs": true
    }));
    let chat = Dialect::Ollama.read_request(&request).unwrap();
    let written = Dialect::Ollama
        .write_request(&chat, &target(&json!({}), "l"))
        .unwrap();
    let again: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    let mut once: Value = serde_json::from_slice(request.bytes()).unwrap();
    once["truncate"] = json!(false);
    assert_eq!(again, once);
    assert!(written.dropped.is_empty(), "{:?}", written.dropped);
}

#[test]
fn a_large_picture_is_handed_on_without_a_copy() {
    let picture = format!("iVBORw0KGgo{}", "A".repeat(64 * 1024));
    let request = document(&json!({"model": "l",
        "messages": [{"role": "user", "content": "look", "images": [picture]}]}));
    let chat = Dialect::Ollama.read_request(&request).unwrap();
    let written = Dialect::Ollama
        .write_request(&chat, &target(&json!({}), "l"))
        .unwrap();
    let segments = written.body.to_segments(request.bytes());
    let whole = request.bytes().as_ptr_range();
    let slices = segments.iter().filter(|it| whole.contains(&it.as_ptr()));
    let borrowed: usize = slices.map(bytes::Bytes::len).sum();
    assert_eq!(borrowed, picture.len());
}

#[test]
fn a_stream_is_what_a_client_gets_that_does_not_say() {
    for (body, is_stream) in [
        (json!({"messages": [], "prompt": ""}), true),
        (json!({"messages": [], "prompt": "", "stream": null}), true),
        (json!({"messages": [], "prompt": "", "stream": true}), true),
        (
            json!({"messages": [], "prompt": "", "stream": false}),
            false,
        ),
    ] {
        let request = document(&body);
        for dialect in [Dialect::Ollama, Dialect::OllamaGenerate] {
            let chat = dialect.read_request(&request).unwrap();
            assert_eq!(chat.is_stream, is_stream, "{body}");
        }
    }
}

#[test]
fn nobody_is_asked_by_the_older_endpoint() {
    let request = document(&json!({"model": "l", "prompt": "hi"}));
    let chat = Dialect::OllamaGenerate.read_request(&request).unwrap();
    let refused = Dialect::OllamaGenerate.write_request(&chat, &target(&json!({}), "l"));
    assert_eq!(refused.unwrap_err().param, "model");
    let written = Dialect::Ollama.write_request(&chat, &target(&json!({}), "l"));
    let body: Value = serde_json::from_slice(&written.unwrap().body.to_bytes()).unwrap();
    assert_eq!(body["messages"], json!([{"role": "user", "content": "hi"}]));
}

#[test]
fn thoughts_of_claude_lose_their_proof_and_keep_their_words() {
    let request = document(
        &json!({"model": "p", "max_tokens": 9, "system": "s", "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
            {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": "no file"},
            {"type": "text", "text": "so?", "cache_control": {"type": "ephemeral"}}]}]}),
    );
    let chat = Dialect::Anthropic.read_request(&request).unwrap();
    let written = Dialect::Ollama
        .write_request(&chat, &target(&json!({}), "l"))
        .unwrap();
    let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    assert_eq!(
        body["messages"],
        json!([
            {"role": "system", "content": "s"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"id": "toolu_1", "function": {"index": 0, "name": "Read", "arguments": {"path": "a"}}}]},
            {"role": "tool", "content": "Error: no file", "tool_name": "Read", "tool_call_id": "toolu_1"},
            {"role": "user", "content": "so?"}])
    );
    assert_eq!(
        written.dropped,
        ["messages[].reasoning_details", "cache_control"]
    );
}
