//! Streams and whole answers of Anthropic.
#![expect(clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use crate::chat::{Block, Collected, Finish, Provenance};
use crate::dialect::Dialect;
use crate::dialect::tests::{collect, collect_answer, events, same_events, translated};
use crate::fault::Fault;

const TEXT: &str = include_str!("../../../../testdata/anthropic/text.sse");
const OMITTED: &str = include_str!("../../../../testdata/anthropic/omitted_thought.sse");
const CALLS: &str = include_str!("../../../../testdata/anthropic/parallel_calls.sse");

fn sse(events: &[Value]) -> String {
    let event = |it: &Value| {
        format!(
            "event: {}\ndata: {it}\n\n",
            it["type"].as_str().unwrap_or("x")
        )
    };
    events.iter().map(event).collect()
}

fn start(usage: &Value) -> Value {
    json!({"type": "message_start", "message": {"id": "m", "usage": usage}})
}

fn stop(reason: &str, usage: &Value) -> [Value; 2] {
    [
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}),
        json!({"type": "message_stop"}),
    ]
}

fn read(stream: &str) -> Collected {
    collect(Dialect::Anthropic, stream)
}

// traps 1, 28, 29
#[test]
fn text_is_whole_however_it_is_cut_and_counts_replace_each_other() {
    let answer = read(TEXT);
    assert_eq!(answer.choices[&0].text(), "Grüße, 세계 🌍!");
    assert_eq!(answer.choices[&0].finish, Some(Finish::Stop));
    let usage = answer.usage.unwrap_or_default();
    assert_eq!(
        (usage.input, usage.cache_read, usage.cache_write),
        (1_070, 1_000, 50)
    );
    assert_eq!((usage.output, usage.reasoning), (17, 5));
}

// trap 2
#[test]
fn any_framing_of_events_is_understood() {
    let plain = same_events(Dialect::Anthropic, TEXT);
    for other in [
        TEXT.replace('\n', "\r\n"),
        TEXT.replace('\n', "\r"),
        TEXT.replace("data: ", "data:"),
        format!("\u{feff}{TEXT}"),
        format!(": hello\n\n{TEXT}"),
        TEXT.trim_end().to_owned(),
    ] {
        assert_eq!(same_events(Dialect::Anthropic, &other), plain);
    }
}

// trap 22
#[test]
fn a_thought_without_words_is_kept_for_its_signature() {
    let answer = read(OMITTED);
    let thoughts: Vec<_> = answer.choices[&0].thoughts().collect();
    assert_eq!(thoughts.len(), 2);
    assert_eq!(thoughts[0].signature.as_deref(), Some("EqQBsig"));
    assert_eq!(thoughts[1].encrypted.as_deref(), Some("gAAAcipher"));
    assert!(
        thoughts
            .iter()
            .all(|it| it.text.is_empty() && it.provenance == Provenance::Anthropic)
    );
    let chunks = translated((Dialect::Anthropic, Dialect::OpenAiChat), OMITTED);
    assert!(
        chunks.contains(r#""signature":"EqQBsig""#) && chunks.contains(r#""data":"gAAAcipher""#)
    );
}

// traps 13, 15
#[test]
fn parallel_calls_count_from_zero_and_have_arguments() {
    let answer = read(CALLS);
    let calls: Vec<_> = answer.choices[&0]
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Call {
                call,
                name,
                arguments,
                ..
            } => Some((*call, name.as_str(), arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [(0, "now", "{}"), (1, "look", "{\"at\": \"Oslo\"}")]);
    assert_eq!(answer.choices[&0].finish, Some(Finish::ToolCalls));
}

// trap 7
#[test]
fn an_error_ends_the_stream_first_or_later() {
    let error =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    for stream in [
        sse(std::slice::from_ref(&error)),
        sse(&[start(&json!({"input_tokens": 1})), error]),
    ] {
        let fault = read(&stream)
            .fault
            .map(|it| (it.fault, it.error.map(|it| it.message)));
        assert_eq!(
            fault,
            Some((Fault::Overloaded, Some("Overloaded".to_owned())))
        );
    }
}

// trap 5
#[test]
fn a_stream_without_its_end_is_no_answer() {
    let words = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}});
    let stream = sse(&[start(&json!({"input_tokens": 1})), words]);
    assert_eq!(
        read(&stream).fault.map(|it| it.fault),
        Some(Fault::Incomplete)
    );
    let cut = stream.trim_end().trim_end_matches('}');
    assert_eq!(read(cut).fault.map(|it| it.fault), Some(Fault::Truncated));
    assert_eq!(read("").fault.map(|it| it.fault), Some(Fault::Incomplete));
}

