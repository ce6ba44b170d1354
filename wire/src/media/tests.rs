#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::operation::Operation;

fn read(kind: MediaKind, pieces: &[&str]) -> (MediaReader, Vec<Seen>, Segments, StreamEnd) {
    let mut reader = MediaReader::new(kind);
    let mut out = Segments::new();
    let mut seen = Vec::new();
    for piece in pieces {
        seen.push(reader.push(Bytes::copy_from_slice(piece.as_bytes()), &mut out));
    }
    let end = reader.finish();
    (reader, seen, out, end)
}

const GPT_IMAGE: &str = r#"{"created":1,"data":[{"b64_json":"AAAA"}],"usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40,"text_tokens":10},"output_tokens":4160,"total_tokens":4210}}"#;

#[test]
fn the_kind_of_an_answer_is_told_by_its_content_type() {
    for (content_type, kind) in [
        ("application/json; charset=utf-8", MediaKind::Json),
        ("application/problem+json", MediaKind::Json),
        ("Text/Event-Stream", MediaKind::Events),
        ("text/vtt", MediaKind::Text),
        ("application/x-subrip", MediaKind::Text),
        ("audio/mpeg", MediaKind::Bytes),
        ("", MediaKind::Bytes),
    ] {
        assert_eq!(MediaKind::of(content_type), kind, "{content_type}");
    }
}

