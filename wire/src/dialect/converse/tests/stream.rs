//! Streams of frames, cut anywhere.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::chat::seal::tests::SEAL;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::chat::settle::Settler;
use crate::chat::{Block, ChatEvent, Collected, EventSink, Finish, Names, Provenance};
use crate::dialect::{Dialect, Echo};
use crate::document::Document;
use crate::eventstream::tests::{EVENT, EXCEPTION, frame, text_frame, unhex};
use crate::fault::Fault;
use crate::segments::Segments;
use crate::translate::{AnswerReader, Translation};

const TEXT: &str = include_str!("../../../../testdata/converse/text.events");
const TOOLS: &str = include_str!("../../../../testdata/converse/thought_and_tools.events");
const OMITTED: &str = include_str!("../../../../testdata/converse/omitted_thought.events");
const THROTTLED: &str = include_str!("../../../../testdata/converse/throttled.events");
const CITED: &str = include_str!("../../../../testdata/converse/cited.events");

/// Frames of a sample: each line is an event's type and payload, after `!` an exception's.
fn frames(sample: &str) -> Vec<Vec<u8>> {
    let frames = sample.lines().map(|line| {
        let (kind, payload) = line.split_once(' ').unwrap();
        let (message, name, kind) = match kind.strip_prefix('!') {
            Some(kind) => ("exception", ":exception-type", kind),
            None => ("event", ":event-type", kind),
        };
        let headers = [
            (":message-type", message),
            (name, kind),
            (":content-type", "application/json"),
        ];
        text_frame(&headers, payload)
    });
    frames.collect()
}

/// What a stream says when it comes in pieces of `size` bytes: each event, and their fold.
fn read(stream: &[u8], size: usize) -> (Vec<String>, Collected) {
    let mut reader = Dialect::Converse.reader();
    let mut events = Vec::new();
    let mut collected = Collected::default();
    let mut sink = |event: ChatEvent<'_>| {
        events.push(format!("{event:?}"));
        collected.take(event);
    };
    for piece in stream.chunks(size) {
        reader.push(Bytes::copy_from_slice(piece), &mut sink);
    }
    reader.finish(&mut sink);
    (events, collected)
}

/// The same, and that no cut changes it.
fn read_all(stream: &[u8]) -> (Vec<String>, Collected) {
    let whole = read(stream, usize::MAX);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(read(stream, size), whole, "cut at {size}");
    }
    whole
}

fn sample(sample: &str) -> (Vec<String>, Collected) {
    read_all(&frames(sample).concat())
}

fn fault(stream: &[u8]) -> Fault {
    let (events, collected) = read_all(stream);
    assert!(events.last().unwrap().starts_with("Fault("), "{events:?}");
    assert!(!events.contains(&"End".to_owned()), "{events:?}");
    collected.fault.unwrap().fault
}

fn is_end(events: &[String]) -> bool {
    events.last().is_some_and(|it| it == "End")
}

#[test]
fn words_of_any_script_are_the_same_however_they_are_cut() {
    let (events, answer) = sample(TEXT);
    assert!(is_end(&events));
    assert_eq!(answer.choices[&0].text(), "안녕 🙂 漢字");
    assert_eq!(answer.choices[&0].finish, Some(Finish::Stop));
}

// trap 28
#[test]
fn cached_tokens_are_part_of_the_input_and_come_after_the_stop() {
    let (events, answer) = sample(TEXT);
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.total()), (1000, 7, 1007));
    assert_eq!((usage.cache_read, usage.cache_write), (900, 88));
    let place = |it: &str| events.iter().position(|event| event.starts_with(it));
    assert!(place("Finish").unwrap() < place("Usage").unwrap());
    assert_eq!(place("Usage").unwrap() + 1, place("End").unwrap());
}

