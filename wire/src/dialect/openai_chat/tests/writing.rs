//! Requests for vendors of the family.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use crate::chat::{Replay, Traits};
use crate::dialect::Dialect;
use crate::dialect::tests::{Sent, try_write, write};

const WAY: (Dialect, Dialect) = (Dialect::OpenAiChat, Dialect::OpenAiChat);

fn request(rest: &Value) -> Value {
    let mut request = json!({"messages": [{"role": "user", "content": "a"}]});
    for (name, value) in rest.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn sent(rest: &Value, traits: Traits) -> Sent {
    write(WAY, &request(rest), traits)
}

#[test]
fn a_request_comes_back_as_it_was() {
    let all = request(&json!({"model": "model", "messages": [
        {"role": "developer", "content": "d"}, {"role": "system", "content": "s", "name": "n"},
        {"role": "user", "name": "ada", "content": [{"type": "text", "text": "see"},
            {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            {"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZF", "format": "wav"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"}},
            {"type": "file", "file": {"file_id": "f"}}]},
        {"role": "assistant", "name": "bot", "content": "w", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1.0}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "assistant", "content": null, "refusal": "no"}, {"role": "user", "content": "u"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": true,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": false}},
        "reasoning_effort": "high", "temperature": 0.50, "top_p": 1, "seed": 3, "presence_penalty": 1, "frequency_penalty": 1,
        "logit_bias": {"1": 2}, "top_k": 2, "min_p": 0.1, "repetition_penalty": 1.1, "max_completion_tokens": 9, "stop": ["x"],
        "logprobs": true, "top_logprobs": 2, "n": 2, "user": "u", "metadata": {"k": "v"}, "verbosity": "low",
        "stream": true}));
    let sent = write(WAY, &all, Traits::default());
    assert_eq!(sent.body, all, "{:#}", sent.body);
    assert!(sent.dropped.is_empty(), "{:?}", sent.dropped);
}

#[test]
fn every_choice_has_its_word() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]);
    for choice in [json!("none"), json!("auto"), json!("required")] {
        let sent = sent(
            &json!({"tools": tools, "tool_choice": choice}),
            Traits::default(),
        );
        assert_eq!(sent.body["tool_choice"], choice);
    }
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}});
    let sent = sent(
        &json!({"tools": tools, "tool_choice": allowed}),
        Traits::default(),
    );
    assert_eq!(sent.body["tool_choice"], "required");
    assert_eq!(sent.body["tools"].as_array().unwrap().len(), 1);
}

#[test]
fn a_custom_tool_is_one_where_it_is_taken_and_a_function_elsewhere() {
    let rest = json!({"tools": [{"type": "custom", "custom": {"name": "sh", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "s: \"a\""}}}}],
        "tool_choice": {"type": "custom", "custom": {"name": "sh"}},
        "messages": [{"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls \"x\""}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"}]});
    let takes = Traits {
        takes_custom_tools: true,
        ..Traits::default()
    };
    let own = sent(&rest, takes);
    assert_eq!(own.body["tools"], rest["tools"]);
    assert_eq!(own.body["tool_choice"], rest["tool_choice"]);
    assert_eq!(
        own.body["messages"][1]["tool_calls"],
        rest["messages"][1]["tool_calls"]
    );
    assert!(own.dropped.is_empty());
    let wrapped = sent(&rest, Traits::default());
    assert_eq!(wrapped.wrapped, ["sh".into()]);
    assert_eq!(wrapped.dropped, ["tools[].custom.format"]);
    assert_eq!(wrapped.body["tool_choice"]["type"], "function");
    let call = &wrapped.body["messages"][1]["tool_calls"][0]["function"];
    assert_eq!(call["arguments"], r#"{"input":"ls \"x\""}"#);
}

// trap 26
#[test]
fn thoughts_go_back_in_the_way_of_the_model() {
    let rest = json!({"messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "reasoning_content": "hm"}, {"role": "user", "content": "c"},
        {"role": "assistant", "content": "d"}, {"role": "user", "content": "e"}]});
    let replay = |thoughts| {
        let traits = Traits {
            thoughts,
            ..Traits::default()
        };
        let sent = sent(&rest, traits);
        let messages = &sent.body["messages"];
        let of = |at: usize| messages[at].get("reasoning_content").cloned();
        (of(1), of(3), sent.dropped)
    };
    let dropped = vec!["messages[].reasoning".to_owned()];
    assert_eq!(replay(Replay::Never), (None, None, dropped));
    assert_eq!(
        replay(Replay::AsText),
        (Some(json!("hm")), None, Vec::new())
    );
    assert_eq!(
        replay(Replay::AlwaysAsText),
        (Some(json!("hm")), Some(json!("")), Vec::new())
    );
    let details = Traits {
        thoughts: Replay::AsDetails,
        ..Traits::default()
    };
    let sent = sent(&rest, details);
    assert_eq!(
        sent.body["messages"][1]["reasoning_details"],
        json!([{"type": "reasoning.text", "text": "hm", "format": "unknown"}])
    );
    // What nobody can read is sent to nobody.
    let lost = json!({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a",
        "reasoning_details": [{"type": "reasoning.text", "text": "hm", "format": "unreadable"}]}]});
    let sent = write(WAY, &lost, details);
    assert_eq!(sent.body["messages"][1].get("reasoning_details"), None);
    assert_eq!(sent.dropped, ["messages[].reasoning"]);
}

