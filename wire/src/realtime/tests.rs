#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::*;
use serde_json::{Value, json};

fn sent(event: &Value) -> Result<ClientEvent, EventError> {
    client_event(&Bytes::from(event.to_string()), "voice", "gpt-realtime")
}

fn renamed_as(event: &Value) -> Option<Bytes> {
    sent(event).ok().and_then(|it| it.renamed)
}

/// What an event adds: bytes of text and of sound, and whether it asks.
fn added(event: &Value) -> Option<(u64, u64, bool)> {
    let event = sent(event).ok()?;
    Some((event.sent.text_bytes, event.sent.sound_bytes, event.asks))
}

fn is_other(event: Result<ClientEvent, EventError>) -> bool {
    matches!(event, Err(EventError::Field(it)) if it.field == "session.model")
}

fn push(reader: &mut SessionReader, event: &Value) -> Noticed {
    reader.push(event.to_string().as_bytes(), "gpt-realtime")
}

#[test]
fn a_session_update_names_the_model_as_the_vendor_does() {
    let event = json!({"type": "session.update", "session": {"model": "voice", "voice": "sage"}});
    let renamed = event.to_string().replace("\"voice\",", "\"gpt-realtime\",");
    assert_eq!(renamed_as(&event), Some(renamed.into()));
    let beside = json!({"type": "session.update", "model": "voice"});
    let renamed = beside.to_string().replace("voice", "gpt-realtime");
    assert_eq!(renamed_as(&beside), Some(renamed.into()));
    let both =
        json!({"type": "session.update", "model": "gpt-realtime", "session": {"model": "b"}});
    assert!(is_other(sent(&both)));
    let own = json!({"type": "session.update", "session": {"model": "gpt-realtime"}});
    assert_eq!(renamed_as(&own), None);
}

#[test]
fn another_model_and_what_could_be_one_are_not_passed_on() {
    for other in [json!("gpt-realtime-2"), json!(1), json!(["voice"])] {
        let event = json!({"type": "session.update", "session": {"model": other}});
        assert!(is_other(sent(&event)), "{event}");
    }
    for text in [
        r#"{"type":"x","type":"session.update","session":{"model":"b"}}"#,
        r#"{"type":"session.update","session":{"model":"voice","model":"b"}}"#,
        r#"["session.update"]"#,
        "{",
    ] {
        let event = client_event(&Bytes::from(text), "voice", "gpt-realtime");
        assert!(matches!(event, Err(EventError::Document(_))), "{text}");
    }
    let escaped = r#"{"type":"session\u002eupdate","session":{"m\u006fdel":"b"}}"#;
    let event = client_event(&Bytes::from(escaped), "voice", "gpt-realtime");
    assert!(is_other(event));
}

#[test]
fn a_response_is_counted_by_kind_of_token() {
    let mut reader = SessionReader::default();
    push(
        &mut reader,
        &json!({"type": "response.created", "response": {"id": "r1"}}),
    );
    assert!(reader.is_responding());
    let noticed = push(
        &mut reader,
        &json!({"type": "response.done", "response": {"id": "r1", "status": "completed", "usage": {
            "total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
            "input_token_details": {"text_tokens": 100, "audio_tokens": 20, "image_tokens": 12, "cached_tokens": 64,
                "cached_tokens_details": {"text_tokens": 48, "audio_tokens": 10, "image_tokens": 6}},
            "output_token_details": {"text_tokens": 30, "audio_tokens": 91}}}}),
    );
    let Noticed::Done(turn) = noticed else {
        panic!("{noticed:?}");
    };
    let expected = Usage {
        input: 132,
        cache_read: 64,
        audio_input: 20,
        audio_cache_read: 10,
        image_input: 12,
        image_cache_read: 6,
        output: 121,
        audio_output: 91,
        ..Usage::default()
    };
    assert_eq!(turn.usage, Some(expected));
    assert!(!reader.is_responding());
}

#[test]
fn of_a_response_that_breaks_off_it_is_known_how_much_came() {
    let mut reader = SessionReader::default();
    let usage = json!({"input_tokens": 40, "output_tokens": 10});
    push(
        &mut reader,
        &json!({"type": "response.done", "response": {"id": "r1", "usage": usage}}),
    );
    reader.sent(&ClientEvent {
        sent: Sent {
            text_bytes: 3,
            sound_bytes: 8,
        },
        ..ClientEvent::default()
    });
    push(
        &mut reader,
        &json!({"type": "response.created", "response": {"id": "r2"}}),
    );
    for (kind, id) in [
        ("response.output_audio.delta", "r2"),
        ("response.output_audio_transcript.delta", "r2"),
        ("response.output_text.delta", "another"),
    ] {
        push(
            &mut reader,
            &json!({"type": kind, "response_id": id, "delta": "AAAA"}),
        );
    }
    let expected = Turn {
        context_tokens: 50,
        sent: Sent {
            text_bytes: 3,
            sound_bytes: 8,
        },
        came: Sent {
            text_bytes: 6,
            sound_bytes: 6,
        },
        ..Turn::default()
    };
    assert_eq!(reader.broken(), [expected]);
    assert_eq!(reader.broken(), []);
}

