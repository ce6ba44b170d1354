//! Whole answers, and answers to requests that say nothing.

use super::*;
use crate::dialect::ollama::Endpoint;
use crate::dialect::ollama::load::{is_load, load_answer};
use crate::fault::Fault;
use crate::translate::tests::translate_answer;

fn answer(way: (Dialect, Dialect), body: &Value) -> Value {
    let request = nothing();
    let body = body.to_string();
    let (body, _) =
        translate_answer(way, &mut settler(), &echo(&request), body.as_bytes()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn a_whole_answer_of_claude_is_one_object() {
    let claude = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": [{"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "안녕 🌍"}, {"type": "tool_use", "id": "t", "name": "now", "input": {}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 5}
    });
    assert_eq!(
        answer((Dialect::Anthropic, Dialect::Ollama), &claude),
        json!({"model": "public", "created_at": "2023-11-14T22:13:20.000000000Z",
            "message": {"role": "assistant", "content": "안녕 🌍", "thinking": "hm", "tool_calls": [
                {"id": "t", "function": {"index": 0, "name": "now", "arguments": {}}}]},
            "done": true, "done_reason": "stop", "total_duration": 0, "load_duration": 0,
            "prompt_eval_count": 10, "prompt_eval_duration": 0, "eval_count": 5, "eval_duration": 0})
    );
    let generated = answer((Dialect::Anthropic, Dialect::OllamaGenerate), &claude);
    assert_eq!(
        (
            &generated["response"],
            &generated["thinking"],
            generated.get("message")
        ),
        (&json!("안녕 🌍"), &json!("hm"), None)
    );
}

#[test]
fn a_whole_answer_of_ollama_is_an_answer_of_gpt_and_back() {
    let ollama = json!({"model": "m", "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "Hi", "thinking": "hm", "tool_calls": [
            {"id": "call_1", "function": {"index": 0, "name": "f", "arguments": {"a": [1.5]}}}]},
        "logprobs": [{"token": "Hi", "logprob": -0.5}],
        "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2});
    let gpt = answer((Dialect::Ollama, Dialect::OpenAiChat), &ollama);
    let choice = &gpt["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["reasoning_content"], "hm");
    assert_eq!(choice["logprobs"]["content"][0]["top_logprobs"], json!([]));
    assert_eq!(
        choice["message"]["tool_calls"][0],
        json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":[1.5]}"}})
    );
    assert_eq!(gpt["usage"]["total_tokens"], 5);
    let again = answer((Dialect::OpenAiChat, Dialect::Ollama), &gpt);
    assert_eq!(again["message"], ollama["message"]);
    assert_eq!(again["eval_count"], 2);
}

#[test]
fn a_refusal_or_a_filter_does_not_look_like_nothing() {
    let refused = json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": null, "refusal": "I will not."}}]});
    let found = answer((Dialect::OpenAiChat, Dialect::Ollama), &refused);
    assert_eq!(found["message"]["content"], "I will not.");
    let claude = json!({"id": "m", "content": [], "stop_reason": "refusal",
        "stop_details": {"explanation": "Not this."}, "usage": {"input_tokens": 1, "output_tokens": 1}});
    let found = answer((Dialect::Anthropic, Dialect::Ollama), &claude);
    assert_eq!(found["message"]["content"], "Not this.");
}

// trap 7
#[test]
fn an_error_inside_a_good_answer_is_a_fault() {
    let request = nothing();
    let way = (Dialect::Ollama, Dialect::OpenAiChat);
    let body = br#"{"error":"model \"x\" not found"}"#;
    let found = translate_answer(way, &mut settler(), &echo(&request), body).unwrap_err();
    assert_eq!(found.found.fault, Fault::NotFound);
    let body = b"{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"done\":true}";
    let found = translate_answer(way, &mut settler(), &echo(&request), body).unwrap_err();
    assert_eq!(found.found.fault, Fault::Protocol);
}

#[test]
fn a_request_that_says_nothing_is_told_from_one_that_does() {
    for (body, is_it) in [
        (json!({"model": "m"}), true),
        (json!({"model": "m", "messages": []}), true),
        (
            json!({"model": "m", "messages": null, "prompt": null}),
            true,
        ),
        (json!({"model": "m", "prompt": ""}), true),
        (json!({"model": "m", "prompt": "x"}), false),
        (json!({"model": "m", "messages": [{}]}), false),
        (json!({"model": "m", "messages": "x"}), false),
        (json!({"model": "m", "prompt": 1}), false),
    ] {
        assert_eq!(is_load(&document(&body)), is_it, "{body}");
    }
}

#[test]
fn a_request_that_says_nothing_is_answered_with_nothing() {
    for (keep_alive, reason) in [
        (json!(null), "load"),
        (json!(300), "load"),
        (json!(-1), "load"),
        (json!("5m"), "load"),
        (json!("10s"), "load"),
        (json!("forever"), "load"),
        (json!(0), "unload"),
        (json!(0.0), "unload"),
        (json!("0"), "unload"),
        (json!("0s"), "unload"),
        (json!("0h0m"), "unload"),
    ] {
        let request = document(&json!({"model": "m", "messages": [], "keep_alive": keep_alive}));
        let body = load_answer(Endpoint::Chat, &echo(&request));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            json!({"model": "public", "created_at": "2023-11-14T22:13:20.000000000Z",
                "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": reason}),
            "{keep_alive}"
        );
    }
    let request = nothing();
    let body = load_answer(Endpoint::Generate, &echo(&request));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["response"], "");
}

#[test]
fn how_long_a_server_took_is_told_by_its_own_clock() {
    let ollama = json!({"model": "m", "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "Hi"}, "done": true, "done_reason": "stop",
        "total_duration": 900, "load_duration": 100, "prompt_eval_count": 26,
        "prompt_eval_duration": 300, "eval_count": 5, "eval_duration": 450});
    let times = |answer: &Value| {
        let names = ["total", "load", "prompt_eval", "eval"];
        names.map(|it| answer[format!("{it}_duration")].as_u64())
    };
    let told = [Some(900), Some(100), Some(300), Some(450)];
    for caller in [Dialect::Ollama, Dialect::OllamaGenerate] {
        let whole = answer((Dialect::Ollama, caller), &ollama);
        assert_eq!(times(&whole), told);
    }
    let mut other = answer((Dialect::Ollama, Dialect::OpenAiChat), &ollama);
    assert_eq!(other["usage"].take()["completion_tokens"], 5);
    assert!(!other.to_string().contains("duration"), "{other}");
}
