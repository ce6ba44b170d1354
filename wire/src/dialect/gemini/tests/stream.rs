//! Streams, cut anywhere.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bytes::Bytes;
use serde_json::{Value, json};

use super::{collect, document, echo, events};
use crate::chat::settle::Settler;
use crate::chat::{Block, ChatEvent, Finish, Names};
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::reader::{Seen, StreamEnd};
use crate::segments::Segments;
use crate::translate::{AnswerReader, Translation};

macro_rules! golden {
    ($name:ident) => {
        include_str!(concat!(
            "../../../../testdata/gemini/",
            stringify!($name),
            ".sse"
        ))
    };
}

const ALL: [&str; 10] = [
    golden!(text),
    golden!(thought_and_tools),
    golden!(signed_text),
    golden!(grounded),
    golden!(blocked_prompt),
    golden!(length),
    golden!(filtered),
    golden!(error_midway),
    golden!(malformed_call),
    golden!(partial_calls),
];

// trap 1
#[test]
fn two_pieces_say_the_same_wherever_they_meet() {
    for stream in ALL {
        let whole = events(stream, usize::MAX);
        for at in 1..stream.len() {
            let mut said = Vec::new();
            let mut sink = |event: ChatEvent<'_>| said.push(format!("{event:?}"));
            let mut reader = Dialect::Gemini.reader();
            let bytes = Bytes::from_static(stream.as_bytes());
            reader.push(bytes.slice(..at), &mut sink);
            reader.push(bytes.slice(at..), &mut sink);
            reader.finish(&mut sink);
            assert_eq!(said, whole, "cut at {at}");
        }
    }
}

// traps 1, 2
#[test]
fn a_stream_says_the_same_however_it_is_cut() {
    for stream in ALL {
        let whole = events(stream, usize::MAX);
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(events(stream, size), whole, "cut at {size}");
        }
        let unix = stream.replace("\r\n", "\n");
        assert_eq!(events(&unix, 5), whole);
        assert_eq!(events(stream.trim_end(), 5), whole);
    }
}

#[test]
fn text_in_any_script_arrives_with_its_count() {
    let answer = collect(golden!(text));
    assert_eq!(answer.id.as_deref(), Some("resp-1"));
    assert_eq!(answer.choices[&0].text(), "안녕하세요 👋🏽 “ok”");
    assert_eq!(answer.choices[&0].finish, Some(Finish::Stop));
    // trap 29
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output), (20, 9));
}

// traps 15, 16, 31
#[test]
fn thoughts_and_calls_arrive_and_thoughts_are_counted() {
    let answer = collect(golden!(thought_and_tools));
    let choice = &answer.choices[&0];
    let thoughts: Vec<&str> = choice.thoughts().map(|it| &*it.text).collect();
    assert_eq!(thoughts, ["Two places. Look up both.", ""]);
    let calls: Vec<(u32, &str, &str, Option<&str>)> = choice
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Call {
                call,
                name,
                arguments,
                signature,
                ..
            } => Some((*call, &**name, &**arguments, signature.as_deref())),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            (
                0,
                "get_w",
                "{\"city\":\"Oslo\",\"days\":1.0}",
                Some("CpQBProof==")
            ),
            (1, "now", "{}", None)
        ]
    );
    assert_eq!(choice.finish, Some(Finish::ToolCalls));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read), (9, 5));
    assert_eq!((usage.output, usage.reasoning), (36, 30));
}

#[test]
fn sources_are_placed_by_characters() {
    let answer = collect(golden!(grounded));
    let place = |start: u64, end: u64, url: &str, title: &str| {
        json!({"type": "url_citation", "url_citation":
            {"start_index": start, "end_index": end, "url": url, "title": title}})
    };
    let annotations: Vec<Value> = answer.choices[&0]
        .annotations
        .iter()
        .map(|it| serde_json::from_slice(&it.to_bytes()).unwrap())
        .collect();
    assert_eq!(
        annotations,
        [
            place(0, 7, "https://a.example/", "A"),
            place(0, 7, "gs://b/doc", "B"),
            place(8, 20, "https://a.example/", "A")
        ]
    );
    // What the vendor's tools fed to the model is paid for as input.
    assert_eq!(answer.usage.unwrap().input, 109);
}

#[test]
fn a_refused_prompt_is_an_empty_answer_of_the_filter() {
    let answer = collect(golden!(blocked_prompt));
    assert_eq!(answer.choices[&0].text(), "");
    assert_eq!(answer.choices[&0].finish, Some(Finish::ContentFilter));
    assert_eq!(answer.usage.unwrap().input, 8);
    assert_eq!(answer.fault, None);
}

#[test]
fn bounds_and_filters_end_an_answer() {
    let finish = |stream| collect(stream).choices[&0].finish.clone();
    assert_eq!(finish(golden!(length)), Some(Finish::Length));
    assert_eq!(finish(golden!(filtered)), Some(Finish::ContentFilter));
}

// trap 7
#[test]
fn an_error_inside_a_stream_is_a_fault() {
    let fault = collect(golden!(error_midway)).fault.unwrap();
    assert_eq!(fault.fault, Fault::Overloaded);
    let error = fault.error.unwrap();
    assert_eq!(
        (&*error.message, &*error.kind),
        ("The model is overloaded.", "UNAVAILABLE")
    );
    let first = "data: [{\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"RESOURCE_EXHAUSTED\"}}]\n\n";
    let fault = collect(first).fault.unwrap();
    assert_eq!(fault.fault, Fault::RateLimited);
    assert_eq!(fault.error.unwrap().message, "slow");
}

