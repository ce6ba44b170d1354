#![expect(clippy::panic, reason = "a test fails by panicking")]

use super::*;
use serde_json::{Value, json};

fn sent(event: &Value) -> Result<ClientEvent, EventError> {
    client_event(&Bytes::from(event.to_string()), "voice", "gpt-realtime")
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
    assert_eq!(sent(&event), Ok(ClientEvent::Renamed(renamed.into())));
    let beside = json!({"type": "session.update", "model": "voice"});
    let renamed = beside.to_string().replace("voice", "gpt-realtime");
    assert_eq!(sent(&beside), Ok(ClientEvent::Renamed(renamed.into())));
    let both =
        json!({"type": "session.update", "model": "gpt-realtime", "session": {"model": "b"}});
    assert!(is_other(sent(&both)));
    let own = json!({"type": "session.update", "session": {"model": "gpt-realtime"}});
    assert_eq!(sent(&own), Ok(ClientEvent::Relayed(Sent::default())));
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
    reader.sent(Sent {
        text_bytes: 3,
        sound_bytes: 8,
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
}
