//! What callers get, line by line.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::chat::Finish;
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::reader::StreamEnd;
use crate::segments::Segments;
use crate::translate::{AnswerReader, Translation};
use crate::usage::Usage;

const GPT: &str = include_str!("../../../../testdata/openai_chat/two_tools.sse");
const CLAUDE: &str = include_str!("../../../../testdata/anthropic/tool_and_thought.sse");

/// A vendor's stream as a caller of `to` gets it.
fn translated(from: Dialect, to: Dialect, text: &str, size: usize) -> (Vec<u8>, StreamEnd) {
    let request = nothing();
    let translation = Translation::new(from, to, settler(), &echo(&request));
    let mut reader = AnswerReader::Translate(Box::new(translation));
    let mut out = Segments::new();
    for piece in text.as_bytes().chunks(size) {
        reader.push(bytes::Bytes::copy_from_slice(piece), &mut out);
    }
    let end = reader.finish(&mut out);
    (out.to_bytes().to_vec(), end)
}

/// What a writer makes of events.
fn written(dialect: Dialect, echo: &Echo<'_>, events: Vec<ChatEvent<'_>>) -> Vec<Value> {
    let mut writer = dialect.writer(echo);
    let mut settler = settler();
    let mut out = Vec::new();
    for event in events {
        settler.pass(event, &mut |event: ChatEvent<'_>| {
            writer.write(event, &mut out);
        });
    }
    lines(&out)
}

fn text(text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Text {
        choice: 0,
        text: text.into(),
    }
}

fn call(call: u32, name: &'static str) -> ChatEvent<'static> {
    ChatEvent::ToolCall {
        choice: 0,
        call,
        id: None,
        name: name.into(),
        kind: crate::chat::ToolKind::Function,
        signature: None,
    }
}

fn arguments(call: u32, text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Arguments {
        choice: 0,
        call,
        text: text.into(),
    }
}

fn finish(finish: Finish) -> ChatEvent<'static> {
    ChatEvent::Finish { choice: 0, finish }
}

#[test]
fn gpt_streams_to_an_ollama_client_in_lines() {
    let (whole, end) = translated(Dialect::OpenAiChat, Dialect::Ollama, GPT, usize::MAX);
    assert_eq!(end, StreamEnd::Complete);
    for size in [1, 2, 3, 7, 64] {
        let (cut, _) = translated(Dialect::OpenAiChat, Dialect::Ollama, GPT, size);
        assert_eq!(cut, whole, "cut at {size}");
    }
    let golden = include_str!("../../../../testdata/ollama/from_gpt.ndjson");
    assert_eq!(std::str::from_utf8(&whole).unwrap(), golden);
}

#[test]
fn claude_streams_to_an_ollama_client_in_lines() {
    let (whole, end) = translated(Dialect::Anthropic, Dialect::Ollama, CLAUDE, 50);
    assert_eq!(end, StreamEnd::Complete);
    let golden = include_str!("../../../../testdata/ollama/from_claude.ndjson");
    assert_eq!(std::str::from_utf8(&whole).unwrap(), golden);
}

#[test]
fn an_older_client_gets_its_words_as_a_response() {
    let (whole, _) = translated(Dialect::Anthropic, Dialect::OllamaGenerate, CLAUDE, 50);
    let lines = lines(&whole);
    assert_eq!(
        lines[0],
        json!({"model": "public", "created_at": "2023-11-14T22:13:20.000000000Z",
            "response": "", "thinking": "Look up", "done": false})
    );
    assert_eq!(lines[2]["response"], "");
    assert_eq!(lines[2]["done_reason"], "stop");
}

// trap 16
#[test]
fn ollama_streams_to_the_clients_of_others() {
    let from =
        include_str!("../../../../testdata/ollama/streams/thought_and_parallel_tools.ndjson");
    let (whole, end) = translated(Dialect::Ollama, Dialect::OpenAiChat, from, 7);
    assert_eq!(end, StreamEnd::Complete);
    let whole = String::from_utf8(whole).unwrap();
    assert!(whole.ends_with("data: [DONE]\n\n"), "{whole}");
    let chunks: Vec<Value> = whole
        .lines()
        .filter_map(|it| serde_json::from_str(it.strip_prefix("data: ")?).ok())
        .collect();
    let calls: Vec<&Value> = chunks
        .iter()
        .map(|it| &it["choices"][0]["delta"]["tool_calls"][0])
        .filter(|it| !it.is_null())
        .collect();
    assert_eq!(
        calls[2],
        &json!({"index": 1, "id": "call_seed001", "type": "function",
            "function": {"name": "now", "arguments": ""}})
    );
    assert_eq!(
        calls[3],
        &json!({"index": 1, "function": {"arguments": "{}"}})
    );
    let reasons = chunks.iter().map(|it| &it["choices"][0]["finish_reason"]);
    let reasons: Vec<&Value> = reasons.filter(|it| it.is_string()).collect();
    assert_eq!(reasons, ["tool_calls"]);
    assert_eq!(chunks.last().unwrap()["usage"]["total_tokens"], 69);
    let (whole, _) = translated(Dialect::Ollama, Dialect::Anthropic, from, 7);
    let whole = String::from_utf8(whole).unwrap();
    assert!(whole.contains("\"stop_reason\":\"tool_use\""), "{whole}");
    assert!(whole.contains("\"thinking\":\"Look \""), "{whole}");
}

