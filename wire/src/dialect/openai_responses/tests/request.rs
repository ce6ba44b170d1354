//! A caller's request as a chat.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::borrow::Cow;

use serde_json::{Value, json};

use super::*;
use crate::chat::packed::{packed_call, packed_thought};
use crate::chat::{
    ChatRequest, Effort, Format, Message, Part, Provenance, Role, Source, Thought, ToolChoice,
};

const CODEX: &str = include_str!("../../../../testdata/openai_responses/codex_request.json");

fn with_input(input: &Value) -> Document {
    document(&json!({"model": "m", "input": input}))
}

fn error(body: &Value) -> String {
    let request = document(body);
    DIALECT.read_request(&request).unwrap_err().to_string()
}

/// The conversation in short: who, and what kinds of parts.
fn outline(chat: &ChatRequest<'_>) -> Vec<String> {
    let part = |part: &Part<'_>| match part {
        Part::Text(text) => format!("text:{}", text.text),
        Part::Refusal(text) => format!("refusal:{text}"),
        Part::Image(_) => "image".to_owned(),
        Part::Audio(_) => "audio".to_owned(),
        Part::File(_) => "file".to_owned(),
        Part::Thought(thought) => format!("thought:{}", thought.text),
        Part::ToolCall(call) => format!("call:{}", call.id),
        Part::ToolResult(result) => format!("result:{}", result.call),
    };
    let line = |it: &Message<'_>| {
        let parts: Vec<String> = it.parts.iter().map(part).collect();
        format!("{:?} {}", it.role, parts.join(" "))
    };
    chat.messages.iter().map(line).collect()
}

#[test]
fn a_request_of_codex_is_understood() {
    let request = Document::parse(CODEX.as_bytes().into()).unwrap();
    let chat = DIALECT.read_request(&request).unwrap();
    assert_eq!(
        outline(&chat),
        [
            "System text:You are a coding agent.",
            "Developer text:<permissions/>",
            "User text:直して 🙏 image",
            "Assistant thought:Look first text:Looking. call:call_1 call:call_2",
            "User result:call_1 result:call_2",
            "User text:go on",
        ]
    );
    let Part::Thought(thought) = &chat.messages[3].parts[0] else {
        unreachable!()
    };
    assert_eq!(thought.provenance, Provenance::OpenAi);
    assert_eq!(thought.encrypted.as_deref(), Some("gAAAforeign"));
    assert_eq!(thought.id.as_deref(), Some("rs_0"));
    let Part::ToolCall(call) = &chat.messages[3].parts[3] else {
        unreachable!()
    };
    assert!(call.is_custom);
    assert_eq!(chat.tools.len(), 2);
    assert_eq!(chat.tools[0].strict, Some(false));
    assert!(chat.tools[1].custom.is_some());
    assert_eq!(chat.thinking.effort, Some(Effort::High));
    assert_eq!(chat.thinking.is_visible, Some(true));
    assert!(chat.is_stream);
    assert_eq!(chat.unknown, Vec::<Cow<'_, str>>::new());
    let hints: Vec<&str> = chat.hints.iter().map(|(name, _)| *name).collect();
    assert_eq!(hints, ["prompt_cache_key", "verbosity"]);
}

#[test]
fn base64_stays_a_slice_of_the_body() {
    let request = Document::parse(CODEX.as_bytes().into()).unwrap();
    let chat = DIALECT.read_request(&request).unwrap();
    let Part::Image(image) = &chat.messages[2].parts[1] else {
        unreachable!()
    };
    assert_eq!(image.detail.as_deref(), Some("high"));
    assert_eq!(image.media_type.as_deref(), Some("image/png"));
    assert!(matches!(&image.source, Source::Base64(Cow::Borrowed(_))));
}

#[test]
fn a_text_alone_is_what_the_user_says() {
    let request = with_input(&json!("hi"));
    let chat = DIALECT.read_request(&request).unwrap();
    assert_eq!(outline(&chat), ["User text:hi"]);
    assert_eq!(chat.format, Format::Text);
    assert_eq!(chat.thinking.is_visible, None);
    assert_eq!(chat.choices, 1);
}

#[test]
fn what_a_model_said_in_one_go_is_one_message() {
    let call =
        |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let says = |text: &str| json!({"role": "assistant", "content": text});
    let thinks = |text: &str| json!({"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": text}]});
    let output = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "o"});
    let request = with_input(&json!([
        {"role": "user", "content": "u"},
        says("one"), says("two"), thinks("t1"), call("a"), thinks("t2"), call("b"), says("three"),
        output("b"), output("a"), thinks("t3"), says("four"), thinks("t4"), says("five"),
    ]));
    let chat = DIALECT.read_request(&request).unwrap();
    assert_eq!(
        outline(&chat),
        [
            "User text:u",
            "Assistant text:one",
            "Assistant text:two thought:t1 call:a thought:t2 call:b text:three",
            "User result:b result:a",
            "Assistant thought:t3 text:four thought:t4",
            "Assistant text:five",
        ]
    );
}