#[test]
fn what_images_and_recordings_used_is_read_in_each_of_its_forms() {
    let tokens = Usage {
        input: 50,
        image_input: 40,
        output: 4_160,
        ..Usage::default()
    };
    let transcribed = Usage {
        input: 14,
        audio_input: 14,
        output: 45,
        ..Usage::default()
    };
    let audio = |input_ms| Usage {
        things: Things {
            input_ms,
            ..Things::default()
        },
        ..Usage::default()
    };
    let cases = [
        (GPT_IMAGE, Some(tokens)),
        (
            r#"{"text":"a","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#,
            Some(transcribed),
        ),
        (
            r#"{"text":"a","usage":{"type":"duration","seconds":27}}"#,
            Some(audio(27_000)),
        ),
        // Verbose answers of whisper-1 and of Groq.
        (
            r#"{"task":"transcribe","duration":8.4700002,"text":"a"}"#,
            Some(audio(8_471)),
        ),
        (
            r#"{"task":"transcribe","duration":"9.75","text":"a"}"#,
            Some(audio(9_750)),
        ),
        (
            r#"{"created":1,"data":[{"url":"https://x"},{"url":"https://y"}]}"#,
            Some(Usage {
                things: Things {
                    images: 2,
                    ..Things::default()
                },
                ..Usage::default()
            }),
        ),
        (r#"{"text":"a"}"#, None),
        (r#"{"text":"a","duration":-1}"#, None),
    ];
    for (body, usage) in cases {
        let answer = read_media(MediaKind::Json, &Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(
            (answer.usage, answer.usage_anomaly),
            (usage.clone(), false),
            "{body}"
        );
        let (reader, _, out, end) = read(MediaKind::Json, &[&body[..5], &body[5..]]);
        assert_eq!(
            (reader.usage(), end),
            (usage.as_ref(), StreamEnd::Complete),
            "{body}"
        );
        assert_eq!(out.to_bytes(), body);
    }
}

#[test]
fn output_is_of_the_kind_that_the_endpoint_makes_where_no_kinds_are_counted() {
    let made = |image_output| Usage {
        output: 100,
        image_output,
        ..Usage::default()
    };
    let of = |usage: Usage, operation| {
        let usage = usage.of_operation(operation);
        (usage.image_output, usage.audio_output)
    };
    assert_eq!(of(made(0), Operation::ImageEdits), (100, 0));
    assert_eq!(of(made(80), Operation::ImageGenerations), (80, 0));
    assert_eq!(of(made(0), Operation::Speech), (0, 100));
    assert_eq!(of(made(0), Operation::Transcriptions), (0, 0));
}

#[test]
fn a_report_that_cannot_be_true_is_no_number() {
    for usage in [
        r#"{"input_tokens":-1,"output_tokens":5}"#,
        r#"{"input_tokens":5,"output_tokens":5,"input_tokens_details":{"image_tokens":6}}"#,
        r#"{"type":"duration","seconds":1e9}"#,
        r#"{"type":"duration","seconds":-3}"#,
        r#"{"type":"duration","seconds":900000}"#,
        "{}",
        "7",
    ] {
        let body = Bytes::from(format!(r#"{{"text":"a","usage":{usage}}}"#));
        let answer = read_media(MediaKind::Json, &body).unwrap();
        assert_eq!(
            (answer.usage, answer.usage_anomaly),
            (None, true),
            "{usage}"
        );
    }
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let fault = |kind, body: &'static str| {
        let read = read_media(kind, &Bytes::from_static(body.as_bytes()));
        read.unwrap_err().found.fault
    };
    assert_eq!(fault(MediaKind::Json, "<html>"), Fault::Protocol);
    assert_eq!(fault(MediaKind::Json, r#"{"text":"a""#), Fault::Protocol);
    assert_eq!(fault(MediaKind::Bytes, ""), Fault::Empty);
    let limited = r#"{"error":{"message":"slow down","type":"rate_limit_exceeded","code":"rate_limit_exceeded"}}"#;
    assert_eq!(fault(MediaKind::Json, limited), Fault::RateLimited);
    let (_, _, _, end) = read(MediaKind::Json, &[r#"{"data":[{"b64_json":"AA"#]);
    assert_eq!(end, StreamEnd::Truncated);
}

#[test]
fn a_stream_of_events_passes_and_tells_its_usage_and_its_end() {
    let partial = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA\"}\n\n";
    let completed = "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"AAAA\",\"usage\":{\"input_tokens\":5,\"output_tokens\":7,\"total_tokens\":12}}\n\n";
    let (reader, seen, out, end) = read(MediaKind::Events, &[": hi\n\n", partial, completed]);
    assert_eq!(seen, [Seen::Nothing, Seen::Content, Seen::Content]);
    assert_eq!(reader.usage().map(Usage::total), Some(12));
    assert_eq!(end, StreamEnd::Complete);
    assert_eq!(out.to_bytes(), [": hi\n\n", partial, completed].concat());
    let (_, _, _, end) = read(MediaKind::Events, &[partial]);
    assert_eq!(end, StreamEnd::Incomplete);
    let (_, _, _, end) = read(MediaKind::Events, &[partial, "data: [DONE]\n\n"]);
    assert_eq!(end, StreamEnd::Complete);
}

#[test]
fn an_error_event_is_a_fault_before_content_and_passes_after_it() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n";
    let mut reader = MediaReader::new(MediaKind::Events);
    let seen = reader.push(Bytes::from_static(error.as_bytes()), &mut Segments::new());
    assert!(matches!(seen, Seen::Fault(_)));

    let delta = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n";
    let (reader, seen, out, end) = read(MediaKind::Events, &[delta, error]);
    assert_eq!(seen, [Seen::Content, Seen::Content]);
    assert!(matches!(end, StreamEnd::Failed(_)));
    assert_eq!(out.to_bytes(), [delta, error].concat());
    // It was said already.
    let own = ErrorBody {
        message: "x".into(),
        kind: "x".into(),
        param: None,
        code: None,
        filtered: None,
    };
    assert_eq!(reader.error_event(&own), Some(Bytes::new()));
    // In the middle of a recording nothing can be said.
    assert_eq!(MediaReader::new(MediaKind::Bytes).error_event(&own), None);
}

// Where the bytes were cut decides nothing: words that came before an error reach the caller.
#[test]
fn an_error_behind_words_passes_with_them_and_one_before_them_does_not() {
    let words = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n";
    let error = "data: {\"error\":{\"message\":\"no\"}}\n\n";
    let stream = format!("{words}{error}");
    for cut in 0..=stream.len() {
        let (before, after) = stream.split_at(cut);
        let (reader, seen, out, end) = read(MediaKind::Events, &[before, after]);
        assert!(!seen.iter().any(|it| matches!(it, Seen::Fault(_))), "{cut}");
        assert_eq!(out.to_bytes(), stream, "{cut}");
        assert!(
            reader.content_seen() && matches!(end, StreamEnd::Failed(_)),
            "{cut}"
        );
    }
    let (_, seen, out, _) = read(MediaKind::Events, &[error]);
    assert!(matches!(seen.as_slice(), [Seen::Fault(_)]) && out.is_empty());
}
