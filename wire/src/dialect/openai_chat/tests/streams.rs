//! Streams and whole answers of `OpenAI` itself.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::sse;
use crate::chat::{Block, Collected, Finish};
use crate::dialect::Dialect;
use crate::dialect::tests::{collect, collect_answer, same_events, translated};
use crate::fault::Fault;

const TWO_TOOLS: &str = include_str!("../../../../testdata/openai_chat/two_tools.sse");
const CHOICES: &str = include_str!("../../../../testdata/openai_chat/choices.sse");

fn read(stream: &str) -> Collected {
    collect(Dialect::OpenAiChat, stream)
}

pub(super) fn delta(delta: &Value) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

pub(super) fn last(reason: &str) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// Name and arguments of the calls of the first choice.
pub(super) fn calls(answer: &Collected) -> Vec<(String, String)> {
    let blocks = answer.choices[&0].blocks.iter();
    let calls = blocks.filter_map(|block| match block {
        Block::Call {
            name, arguments, ..
        } => Some((name.clone(), arguments.clone())),
        _ => None,
    });
    calls.collect()
}

// traps 1, 4
#[test]
fn a_stream_is_the_same_however_it_is_cut_and_its_usage_comes_after_the_reason() {
    let answer = read(TWO_TOOLS);
    assert_eq!(answer.choices[&0].text(), " Let me see 배.");
    assert_eq!(
        calls(&answer),
        [
            ("look".to_owned(), "{\"at\":\"배\"}".to_owned()),
            ("now".to_owned(), "{}".to_owned())
        ]
    );
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output), (30, 20, 9));
}

// trap 2
#[test]
fn any_framing_of_events_is_understood() {
    let plain = same_events(Dialect::OpenAiChat, TWO_TOOLS);
    for other in [
        TWO_TOOLS.replace('\n', "\r\n"),
        TWO_TOOLS.replace('\n', "\r"),
        TWO_TOOLS.replace("data: ", "data:"),
        TWO_TOOLS.replace("data: ", "id: 1\nretry: 3\ndata: "),
        TWO_TOOLS.replace("data: {\"id\":\"c\",", "data: {\ndata: \"id\":\"c\","),
        format!("\u{feff}: PROCESSING\n\n{TWO_TOOLS}"),
        TWO_TOOLS.trim_end().to_owned(),
    ] {
        assert_eq!(same_events(Dialect::OpenAiChat, &other), plain, "{other}");
    }
}

#[test]
fn choices_that_come_interleaved_are_kept_apart_with_their_probabilities() {
    let answer = read(CHOICES);
    assert_eq!(answer.choices[&0].text(), "Yes.");
    assert_eq!(answer.choices[&1].text(), "No!");
    assert_eq!(answer.choices[&0].finish, Some(Finish::Stop));
    assert_eq!(answer.choices[&1].finish, Some(Finish::Length));
    assert_eq!(answer.choices[&0].logprobs.len(), 2);
    assert_eq!(answer.choices[&1].logprobs.len(), 0);
    assert_eq!(answer.choices[&1].annotations.len(), 1);
    let again = translated((Dialect::OpenAiChat, Dialect::OpenAiChat), CHOICES);
    let again = read(&again);
    assert_eq!(again.choices, answer.choices);
    assert_eq!(again.usage, answer.usage);
}

// trap 5
#[test]
fn a_stream_that_breaks_off_is_no_answer_and_one_without_its_mark_is() {
    let words = format!("data: {}\n\n", delta(&json!({"content": "Hi"})));
    assert_eq!(read(&words).fault.unwrap().fault, Fault::Incomplete);
    assert_eq!(read("").fault.unwrap().fault, Fault::Incomplete);
    let cut = &words[..words.len() - 5];
    assert_eq!(read(cut).fault.unwrap().fault, Fault::Truncated);
    let unmarked = format!("{words}data: {}\n\n", last("stop"));
    assert_eq!(read(&unmarked).fault, None);
    let bad = format!("{words}data: {{\"half\":\n\n{}", sse(&[last("stop")]));
    let answer = read(&bad);
    assert_eq!(
        (answer.fault, answer.choices[&0].text()),
        (None, "Hi".to_owned())
    );
}

// trap 7
#[test]
fn an_error_ends_the_stream_first_or_later() {
    let error = json!({"error": {"message": "busy", "type": "server_error", "code": "overloaded"}});
    for stream in [
        sse(std::slice::from_ref(&error)),
        sse(&[delta(&json!({"content": "Hi"})), error]),
    ] {
        let fault = read(&stream).fault.unwrap();
        assert_eq!(
            (fault.fault, fault.error.unwrap().message.as_str()),
            (Fault::Overloaded, "busy")
        );
        assert!(!same_events(Dialect::OpenAiChat, &stream).contains(&"End".to_owned()));
    }
}

#[test]
fn every_reason_has_its_meaning() {
    for (reason, finish) in [
        ("stop", Finish::Stop),
        ("length", Finish::Length),
        ("content_filter", Finish::ContentFilter),
        ("function_call", Finish::Stop),
    ] {
        let answer = read(&sse(&[delta(&json!({"content": "a"})), last(reason)]));
        assert_eq!(answer.choices[&0].finish, Some(finish), "{reason}");
    }
    let refused = read(&sse(&[
        delta(&json!({"refusal": "I can't."})),
        last("stop"),
    ]));
    assert_eq!(refused.choices[&0].refusal().as_deref(), Some("I can't."));
}

// traps 8, 28
#[test]
fn a_whole_answer_is_read_like_a_stream_of_one() {
    let answer = json!({"id": "c", "choices": [{"index": 0, "finish_reason": "tool_calls",
        "logprobs": {"content": [{"token": "a", "logprob": -0.1}], "refusal": null},
        "message": {"role": "assistant", "content": "Hi", "refusal": null, "annotations": [{"type": "url_citation"}], "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
            {"id": "b", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}});
    let answer = collect_answer(Dialect::OpenAiChat, &answer);
    let choice = &answer.choices[&0];
    assert_eq!((choice.text().as_str(), choice.logprobs.len()), ("Hi", 1));
    assert_eq!(choice.annotations.len(), 1);
    assert_eq!(
        calls(&answer),
        [
            ("f".to_owned(), "{}".to_owned()),
            ("sh".to_owned(), "ls".to_owned())
        ]
    );
    let usage = answer.usage.unwrap();
    assert_eq!(
        (usage.input, usage.cache_read, usage.cache_write),
        (10, 4, 3)
    );
    assert_eq!((usage.output, usage.reasoning), (5, 2));
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let fault = |body: &Value| {
        collect_answer(Dialect::OpenAiChat, body)
            .fault
            .unwrap()
            .fault
    };
    assert_eq!(fault(&json!({"choices": []})), Fault::Empty);
    assert_eq!(
        fault(&json!({"error": {"message": "m", "code": "insufficient_quota"}})),
        Fault::Quota
    );
    let inner =
        json!({"choices": [{"error": {"message": "m", "code": 502}, "message": {"content": ""}}]});
    assert_eq!(fault(&inner), Fault::Server);
}

// trap 29
#[test]
fn a_count_replaces_the_one_before_it_and_a_false_one_is_none() {
    let counted = |tokens: i64| json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1 + tokens}});
    let answer = read(&sse(&[
        delta(&json!({"content": "a"})),
        counted(1),
        counted(2),
        last("stop"),
        counted(3),
    ]));
    assert_eq!(answer.usage.unwrap().output, 3);
    let answer = read(&sse(&[last("stop"), counted(-3)]));
    assert!(answer.is_usage_bad && answer.usage.is_none());
}
