//! A chat as a request for a vendor.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::*;
use crate::chat::{Unsupported, Written};

fn body(written: &Written<'_>) -> Value {
    value(&written.body)
}

fn from_chat(
    body_of_chat: &Value,
    target: &Target<'_>,
) -> Result<(Value, Vec<String>), Unsupported> {
    let request = document(body_of_chat);
    let chat = Dialect::OpenAiChat.read_request(&request).unwrap();
    let written = DIALECT.write_request(&chat, target)?;
    let dropped = written.dropped.iter().map(ToString::to_string).collect();
    Ok((body(&written), dropped))
}

// trap 37
#[test]
fn a_chat_with_tools_becomes_items() {
    let (body, dropped) = from_chat(&json!({
        "model": "public", "max_completion_tokens": 500, "temperature": 1.50, "seed": 7, "stream": true,
        "reasoning_effort": "high", "verbosity": "low", "store": false, "user": "u", "metadata": {"k": "v"},
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "name": "ann", "content": [{"type": "text", "text": "見て 👀"},
                {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,/9j/4AAQ", "detail": "low"}}]},
            {"role": "assistant", "content": "Looking.", "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1"}],
             "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f.x", "arguments": "{\"a\":1.0}"}},
                {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}},
                {"id": "call_3", "type": "custom", "custom": {"name": "c", "input": "x"}}]},
            {"role": "tool", "tool_call_id": "call_2", "content": "two"},
            {"role": "tool", "tool_call_id": "call_3", "content": "three"},
            {"role": "tool", "tool_call_id": "call_9", "content": "nobody asked"},
            {"role": "developer", "content": "late"},
            {"role": "user", "content": "go on"}
        ],
        "tools": [
            {"type": "function", "function": {"name": "f.x", "description": "d", "parameters": {"type": "object"}, "strict": true}},
            {"type": "function", "function": {"name": "g"}},
            {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}],
        "tool_choice": {"type": "custom", "custom": {"name": "c"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}}
    }), &target()).unwrap();
    let spelt = body["tools"][0]["name"].as_str().unwrap().to_owned();
    assert!(spelt.starts_with("f_x_"), "{spelt}");
    assert_eq!(
        body,
        json!({
            "model": "gpt",
            "input": [
                {"type": "message", "role": "system", "content": "be brief"},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "見て 👀"},
                    {"type": "input_image", "detail": "low", "image_url": "data:image/jpeg;base64,/9j/4AAQ"}]},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Looking."}]},
                {"type": "function_call", "call_id": "call_1", "name": spelt, "arguments": "{\"a\":1.0}"},
                {"type": "function_call", "call_id": "call_2", "name": "g", "arguments": "{}"},
                {"type": "custom_tool_call", "call_id": "call_3", "name": "c", "input": "x"},
                {"type": "function_call_output", "call_id": "call_2", "output": "two"},
                {"type": "custom_tool_call_output", "call_id": "call_3", "output": "three"},
                {"type": "function_call_output", "call_id": "call_1", "output": "[no result recorded]"},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "[tool result]"},
                    {"type": "input_text", "text": "nobody asked"}]},
                {"type": "message", "role": "developer", "content": "late"},
                {"type": "message", "role": "user", "content": "go on"}
            ],
            "store": false,
            "tools": [
                {"type": "function", "name": spelt, "description": "d", "parameters": {"type": "object"}, "strict": true},
                {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": false},
                {"type": "custom", "name": "c", "format": {"type": "text"}}],
            "tool_choice": {"type": "custom", "name": "c"}, "parallel_tool_calls": false,
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}, "verbosity": "low"},
            "reasoning": {"effort": "high", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "temperature": 1.5, "max_output_tokens": 500, "user": "u", "metadata": {"k": "v"}, "stream": true
        })
    );
    assert_eq!(dropped, ["messages[].name", "seed"]);
}

#[test]
fn a_plain_text_becomes_a_small_request() {
    let mut target = target();
    target.traits.thinks = false;
    let (body, dropped) = from_chat(
        &json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}),
        &target,
    )
    .unwrap();
    assert_eq!(
        body,
        json!({"model": "gpt", "input": [{"type": "message", "role": "user", "content": "hi"}],
            "store": false, "max_output_tokens": 16})
    );
    assert_eq!(dropped, ["max_completion_tokens<16"]);
}

