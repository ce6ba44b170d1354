//! What goes out, what is noted, and that neither depends on the cuts.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const ROLE: &str = r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
const HELLO: &str =
    r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hé\n"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

/// Everything a reader says about a stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    out: Vec<u8>,
    fault: Option<StreamFault>,
    is_done: bool,
    end: StreamEnd,
    usage: Option<Usage>,
    output_bytes: u64,
    has_content: bool,
    malformed: u64,
}

fn read(usage_chunk: UsageChunk, chunks: &[&[u8]]) -> Outcome {
    let mut reader = StreamReader::new(Operation::Chat, usage_chunk);
    let mut out = Segments::new();
    let mut fault = None;
    let mut is_done = false;
    for chunk in chunks {
        match reader.push(Bytes::copy_from_slice(chunk), &mut out) {
            Seen::Nothing => {}
            Seen::Content => assert!(reader.content_seen()),
            Seen::Fault(it) => fault = Some(it),
            Seen::End => is_done = true,
        }
    }
    let end = reader.finish(&mut out);
    Outcome {
        out: out.to_bytes().to_vec(),
        fault,
        is_done,
        end,
        usage: reader.usage().cloned(),
        output_bytes: reader.output_bytes(),
        has_content: reader.content_seen(),
        malformed: reader.malformed(),
    }
}

fn read_whole(usage_chunk: UsageChunk, stream: &str) -> Outcome {
    read(usage_chunk, &[stream.as_bytes()])
}

/// Events in LF framing.
fn events(data: &[&str]) -> String {
    data.iter().flat_map(|it| ["data: ", it, "\n\n"]).collect()
}

fn body_error(fault: Fault, message: &str, kind: &str, code: Option<&str>) -> StreamFault {
    StreamFault {
        fault,
        error: Some(ErrorBody {
            message: message.to_owned(),
            kind: kind.to_owned(),
            param: None,
            code: code.map(str::to_owned),
            filtered: None,
        }),
    }
}

#[test]
fn a_stream_is_relayed_byte_for_byte_at_every_cut() {
    // U-33, U-34, U-35, U-36, U-40, U-48
    let lines = events(&[ROLE, HELLO, STOP, USAGE]);
    let text = format!(
        ": OPENROUTER PROCESSING\n\nevent: ping\n\nid: 1\nretry: 5\n{lines}data: [DONE]\n\n"
    );
    for end in ["\n", "\r\n", "\r"] {
        let stream = text.replace('\n', end).into_bytes();
        let usage = Usage {
            input: 9,
            output: 2,
            ..Usage::default()
        };
        let whole = read(UsageChunk::Keep, &[&stream]);
        assert_eq!(whole.out, stream, "{end:?}");
        assert_eq!(whole.usage, Some(usage));
        assert_eq!(whole.end, StreamEnd::Complete);
        assert!(whole.is_done && whole.has_content);
        assert_eq!((whole.output_bytes, whole.malformed), (4, 0));

        let hidden = format!("data: {USAGE}\n\n").replace('\n', end);
        let without = text.replace('\n', end).replace(&hidden, "").into_bytes();
        let hiding = read(UsageChunk::Hide, &[&stream]);
        assert_eq!(hiding.out, without, "{end:?}");
        for at in 0..=stream.len() {
            let halves = [&stream[..at], &stream[at..]];
            assert_eq!(
                read(UsageChunk::Keep, &halves),
                whole,
                "{end:?} cut at {at}"
            );
            assert_eq!(
                read(UsageChunk::Hide, &halves),
                hiding,
                "{end:?} cut at {at}"
            );
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(UsageChunk::Hide, &bytes), hiding);
    }
}

#[test]
fn whole_events_go_out_as_one_slice_of_the_chunk() {
    let chunk = Bytes::from(events(&[ROLE, HELLO, STOP]));
    let mut reader = StreamReader::new(Operation::Chat, UsageChunk::Hide);
    let mut out = Segments::new();
    assert_eq!(reader.push(chunk.clone(), &mut out), Seen::Content);
    let pieces: Vec<Bytes> = out.into_iter().collect();
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].as_ptr(), chunk.as_ptr());
}