#[test]
fn thoughts_words_and_two_calls_come_in_order() {
    let (events, answer) = sample(TOOLS);
    assert!(is_end(&events));
    let choice = &answer.choices[&0];
    let thoughts: Vec<_> = choice.thoughts().collect();
    assert_eq!(thoughts[0].text, "Look up");
    assert_eq!(thoughts[0].signature.as_deref(), Some("EqQB="));
    assert_eq!(thoughts[1].encrypted.as_deref(), Some("c2VjcmV0"));
    assert!(
        thoughts
            .iter()
            .all(|it| it.provenance == Provenance::Anthropic)
    );
    assert_eq!(choice.text(), "Two calls.");
    let calls: Vec<_> = choice
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Call {
                id,
                name,
                arguments,
                ..
            } => Some((id.as_str(), name.as_str(), arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            ("tooluse_a", "get_w", "{\"city\": \"Zürich\"}"),
            ("tooluse_b", "now", "")
        ]
    );
    assert_eq!(choice.finish, Some(Finish::ToolCalls));
}

// trap 22
#[test]
fn a_thought_whose_words_are_kept_back_is_known_by_its_signature() {
    let (_, answer) = sample(OMITTED);
    let choice = &answer.choices[&0];
    let thought = choice.thoughts().next().unwrap();
    assert_eq!(
        (&*thought.text, thought.signature.as_deref()),
        ("", Some("EqQB="))
    );
    assert_eq!(choice.finish, Some(Finish::Length));
}

#[test]
fn a_thought_without_a_signature_is_nobodys() {
    let lines = "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"text\":\"hm\"}}}\nmessageStop {\"stopReason\":\"end_turn\"}\n";
    let (events, answer) = sample(lines);
    let thought = answer.choices[&0].thoughts().next().unwrap();
    assert_eq!(thought.provenance, Provenance::Unsigned);
    assert_eq!(thought.text, "hm");
    // The thought is closed although nothing said so.
    assert!(events[1].starts_with("Thought"), "{events:?}");
}

#[test]
fn only_pages_of_the_web_are_cited_and_tools_of_the_vendor_are_its_own() {
    let (_, answer) = sample(CITED);
    let choice = &answer.choices[&0];
    assert_eq!(choice.annotations.len(), 1);
    let citation: Value = serde_json::from_str(&choice.annotations[0].to_string()).unwrap();
    assert_eq!(
        citation,
        json!({"type": "url_citation", "url_citation": {"start_index": 9, "end_index": 19,
            "url": "https://example.com/far", "title": "Far"}})
    );
    assert!(!choice.calls_tools());
    assert_eq!(choice.finish, Some(Finish::StopText(Some("END".into()))));
}

#[test]
fn every_stop_reason_has_its_meaning() {
    let finish = |reason: &str| {
        let line = format!("messageStop {{\"stopReason\":\"{reason}\"}}");
        sample(&line).1.choices[&0].finish.clone().unwrap()
    };
    assert_eq!(finish("end_turn"), Finish::Stop);
    assert_eq!(finish("stop_sequence"), Finish::StopText(None));
    assert_eq!(finish("max_tokens"), Finish::Length);
    assert_eq!(finish("model_context_window_exceeded"), Finish::Length);
    assert_eq!(finish("tool_use"), Finish::ToolCalls);
    assert_eq!(finish("guardrail_intervened"), Finish::ContentFilter);
    assert_eq!(finish("content_filtered"), Finish::ContentFilter);
}

#[test]
fn a_malformed_output_is_a_fault_that_is_told_after_its_count() {
    let sample = "messageStart {}\nmessageStop {\"stopReason\":\"malformed_tool_use\"}\nmetadata {\"usage\":{\"inputTokens\":5,\"outputTokens\":6}}\n";
    let stream = frames(sample).concat();
    assert_eq!(fault(&stream), Fault::Server);
    let (events, answer) = read(&stream, 64);
    assert_eq!(answer.usage.unwrap().total(), 11);
    assert!(events[1].starts_with("Usage"), "{events:?}");
    let error = answer.fault.unwrap().error.unwrap();
    assert_eq!(error.kind, "malformed_tool_use");
    // And if the count never comes.
    let cut = frames(sample)[..2].concat();
    assert_eq!(fault(&cut), Fault::Server);
}