#[test]
fn an_output_without_an_id_answers_the_only_open_call() {
    let call =
        |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let output =
        json!({"type": "function_call_output", "output": [{"type": "input_text", "text": "o"}]});
    let request = with_input(&json!([call("a"), output]));
    let chat = DIALECT.read_request(&request).unwrap();
    assert_eq!(outline(&chat), ["Assistant call:a", "User result:a"]);
    let body = json!({"model": "m", "input": [call("a"), call("b"), output]});
    assert_eq!(
        error(&body),
        "`input[2].call_id` must be the id of a function call"
    );
}

#[test]
fn tools_that_the_caller_runs_for_openai_are_calls_and_results() {
    let request = with_input(&json!([
        {"type": "local_shell_call", "id": "lsh", "call_id": "c1", "status": "completed", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "local_shell_call_output", "id": "c1", "output": "a"},
        {"type": "shell_call", "call_id": "c2", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c2", "output": [{"stdout": "a", "stderr": ""}]},
        {"type": "apply_patch_call", "call_id": "c3", "status": "completed", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "apply_patch_call_output", "call_id": "c3", "status": "failed", "output": "no"},
        {"type": "web_search_call", "id": "ws", "status": "completed"},
        {"type": "compaction", "id": "cmp", "encrypted_content": "x"}
    ]));
    let chat = DIALECT.read_request(&request).unwrap();
    assert_eq!(
        outline(&chat),
        [
            "Assistant call:c1",
            "User result:c1",
            "Assistant call:c2",
            "User result:c2",
            "Assistant call:c3",
            "User result:c3"
        ]
    );
    let Part::ToolCall(call) = &chat.messages[0].parts[0] else {
        unreachable!()
    };
    assert_eq!(call.name, "local_shell");
    assert_eq!(call.arguments, "{\"type\":\"exec\",\"command\":[\"ls\"]}");
    let Part::ToolResult(result) = &chat.messages[5].parts[0] else {
        unreachable!()
    };
    assert!(result.is_error);
    assert_eq!(
        chat.unknown,
        ["input[]:web_search_call", "input[]:compaction"]
    );
}

// trap 21
// trap 23
// trap 27
#[test]
fn a_thought_that_went_out_in_disguise_is_the_vendors_again() {
    let mut thought = Thought {
        text: "hm  \n".into(),
        signature: Some("sig==".into()),
        encrypted: None,
        id: None,
        provenance: Provenance::Anthropic,
    };
    let request = with_input(&json!([
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm  \n"}], "encrypted_content": packed_thought(&thought)},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": packed_call("call_1", "proof")},
        {"type": "function_call", "call_id": "call_0", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    ]));
    let chat = DIALECT.read_request(&request).unwrap();
    let parts = &chat.messages[0].parts;
    thought.id = None;
    assert_eq!(parts[0], Part::Thought(thought));
    let signatures: Vec<Option<&str>> = parts
        .iter()
        .filter_map(|it| match it {
            Part::ToolCall(call) => Some(call.signature.as_deref()),
            _ => None,
        })
        .collect();
    assert_eq!(signatures, [None, Some("proof")]);
    assert_eq!(parts.len(), 3);
}

#[test]
fn formats_choices_and_numbers_are_carried() {
    let request = document(&json!({
        "model": "m", "input": "hi", "max_output_tokens": 100, "temperature": 0.50, "top_p": 1, "user": "u",
        "metadata": {"a": "b"}, "service_tier": "flex", "top_logprobs": 3, "include": ["message.output_text.logprobs"],
        "text": {"format": {"type": "json_schema", "name": "n", "strict": true, "schema": {"type": "object"}}},
        "tools": [{"type": "function", "name": "f", "parameters": null, "strict": null}],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        "truncation": "auto", "max_tool_calls": 3, "seed": 1, "stream_options": {"include_obfuscation": true},
        "reasoning": {"effort": "xhigh", "mode": "pro"}
    }));
    let chat = DIALECT.read_request(&request).unwrap();
    assert_eq!(chat.max_output, Some(100));
    assert_eq!(chat.sampling.temperature, Some(Json::Number("0.5".into())));
    assert_eq!(chat.logprobs, Some(3));
    let Format::JsonSchema(schema) = &chat.format else {
        unreachable!()
    };
    assert_eq!(
        (schema.name.as_deref(), schema.strict),
        (Some("n"), Some(true))
    );
    assert_eq!(
        chat.tool_choice,
        Some(ToolChoice::Allowed {
            is_required: true,
            names: vec!["f".into()]
        })
    );
    assert_eq!(
        chat.unknown,
        [
            "truncation",
            "stream_options.include_obfuscation",
            "reasoning.mode",
            "max_tool_calls",
            "seed"
        ]
    );
    let choice = |choice: Value| {
        let request = document(&json!({"model": "m", "input": "hi", "tool_choice": choice}));
        DIALECT
            .read_request(&request)
            .map(|it| format!("{:?}", it.tool_choice))
    };
    let said = |it: Value| choice(it).unwrap();
    assert_eq!(said(json!("none")), "Some(None)");
    assert_eq!(said(json!("auto")), "Some(Auto)");
    assert_eq!(said(json!("required")), "Some(Required)");
    assert_eq!(
        said(json!({"type": "function", "name": "f"})),
        "Some(Named(\"f\"))"
    );
    assert_eq!(
        said(json!({"type": "custom", "name": "f"})),
        "Some(Named(\"f\"))"
    );
    let hosted = choice(json!({"type": "web_search"})).unwrap_err();
    assert_eq!(hosted.field, "tool_choice.type");
}

#[test]
fn parts_of_every_kind_are_read() {
    let request = with_input(&json!([{"role": "user", "content": [
        {"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_file", "file_data": "JVBERi0="},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}
    ]}]));
    let chat = DIALECT.read_request(&request).unwrap();
    let sources: Vec<&Source<'_>> = chat.messages[0]
        .parts
        .iter()
        .filter_map(|it| match it {
            Part::Image(media) | Part::File(media) | Part::Audio(media) => Some(&media.source),
            _ => None,
        })
        .collect();
    assert_eq!(
        sources,
        [
            &Source::Id("file_1".into()),
            &Source::Url("https://example.com/a.png".into()),
            &Source::Base64("JVBERi0=".into()),
            &Source::Base64("JVBERi0=".into()),
            &Source::Url("https://example.com/a.pdf".into()),
            &Source::Base64("AA==".into()),
        ]
    );
    let Part::Text(text) = &chat.messages[0].parts[0] else {
        unreachable!()
    };
    assert!(text.cache.is_some());
    assert_eq!(chat.messages[0].role, Role::User);
}

