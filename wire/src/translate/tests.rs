//! Whole ways, from a vendor's bytes to a caller's.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::chat::seal::tests::SEAL;
use serde_json::{Value, json};

use super::*;
use crate::chat::{Names, Target, Traits};
use crate::document::Document;
use crate::operation::Operation;
use crate::reader::{MAX_TAKEN, UsageChunk};

/// A vendor's whole answer in the caller's words.
pub(crate) fn translate_answer(
    (from, to): (Dialect, Dialect),
    settler: &mut Settler,
    echo: &Echo<'_>,
    body: &[u8],
) -> Result<(Bytes, Answer), AnswerFault> {
    let (collected, answer) = collect_answer(from, settler, body)?;
    Ok((to.write_answer(&collected, echo), answer))
}

const CLAUDE: &str = include_str!("../../testdata/anthropic/tool_and_thought.sse");
const GPT: &str = include_str!("../../testdata/openai_chat/two_tools.sse");

fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
}

fn echo(request: &Document) -> Echo<'_> {
    Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        timing: crate::dialect::timing::Timing::default(),
        estimated_input: 42,
        seal: &SEAL,
        request,
    }
}

/// The caller's stream, cut into pieces of `size` bytes on its way in.
fn stream(from: Dialect, to: Dialect, text: &str, size: usize) -> (String, StreamEnd, Translation) {
    let request = document(&json!({}));
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let mut translation = Translation::new(from, to, settler, &echo(&request));
    let mut out = Segments::new();
    for piece in text.as_bytes().chunks(size) {
        let seen = translation.push(Bytes::copy_from_slice(piece), &mut out);
        assert!(!matches!(seen, Seen::Fault(_)), "{seen:?}");
    }
    let end = translation.finish(&mut out);
    let text = String::from_utf8(out.to_bytes().to_vec()).unwrap();
    (text, end, translation)
}

fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|it| it.strip_prefix("data: "));
    lines
        .filter(|it| *it != "[DONE]")
        .map(|it| serde_json::from_str(it).unwrap())
        .collect()
}

#[test]
fn claude_streams_to_an_openai_client_the_same_however_it_is_cut() {
    let (whole, end, translation) =
        stream(Dialect::Anthropic, Dialect::OpenAiChat, CLAUDE, 1 << 20);
    assert_eq!(end, StreamEnd::Complete);
    let usage = translation.seen.usage.clone().unwrap();
    assert_eq!(
        (usage.input, usage.cache_read, usage.output),
        (912, 900, 57)
    );
    for size in [1, 2, 3, 7, 50] {
        let (cut, ..) = stream(Dialect::Anthropic, Dialect::OpenAiChat, CLAUDE, size);
        assert_eq!(cut, whole, "cut at {size}");
    }
    assert!(whole.ends_with("data: [DONE]\n\n"));
    let chunks = data(&whole);
    assert_eq!(
        chunks[0]["choices"][0]["delta"],
        json!({"role": "assistant", "content": ""})
    );
    assert_eq!(
        chunks[1]["choices"][0]["delta"]["reasoning_content"],
        "Look up"
    );
    assert_eq!(
        chunks[2]["choices"][0]["delta"]["reasoning_details"][0],
        json!({"type": "reasoning.text", "text": "Look up", "signature": "EqQB…", "format": "anthropic-claude-v1"})
    );
    assert_eq!(
        chunks[3]["choices"][0]["delta"]["tool_calls"][0],
        json!({"index": 0, "id": "toolu_01", "type": "function", "function": {"name": "get_w", "arguments": ""}})
    );
    assert_eq!(
        chunks[4]["choices"][0]["delta"]["tool_calls"][0],
        json!({"index": 0, "function": {"arguments": "{\"city\":\"Oslo\"}"}})
    );
    assert_eq!(chunks[5]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chunks[6]["usage"]["prompt_tokens"], 912);
    assert_eq!(
        chunks[6]["usage"]["prompt_tokens_details"]["cached_tokens"],
        900
    );
    assert_eq!(chunks.len(), 7);
}