// trap 5
#[test]
fn one_bad_event_does_not_end_a_good_stream() {
    let bad = TEXT.replacen(
        "event: ping\ndata: {\"type\":\"ping\"}",
        "event: ping\ndata: {\"type\":",
        1,
    );
    assert_ne!(bad, TEXT);
    assert_eq!(
        same_events(Dialect::Anthropic, &bad),
        same_events(Dialect::Anthropic, TEXT)
    );
}

#[test]
fn every_reason_has_its_meaning() {
    for (reason, finish) in [
        ("end_turn", Finish::Stop),
        ("pause_turn", Finish::Length),
        ("max_tokens", Finish::Length),
        ("model_context_window_exceeded", Finish::Length),
        ("refusal", Finish::Refusal(None)),
        ("stop_sequence", Finish::StopText(None)),
    ] {
        let [delta, end] = stop(reason, &json!({"output_tokens": 1}));
        let answer = read(&sse(&[start(&json!({"input_tokens": 1})), delta, end]));
        assert_eq!(answer.choices[&0].finish, Some(finish), "{reason}");
    }
    let refusal =
        json!({"content": [], "stop_reason": "refusal", "stop_details": {"explanation": "no"}});
    let answer = collect_answer(Dialect::Anthropic, &refusal);
    assert_eq!(
        answer.choices[&0].finish,
        Some(Finish::Refusal(Some("no".into())))
    );
    let stop = json!({"content": [], "stop_reason": "stop_sequence", "stop_sequence": "END"});
    let answer = collect_answer(Dialect::Anthropic, &stop);
    assert_eq!(
        answer.choices[&0].finish,
        Some(Finish::StopText(Some("END".into())))
    );
}

#[test]
fn a_count_that_cannot_be_true_is_none() {
    for usage in [
        json!({"output_tokens": -1}),
        json!({"output_tokens": 1.5}),
        json!({"output_tokens": 2_000_000_000}),
        json!({"output_tokens": 3, "output_tokens_details": {"thinking_tokens": 4}}),
    ] {
        let [delta, end] = stop("end_turn", &usage);
        let answer = read(&sse(&[start(&json!({"input_tokens": 1})), delta, end]));
        assert!(answer.is_usage_bad, "{usage}");
    }
}

// trap 3
#[test]
fn events_without_what_they_should_have_are_passed_over() {
    let [delta, end] = stop("end_turn", &json!({"output_tokens": 1}));
    let stream = sse(&[
        json!({"type": "message_start"}),
        json!({"type": "content_block_start", "index": 0}),
        json!({"type": "content_block_delta", "index": 4, "delta": {"type": "input_json_delta", "partial_json": "{"}}),
        json!({"type": "content_block_stop", "index": 9}),
        json!({"type": "later_invention", "x": 1}),
        delta,
        end,
    ]);
    let answer = read(&stream);
    assert_eq!(answer.fault, None);
    assert!(answer.choices[&0].blocks.is_empty());
}