#[test]
fn what_cannot_be_done_is_named() {
    let cases = [
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": 3}), "input"),
        (
            json!({"model": "m", "input": "a", "background": true}),
            "background",
        ),
        (
            json!({"model": "m", "input": "a", "conversation": "conv_1"}),
            "conversation",
        ),
        (
            json!({"model": "m", "input": "a", "prompt": {"id": "p"}}),
            "prompt",
        ),
        (
            json!({"model": "m", "input": "a", "previous_response_id": "resp_1"}),
            "previous_response_id",
        ),
        (
            json!({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]}),
            "input[0].type",
        ),
        (
            json!({"model": "m", "input": [{"id": "msg_1"}]}),
            "input[0].type",
        ),
        (
            json!({"model": "m", "input": [{"role": "robot", "content": "a"}]}),
            "input[0].role",
        ),
        (
            json!({"model": "m", "input": [{"role": "user", "content": [{"type": "smell"}]}]}),
            "input[0].content[0].type",
        ),
        (
            json!({"model": "m", "input": "a", "reasoning": {"effort": "huge"}}),
            "reasoning.effort",
        ),
        (
            json!({"model": "m", "input": "a", "text": {"format": {"type": "xml"}}}),
            "text.format.type",
        ),
    ];
    for (body, field) in cases {
        let request = document(&body);
        let found = DIALECT.read_request(&request).unwrap_err();
        assert_eq!(found.field, field, "{body}");
    }
    let hosted = json!({"model": "m", "input": "a", "tools": [
        {"type": "namespace", "name": "n", "tools": [{"type": "file_search"}]}]});
    assert_eq!(
        error(&hosted),
        "`tools[0].tools[0].type` must be \"function\" or \"custom\": `file_search` is a tool of OpenAI's own models"
    );
    let fine = document(
        &json!({"model": "m", "input": "a", "background": false, "conversation": null, "prompt": null}),
    );
    assert!(DIALECT.read_request(&fine).is_ok());
}