#[test]
fn gpt_streams_to_an_anthropic_client_in_blocks() {
    let (whole, end, _) = stream(Dialect::OpenAiChat, Dialect::Anthropic, GPT, 1 << 20);
    assert_eq!(end, StreamEnd::Complete);
    for size in [1, 3, 64] {
        assert_eq!(
            stream(Dialect::OpenAiChat, Dialect::Anthropic, GPT, size).0,
            whole
        );
    }
    let events = data(&whole);
    let kinds: Vec<&str> = events
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "message_start",
            "ping",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 42);
    assert_eq!(
        events[5]["content_block"],
        json!({"type": "tool_use", "id": "call_a", "name": "look", "input": {}})
    );
    assert_eq!(
        events[10]["delta"],
        json!({"type": "input_json_delta", "partial_json": "{}"})
    );
    assert_eq!(
        events[12]["delta"],
        json!({"stop_reason": "tool_use", "stop_sequence": null})
    );
    assert_eq!(events[12]["usage"]["input_tokens"], 10);
    assert_eq!(events[12]["usage"]["cache_read_input_tokens"], 20);
}

// trap 6
#[test]
fn until_something_for_the_caller_came_another_vendor_may_be_asked() {
    let begun = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
    let start = &CLAUDE[..CLAUDE.find("event: content_block_start").unwrap()];
    for (from, silent, said) in [
        (
            Dialect::Anthropic,
            format!("{start}event: ping\ndata: {{\"type\":\"ping\"}}\n\n"),
            CLAUDE,
        ),
        (Dialect::OpenAiChat, format!(": wait\n\n{begun}\n\n"), GPT),
    ] {
        let request = document(&json!({}));
        for to in [Dialect::OpenAiChat, Dialect::Anthropic, Dialect::Ollama] {
            let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
            let translation = Translation::new(from, to, settler, &echo(&request));
            let mut reader = AnswerReader::Translate(Box::new(translation));
            let mut out = Segments::new();
            assert_eq!(reader.push(silent.clone().into(), &mut out), Seen::Nothing);
            assert!(!reader.content_seen(), "{from:?}");
            reader.push(said.into(), &mut out);
            assert!(reader.content_seen());
        }
    }
}

// trap 8
#[test]
fn a_whole_answer_is_told_as_a_stream_where_one_was_asked_for() {
    let request = document(&json!({}));
    let answer = json!({"id": "msg_1", "content": [{"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "t", "name": "now", "input": {}}],
        "stop_reason": "tool_use", "usage": {"input_tokens": 3, "output_tokens": 5}});
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let mut writer = Dialect::OpenAiChat.writer(&echo(&request));
    let mut out = Vec::new();
    let mut sink = |event: ChatEvent<'_>| {
        settler.pass(event, &mut |event: ChatEvent<'_>| {
            writer.write(event, &mut out);
        });
    };
    Dialect::Anthropic.read_answer(answer.to_string().as_bytes(), &mut sink);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"));
    let chunks = data(&text);
    assert_eq!(chunks[1]["choices"][0]["delta"]["content"], "Hi");
    assert_eq!(chunks[4]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chunks[5]["usage"]["total_tokens"], 8);
}

#[test]
fn a_stream_that_breaks_off_is_no_answer() {
    let cut = &CLAUDE[..CLAUDE.find("event: message_delta").unwrap()];
    let (_, end, _) = stream(Dialect::Anthropic, Dialect::OpenAiChat, cut, 64);
    assert_eq!(end, StreamEnd::Incomplete);
    let (_, end, _) = stream(
        Dialect::Anthropic,
        Dialect::OpenAiChat,
        &cut[..cut.len() - 9],
        64,
    );
    assert_eq!(end, StreamEnd::Truncated);
}