// faults S-26
#[test]
fn what_a_caller_adds_is_words_and_sound_and_not_the_bytes_of_pictures() {
    let item = json!({"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "hi there"},
        {"type": "input_audio", "audio": "AAAA", "transcript": null},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ]});
    let words = [
        "message",
        "user",
        "input_text",
        "hi there",
        "input_audio",
        "input_image",
    ];
    let text: usize = words.iter().map(|it| it.len()).sum();
    let create = json!({"type": "conversation.item.create", "item": item});
    assert_eq!(added(&create), Some((text as u64, 4, false)));
    let update = json!({"type": "session.update", "session": {"instructions": "be brief", "n": 1}});
    assert_eq!(added(&update), Some((8, 0, false)));
    let asking = json!({"type": "response.create", "response": {"instructions": "now"}});
    assert_eq!(added(&asking), Some((3, 0, true)));
    let append = json!({"type": "input_audio_buffer.append", "audio": "AAAA"});
    assert_eq!(added(&append), Some((0, 6, false)));
    assert_eq!(
        added(&json!({"type": "response.cancel"})),
        Some((0, 0, false))
    );
}

// faults C-04
#[test]
fn a_response_is_under_way_as_soon_as_it_is_asked_for() {
    let asks = || ClientEvent {
        asks: true,
        ..ClientEvent::default()
    };
    let mut reader = SessionReader::default();
    reader.sent(&asks());
    assert!(reader.is_responding());
    assert_eq!(reader.broken(), [Turn::default()]);
    assert!(!reader.is_responding());
    // What the vendor says of it takes its place.
    for answer in [
        json!({"type": "error", "error": {"message": "another one is under way"}}),
        json!({"type": "response.done", "response": {"id": "r"}}),
    ] {
        reader.sent(&asks());
        push(&mut reader, &answer);
        assert!(!reader.is_responding(), "{answer}");
    }
    reader.sent(&asks());
    push(
        &mut reader,
        &json!({"type": "response.created", "response": {"id": "r"}}),
    );
    assert_eq!(reader.broken().len(), 1);
}

#[test]
fn a_beginning_or_an_end_that_is_told_twice_counts_once() {
    let mut reader = SessionReader::default();
    let created = json!({"type": "response.created", "response": {"id": "r"}});
    let done =
        json!({"type": "response.done", "response": {"id": "r", "usage": {"input_tokens": 4}}});
    push(&mut reader, &created);
    push(&mut reader, &created);
    assert!(matches!(push(&mut reader, &done), Noticed::Done(_)));
    assert_eq!(push(&mut reader, &done), Noticed::Nothing);
    assert_eq!(reader.broken(), []);
    // Servers exist that call all of them the same.
    push(&mut reader, &created);
    assert!(matches!(push(&mut reader, &done), Noticed::Done(_)));
}

#[test]
fn an_id_beyond_all_measure_is_not_held() {
    let mut reader = SessionReader::default();
    let response = json!({"id": "r".repeat(1_000), "usage": {"input_tokens": 4}});
    push(
        &mut reader,
        &json!({"type": "response.created", "response": response}),
    );
    assert!(!reader.is_responding());
    let done = json!({"type": "response.done", "response": response});
    assert!(matches!(push(&mut reader, &done), Noticed::Done(turn) if turn.usage.is_some()));
}

#[test]
fn an_error_names_the_event_that_it_is_about() {
    let error = ErrorBody {
        message: "no".into(),
        kind: "invalid_request_error".into(),
        param: None,
        code: None,
        filtered: None,
    };
    let told = |event: &'static str| {
        let told = error_event(&error, "event_1", &Bytes::from_static(event.as_bytes()));
        let told: Value = serde_json::from_str(&told).unwrap_or_default();
        (told["event_id"].clone(), told["error"]["event_id"].clone())
    };
    let id = json!("event_1");
    assert_eq!(told(r#"{"event_id":"mine"}"#), (id.clone(), json!("mine")));
    assert_eq!(told("{"), (id, Value::Null));
}

#[test]
fn a_count_that_cannot_be_true_is_none() {
    let mut reader = SessionReader::default();
    let usage = json!({"input_tokens": -1, "output_tokens": 10});
    let done = json!({"type": "response.done", "response": {"id": "r", "usage": usage}});
    let Noticed::Done(turn) = push(&mut reader, &done) else {
        panic!("a response that is done");
    };
    assert_eq!((turn.usage, turn.is_usage_anomalous), (None, true));
}

#[test]
fn a_transcript_is_of_the_model_that_the_session_names_for_it() {
    let completed = json!({"type": "conversation.item.input_audio_transcription.completed",
        "transcript": "hi", "usage": {"type": "duration", "seconds": 2.5}});
    let mut reader = SessionReader::default();
    let session = json!({"audio": {"input": {"transcription": {"model": "whisper-1"}}}});
    push(
        &mut reader,
        &json!({"type": "session.updated", "session": session}),
    );
    let Noticed::Transcribed(turn, Transcriber::Other) = push(&mut reader, &completed) else {
        panic!("a transcript of another model");
    };
    assert_eq!(turn.usage.map(|it| it.things.input_ms), Some(2_500));
    let beta = json!({"input_audio_transcription": {"model": "gpt-realtime"}});
    push(
        &mut reader,
        &json!({"type": "session.created", "session": beta}),
    );
    let noticed = push(&mut reader, &completed);
    assert!(matches!(
        noticed,
        Noticed::Transcribed(_, Transcriber::Model)
    ));
    let whole = json!({"type": "transcription.done", "text": "hi",
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}});
    let Noticed::Transcribed(turn, Transcriber::Model) = push(&mut reader, &whole) else {
        panic!("a transcript of the session's own model");
    };
    assert_eq!(turn.usage.map(|it| it.total()), Some(12));
}
