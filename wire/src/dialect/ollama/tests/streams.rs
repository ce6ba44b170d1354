//! What vendors stream.

use proptest::prelude::*;

use super::*;
use crate::sse::MAX_EVENT_BYTES;

macro_rules! stream {
    ($name:literal) => {
        include_bytes!(concat!(
            "../../../../testdata/ollama/streams/",
            $name,
            ".ndjson"
        ))
        .as_slice()
    };
}

/// The words of a stream, which are the same however it is cut.
fn said(body: &[u8]) -> Vec<String> {
    let whole = read(body, usize::MAX);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(read(body, size), whole, "cut at {size}");
    }
    whole
}

// trap 1
#[test]
fn a_text_comes_whole_however_it_is_cut() {
    assert_eq!(
        said(stream!("text")),
        [
            "start",
            "text 안녕",
            "text  세계 ",
            "text 🌍🇰🇷",
            "usage 26 5",
            "stop",
            "end"
        ]
    );
}

// trap 13
#[test]
fn calls_come_with_objects_and_may_lack_ids_and_arguments() {
    assert_eq!(
        said(stream!("thought_and_parallel_tools")),
        [
            "start",
            "thinking Look ",
            "thinking up.",
            "text Let me see.",
            "call 0 get_weather call_1",
            "arguments 0 {\"city\":\"Zürich\",\"days\":1.0}",
            "end 0",
            "call 1 now -",
            "end 1",
            "call 2 get_weather call_3",
            "arguments 2 {\"city\":\"배\"}",
            "end 2",
            "usage 12 57",
            "stop",
            "end"
        ]
    );
}

#[test]
fn a_bound_on_output_ends_an_answer() {
    assert_eq!(
        said(stream!("length")),
        ["start", "text one two", "usage 3 2", "length", "end"]
    );
}

// trap 7
#[test]
fn an_error_on_a_line_is_a_fault_and_the_last_thing_that_counts() {
    assert_eq!(
        said(stream!("error_first")),
        ["upstream_overloaded server busy, please try again.  maximum pending requests exceeded"]
    );
    assert_eq!(
        said(stream!("error_mid_stream")),
        [
            "start",
            "text Hel",
            "context_length_exceeded the input length exceeds the context length"
        ]
    );
    assert_eq!(
        said(b"{\"error\":\"model 'x' not found\"}\n"),
        ["model_not_found model 'x' not found"]
    );
    assert_eq!(
        said(b"{\"error\":\"unauthorized\",\"signin_url\":\"https://x\"}"),
        ["upstream_auth unauthorized"]
    );
    // The model's words may be in it.
    assert_eq!(
        said(b"{\"error\":\"cannot parse: server busy, please try again.\"}\n"),
        ["upstream_error cannot parse: server busy, please try again."]
    );
}

// trap 5
#[test]
fn a_stream_without_its_last_line_is_no_answer() {
    assert_eq!(
        said(stream!("cut_off")),
        ["start", "text Hel", "text lo", "upstream_incomplete -"]
    );
    assert_eq!(
        said(stream!("connection_closed")),
        ["start", "text Hel", "upstream_incomplete -"]
    );
    assert_eq!(said(b""), ["upstream_incomplete -"]);
    assert_eq!(said(b"\n\n"), ["upstream_incomplete -"]);
    let text = stream!("text");
    let cut = &text[..text.len() - 9];
    assert_eq!(
        said(cut),
        [
            "start",
            "text 안녕",
            "text  세계 ",
            "text 🌍🇰🇷",
            "upstream_truncated -"
        ]
    );
}

#[test]
fn a_last_line_that_lacks_only_its_end_counts() {
    let text = stream!("text");
    assert_eq!(said(&text[..text.len() - 1]), said(text));
}

// trap 5
#[test]
fn one_bad_line_does_not_end_a_good_stream() {
    assert_eq!(
        said(stream!("one_bad_line")),
        ["start", "text Hi", "usage 1 1", "stop", "end"]
    );
}

#[test]
fn a_server_that_gives_counts_and_no_reason_is_an_older_one() {
    assert_eq!(
        said(stream!("older_server")),
        ["start", "text Hi", "usage 3 1", "stop", "end"]
    );
}