#[test]
fn a_chat_with_tools_becomes_a_messages_request() {
    let request = document(&json!({
        "model": "public", "max_completion_tokens": 500, "temperature": 1.50, "seed": 7,
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,/9j/4AAQ"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1.0}"}},
                {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "call_2", "content": "two"},
            {"role": "tool", "tool_call_id": "call_1", "content": ""},
            {"role": "user", "content": "go on"}
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {"properties": {}}}}],
        "parallel_tool_calls": false
    }));
    let chat = Dialect::OpenAiChat.read_request(&request).unwrap();
    let target = Target {
        model: "claude",
        traits: Traits::default(),
    };
    let written = Dialect::Anthropic.write_request(&chat, &target).unwrap();
    let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    assert_eq!(
        body,
        json!({
            "model": "claude", "max_tokens": 500,
            "system": [{"type": "text", "text": "be brief"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "see"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1.0}},
                    {"type": "tool_use", "id": "call_2", "name": "g", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "two"}]},
                    {"type": "text", "text": "go on"}]}
            ],
            "tools": [{"name": "f", "input_schema": {"properties": {}, "type": "object"}}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
            "temperature": 1
        })
    );
    assert_eq!(written.dropped, ["temperature>1", "seed"]);
}

#[test]
fn a_messages_request_becomes_a_chat() {
    let request = document(&json!({
        "model": "public", "max_tokens": 100, "stream": true,
        "system": [{"type": "text", "text": "x-anthropic-billing-header: cch=1;\nYou code."}],
        "thinking": {"type": "enabled", "budget_tokens": 4096},
        "metadata": {"user_id": "u"},
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "tool_use", "id": "t1", "name": "Read", "input": {"path": "a"}}]},
            {"role": "user", "content": [
                {"type": "text", "text": "and"},
                {"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [{"type": "text", "text": "no such file"}]}]}
        ],
        "tools": [{"name": "Read", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true}
    }));
    let chat = Dialect::Anthropic.read_request(&request).unwrap();
    let target = Target {
        model: "gpt",
        traits: Traits::default(),
    };
    let written = Dialect::OpenAiChat.write_request(&chat, &target).unwrap();
    let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    assert_eq!(
        body,
        json!({
            "model": "gpt",
            "messages": [
                {"role": "system", "content": "You code."},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "t1", "type": "function", "function": {"name": "Read", "arguments": "{\"path\":\"a\"}"}}]},
                {"role": "tool", "tool_call_id": "t1", "content": "Error: no such file"},
                {"role": "user", "content": "and"}
            ],
            "tools": [{"type": "function", "function": {"name": "Read", "parameters": {"type": "object"}}}],
            "tool_choice": "required", "parallel_tool_calls": false,
            "reasoning_effort": "medium", "max_completion_tokens": 100, "user": "u",
            "stream": true
        })
    );
    assert_eq!(
        written.dropped,
        ["messages[].reasoning", "reasoning.max_tokens"]
    );
}

#[test]
fn a_whole_answer_is_the_fold_of_its_events() {
    let request = document(&json!({}));
    let claude = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "t", "name": "now", "input": {}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 5}
    });
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::Anthropic, Dialect::OpenAiChat);
    let (body, answer) = translate_answer(
        way,
        &mut settler,
        &echo(&request),
        claude.to_string().as_bytes(),
    )
    .unwrap();
    assert_eq!(answer.usage.unwrap().total(), 8);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let message = &body["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("Hi"), &json!("hm"))
    );
    assert_eq!(
        message["tool_calls"][0]["function"],
        json!({"name": "now", "arguments": "{}"})
    );
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");

    // Back again: the caller's own words, sent once more, are the vendor's.
    let history =
        document(&json!({"model": "m", "messages": [{"role": "user", "content": "hi"}, message]}));
    let chat = Dialect::OpenAiChat.read_request(&history).unwrap();
    let target = Target {
        model: "claude",
        traits: Traits::default(),
    };
    let again = Dialect::Anthropic.write_request(&chat, &target).unwrap();
    let again: Value = serde_json::from_slice(&again.body.to_bytes()).unwrap();
    assert_eq!(again["messages"][1]["content"], claude["content"]);
}