// traps 11, 12
#[test]
fn every_call_has_its_result_before_anybody_speaks() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": ""}});
    let rest = json!({"messages": [
        {"role": "tool", "tool_call_id": "zzz", "content": "lost"},
        {"role": "assistant", "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "and?"},
        {"role": "assistant", "tool_calls": [call("c")]}]});
    let messages = sent(&rest, Traits::default()).body["messages"].clone();
    let shape: Vec<String> = messages
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["role"], it["content"]))
        .collect();
    assert_eq!(
        shape,
        [
            r#""user" "[tool result]\nlost""#,
            r#""assistant" null"#,
            r#""tool" "2""#,
            r#""tool" "[no result recorded]""#,
            r#""user" "and?""#,
            r#""assistant" null"#,
            r#""tool" "[no result recorded]""#,
        ]
    );
    assert_eq!(messages[1]["tool_calls"][0]["function"]["arguments"], "{}");
}

// trap 36
#[test]
fn what_the_model_does_not_take_is_left_out_by_name() {
    let plain = Traits {
        takes_sampling: false,
        takes_more_sampling: false,
        takes_top_k: false,
        takes_strict_tools: false,
        thinks: false,
        ..Traits::default()
    };
    let rest = json!({"temperature": 0, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {},
        "top_k": 1, "min_p": 0, "repetition_penalty": 1, "seed": 1, "reasoning_effort": "low", "user": "é".repeat(65),
        "stop": ["a", "b", "c", "d", "e"],
        "tools": [{"type": "function", "function": {"name": "f", "strict": true}}]});
    let sent = sent(&rest, plain);
    assert_eq!(
        sent.dropped,
        [
            "tools[].function.strict",
            "user[64..]",
            "reasoning_effort",
            "temperature",
            "top_p",
            "top_k",
            "min_p",
            "presence_penalty",
            "frequency_penalty",
            "repetition_penalty",
            "logit_bias",
            "stop[4..]"
        ]
    );
    assert_eq!(sent.body["seed"], 1);
    assert_eq!(sent.body["user"], "é".repeat(64));
}

#[test]
fn hints_for_caches_and_thoughts_and_misplaced_pictures_are_named() {
    let point = json!({"type": "ephemeral"});
    let picture = json!({"type": "image_url", "image_url": {"url": "https://a/b.png"}});
    let rest = json!({"reasoning": {"max_tokens": 2000, "exclude": true}, "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": point}, picture]},
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": point}]},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "g"}}}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"}]});
    let sent = sent(&rest, Traits::default());
    assert_eq!(
        sent.dropped,
        [
            "cache_control",
            "messages[].content[]:media",
            "messages[].tool_calls[].extra_content",
            "reasoning.exclude",
            "reasoning.max_tokens"
        ]
    );
    assert_eq!(sent.body["reasoning_effort"], "low");
}