#[test]
fn a_count_that_cannot_be_true_is_no_count() {
    for usage in [
        r#"{"inputTokens":-1,"outputTokens":2}"#,
        r#"{"inputTokens":1.5,"outputTokens":2}"#,
        r#"{"inputTokens":1,"outputTokens":2000000000}"#,
        r#"{"inputTokens":1,"outputTokens":2,"cacheReadInputTokens":"9"}"#,
        r#"{"totalTokens":3}"#,
    ] {
        let lines =
            format!("messageStop {{\"stopReason\":\"end_turn\"}}\nmetadata {{\"usage\":{usage}}}");
        let (events, answer) = sample(&lines);
        assert!(answer.is_usage_bad && answer.usage.is_none(), "{usage}");
        assert!(is_end(&events));
    }
}

// trap 7
#[test]
fn an_exception_ends_the_stream_and_nothing_follows_it() {
    let stream = frames(THROTTLED).concat();
    assert_eq!(fault(&stream), Fault::RateLimited);
    let (_, answer) = read(&stream, 3);
    assert_eq!(answer.choices[&0].text(), "Hel");
    let error = answer.fault.unwrap().error.unwrap();
    assert_eq!(error.kind, "throttlingException");
    assert!(error.message.starts_with("Too many tokens"));
    // The very first frame may be one.
    assert_eq!(fault(&unhex(EXCEPTION)), Fault::RateLimited);
    assert_eq!(
        fault(&[unhex(EVENT), unhex(EXCEPTION)].concat()),
        Fault::RateLimited
    );
}

#[test]
fn every_exception_has_its_fault() {
    let of = |name: &str, payload: &str| fault(&frames(&format!("!{name} {payload}")).concat());
    let message = |text: &str| json!({"message": text}).to_string();
    let cases = [
        ("internalServerException", message("x"), Fault::Server),
        (
            "serviceUnavailableException",
            message("x"),
            Fault::Overloaded,
        ),
        ("modelNotReadyException", message("x"), Fault::Overloaded),
        ("modelTimeoutException", message("x"), Fault::Server),
        ("modelStreamErrorException", message("x"), Fault::Server),
        ("validationException", message("bad"), Fault::BadRequest),
        (
            "validationException",
            message("Input is too long for requested model."),
            Fault::ContextLength,
        ),
        (
            "validationException",
            message("prompt is too long: 9 tokens > 8 maximum"),
            Fault::ContextLength,
        ),
        ("accessDeniedException", message("x"), Fault::Auth),
        ("resourceNotFoundException", message("x"), Fault::NotFound),
        ("serviceQuotaExceededException", message("x"), Fault::Quota),
        ("somethingNewException", message("x"), Fault::Server),
        ("throttlingException", String::new(), Fault::RateLimited),
        (
            "modelStreamErrorException",
            json!({"originalStatusCode": 529, "originalMessage": "busy"}).to_string(),
            Fault::Overloaded,
        ),
        (
            "modelStreamErrorException",
            json!({"originalStatusCode": 401, "originalMessage": "not ours"}).to_string(),
            Fault::Server,
        ),
    ];
    for (name, payload, expected) in cases {
        assert_eq!(of(name, &payload), expected, "{name} {payload}");
    }
}

#[test]
fn an_error_without_a_payload_is_told_in_its_headers() {
    let headers = [
        (":message-type", "error"),
        (":error-code", "InternalServerException"),
        (":error-message", "it broke"),
    ];
    let stream = text_frame(&headers, "");
    assert_eq!(fault(&stream), Fault::Server);
    let error = read(&stream, 5).1.fault.unwrap().error.unwrap();
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("InternalServerException", "it broke")
    );
}