#[test]
fn an_error_inside_a_good_answer_is_a_fault() {
    let request = document(&json!({}));
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::Anthropic, Dialect::OpenAiChat);
    let error = br#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
    let found = translate_answer(way, &mut settler, &echo(&request), error)
        .unwrap_err()
        .found;
    assert_eq!(found.fault, Fault::Overloaded);
    let found = translate_answer(way, &mut settler, &echo(&request), b"<html>")
        .unwrap_err()
        .found;
    assert_eq!(found.fault, Fault::Protocol);
}

#[test]
fn a_stream_that_is_collected_is_the_answer_that_was_streamed() {
    let to = Dialect::OpenAiResponses;
    for (from, text) in [(Dialect::Anthropic, CLAUDE), (Dialect::OpenAiChat, GPT)] {
        let request = document(&json!({"include": ["reasoning.encrypted_content"]}));
        let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
        let translation = Translation::new(from, to, settler, &echo(&request)).collecting();
        let mut reader = AnswerReader::Translate(Box::new(translation));
        let mut out = Segments::new();
        let (begin, rest) = text.as_bytes().split_at(text.len() / 2);
        reader.push(Bytes::copy_from_slice(begin), &mut out);
        assert_eq!(reader.take_collected(), None, "it is not complete");
        reader.push(Bytes::copy_from_slice(rest), &mut out);
        assert_eq!(reader.finish(&mut out), StreamEnd::Complete);
        let collected = reader.take_collected().unwrap();
        let whole = to.write_answer(&collected, &echo(&request));
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        let events = data(std::str::from_utf8(&out.to_bytes()).unwrap());
        assert_eq!(events.last().unwrap()["response"], whole);
        assert_eq!(reader.take_collected(), None, "it is taken once");
    }
}

/// What an Anthropic client gets of a whole answer in chat's words.
fn retold(choice: &Value) -> Value {
    let request = document(&json!({}));
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::OpenAiChat, Dialect::Anthropic);
    let answer = json!({"id": "c", "object": "chat.completion", "choices": [choice]}).to_string();
    let told = translate_answer(way, &mut settler, &echo(&request), answer.as_bytes());
    serde_json::from_slice(&told.unwrap().0).unwrap()
}

// Snowflake, recorded 2026-08.
#[test]
fn a_function_stays_one_whatever_empty_object_stands_beside_it() {
    let call = json!({"id": "c1", "type": "function", "custom": {}, "function": {"name": "f", "arguments": "{\"a\":1}"}});
    let choice = json!({"index": 0, "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": null, "tool_calls": [call]}});
    let block = &retold(&choice)["content"][0];
    assert_eq!(
        (&block["name"], &block["input"]),
        (&json!("f"), &json!({"a": 1}))
    );
}

// Perplexity, recorded 2026-06.
#[test]
fn a_whole_answer_is_its_message_whatever_delta_stands_beside_it() {
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "Hi"},
        "delta": {"role": "assistant", "content": ""}, "finish_reason": "stop"});
    assert_eq!(
        retold(&choice)["content"],
        json!([{"type": "text", "text": "Hi"}])
    );
}

// As Snowflake's Cortex and OpenAI's first vision models answer.
#[test]
fn a_whole_answer_may_end_without_a_reason() {
    for reason in [json!(""), Value::Null] {
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": reason});
        let told = retold(&choice);
        assert_eq!(
            (&told["content"][0]["text"], &told["stop_reason"]),
            (&json!("Hi"), &json!("end_turn"))
        );
    }
}

