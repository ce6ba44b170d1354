//! A vendor's stream and whole answer.
#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::chat::{Block, ChatEvent, Collected, EventSink, Finish, Provenance, ToolKind};
use crate::fault::Fault;
use crate::sse::Event;

const EVERYTHING: &str =
    include_str!("../../../../testdata/openai_responses/vendor_everything.sse");
const WHOLE: &str = include_str!("../../../../testdata/openai_responses/vendor_everything.json");
const REFUSAL: &str = include_str!("../../../../testdata/openai_responses/vendor_refusal.sse");
const LENGTH: &str = include_str!("../../../../testdata/openai_responses/vendor_length.sse");
const FAILED: &str = include_str!("../../../../testdata/openai_responses/vendor_failed.sse");

fn events(stream: &str, size: usize) -> Vec<ChatEvent<'static>> {
    let mut seen = Vec::new();
    let mut sink = |event: ChatEvent<'_>| seen.push(event.into_owned());
    let mut reader = DIALECT.reader();
    for piece in stream.as_bytes().chunks(size) {
        reader.push(Bytes::copy_from_slice(piece), &mut sink);
    }
    reader.finish(&mut sink);
    seen
}

fn fold(events: Vec<ChatEvent<'static>>) -> Collected {
    let mut collected = Collected::default();
    for event in events {
        collected.take(event);
    }
    collected
}

fn read(answer: &Value) -> Collected {
    let mut collected = Collected::default();
    DIALECT.read_answer(answer.to_string().as_bytes(), &mut collected);
    collected
}

#[test]
fn a_stream_reads_the_same_however_it_is_cut() {
    for stream in [EVERYTHING, REFUSAL, LENGTH, FAILED] {
        let whole = events(stream, 1 << 20);
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(events(stream, size), whole, "cut at {size}");
        }
        let other_ends = stream.replace('\n', "\r\n");
        assert_eq!(events(&other_ends, 5), whole);
    }
}

// trap 15
#[test]
fn everything_a_stream_says_is_read_once() {
    let collected = fold(events(EVERYTHING, 1 << 20));
    assert_eq!(collected.id.as_deref(), Some("resp_68a"));
    assert_eq!(collected.fault, None);
    let choice = collected.choices.get(&0).unwrap();
    assert_eq!(choice.text(), "天気は晴れ ☀️ 👩‍👩‍👧 é");
    let thought = choice.thoughts().next().unwrap();
    assert_eq!(thought.text, "**Plan** look\n\ntwice");
    assert_eq!(thought.encrypted.as_deref(), Some("gAAAwhole"));
    assert_eq!(thought.id.as_deref(), Some("rs_1"));
    assert_eq!(thought.provenance, Provenance::OpenAi);
    let calls: Vec<_> = choice
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Call {
                id,
                name,
                arguments,
                kind,
                ..
            } => Some((id.as_str(), name.as_str(), arguments.as_str(), *kind)),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            ("call_a", "get_w", "{\"city\":\"東京\"}", ToolKind::Function),
            ("call_b", "now", "", ToolKind::Function),
            ("call_c", "apply", "*** Begin\n+\"x\"", ToolKind::Custom),
        ]
    );
    assert_eq!(choice.finish, Some(Finish::ToolCalls));
    let usage = collected.usage.unwrap();
    assert_eq!(
        (usage.input, usage.cache_read, usage.cache_write),
        (120, 100, 10)
    );
    assert_eq!((usage.output, usage.reasoning), (60, 40));
    let citation = choice.annotations.first().unwrap();
    assert_eq!(
        value(citation),
        json!({"type": "url_citation", "url_citation": {"start_index": 3, "end_index": 5,
            "url": "https://example.com/w", "title": "Weather"}})
    );
    assert_eq!(choice.annotations.len(), 1);
}

#[test]
fn a_whole_answer_says_what_its_stream_said() {
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    assert_eq!(read(&whole), fold(events(EVERYTHING, 1 << 20)));
}

#[test]
fn what_no_delta_said_is_read_from_the_end() {
    let collected = fold(events(LENGTH, 1 << 20));
    let choice = collected.choices.get(&0).unwrap();
    assert_eq!(choice.text(), "It is tw");
    let thought = choice.thoughts().next().unwrap();
    assert_eq!(thought.text, "hm, 2");
    // Without its cipher nobody can check it.
    assert_eq!(thought.provenance, Provenance::Unsigned);
    assert_eq!(thought.id, None);
    assert_eq!(choice.finish, Some(Finish::Length));
}