#[test]
fn what_the_caller_would_miss_is_refused() {
    let refused = |extra: Value| {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        from_chat(&body, &target()).unwrap_err().param.into_owned()
    };
    assert_eq!(refused(json!({"n": 2})), "n");
    assert_eq!(refused(json!({"stop": ["x"]})), "stop");
    assert_eq!(refused(json!({"audio": {"voice": "a"}})), "audio");
    assert_eq!(
        refused(json!({"web_search_options": {}})),
        "web_search_options"
    );
    assert_eq!(
        refused(json!({"messages": [{"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]})),
        "messages[].content[].input_audio"
    );
}

#[test]
fn hints_without_a_place_are_named() {
    let (body, dropped) = from_chat(
        &json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "store": true, "logit_bias": {"1": 2},
            "prediction": {"type": "content", "content": "x"}, "frequency_penalty": 1, "presence_penalty": 1,
            "service_tier": "flex", "prompt_cache_key": "k", "made_up": 1, "logprobs": true, "top_logprobs": 2}),
        &target(),
    )
    .unwrap();
    assert_eq!(
        dropped,
        [
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "prediction",
            "store",
            "made_up"
        ]
    );
    assert_eq!(body["service_tier"], "flex");
    assert_eq!(body["prompt_cache_key"], "k");
    assert_eq!(body["top_logprobs"], 2);
    assert_eq!(
        body["include"],
        json!([
            "message.output_text.logprobs",
            "reasoning.encrypted_content"
        ])
    );
    assert!(body.get("reasoning").is_none());
}

#[test]
fn thoughts_are_shown_to_whom_speaks_of_them() {
    let reasoning = |more: Value| {
        let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        for (field, value) in more.as_object().unwrap() {
            chat[field] = value.clone();
        }
        let (body, _) = from_chat(&chat, &target()).unwrap();
        body.get("reasoning").cloned()
    };
    assert_eq!(reasoning(json!({})), None);
    let shown = json!({"summary": "auto"});
    assert_eq!(
        reasoning(json!({"reasoning": {"enabled": true}})),
        Some(shown.clone())
    );
    assert_eq!(
        reasoning(json!({"reasoning": {"exclude": false}})),
        Some(shown)
    );
    assert_eq!(reasoning(json!({"reasoning": {"exclude": true}})), None);
    assert_eq!(
        reasoning(json!({"reasoning_effort": "low"})),
        Some(json!({"effort": "low", "summary": "auto"}))
    );
    assert_eq!(
        reasoning(json!({"reasoning_effort": "none"})),
        Some(json!({"effort": "none"}))
    );
}

#[test]
fn the_choice_of_tools_is_said_as_the_caller_did() {
    let choice = |choice: Value| {
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "tool_choice": choice,
            "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]});
        let (body, _) = from_chat(&chat, &target()).unwrap();
        (
            body["tool_choice"].clone(),
            body["tools"].as_array().unwrap().len(),
        )
    };
    for word in ["none", "auto", "required"] {
        assert_eq!(choice(json!(word)), (json!(word), 2));
    }
    assert_eq!(
        choice(json!({"type": "function", "function": {"name": "g"}})),
        (json!({"type": "function", "name": "g"}), 2)
    );
    assert_eq!(
        choice(
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
            "tools": [{"type": "function", "function": {"name": "g"}}]}})
        ),
        (
            json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]}),
            2
        )
    );
}

// trap 23
// trap 27
#[test]
fn thoughts_of_others_and_thoughts_that_led_nowhere_stay_here() {
    let request = document(&json!({"model": "m", "max_tokens": 100, "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "claude"},
            {"type": "tool_use", "id": "t1", "name": "Read", "input": {"path": "a"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [
            {"type": "text", "text": "no such file"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo"}}]}]}
    ]}));
    let chat = Dialect::Anthropic.read_request(&request).unwrap();
    let written = DIALECT.write_request(&chat, &target()).unwrap();
    assert_eq!(
        body(&written)["input"],
        json!([
            {"type": "message", "role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "t1", "name": "Read", "arguments": "{\"path\":\"a\"}"},
            {"type": "function_call_output", "call_id": "t1", "output": [
                {"type": "input_text", "text": "Error:"},
                {"type": "input_text", "text": "no such file"},
                {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBORw0KGgo"}]}
        ])
    );
    assert_eq!(written.dropped, ["messages[].reasoning"]);

    let alone = json!({"model": "m", "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "reasoning_details": [
            {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1"}]},
        {"role": "user", "content": "and?"}]});
    let (body, dropped) = from_chat(&alone, &target()).unwrap();
    assert_eq!(body["input"].as_array().unwrap().len(), 2);
    assert_eq!(dropped, ["messages[].reasoning"]);
}

#[test]
fn a_custom_tool_is_a_function_where_there_are_none() {
    let request = document(&json!({"model": "m", "input": [
        {"type": "custom_tool_call", "call_id": "c", "name": "apply", "input": "a\"b"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"}],
        "tools": [{"type": "custom", "name": "apply"}], "tool_choice": {"type": "custom", "name": "apply"}}));
    let chat = DIALECT.read_request(&request).unwrap();
    let target = Target {
        model: "gpt",
        traits: Traits::default(),
    };
    let written = DIALECT.write_request(&chat, &target).unwrap();
    let body = body(&written);
    assert_eq!(body["tools"][0]["type"], "function");
    assert_eq!(
        body["tool_choice"],
        json!({"type": "function", "name": "apply"})
    );
    assert_eq!(body["input"][0]["arguments"], "{\"input\":\"a\\\"b\"}");
    assert_eq!(body["input"][1]["type"], "function_call_output");
    assert_eq!(written.wrapped_tools, ["apply".into()]);
}

#[test]
fn files_are_sent_however_they_were_given() {
    let (body, dropped) = from_chat(
        &json!({"model": "m", "messages": [{"role": "user", "content": [
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "text", "text": "u", "cache_control": {"type": "ephemeral"}}]}]}),
        &target(),
    )
    .unwrap();
    assert_eq!(
        body["input"][0]["content"],
        json!([
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            {"type": "input_file", "file_id": "file_1"},
            {"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "input_text", "text": "u"}
        ])
    );
    assert_eq!(dropped, ["cache_control"]);
}