#[test]
fn log_probabilities_have_every_field_that_openai_has() {
    assert_eq!(
        said(stream!("logprobs"))[2],
        "logprobs [{\"token\":\"Hi\",\"logprob\":-0.25,\"bytes\":null,\"top_logprobs\":[{\"token\":\"Yo\",\"logprob\":-2.5,\"bytes\":null}]}]"
    );
}

#[test]
fn a_count_that_cannot_be_true_is_no_usage() {
    assert_eq!(
        said(stream!("bad_usage")),
        ["start", "text Hi", "BadUsage", "stop", "end"]
    );
    let absurd =
        b"{\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"eval_count\":1e99}\n";
    assert_eq!(said(absurd), ["start", "BadUsage", "stop", "end"]);
}

#[test]
fn the_older_endpoint_streams_a_response() {
    assert_eq!(
        said(stream!("generate")),
        [
            "start",
            "thinking hm",
            "text Hi",
            "usage 4 2",
            "stop",
            "end"
        ]
    );
}

#[test]
fn a_model_that_was_only_loaded_says_nothing_and_stops() {
    assert_eq!(said(stream!("silent")), ["start", "stop", "end"]);
}

#[test]
fn a_line_without_an_end_is_not_held_for_ever() {
    let mut words = Vec::new();
    let mut sink = |event: ChatEvent<'_>| words.push(word(&event));
    let sink: &mut dyn EventSink = &mut sink;
    let mut reader = Dialect::Ollama.reader();
    let piece = bytes::Bytes::from(vec![b'x'; MAX_EVENT_BYTES / 4]);
    for _ in 0..6 {
        reader.push(piece.clone(), sink);
    }
    reader.finish(sink);
    assert_eq!(words, ["upstream_event_too_large -"]);
}

// trap 7
#[test]
fn whole_answers_are_read_from_both_endpoints() {
    let read = |body: &str| {
        let mut words = Vec::new();
        let mut sink = |event: ChatEvent<'_>| words.push(word(&event));
        Dialect::Ollama.read_answer(body.as_bytes(), &mut sink);
        words
    };
    let body = json!({"model": "m", "message": {"role": "assistant", "content": "Hi", "thinking": "hm",
        "tool_calls": [{"function": {"name": "now", "arguments": {}}}]},
        "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2});
    assert_eq!(
        read(&body.to_string()),
        [
            "start",
            "thinking hm",
            "text Hi",
            "call 0 now -",
            "arguments 0 {}",
            "end 0",
            "usage 3 2",
            "stop",
            "end"
        ]
    );
    let body = r#"{"response":"Hi","done":true,"done_reason":"length","eval_count":2}"#;
    assert_eq!(
        read(body),
        ["start", "text Hi", "usage 0 2", "length", "end"]
    );
    assert_eq!(read(r#"{"error":"boom"}"#), ["upstream_error boom"]);
    let half = r#"{"message":{"content":"Hi"},"done":false}"#;
    assert_eq!(read(half), ["start", "text Hi", "upstream_incomplete -"]);
    for other in ["{}", "[]", "<html>", r#"{"choices":[]}"#] {
        assert_eq!(read(other), ["upstream_protocol -"], "{other}");
    }
}

proptest! {
    #[test]
    fn a_reader_survives_anything_and_says_the_same_of_it_however_it_is_cut(
        lines in prop::collection::vec(
            prop_oneof![
                Just("{\"message\":{\"content\":\"배 \"}}".to_owned()),
                Just("{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}, 1]}}".to_owned()),
                Just("{\"done\":true,\"done_reason\":\"stop\"}".to_owned()),
                Just("{\"error\":\"no\"}".to_owned()),
                "\\PC{0,12}",
                "[{}\\[\\]\":,a\r]{0,12}",
            ],
            0..6,
        ),
        size in 1..40_usize,
    ) {
        let body = lines.join("\n");
        let whole = read(body.as_bytes(), usize::MAX);
        prop_assert_eq!(read(body.as_bytes(), size), whole.clone());
        let last = whole.last().unwrap();
        prop_assert!(last == "end" || last.starts_with("upstream_"), "{}", last);
    }
}