#[test]
fn a_server_that_sends_only_the_end_is_understood() {
    let tail = EVERYTHING.find("event: response.completed").unwrap();
    let only_end = events(EVERYTHING.get(tail..).unwrap(), 1 << 20);
    assert_eq!(fold(only_end), fold(events(EVERYTHING, 1 << 20)));
}

#[test]
fn a_refusal_is_no_text() {
    let collected = fold(events(REFUSAL, 1 << 20));
    let choice = collected.choices.get(&0).unwrap();
    assert_eq!(choice.refusal().as_deref(), Some("I can't help."));
    assert_eq!(choice.text(), "");
    assert_eq!(choice.finish, Some(Finish::Stop));
}

// trap 5
#[test]
fn a_stream_without_its_end_is_no_answer() {
    let cut = &EVERYTHING[..EVERYTHING.find("event: response.completed").unwrap()];
    let fault = |stream: &str| fold(events(stream, 64)).fault.unwrap().fault;
    assert_eq!(fault(cut), Fault::Incomplete);
    assert_eq!(fault(&format!("{cut}data: [DONE]\n\n")), Fault::Incomplete);
    assert_eq!(fault(&cut[..cut.len() - 9]), Fault::Truncated);
    assert_eq!(fault(""), Fault::Incomplete);
    let broken = "data: {\"type\":\"response.outp";
    assert_eq!(fault(broken), Fault::Truncated);
}

#[test]
fn one_bad_event_does_not_end_a_good_stream() {
    let bad = format!("data: {{oops\n\n: ping\n\n{EVERYTHING}data: [DONE]\n\n");
    assert_eq!(events(&bad, 1 << 20), events(EVERYTHING, 1 << 20));
}

#[test]
fn a_response_that_failed_is_a_fault_and_was_counted() {
    let seen = events(FAILED, 1 << 20);
    let [.., ChatEvent::Usage(usage), ChatEvent::Fault(fault)] = seen.as_slice() else {
        unreachable!("{seen:?}");
    };
    assert_eq!(usage.total(), 180);
    assert_eq!(fault.fault, Fault::RateLimited);
    assert_eq!(fault.error.as_ref().unwrap().message, "Slow down.");
    let end = seen
        .iter()
        .filter(|it| matches!(it, ChatEvent::End))
        .count();
    assert_eq!(end, 0);
}

#[test]
fn an_error_says_by_its_code_what_went_wrong() {
    let cases = [
        (
            json!({"type": "error", "code": "server_is_overloaded", "message": "m", "param": null, "sequence_number": 2}),
            Fault::Overloaded,
        ),
        (
            json!({"type": "error", "code": "slow_down", "message": "m"}),
            Fault::Overloaded,
        ),
        (
            json!({"type": "error", "code": null, "message": "m"}),
            Fault::Server,
        ),
        (
            json!({"type": "error", "error": {"type": "invalid_request_error", "code": "context_length_exceeded", "message": "m"}}),
            Fault::ContextLength,
        ),
        (
            json!({"error": {"message": "m", "code": "insufficient_quota"}}),
            Fault::Quota,
        ),
        (
            json!({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "Your input exceeds the context window of this model."}}}),
            Fault::ContextLength,
        ),
        (
            json!({"type": "response.failed", "response": {"error": {"code": "invalid_image_url", "message": "m"}}}),
            Fault::BadRequest,
        ),
        (
            json!({"type": "response.failed", "response": {"error": {"code": "image_content_policy_violation", "message": "m"}}}),
            Fault::ContentFilter,
        ),
        (
            json!({"type": "response.failed", "response": {"error": null}}),
            Fault::Server,
        ),
    ];
    for (event, fault) in cases {
        let seen = events(&format!("data: {event}\n\n"), 1 << 20);
        let Some(ChatEvent::Fault(found)) = seen.last() else {
            unreachable!("{seen:?}");
        };
        assert_eq!(found.fault, fault, "{event}");
    }
    let named = events(
        "event: error\ndata: {\"code\":\"server_error\",\"message\":\"m\"}\n\n",
        64,
    );
    assert!(
        matches!(named.as_slice(), [ChatEvent::Fault(_)]),
        "{named:?}"
    );
    let nothing = events("event: error\ndata: gone\n\n", 64);
    assert!(
        matches!(nothing.as_slice(), [ChatEvent::Fault(_)]),
        "{nothing:?}"
    );
}