#[test]
fn only_what_a_caller_can_use_is_content() {
    let delta = |delta: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
    };
    let nothing = [
        r#"{"role":"assistant"}"#,
        r#"{"role":"assistant","content":""}"#,
        r#"{"content":null,"refusal":null}"#,
        r#"{"content":"","tool_calls":[]}"#,
        r#"{"tool_calls":null,"function_call":null,"audio":null}"#,
        r#"{"reasoning":"","reasoning_content":null,"reasoning_details":[]}"#,
        "{}",
        "null",
    ];
    for text in nothing {
        let outcome = read_whole(UsageChunk::Keep, &events(&[&delta(text)]));
        assert!(!outcome.has_content, "{text}");
    }
    let content = [
        r#"{"content":"a"}"#,
        r#"{"content":" "}"#,
        r#"{"content":[{"type":"text","text":"a"}]}"#,
        r#"{"reasoning":"a"}"#,
        r#"{"reasoning_content":"a"}"#,
        r#"{"refusal":"a"}"#,
        r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
        r#"{"function_call":{"name":"f"}}"#,
        r#"{"audio":{"id":"a"}}"#,
    ];
    for text in content {
        let outcome = read_whole(UsageChunk::Keep, &events(&[&delta(text)]));
        assert!(outcome.has_content, "{text}");
    }
    // U-54, U-55: chunks without choices are no content.
    for text in [
        r#"{"choices":[],"prompt_filter_results":[]}"#,
        r#"{"choices":null}"#,
        USAGE,
        "{}",
    ] {
        let outcome = read_whole(UsageChunk::Keep, &events(&[text]));
        assert!(!outcome.has_content, "{text}");
        assert_eq!(outcome.out, events(&[text]).as_bytes());
    }
    // U-57: a finish reason counts, also an unknown one.
    let finish = r#"{"choices":[{"delta":{},"finish_reason":"eos_token"}]}"#;
    assert!(read_whole(UsageChunk::Keep, &events(&[finish])).has_content);
}

#[test]
fn text_is_measured_unescaped_over_all_choices() {
    let chunk = r#"{"choices":[{"index":0,"delta":{"content":"a\"é\u00e9\ud83d\ude00"}},{"index":1,"delta":{"reasoning":"xy","reasoning_content":"xy"}},{"index":2,"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}"#;
    let outcome = read_whole(UsageChunk::Keep, &events(&[chunk]));
    assert_eq!(outcome.output_bytes, 1 + 1 + 2 + 2 + 4 + 2 + 1 + 7);
    let mut reader = StreamReader::new(Operation::Completions, UsageChunk::Keep);
    let text = Bytes::from(events(&[r#"{"choices":[{"text":"abc","index":0}]}"#]));
    assert_eq!(reader.push(text, &mut Segments::new()), Seen::Content);
    assert_eq!(reader.output_bytes(), 3);
}

#[test]
fn text_that_a_server_repeats_is_counted_once() {
    // Together sends a chat's delta as `text` too, Perplexity the whole message so far.
    for chunk in [
        r#"{"choices":[{"index":0,"text":"abc","delta":{"content":"abc"}}]}"#,
        r#"{"choices":[{"index":0,"message":{"content":"so far abc"},"delta":{"content":"abc"}}]}"#,
    ] {
        let outcome = read_whole(UsageChunk::Keep, &events(&[chunk]));
        assert_eq!(outcome.output_bytes, 3, "{chunk}");
    }
}

#[test]
fn only_the_chunk_that_is_nothing_but_usage_is_hidden() {
    // U-46
    let both = r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let last = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let stream = events(&[both, last, USAGE, "[DONE]"]);
    let outcome = read_whole(UsageChunk::Hide, &stream);
    assert_eq!(outcome.out, events(&[both, last, "[DONE]"]).as_bytes());
    // U-48: the last report wins, nothing is added up.
    assert_eq!(outcome.usage.unwrap().output, 2);
}

#[test]
fn usage_is_also_found_where_groq_puts_it() {
    let groq = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"queue_time":0.1,"prompt_tokens":3,"completion_tokens":4}}}"#;
    let outcome = read_whole(UsageChunk::Hide, &events(&[groq, "[DONE]"]));
    assert_eq!(outcome.usage.map(|it| (it.input, it.output)), Some((3, 4)));
    let first = r#"{"choices":[{"index":0,"delta":{"role":"assistant"}}],"x_groq":{"id":"r"}}"#;
    assert_eq!(read_whole(UsageChunk::Hide, &events(&[first])).usage, None);
}

