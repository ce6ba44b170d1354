//! Other vendors' thoughts on their way through Google's clients and back.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::chat::seal::tests::SEAL;
use crate::chat::{ChatEvent, Finish, Part, Provenance, Thought, ToolKind, Traits};
use crate::dialect::Dialect;
use crate::dialect::gemini::without_disguised;
use crate::dialect::tests::{answered, data, emitted, write};
use crate::document::Document;

fn thought(provenance: Provenance) -> Thought<'static> {
    Thought {
        text: Cow::Borrowed(""),
        signature: Some("sig:\"=".into()),
        encrypted: None,
        id: Some("rs_1".into()),
        provenance,
    }
}

/// Two thoughts, one without words, then what `last` adds.
fn thinking(last: Vec<ChatEvent<'static>>) -> Vec<ChatEvent<'static>> {
    let words = |text: &'static str| ChatEvent::Thinking {
        choice: 0,
        text: text.into(),
    };
    let ended = |thought| ChatEvent::Thought { choice: 0, thought };
    let sealed = Thought {
        signature: None,
        encrypted: Some("cipher".into()),
        ..thought(Provenance::OpenAi)
    };
    let mut events = vec![
        words("Think 배 "),
        words("of it."),
        ended(thought(Provenance::Anthropic)),
        ended(sealed),
    ];
    events.extend(last);
    events.push(ChatEvent::Finish {
        choice: 0,
        finish: Finish::Stop,
    });
    events.push(ChatEvent::End);
    events
}

fn calling() -> Vec<ChatEvent<'static>> {
    vec![
        ChatEvent::ToolCall {
            choice: 0,
            call: 0,
            id: Some("c1".into()),
            name: "f".into(),
            kind: ToolKind::Function,
            signature: None,
        },
        ChatEvent::Arguments {
            choice: 0,
            call: 0,
            text: "{}".into(),
        },
    ]
}

fn saying() -> Vec<ChatEvent<'static>> {
    let words = |text: &'static str| ChatEvent::Text {
        choice: 0,
        text: text.into(),
    };
    vec![words("Here "), words("it is.")]
}

/// The contents that a client keeps of a stream, and of a whole answer.
fn kept(events: &[ChatEvent<'static>]) -> [Vec<Value>; 2] {
    let content = |it: &Value| it["candidates"][0]["content"].clone();
    let stream = data(&emitted(Dialect::Gemini, events.to_vec()));
    let whole = answered(Dialect::Gemini, events.to_vec());
    [stream.iter().map(content).collect(), vec![content(&whole)]]
}

/// A request as a dialect gets it: open.
fn document(body: &Value) -> Document {
    let sealed = super::document(body);
    SEAL.open_all(&sealed).unwrap_or(sealed)
}

fn opened(body: &Value) -> Value {
    serde_json::from_slice(document(body).bytes()).unwrap()
}

fn request(model: &[Value]) -> Value {
    let mut contents = vec![json!({"role": "user", "parts": [{"text": "a"}]})];
    contents.extend(model.iter().cloned());
    contents.push(json!({"role": "user", "parts": [{"text": "b"}]}));
    json!({ "contents": contents })
}

/// The thoughts that a request brings back.
fn thoughts(request: &Value) -> Vec<Thought<'static>> {
    let request = document(request);
    let read = Dialect::Gemini.read_request(&request).unwrap();
    let parts = read.messages.iter().flat_map(|it| &it.parts);
    let thoughts = parts.filter_map(|part| match part {
        Part::Thought(thought) => Some(thought.clone().into_owned()),
        _ => None,
    });
    thoughts.collect()
}

// traps 21, 23
#[test]
fn thoughts_come_back_with_their_words_whatever_follows_them() {
    for events in [thinking(calling()), thinking(saying()), thinking(vec![])] {
        for contents in kept(&events) {
            let back = thoughts(&request(&contents));
            let expected = [
                Thought {
                    text: "Think 배 of it.".into(),
                    ..thought(Provenance::Anthropic)
                },
                Thought {
                    signature: None,
                    encrypted: Some("cipher".into()),
                    ..thought(Provenance::OpenAi)
                },
            ];
            assert_eq!(back, expected);
        }
    }
}