// trap 9
#[test]
fn a_json_body_instead_of_frames_breaks_the_protocol() {
    assert_eq!(
        fault(br#"{"message":"The security token is expired"}"#),
        Fault::Protocol
    );
    assert_eq!(fault(b"<html></html>"), Fault::Protocol);
}

#[test]
fn a_damaged_or_oversized_frame_breaks_the_stream() {
    let mut damaged = frames(TEXT).concat();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    assert_eq!(fault(&damaged), Fault::Protocol);
    let headers = vec![0; crate::eventstream::MAX_HEADERS + 1];
    assert_eq!(fault(&frame(&headers, b"")), Fault::EventTooLarge);
}

// trap 5
#[test]
fn a_stream_that_breaks_off_is_never_an_answer() {
    for sample in [TEXT, TOOLS] {
        let frames = frames(sample);
        let stop = frames.len() - 2;
        for kept in 0..stop {
            assert_eq!(fault(&frames[..kept].concat()), Fault::Incomplete, "{kept}");
        }
        let whole = frames.concat();
        for at in [1, whole.len() / 2, whole.len() - 1] {
            let expected = if frames
                .iter()
                .scan(0, |sum, it| {
                    *sum += it.len();
                    Some(*sum)
                })
                .any(|it| it == at)
            {
                Fault::Incomplete
            } else {
                Fault::Truncated
            };
            assert_eq!(fault(&whole[..at]), expected, "{at}");
        }
        // The model said that it stopped; only the count is missing.
        let (events, answer) = read_all(&frames[..=stop].concat());
        assert!(is_end(&events) && answer.usage.is_none());
    }
}

#[test]
fn events_that_are_not_known_or_not_json_are_passed_over() {
    let odd = [
        text_frame(
            &[(":message-type", "event"), (":event-type", "future")],
            "{\"x\":1}",
        ),
        text_frame(
            &[
                (":message-type", "event"),
                (":event-type", "contentBlockDelta"),
            ],
            "{\"delta\":",
        ),
        text_frame(&[(":message-type", "note")], ""),
        text_frame(&[], ""),
    ];
    let mut all = frames(TEXT);
    all.splice(2..2, odd);
    assert_eq!(read_all(&all.concat()), sample(TEXT));
}

/// The caller's stream.
fn translate(to: Dialect, sample: &str, size: usize) -> String {
    let request = Document::parse(Bytes::from_static(b"{}")).unwrap();
    let echo = Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        estimated_input: 42,
        seal: &SEAL,
        timing: crate::dialect::timing::Timing::default(),
        request: &request,
    };
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let translation = Translation::new(Dialect::Converse, to, settler, &echo);
    let mut reader = AnswerReader::Translate(Box::new(translation));
    let mut out = Segments::new();
    for piece in frames(sample).concat().chunks(size) {
        reader.push(Bytes::copy_from_slice(piece), &mut out);
    }
    reader.finish(&mut out);
    String::from_utf8(out.to_bytes().to_vec()).unwrap()
}

fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|it| it.strip_prefix("data: "));
    lines
        .filter(|it| *it != "[DONE]")
        .map(|it| serde_json::from_str(it).unwrap())
        .collect()
}

// trap 13
#[test]
fn an_openai_client_sees_chunks_and_whole_arguments() {
    let whole = translate(Dialect::OpenAiChat, TOOLS, 1 << 20);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(translate(Dialect::OpenAiChat, TOOLS, size), whole);
    }
    assert!(whole.ends_with("data: [DONE]\n\n"));
    let chunks = data(&whole);
    let arguments = |index: u64| -> String {
        let calls = chunks
            .iter()
            .filter_map(|it| it["choices"][0]["delta"]["tool_calls"][0].as_object());
        let texts = calls.filter(|it| it["index"] == index);
        texts
            .map(|it| it["function"]["arguments"].as_str().unwrap())
            .collect()
    };
    assert_eq!(arguments(0), "{\"city\": \"Zürich\"}");
    assert_eq!(arguments(1), "{}");
    let last = &chunks[chunks.len() - 1];
    assert_eq!(last["usage"]["total_tokens"], 87);
    assert_eq!(
        chunks[chunks.len() - 2]["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[test]
fn an_anthropic_client_sees_blocks_with_the_signature() {
    let events = data(&translate(Dialect::Anthropic, TOOLS, 7));
    let deltas: Vec<_> = events
        .iter()
        .filter(|it| it["delta"]["type"] == "signature_delta")
        .collect();
    assert_eq!(deltas[0]["delta"]["signature"], "EqQB=");
    let redacted = events
        .iter()
        .find(|it| it["content_block"]["type"] == "redacted_thinking");
    assert_eq!(redacted.unwrap()["content_block"]["data"], "c2VjcmV0");
    let events = data(&translate(Dialect::Anthropic, TEXT, 7));
    let usage = &events[events.len() - 2]["usage"];
    assert_eq!(usage["input_tokens"], 12);
    assert_eq!(usage["cache_read_input_tokens"], 900);
    assert_eq!(usage["cache_creation_input_tokens"], 88);
}