#[test]
fn a_recording_is_named_by_what_it_is() {
    let format = |data: &str, said: Option<&str>| {
        let mut audio = json!({"data": data});
        if let Some(said) = said {
            audio["format"] = json!(said);
        }
        let part = json!({"type": "input_audio", "input_audio": audio});
        let request = json!({"messages": [{"role": "user", "content": [part]}]});
        let sent = try_write(WAY, &request, Traits::default());
        sent.map(|it| it.body["messages"][0]["content"][0]["input_audio"]["format"].clone())
    };
    assert_eq!(format("UklGRiQAAABXQVZF", Some("mp3")), Ok(json!("wav")));
    assert_eq!(format("SUQzBAAA", None), Ok(json!("mp3")));
    assert_eq!(format("ZkxhQwAA", Some("wav")), Ok(json!("flac")));
    assert_eq!(format("T2dnUwAC", None), Ok(json!("ogg")));
    assert_eq!(format("AAAA", Some("pcm16")), Ok(json!("pcm16")));
    assert_eq!(
        format("AAAA", None),
        Err("messages[].content[].input_audio.format".to_owned())
    );
}

#[test]
fn a_grammar_is_written_as_each_of_openais_apis_has_it() {
    let grammar = json!({"syntax": "lark", "definition": "start: \"a\""});
    let nested = json!({"type": "grammar", "grammar": grammar});
    let flat = json!({"type": "grammar", "syntax": "lark", "definition": "start: \"a\""});
    let message = json!([{"role": "user", "content": "q"}]);
    let chat = json!({"messages": message,
        "tools": [{"type": "custom", "custom": {"name": "t", "format": nested}}]});
    let response =
        json!({"input": "q", "tools": [{"type": "custom", "name": "t", "format": flat}]});
    let traits = Traits {
        takes_custom_tools: true,
        ..Traits::default()
    };
    for (caller, request) in [
        (Dialect::OpenAiChat, &chat),
        (Dialect::OpenAiResponses, &response),
    ] {
        let sent = write((caller, Dialect::OpenAiChat), request, traits).body;
        assert_eq!(sent["tools"][0]["custom"]["format"], nested, "{caller:?}");
        let sent = write((caller, Dialect::OpenAiResponses), request, traits).body;
        assert_eq!(sent["tools"][0]["format"], flat, "{caller:?}");
    }
}

#[test]
fn files_go_only_where_they_can_be_opened() {
    let google = |part: Value| json!({"contents": [{"role": "user", "parts": [part]}]});
    let linked =
        |uri: &str, kind: &str| google(json!({"fileData": {"fileUri": uri, "mimeType": kind}}));
    let web = linked("https://example.com/a.pdf", "application/pdf");
    let to = |vendor, request: &Value, traits| {
        try_write((Dialect::Gemini, vendor), request, traits).map(|it| it.body)
    };
    let file = Err("messages[].content[].file".to_owned());
    assert_eq!(to(Dialect::OpenAiChat, &web, Traits::default()), file);
    let fetching = Traits {
        fetches_files: true,
        ..Traits::default()
    };
    let sent = to(Dialect::OpenAiChat, &web, fetching).unwrap();
    let sent = &sent["messages"][0]["content"][0]["file"];
    assert_eq!(sent["file_data"], "https://example.com/a.pdf");
    let video = google(json!({"inlineData": {"data": "AAAA", "mimeType": "video/mp4"}}));
    assert_eq!(to(Dialect::OpenAiChat, &video, fetching), file);
    for only_google in [
        "gs://bucket/a.pdf",
        "https://generativelanguage.googleapis.com/v1beta/files/a",
    ] {
        let request = linked(only_google, "application/pdf");
        for vendor in [
            Dialect::OpenAiChat,
            Dialect::OpenAiResponses,
            Dialect::Anthropic,
        ] {
            assert_eq!(
                to(vendor, &request, fetching),
                file,
                "{only_google} {vendor:?}"
            );
        }
    }
}

#[test]
fn what_mistral_and_groq_know_is_understood_for_other_vendors() {
    let request = json!({"reasoning_effort": "default", "messages": [
        {"role": "user", "content": [
            {"type": "document_url", "document_url": "data:application/pdf;base64,AAAA", "document_name": "a.pdf"}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": true},
            {"type": "text", "text": "yes"}]},
        {"role": "user", "content": "go on"}]});
    let sent = write(
        (Dialect::OpenAiChat, Dialect::Anthropic),
        &request,
        Traits::default(),
    );
    assert_eq!(sent.body["messages"][0]["content"][0]["title"], "a.pdf");
    assert_eq!(sent.body["messages"][1]["content"][0]["text"], "yes");
    assert_eq!(sent.body.get("thinking"), None);
}