// faults U-38
#[test]
fn a_stream_without_an_end_is_broken_off() {
    let request = document(&json!({}));
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::OpenAiChat, Dialect::Anthropic);
    let mut stream = Translation::new(way.0, way.1, settler, &echo(&request));
    let text = "a".repeat(1 << 20);
    let delta = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    let chunk = Bytes::from(format!("data: {delta}\n\n"));
    let mut pushed = 0;
    let seen = loop {
        pushed += 1;
        let seen = stream.push(chunk.clone(), &mut Segments::default());
        if seen != Seen::Content {
            break seen;
        }
    };
    assert!(matches!(seen, Seen::Fault(it) if it.fault == Fault::EventTooLarge));
    assert_eq!(pushed, (MAX_TAKEN >> 20) + 1);
}

#[test]
fn a_stream_that_never_ends_a_call_and_speaks_on_is_broken_off() {
    let request = document(&json!({}));
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::OpenAiChat, Dialect::Anthropic);
    let mut stream = Translation::new(way.0, way.1, settler, &echo(&request));
    let event = |delta: &Value| {
        let chunk = json!({"choices": [{"index": 0, "delta": delta}]});
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let call = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}});
    stream.push(
        event(&json!({"tool_calls": [call]})),
        &mut Segments::default(),
    );
    let chunk = event(&json!({"content": "a".repeat(1 << 20)}));
    let mut pushed = 0;
    let seen = loop {
        pushed += 1;
        let seen = stream.push(chunk.clone(), &mut Segments::default());
        if seen != Seen::Nothing {
            break seen;
        }
    };
    assert!(matches!(seen, Seen::Fault(it) if it.fault == Fault::EventTooLarge));
    assert_eq!(pushed, MAX_HELD >> 20);
}

// U-31
#[test]
fn what_follows_the_end_mark_is_no_part_of_the_answer() {
    let chunk = |text: &str| {
        let it =
            json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]});
        format!("data: {it}\n\n")
    };
    let count = json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}});
    let stream = [
        chunk("a"),
        "data: [DONE]\n\n".to_owned(),
        chunk("b"),
        format!("data: {count}\n\n"),
    ];
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let body = Bytes::from(stream.concat());
    let (collected, answer) = collect_stream(Dialect::OpenAiChat, &mut settler, body).unwrap();
    assert_eq!(collected.choices[&0].text(), "a");
    assert_eq!(answer.usage.unwrap().output, 1);
    assert!(!answer.is_usage_partial);
}

fn translation(from: Dialect, to: Dialect, request: &Document) -> Translation {
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    Translation::new(from, to, settler, &echo(request))
}

// What was said in the midst of the call could only be written behind it, and a call that is
// closed is one that agents run.
#[test]
fn a_stream_that_breaks_within_a_call_never_closes_it() {
    let request = document(&json!({}));
    let event = |delta: Value| {
        let chunk = json!({"choices": [{"index": 0, "delta": delta}]});
        format!("data: {chunk}\n\n")
    };
    let call = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"a\":"}});
    let begun = event(json!({"tool_calls": [call]})) + &event(json!({"content": "words"}));
    let error = "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n";
    for to in [
        Dialect::OpenAiChat,
        Dialect::Anthropic,
        Dialect::OpenAiResponses,
        Dialect::Gemini,
        Dialect::Ollama,
    ] {
        for end in [error, ""] {
            let mut stream = translation(Dialect::OpenAiChat, to, &request);
            let mut out = Segments::default();
            let seen = stream.push(Bytes::from(format!("{begun}{end}")), &mut out);
            assert_eq!(end.is_empty(), !matches!(seen, Seen::Fault(_)), "{to:?}");
            if end.is_empty() {
                assert_eq!(stream.finish(&mut out), StreamEnd::Incomplete, "{to:?}");
            }
            let reader = AnswerReader::Translate(Box::new(stream));
            let failed = ErrorBody::parse(b"{\"error\":{\"message\":\"broken\"}}").unwrap();
            out.push(reader.error_event(Fault::Server, &failed).unwrap());
            let written = String::from_utf8(out.to_bytes().to_vec()).unwrap();
            for closing in [
                "words",
                "content_block_stop",
                "arguments.done",
                "output_item.done",
                "tool_calls\"\n",
                "functionCall",
                "\"status\":\"completed\"",
            ] {
                assert!(!written.contains(closing), "{to:?} {closing}: {written}");
            }
        }
    }
}