#[test]
fn a_usage_report_that_cannot_be_true_is_flagged_and_passed_on() {
    // U-47
    let bad = r#"{"choices":[],"usage":{"prompt_tokens":-5,"completion_tokens":2}}"#;
    let mut reader = StreamReader::new(Operation::Chat, UsageChunk::Keep);
    let mut out = Segments::new();
    reader.push(Bytes::from(events(&[bad])), &mut out);
    assert!(reader.usage_anomaly() && reader.usage().is_none());
    assert_eq!(out.to_bytes(), events(&[bad]));
}

#[test]
fn after_done_only_usage_is_read() {
    // U-31, U-49
    let stream = events(&[HELLO, STOP, "[DONE]", HELLO, USAGE, "[DONE]"]);
    let expected = events(&[HELLO, STOP, "[DONE]"]);
    for at in 0..=stream.len() {
        let (head, tail) = stream.as_bytes().split_at(at);
        let outcome = read(UsageChunk::Keep, &[head, tail]);
        assert_eq!(outcome.out, expected.as_bytes(), "cut at {at}");
        assert_eq!(outcome.end, StreamEnd::Complete);
        assert_eq!(outcome.usage.map(|it| it.input), Some(9));
    }
}

/// A stream in which `body` comes after some content.
fn broken(body: &str, event: &str) -> String {
    format!("data: {HELLO}\n\n{event}data: {body}\n\ndata: [DONE]\n\n")
}

/// Each stream yields its fault, and only what came before goes out.
fn check_faults(cases: &[(String, StreamFault)]) {
    for (stream, fault) in cases {
        for at in 0..=stream.len() {
            let (head, tail) = stream.as_bytes().split_at(at);
            let outcome = read(UsageChunk::Keep, &[head, tail]);
            assert_eq!(outcome.fault.as_ref(), Some(fault), "{stream}");
            assert_eq!(outcome.out, events(&[HELLO]).as_bytes(), "{stream}");
            assert!(!outcome.is_done);
        }
    }
}