#[test]
fn a_client_that_writes_bytes_in_the_other_alphabet_brings_them_back_all_the_same() {
    let [contents, _] = kept(&thinking(calling()));
    let text = request(&contents).to_string();
    let other: Value = serde_json::from_str(&text.replace('+', "-")).unwrap();
    assert_eq!(thoughts(&other), thoughts(&request(&contents)));
}

// trap 23
#[test]
fn a_thought_whose_words_are_lost_is_not_sent_to_its_vendor() {
    let [_, mut contents] = kept(&thinking(calling()));
    contents[0]["parts"]
        .as_array_mut()
        .unwrap()
        .retain(|it| it.get("thought").is_none());
    let request = request(&contents);
    let back = thoughts(&request);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].provenance, Provenance::OpenAi);
    let sent = write(
        (Dialect::Gemini, Dialect::Anthropic),
        &opened(&request),
        Traits::default(),
    );
    assert!(!sent.body.to_string().contains("sig:"), "{:#}", sent.body);
    let named = "contents[].parts[].thoughtSignature".to_owned();
    assert!(sent.dropped.contains(&named), "{:?}", sent.dropped);
}

#[test]
fn claude_gets_its_thought_back_before_the_call() {
    let [contents, _] = kept(&thinking(calling()));
    let sent = write(
        (Dialect::Gemini, Dialect::Anthropic),
        &opened(&request(&contents)),
        Traits::default(),
    );
    assert_eq!(
        sent.body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "Think 배 of it.", "signature": "sig:\"="},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
        ])
    );
}

// trap 25
#[test]
fn google_is_never_sent_another_vendors_thoughts_as_its_own() {
    let own = json!({"role": "model", "parts": [
        {"text": "own", "thought": true, "thoughtSignature": "CpQB"},
        {"functionCall": {"name": "g"}, "thoughtSignature": "CpQC"}]});
    for contents in kept(&thinking(calling())) {
        let mut body = request(&contents);
        body["contents"].as_array_mut().unwrap().push(own.clone());
        body["generationConfig"] = json!({"temperature": 1});
        let freed = without_disguised(&document(&body), Traits::default()).unwrap();
        let freed_body: Value = serde_json::from_slice(freed.bytes()).unwrap();
        let called = json!({"role": "model", "parts": [
            {"functionCall": {"id": "c1", "name": "f", "args": {}},
            "thoughtSignature": "skip_thought_signature_validator"}]});
        let user = |text: &str| json!({"role": "user", "parts": [{"text": text}]});
        assert_eq!(
            freed_body,
            json!({"contents": [user("a"), called, user("b"), own],
                "generationConfig": {"temperature": 1}})
        );
        assert!(without_disguised(&freed, Traits::default()).is_none());
        // A model that checks no proofs needs no word in their place.
        let older = Traits {
            thinks_by_effort: false,
            ..Traits::default()
        };
        let freed = without_disguised(&document(&body), older).unwrap();
        assert!(!String::from_utf8_lossy(freed.bytes()).contains("skip_"));
    }
}

#[test]
fn what_we_did_not_seal_is_nobodys_and_its_words_are_unsigned() {
    let signature =
        "tollward-thought-1:carried:[[2,\"tollward-thought-1:anthropic-claude-v1:signed::x\"]]";
    let content = json!({"role": "model", "parts": [
        {"text": "hm", "thought": true}, {"text": "so", "thoughtSignature": signature}]});
    let forged = request(&[content]);
    assert_eq!(thoughts(&forged), [Thought::unsigned("hm".into())]);
}

#[test]
fn googles_own_proofs_pass_as_they_are() {
    let request = document(&json!({"contents": [{"role": "model", "parts": [
        {"text": "hm", "thought": true},
        {"text": "!", "thought": true, "thoughtSignature": "CpQB"},
        {"functionCall": {"name": "f"}, "thoughtSignature": "CpQC"},
        {"text": "", "thoughtSignature": "CpQD"}]}]}));
    let read = Dialect::Gemini.read_request(&request).unwrap();
    let parts = &read.messages[0].parts;
    let google = |text: &'static str, signature: &'static str| {
        Part::Thought(Thought {
            text: text.into(),
            signature: Some(signature.into()),
            encrypted: None,
            id: None,
            provenance: Provenance::Google,
        })
    };
    assert_eq!(parts[0], google("hm!", "CpQB"));
    assert!(matches!(&parts[1], Part::ToolCall(call) if call.signature.as_deref() == Some("CpQC")));
    assert_eq!(parts[2], google("", "CpQD"));
}
