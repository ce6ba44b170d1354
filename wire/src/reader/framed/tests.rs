//! Claude's stream in frames becomes Claude's stream in events, wherever it is cut.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::error_body::ErrorBody;
use crate::eventstream::tests::{EXCEPTION, text_frame, unhex};
use crate::fault::Fault;
use crate::operation::Operation;
use crate::reader::{StreamEnd, UsageChunk};
use crate::usage::Usage;

/// As Bedrock sent them to a client in 2025: one event on each line.
const TOOLS: &str = include_str!("../../../testdata/anthropic/invoke_tools.events");

/// A frame of Bedrock's around an event, with its padding.
fn chunk(event: &str) -> Vec<u8> {
    let headers = [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    let data = STANDARD.encode(event);
    text_frame(&headers, &format!(r#"{{"bytes":"{data}","p":"abcdef"}}"#))
}

fn frames(events: &str) -> Vec<u8> {
    events.lines().flat_map(chunk).collect()
}

/// What Anthropic itself would have sent.
fn sse(events: &str) -> String {
    let event = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = value["type"].as_str().unwrap();
        format!("event: {name}\ndata: {line}\n\n")
    };
    let texts: Vec<String> = events.lines().map(event).collect();
    texts.concat()
}

#[derive(Debug, PartialEq)]
struct Outcome {
    out: String,
    fault: Option<StreamFault>,
    is_done: bool,
    end: StreamEnd,
    usage: Option<Usage>,
    is_final: bool,
    output_bytes: u64,
}

fn read(framing: Framing, pieces: &[&[u8]]) -> Outcome {
    let reader = StreamReader::new(Operation::Messages, UsageChunk::Keep);
    let mut reader = reader.framed(framing);
    let mut out = Segments::new();
    let (mut fault, mut is_done) = (None, false);
    for piece in pieces {
        match reader.push(Bytes::copy_from_slice(piece), &mut out) {
            Seen::Nothing => {}
            Seen::Content => assert!(reader.content_seen()),
            Seen::Fault(it) => fault = Some(it),
            Seen::End => is_done = true,
        }
    }
    let end = reader.finish(&mut out);
    Outcome {
        out: String::from_utf8(out.to_bytes().to_vec()).unwrap(),
        fault,
        is_done,
        end,
        usage: reader.usage().cloned(),
        is_final: reader.usage_is_final(),
        output_bytes: reader.output_bytes(),
    }
}

/// The same in one piece, and that no cut changes it.
fn read_everywhere(stream: &[u8]) -> Outcome {
    let whole = read(Framing::Frames, &[stream]);
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(read(Framing::Frames, &[head, tail]), whole, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(read(Framing::Frames, &bytes), whole);
    whole
}

/// The first events.
fn begun() -> String {
    TOOLS.lines().take(3).flat_map(|it| [it, "\n"]).collect()
}

/// The first events and the last ones: few bytes to cut.
fn brief() -> String {
    let lines: Vec<&str> = TOOLS.lines().collect();
    let (first, rest) = lines.split_at(3);
    let last = rest.split_at(rest.len() - 3).1;
    let kept = first.iter().chain(last);
    kept.flat_map(|it| [*it, "\n"]).collect()
}

#[test]
fn framed_events_go_on_as_anthropics_own_stream_wherever_they_are_cut() {
    let brief = brief();
    assert_eq!(read_everywhere(&frames(&brief)).out, sse(&brief));
    let stream = frames(TOOLS);
    let outcome = read(Framing::Frames, &[&stream]);
    for size in [2, 7, 64, 1000] {
        let pieces: Vec<&[u8]> = stream.chunks(size).collect();
        assert_eq!(read(Framing::Frames, &pieces), outcome, "{size} bytes each");
    }
    // What is read of it is what is read of Anthropic's own stream, which is relayed as it is.
    let own = sse(TOOLS);
    assert_eq!(outcome, read(Framing::Events, &[own.as_bytes()]));
    assert_eq!(outcome.out, own);
    assert!(outcome.out.contains("amazon-bedrock-invocationMetrics"));
    assert!(outcome.is_done && outcome.is_final);
    assert_eq!(outcome.end, StreamEnd::Complete);
    let usage = outcome.usage.unwrap();
    assert_eq!((usage.input, usage.output), (702, 130));
}

#[test]
fn an_exception_ends_the_stream_and_one_after_the_end_does_not() {
    let begun = begun();
    let stream = [frames(&begun), unhex(EXCEPTION)].concat();
    let outcome = read_everywhere(&stream);
    assert_eq!(outcome.out, sse(&begun));
    assert_eq!(
        outcome.fault,
        Some(StreamFault {
            fault: Fault::RateLimited,
            error: ErrorBody::parse(br#"{"message":"slow down","type":"throttlingException"}"#),
        })
    );
    let late = [frames(&brief()), unhex(EXCEPTION)].concat();
    let outcome = read_everywhere(&late);
    assert_eq!((outcome.fault, outcome.end), (None, StreamEnd::Complete));
    assert_eq!(outcome.out, sse(&brief()));
}

#[test]
fn a_stream_that_stops_inside_a_frame_or_before_its_end_is_not_complete() {
    let stream = frames(TOOLS);
    let outcome = read(Framing::Frames, &[&stream[..stream.len() - 9]]);
    assert_eq!(outcome.end, StreamEnd::Truncated);
    let begun = begun();
    let outcome = read(Framing::Frames, &[&frames(&begun)]);
    assert_eq!(outcome.end, StreamEnd::Incomplete);
}

#[test]
fn what_is_no_frame_is_a_fault_and_what_is_no_chunk_is_passed_over() {
    let outcome = read(Framing::Frames, &[b"{\"message\":\"no\"}"]);
    let fault = outcome.fault.map(|it| it.fault);
    assert_eq!(fault, Some(Fault::Protocol));
    let strange = [
        text_frame(
            &[(":message-type", "event"), (":event-type", "later")],
            "{}",
        ),
        chunk("{\n\"type\":\r\n\"ping\"}"),
    ];
    let outcome = read_everywhere(&strange.concat());
    assert_eq!(
        outcome.out,
        "event: ping\ndata: {\ndata: \"type\":\ndata: \ndata: \"ping\"}\n\n"
    );
}

// faults U-65
#[test]
fn a_chunk_without_an_event_is_a_lost_part_of_the_answer_and_ends_the_stream() {
    let headers = [(":event-type", "chunk"), (":message-type", "event")];
    for lost in [
        chunk("no json"),
        chunk(r#"{"completion":"old"}"#),
        text_frame(&headers, r#"{"bytes":"no base64"}"#),
        text_frame(&headers, "{}"),
    ] {
        let brief = brief();
        let (begun, rest) = brief.split_at(begun().len());
        let amid = [frames(begun), lost.clone(), frames(rest)].concat();
        let outcome = read(Framing::Frames, &[&amid]);
        assert_eq!(outcome.out, sse(begun));
        let fault = outcome.fault.map(|it| it.fault);
        assert_eq!(fault, Some(Fault::Protocol));
        let late = [frames(&brief), lost].concat();
        let outcome = read(Framing::Frames, &[&late]);
        assert_eq!((outcome.fault, outcome.end), (None, StreamEnd::Complete));
    }
}