/// A relay's or a translation's last word about a stream that goes on and on.
fn endless(from: Dialect, relay: Operation, begin: &str, more: impl Fn(u32) -> String) -> u32 {
    let request = document(&json!({}));
    let translation = translation(from, Dialect::OpenAiChat, &request);
    let readers = [
        AnswerReader::Relay(StreamReader::new(relay, UsageChunk::Keep)),
        AnswerReader::Translate(Box::new(translation)),
    ];
    let counts = readers.map(|mut reader| {
        reader.push(Bytes::from(begin.to_owned()), &mut Segments::default());
        let found = (0..1_000_000).find(|number| {
            let seen = reader.push(Bytes::from(more(*number)), &mut Segments::default());
            matches!(seen, Seen::Fault(it) if it.fault == Fault::EventTooLarge)
        });
        found.unwrap()
    });
    assert_eq!(counts[0], counts[1]);
    counts[0]
}

const BEGUN: &str = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n";

// U-38
#[test]
fn everything_that_is_remembered_of_a_stream_has_a_bound() {
    let block = |index: u32, it: &Value| {
        let it = json!({"type": "content_block_start", "index": index, "content_block": it});
        format!("data: {it}\n\n")
    };
    let way = |more: &dyn Fn(u32) -> String| {
        endless(Dialect::Anthropic, Operation::Messages, BEGUN, more)
    };
    let calls = way(&|at| {
        let call = block(
            at,
            &json!({"type": "tool_use", "id": format!("t{at}"), "name": "f", "input": {}}),
        );
        call + &format!("data: {{\"type\":\"content_block_stop\",\"index\":{at}}}\n\n")
    });
    assert_eq!(calls, 1024);
    assert_eq!(
        way(&|at| block(at, &json!({"type": "text", "text": ""}))),
        1024
    );
    let long = "s".repeat(1 << 20);
    let thinking = block(0, &json!({"type": "thinking", "thinking": "hm"}));
    let delta = json!({"type": "signature_delta", "signature": long});
    let signed = json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let signed = format!("data: {signed}\n\n");
    let signatures = way(&|at| [&signed, &thinking][usize::from(at == 0)].clone());
    assert_eq!(signatures, 17);
    let ids = way(&|at| {
        block(
            0,
            &json!({"type": "tool_use", "id": format!("{at}{long}"), "name": "f"}),
        )
    });
    assert_eq!(ids, 63);
    let items = endless(Dialect::OpenAiResponses, Operation::Responses, "", |at| {
        let item = json!({"type": "message", "id": format!("m{at}"), "content": []});
        let it = json!({"type": "response.output_item.added", "output_index": at, "item": item});
        format!("data: {it}\n\n")
    });
    assert_eq!(items, 4096);
}

#[test]
fn a_whole_answer_has_at_most_1024_calls_and_128_choices() {
    let call = |at: u32| json!({"index": at, "id": format!("c{at}"), "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let choice = |index: u32, calls: u32| {
        let calls: Vec<_> = (0..calls).map(call).collect();
        json!({"index": index, "message": {"role": "assistant", "content": "hi", "tool_calls": calls}, "finish_reason": "tool_calls"})
    };
    let read = |choices: &[Value]| {
        let body = json!({"choices": choices}).to_string();
        let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
        collect_answer(Dialect::OpenAiChat, &mut settler, body.as_bytes())
    };
    assert!(read(&[choice(0, 1024)]).is_ok());
    assert!(read(&[choice(127, 1)]).is_ok());
    for choices in [choice(0, 1025), choice(128, 1)] {
        let fault = read(&[choices]).unwrap_err();
        assert_eq!(fault.found.fault, Fault::EventTooLarge);
    }
}