#[test]
fn a_call_that_cannot_be_read_is_a_fault_and_still_counted() {
    let answer = collect(golden!(malformed_call));
    let fault = answer.fault.unwrap();
    assert_eq!(fault.fault, Fault::Server);
    let error = fault.error.unwrap();
    assert_eq!(error.code.as_deref(), Some("MALFORMED_FUNCTION_CALL"));
    assert_eq!(error.message, "Malformed function call: print(");
    assert_eq!(answer.usage.unwrap().output, 3);
    assert_eq!(answer.choices[&0].finish, None);
}

// trap 5
#[test]
fn a_stream_that_breaks_off_is_no_answer() {
    let stream = golden!(text);
    let last = stream.rfind("data:").unwrap();
    let fault = |text: &str| collect(text).fault.unwrap().fault;
    assert_eq!(fault(&stream[..last]), Fault::Incomplete);
    assert_eq!(fault(&stream[..last + 40]), Fault::Truncated);
    assert_eq!(fault(""), Fault::Incomplete);
    assert_eq!(fault("data: {\"usageMetadata\":{}}\n\n"), Fault::Incomplete);
}

#[test]
fn one_bad_event_does_not_end_a_good_stream() {
    let stream = format!("data: {{\"candi\r\n\r\n{}", golden!(text));
    assert_eq!(collect(&stream).choices[&0].text(), "안녕하세요 👋🏽 “ok”");
}

#[test]
fn a_finish_reason_in_every_chunk_ends_only_the_last() {
    let chunk = |text: &str, reason: &str| json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": reason}]});
    let stream = format!(
        "data: {}\n\ndata: {}\n\n",
        chunk("a", "STOP"),
        chunk("b", "MAX_TOKENS")
    );
    let said = events(&stream, usize::MAX);
    let finishes: Vec<_> = said.iter().filter(|it| it.starts_with("Finish")).collect();
    assert_eq!(finishes, ["Finish { choice: 0, finish: Length }"]);
    assert_eq!(collect(&stream).choices[&0].text(), "ab");
}

fn translated(to: Dialect, stream: &str, size: usize) -> (String, StreamEnd) {
    let request = document(&json!({}));
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let translation = Translation::new(Dialect::Gemini, to, settler, &echo(&request));
    let mut reader = AnswerReader::Translate(Box::new(translation));
    let mut out = Segments::new();
    for piece in stream.as_bytes().chunks(size) {
        let seen = reader.push(Bytes::copy_from_slice(piece), &mut out);
        assert!(!matches!(seen, Seen::Fault(_)), "{seen:?}");
    }
    let end = reader.finish(&mut out);
    (String::from_utf8(out.to_bytes().to_vec()).unwrap(), end)
}

#[test]
fn an_openai_client_gets_chunks() {
    let (whole, end) = translated(Dialect::OpenAiChat, golden!(thought_and_tools), usize::MAX);
    assert_eq!(end, StreamEnd::Complete);
    assert_eq!(
        translated(Dialect::OpenAiChat, golden!(thought_and_tools), 3).0,
        whole
    );
    assert!(whole.ends_with("data: [DONE]\n\n"));
    let chunks: Vec<Value> = whole
        .lines()
        .filter_map(|it| it.strip_prefix("data: {"))
        .map(|it| serde_json::from_str(&format!("{{{it}")).unwrap())
        .collect();
    let calls: Vec<&Value> = chunks
        .iter()
        .map(|it| &it["choices"][0]["delta"]["tool_calls"][0])
        .filter(|it| it["id"].is_string())
        .collect();
    assert_eq!(
        calls[0],
        &json!({"index": 0, "id": "call_seed000", "type": "function",
            "extra_content": {"google": {"thought_signature": "CpQBProof=="}},
            "function": {"name": "get_w", "arguments": ""}})
    );
    assert_eq!((&calls[1]["index"], calls.len()), (&json!(1), 2));
    let count = chunks.len();
    assert_eq!(
        chunks[count - 2]["choices"][0]["finish_reason"],
        "tool_calls"
    );
    let usage = &chunks[count - 1]["usage"];
    assert_eq!(
        (&usage["completion_tokens"], &usage["total_tokens"]),
        (&json!(36), &json!(45))
    );
    let details = &usage["completion_tokens_details"];
    assert_eq!(details["reasoning_tokens"], 30);
}

#[test]
fn an_anthropic_client_gets_blocks() {
    let (whole, end) = translated(Dialect::Anthropic, golden!(thought_and_tools), usize::MAX);
    assert_eq!(end, StreamEnd::Complete);
    let kinds: Vec<String> = whole
        .lines()
        .filter_map(|it| it.strip_prefix("data: "))
        .map(|it| serde_json::from_str::<Value>(it).unwrap())
        .filter_map(|it| Some(it["content_block"]["type"].as_str()?.to_owned()))
        .collect();
    assert_eq!(
        kinds,
        [
            "thinking",
            "text",
            "redacted_thinking",
            "tool_use",
            "tool_use"
        ]
    );
    assert!(whole.contains("\"stop_reason\":\"tool_use\""));
}