#[test]
fn fields_of_tools_that_no_other_vendor_has_are_named() {
    let request = document(&json!({"model": "m", "input": "a", "tools": [
        {"type": "function", "name": "f", "defer_loading": true, "strict": false},
        {"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "c", "async": true}]},
        {"type": "web_search", "search_content_types": ["text"], "filters": {"later": 1}}],
        "text": {"later": 1}}));
    let chat = DIALECT.read_request(&request).unwrap();
    assert_eq!(
        chat.unknown,
        [
            "tools[].defer_loading",
            "tools[].async",
            "tools[2].filters.later",
            "tools[2].search_content_types",
            "text.later"
        ]
    );
}

#[test]
fn a_request_of_codex_reaches_other_vendors_whole() {
    let request = Document::parse(CODEX.as_bytes().into()).unwrap();
    let chat = DIALECT.read_request(&request).unwrap();
    let target = Target {
        model: "other",
        traits: Traits::default(),
    };
    let claude = Dialect::Anthropic.write_request(&chat, &target).unwrap();
    let body = value(&claude.body);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "直して 🙏"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAAN"}}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "call_1", "name": "shell", "input": {"command": ["ls"]}},
                {"type": "tool_use", "id": "call_2", "name": "apply_patch", "input": {"input": "*** Begin Patch"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "a.rs"}]},
                {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "done"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAAN"}}]},
                {"type": "text", "text": "go on"}]}
        ])
    );
    assert_eq!(body["system"].as_array().unwrap().len(), 2);
    assert_eq!(claude.wrapped_tools, ["apply_patch".into()]);
    let of_family = Dialect::OpenAiChat.write_request(&chat, &target).unwrap();
    let roles: Vec<String> = value(&of_family.body)["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["role"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        roles,
        [
            "system",
            "developer",
            "user",
            "assistant",
            "tool",
            "tool",
            "user",
            "user"
        ]
    );
    for written in [claude, of_family] {
        assert!(written.dropped.contains(&"messages[].reasoning".into()));
        assert!(!written.body.to_string().contains("gAAAforeign"));
    }
}