#[test]
fn a_citation_says_where_its_words_are() {
    let answer = json!({"id": "m", "content": [{"type": "text", "text": "Hi. "},
        {"type": "text", "text": "It rains.", "citations": [{"type": "web_search_result_location",
            "url": "https://a", "title": "A", "cited_text": "rain"}]}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}});
    let answer = collect_answer(Dialect::Anthropic, &answer);
    let annotation: Value =
        serde_json::from_str(&answer.choices[&0].annotations[0].to_string()).unwrap_or_default();
    assert_eq!(
        annotation,
        json!({"type": "url_citation", "url_citation": {"start_index": 4, "end_index": 13, "url": "https://a", "title": "A"}})
    );
}

#[test]
fn a_streamed_citation_comes_before_its_words_and_is_told_after_them() {
    let block = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let stream = sse(&[
        json!({"type": "message_start"}),
        block(
            0,
            json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}),
        ),
        delta(
            0,
            json!({"type": "input_json_delta", "partial_json": "{\"query\":\"q\"}"}),
        ),
        stop(0),
        block(
            1,
            json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}),
        ),
        stop(1),
        block(2, json!({"type": "text", "text": ""})),
        delta(2, json!({"type": "text_delta", "text": "Oh: "})),
        stop(2),
        block(3, json!({"type": "text", "text": "", "citations": []})),
        delta(
            3,
            json!({"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "https://a", "title": "A"}}),
        ),
        delta(3, json!({"type": "text_delta", "text": "It rains."})),
        stop(3),
        json!({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ]);
    let answer = read(&stream);
    let choice = &answer.choices[&0];
    assert_eq!(choice.text(), "Oh: It rains.");
    assert_eq!(choice.finish, Some(Finish::Length));
    let annotation: Value =
        serde_json::from_str(&choice.annotations[0].to_string()).unwrap_or_default();
    assert_eq!(
        annotation["url_citation"],
        json!({"start_index": 4, "end_index": 13, "url": "https://a", "title": "A"})
    );
    assert_eq!(choice.annotations.len(), 1);
}

// trap 32
#[test]
fn a_stream_that_begins_anew_closes_what_was_open_and_goes_on() {
    let start = |id: &str, input: u64| json!({"type": "message_start", "message": {"id": id, "usage": {"input_tokens": input, "output_tokens": 1}}});
    let tool = |id: &str| json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": id, "name": "f", "input": {}}});
    let input = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": text}});
    let stream = sse(&[
        start("msg_1", 17),
        start("msg_1", 17),
        tool("a"),
        input("{\"v\":\"Spark"),
        start("msg_2", 17),
        tool("b"),
        start("msg_3", 18),
        tool("c"),
        input("{\"v\":1}"),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 65}}),
        json!({"type": "message_stop"}),
        start("msg_4", 900),
        tool("d"),
    ]);
    let answer = read(&stream);
    assert_eq!(answer.fault, None);
    let calls: Vec<(&str, &str)> = answer.choices[&0]
        .blocks
        .iter()
        .filter_map(|it| match it {
            Block::Call { id, arguments, .. } => Some((&**id, &**arguments)),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [("a", "{\"v\":\"Spark"), ("b", "{"), ("c", "{\"v\":1}")]
    );
    let usage = answer.usage.unwrap_or_default();
    assert_eq!((usage.input, usage.output), (18, 65));
    assert_eq!(answer.id.as_deref(), Some("msg_1"));
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let fault = |body: &Value| {
        collect_answer(Dialect::Anthropic, body)
            .fault
            .map(|it| it.fault)
    };
    assert_eq!(fault(&json!({"hello": 1})), Some(Fault::Protocol));
    let error = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}});
    assert_eq!(fault(&error), Some(Fault::RateLimited));
}

#[test]
fn no_event_is_lost_between_two_readers_of_one_stream() {
    for stream in [TEXT, OMITTED, CALLS] {
        let said = events(Dialect::Anthropic, stream, 1);
        assert_eq!(said.last().map(String::as_str), Some("End"));
    }
}