#[test]
fn a_count_that_cannot_be_true_is_no_count() {
    let count = |usage: Value| {
        let answer = json!({"output": [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}], "usage": usage});
        let collected = read(&answer);
        (collected.usage.map(|it| it.total()), collected.is_usage_bad)
    };
    assert_eq!(
        count(json!({"input_tokens": 3, "output_tokens": 4})),
        (Some(7), false)
    );
    assert_eq!(count(Value::Null), (None, false));
    for bad in [
        json!({"input_tokens": -3, "output_tokens": 4}),
        json!({"input_tokens": 3.5, "output_tokens": 4}),
        json!({"input_tokens": 3}),
        json!({"input_tokens": 3, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 5}}),
        json!({"input_tokens": 3, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 5}}),
        json!({"input_tokens": 3, "output_tokens": 2_000_000_000_000_u64}),
    ] {
        assert_eq!(count(bad.clone()), (None, true), "{bad}");
    }
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let fault = |answer: Value| read(&answer).fault.map(|it| it.fault);
    assert_eq!(fault(json!({})), Some(Fault::Protocol));
    assert_eq!(
        fault(json!({"output": [], "status": "completed"})),
        Some(Fault::Empty)
    );
    assert_eq!(
        fault(json!({"output": [], "status": "queued"})),
        Some(Fault::Incomplete)
    );
    assert_eq!(
        fault(json!({"error": {"message": "m", "code": "rate_limit_exceeded"}})),
        Some(Fault::RateLimited)
    );
    assert_eq!(
        fault(
            json!({"output": [], "status": "failed", "error": {"code": "server_error", "message": "m"}})
        ),
        Some(Fault::Server)
    );
    // All of the bound went into thoughts: that is an answer, and it is paid for.
    let answer = json!({"output": [], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}});
    let collected = read(&answer);
    assert_eq!(collected.fault, None);
    assert_eq!(
        collected.choices.get(&0).unwrap().finish,
        Some(Finish::Length)
    );
    let filtered = json!({"output": [], "status": "incomplete", "incomplete_details": {"reason": "content_filter"}});
    assert_eq!(
        read(&filtered).choices.get(&0).unwrap().finish,
        Some(Finish::ContentFilter)
    );
}

#[test]
fn token_probabilities_are_read_once() {
    let token = json!({"token": "a", "logprob": -0.5, "top_logprobs": []});
    let item = json!({"type": "message", "id": "m", "content": [{"type": "output_text", "text": "ab", "logprobs": [token, token]}]});
    let added = json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m"}});
    let delta = json!({"type": "response.output_text.delta", "item_id": "m", "content_index": 0, "delta": "ab", "logprobs": [token, token]});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    let end = json!({"type": "response.completed", "response": {"output": [item]}});
    let stream = |events: &[&Value]| {
        let lines = events.iter().map(|it| format!("data: {it}\n\n"));
        lines.collect::<String>()
    };
    for text in [
        stream(&[&added, &delta, &done, &end]),
        stream(&[&added, &done, &end]),
        stream(&[&end]),
    ] {
        let collected = fold(events(&text, 1 << 20));
        let choice = collected.choices.get(&0).unwrap();
        assert_eq!((choice.text().as_str(), choice.logprobs.len()), ("ab", 2));
    }
}

#[test]
fn a_relay_that_only_looks_sees_the_same() {
    let mut looking = DIALECT.sse_reader().unwrap();
    let mut collected = Collected::default();
    for event in EVERYTHING.split_inclusive("\n\n") {
        looking.event(&Event::parse(event.as_bytes()), &mut collected);
    }
    looking.end(&mut collected);
    assert!(!looking.is_over());
    assert_eq!(collected, fold(events(EVERYTHING, 1 << 20)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_stream_reads_the_same_however_it_is_cut(at in 0..EVERYTHING.len(), length in 0..400_usize, size in 1..90_usize) {
        let mut damaged = EVERYTHING.as_bytes().to_vec();
        damaged.drain(at..(at + length).min(EVERYTHING.len()));
        let damaged = String::from_utf8_lossy(&damaged);
        prop_assert_eq!(events(&damaged, size), events(&damaged, 1 << 20));
    }
}