#[test]
fn a_stream_that_went_through_events_says_the_same() {
    for name in ["text", "thought_and_parallel_tools", "length", "logprobs"] {
        let path = format!(
            "{}/testdata/ollama/streams/{name}.ndjson",
            env!("CARGO_MANIFEST_DIR")
        );
        let from = std::fs::read_to_string(path).unwrap();
        let (whole, end) = translated(Dialect::Ollama, Dialect::Ollama, &from, 64);
        assert_eq!(end, StreamEnd::Complete, "{name}");
        let settled = |words: Vec<String>| {
            let ids = words
                .into_iter()
                .map(|it| it.replace(" -", " call_seed001"));
            ids.map(|it| it.replace("stop", "tool_calls"))
                .filter(|it| it != "arguments 1 {}")
                .collect::<Vec<_>>()
        };
        assert_eq!(
            settled(read(&whole, usize::MAX)),
            settled(read(from.as_bytes(), usize::MAX)),
            "{name}"
        );
    }
}

#[test]
fn a_call_waits_until_its_arguments_are_an_object() {
    let request = nothing();
    let out = written(
        Dialect::Ollama,
        &echo(&request),
        vec![
            call(0, "f"),
            arguments(0, "{\"a\":\"}"),
            ChatEvent::Usage(Usage::default()),
            arguments(0, "\"}"),
            text("then"),
            call(1, "g"),
            arguments(1, "{\"b\""),
            text("meanwhile"),
            arguments(1, ":2}"),
            finish(Finish::Stop),
            ChatEvent::End,
        ],
    );
    assert_eq!(
        out[0]["message"]["tool_calls"],
        json!([{"id": "call_seed000", "function": {"index": 0, "name": "f", "arguments": {"a": "}"}}}])
    );
    assert_eq!(out[1]["message"]["content"], "then");
    assert_eq!(
        out[2]["message"]["tool_calls"],
        json!([{"id": "call_seed001", "function": {"index": 1, "name": "g", "arguments": {"b": 2}}}])
    );
    assert_eq!(out[3]["message"]["content"], "meanwhile");
    assert_eq!((&out[4]["done"], out.len()), (&json!(true), 5));
}

// trap 13
#[test]
fn a_call_without_arguments_is_told_from_one_that_broke_off() {
    let request = nothing();
    let out = written(
        Dialect::Ollama,
        &echo(&request),
        vec![
            call(0, "now"),
            call(1, "f"),
            arguments(1, "{\"a\":"),
            finish(Finish::Length),
            ChatEvent::End,
        ],
    );
    // The second waits for the first, which ends with the answer.
    let arguments = |at: usize| &out[at]["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(arguments(0), &json!({}));
    assert_eq!(arguments(1), &json!({"rawInvalidInput": "{\"a\":"}));
    assert_eq!(out[2]["done_reason"], "length");
}

// trap 33
#[test]
fn nothing_is_written_for_nothing() {
    let request = nothing();
    let out = written(
        Dialect::Ollama,
        &echo(&request),
        vec![
            ChatEvent::Start { id: None },
            text(""),
            finish(Finish::Stop),
            ChatEvent::End,
        ],
    );
    assert_eq!(out.len(), 1);
    assert_eq!(
        out[0]["message"],
        json!({"role": "assistant", "content": ""})
    );
    assert_eq!(out[0].get("eval_count"), None);
}

#[test]
fn a_refusal_is_said_in_words() {
    let request = nothing();
    let why = || finish(Finish::Refusal(Some("No.".into())));
    let out = written(
        Dialect::Ollama,
        &echo(&request),
        vec![why(), ChatEvent::End],
    );
    assert_eq!(out[0]["message"]["content"], "No.");
    assert_eq!(out[1]["done_reason"], "stop");
    let refusal = ChatEvent::Refusal {
        choice: 0,
        text: "I will not.".into(),
    };
    let out = written(
        Dialect::Ollama,
        &echo(&request),
        vec![refusal, why(), ChatEvent::End],
    );
    assert_eq!(out[0]["message"]["content"], "I will not.");
    assert_eq!(out.len(), 2);
}

#[test]
fn an_answer_says_how_long_it_took() {
    static NOW: AtomicU64 = AtomicU64::new(1_700_000_000_000_000_000);
    let request = nothing();
    let mut echo = echo(&request);
    echo.timing = Timing::new(1_700_000_000_000_000_000, || {
        NOW.fetch_add(100, Ordering::Relaxed) + 100
    });
    let usage = Usage {
        input: 30,
        cache_read: 20,
        output: 9,
        reasoning: 4,
        ..Usage::default()
    };
    let events = vec![
        text("a"),
        text("b"),
        finish(Finish::Length),
        ChatEvent::Usage(usage),
        ChatEvent::End,
    ];
    let out = written(Dialect::Ollama, &echo, events);
    assert_eq!(out[0]["created_at"], "2023-11-14T22:13:20.000000100Z");
    assert_eq!(
        out[2],
        json!({"model": "public", "created_at": "2023-11-14T22:13:20.000000300Z",
            "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "length",
            "total_duration": 300, "load_duration": 0, "prompt_eval_count": 30,
            "prompt_eval_duration": 100, "eval_count": 9, "eval_duration": 200})
    );
}

#[test]
fn an_error_is_one_text() {
    let error = ErrorBody {
        message: "the vendor said \"no\"".into(),
        kind: "server_error".into(),
        param: None,
        code: None,
        filtered: None,
    };
    for dialect in [Dialect::Ollama, Dialect::OllamaGenerate] {
        assert_eq!(
            dialect.error_event(Fault::Server, &error, 0),
            "{\"error\":\"the vendor said \\\"no\\\"\"}\n"
        );
        assert_eq!(
            dialect.error_body(502, &error),
            "{\"error\":\"the vendor said \\\"no\\\"\"}"
        );
    }
}