#[test]
fn an_upstream_error_ends_the_stream_and_does_not_go_out() {
    // U-16, U-28
    check_faults(&[
        (
            broken(
                r#"{"error":{"message":"slow","type":"overloaded_error","code":null}}"#,
                "",
            ),
            body_error(Fault::Overloaded, "slow", "overloaded_error", None),
        ),
        (
            broken(r#"{"error":"boom"}"#, ""),
            body_error(Fault::Server, "boom", "upstream_error", None),
        ),
        (
            broken(
                r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
                "",
            ),
            body_error(Fault::Overloaded, "Model is overloaded", "overloaded", None),
        ),
        (
            broken(
                r#"{"message":"bad","type":"server_error"}"#,
                "event: error\n",
            ),
            body_error(Fault::Server, "bad", "server_error", None),
        ),
        (
            broken("not json", "event: error\n"),
            body_error(Fault::Server, "not json", "upstream_error", None),
        ),
    ]);
}

#[test]
fn errors_without_wrapper_or_in_odd_places_end_the_stream_too() {
    // U-16, U-28
    check_faults(&[
        (
            broken(
                r#"{"object":"error","message":"no","type":"BadRequestError","param":null,"code":400}"#,
                "",
            ),
            body_error(Fault::BadRequest, "no", "BadRequestError", Some("400")),
        ),
        (
            broken(
                r#"{"id":"x","choices":[],"x_groq":{"error":"over capacity"}}"#,
                "",
            ),
            body_error(Fault::Server, "over capacity", "upstream_error", None),
        ),
        (
            broken(
                r#"{"error":{"code":502,"message":"lost","metadata":{"error_type":"provider_unavailable"}},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
                "",
            ),
            body_error(
                Fault::Overloaded,
                "lost",
                "provider_unavailable",
                Some("provider_unavailable"),
            ),
        ),
        (
            broken(r#"{"error":{"code":429,"message":"later"}}"#, ""),
            body_error(Fault::RateLimited, "later", "upstream_error", Some("429")),
        ),
        (
            broken(
                r#"{"choices":[{"error":{"message":"broke","code":500},"delta":{}}]}"#,
                "",
            ),
            body_error(Fault::Server, "broke", "upstream_error", Some("500")),
        ),
    ]);
}

#[test]
fn a_finish_reason_that_means_failure_is_a_fault() {
    for (reason, fault) in [
        ("error", Fault::Server),
        ("abort", Fault::Server),
        ("insufficient_system_resource", Fault::Overloaded),
    ] {
        let chunk =
            format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        let outcome = read_whole(UsageChunk::Keep, &events(&[HELLO, &chunk]));
        assert_eq!(
            outcome.fault,
            Some(StreamFault { fault, error: None }),
            "{reason}"
        );
        assert_eq!(outcome.out, events(&[HELLO]).as_bytes());
    }
}

#[test]
fn falsy_errors_are_no_errors() {
    for error in ["null", "false", "\"\"", "{}", "[]", "0"] {
        let chunk = format!(r#"{{"error":{error},"choices":[{{"delta":{{"content":"a"}}}}]}}"#);
        assert_eq!(
            read_whole(UsageChunk::Keep, &events(&[&chunk])).fault,
            None,
            "{error}"
        );
    }
}

#[test]
fn a_missing_done_is_added_once_every_choice_has_finished() {
    // U-29, U-30
    let outcome = read_whole(UsageChunk::Keep, &events(&[HELLO, STOP]));
    assert_eq!(outcome.end, StreamEnd::MissingDone);
    assert_eq!(outcome.out, events(&[HELLO, STOP, "[DONE]"]).as_bytes());
    let outcome = read_whole(UsageChunk::Keep, &events(&[HELLO]));
    assert_eq!(outcome.end, StreamEnd::Incomplete);
    assert_eq!(outcome.out, events(&[HELLO]).as_bytes());
    let second = r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#;
    let outcome = read_whole(UsageChunk::Keep, &events(&[HELLO, second, STOP]));
    assert_eq!(outcome.end, StreamEnd::Incomplete);
    assert_eq!(read(UsageChunk::Keep, &[]).end, StreamEnd::Incomplete);
}

#[test]
fn an_event_that_was_cut_does_not_go_out() {
    // U-27
    let stream = events(&[HELLO, STOP]);
    let first = events(&[HELLO]);
    for at in first.len() + 1..stream.len() {
        let outcome = read(UsageChunk::Keep, &[&stream.as_bytes()[..at]]);
        let has_whole_data = at >= stream.len() - 2;
        if has_whole_data {
            // Only the blank line is missing: the event is complete and gets one.
            assert_eq!(outcome.end, StreamEnd::MissingDone, "cut at {at}");
            assert_eq!(outcome.out, events(&[HELLO, STOP, "[DONE]"]).as_bytes());
        } else {
            assert_eq!(outcome.end, StreamEnd::Truncated, "cut at {at}");
            assert_eq!(outcome.out, first.as_bytes(), "cut at {at}");
        }
    }
}

#[test]
fn a_last_event_without_its_blank_line_counts() {
    let stream = format!("{}data: [DONE]", events(&[HELLO, STOP]));
    let outcome = read_whole(UsageChunk::Keep, &stream);
    assert_eq!(outcome.end, StreamEnd::Complete);
    assert_eq!(outcome.out, format!("{stream}\n\n").as_bytes());
    let stream = format!("{}: bye", events(&[HELLO, STOP]));
    assert_eq!(
        read_whole(UsageChunk::Keep, &stream).end,
        StreamEnd::MissingDone
    );
    let stream = format!("{}data: {USAGE}\n", events(&[HELLO, STOP]));
    let outcome = read_whole(UsageChunk::Hide, &stream);
    assert_eq!(outcome.out, events(&[HELLO, STOP, "[DONE]"]).as_bytes());
    assert!(outcome.usage.is_some());
}

#[test]
fn malformed_events_are_counted_and_passed_on() {
    // U-41, U-42
    let stream = events(&["{\"choices\":[{", "nonsense", HELLO, STOP, "[DONE]"]);
    let outcome = read_whole(UsageChunk::Hide, &stream);
    assert_eq!(outcome.out, stream.as_bytes());
    assert_eq!((outcome.malformed, outcome.end), (2, StreamEnd::Complete));
    let mut raw = b"data: {\"choices\":[{\"delta\":{\"content\":\"\\ud83d \xff\"}}]}\n\n".to_vec();
    let outcome = read(UsageChunk::Hide, &[&raw]);
    assert!(outcome.has_content);
    raw.extend_from_slice(b"");
    assert_eq!(outcome.out, raw);
}

#[test]
fn an_event_without_end_is_a_fault_of_bounded_size() {
    // U-37, U-38
    let mut reader = StreamReader::new(Operation::Chat, UsageChunk::Keep);
    let mut out = Segments::new();
    let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
    for _ in 0..16 {
        assert_eq!(reader.push(piece.clone(), &mut out), Seen::Nothing);
    }
    let expected = StreamFault {
        fault: Fault::EventTooLarge,
        error: None,
    };
    assert_eq!(reader.push(piece.clone(), &mut out), Seen::Fault(expected));
    assert_eq!(reader.push(piece, &mut out), Seen::Nothing);
    assert!(out.is_empty());
}

#[test]
fn multi_line_data_is_read_as_one_object() {
    // U-34
    let stream =
        "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
    let outcome = read_whole(UsageChunk::Keep, stream);
    assert!(outcome.has_content);
    assert_eq!(
        (outcome.out.as_slice(), outcome.malformed),
        (stream.as_bytes(), 0)
    );
}

/// One event of a plausible stream; the flag tells whether it is the usage chunk.
fn event() -> impl Strategy<Value = (String, bool)> {
    let data = |it: &str| format!("data: {it}\n\n");
    prop::sample::select(vec![
        (data(ROLE), false),
        (data(HELLO), false),
        (data(STOP), false),
        (data(USAGE), true),
        (data("garbage"), false),
        (data("{\"choices\":["), false),
        ("data: {\"choices\":\ndata: []}\n\n".to_owned(), false),
        (": ping\n\n".to_owned(), false),
        ("id: 1\nretry: 2\nevent: chunk\n\n".to_owned(), false),
        (format!("event: chunk\ndata:{HELLO}\nid: 3\n\n"), false),
    ])
}

proptest! {
    #[test]
    fn keep_is_identity_and_hide_removes_usage_under_any_cut(
        parts in prop::collection::vec((event(), prop::sample::select(vec!["\n", "\r\n", "\r"])), 0..10),
        has_done: bool,
        has_bom: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let framed = |(text, end): (&str, &str)| text.replace('\n', end);
        let has_bom = has_bom && !parts.is_empty();
        let mut keep = if has_bom { "\u{feff}".to_owned() } else { String::new() };
        let mut hide = keep.clone();
        for (index, ((text, is_usage), end)) in parts.iter().enumerate() {
            let text = framed((text, end));
            keep.push_str(&text);
            // A byte order mark goes with the event it stands before.
            if !is_usage {
                hide.push_str(&text);
            } else if index == 0 {
                hide.clear();
            }
        }
        if has_done {
            keep.push_str("data: [DONE]\n\n");
            hide.push_str("data: [DONE]\n\n");
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|it| it.index(keep.len() + 1)).collect();
        cuts.extend([0, keep.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|it| &keep.as_bytes()[it[0]..it[1]]).collect();
        for (usage_chunk, expected) in [(UsageChunk::Keep, &keep), (UsageChunk::Hide, &hide)] {
            let outcome = read(usage_chunk, &chunks);
            let mut expected = expected.clone();
            if outcome.end == StreamEnd::MissingDone {
                expected.push_str("data: [DONE]\n\n");
            }
            prop_assert_eq!(String::from_utf8_lossy(&outcome.out), expected);
            prop_assert_eq!(outcome.end == StreamEnd::Complete, has_done);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_cuts_never_matter(
        bytes in prop::collection::vec(prop::sample::select(b"data: {}[]\"\\\r\n,:eusagchoic".to_vec()), 0..200),
        at in any::<prop::sample::Index>(),
    ) {
        let (head, tail) = bytes.split_at(at.index(bytes.len() + 1));
        prop_assert_eq!(read(UsageChunk::Hide, &[head, tail]), read(UsageChunk::Hide, &[&bytes]));
    }
}

#[test]
fn a_last_error_without_its_blank_line_keeps_its_class() {
    let error = "data: {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\",\"code\":\"rate_limit_exceeded\"}}";
    for end in ["", "\n"] {
        let outcome = read_whole(
            UsageChunk::Hide,
            &format!("{}{error}{end}", events(&[HELLO])),
        );
        let error = ErrorBody::parse(error.trim_start_matches("data: ").as_bytes());
        let fault = Fault::RateLimited;
        assert_eq!(outcome.end, StreamEnd::Failed(StreamFault { fault, error }));
        assert_eq!(outcome.out, events(&[HELLO]).as_bytes());
    }
}
