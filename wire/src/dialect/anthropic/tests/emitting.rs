//! Streams and whole answers for callers of Messages.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::chat::seal::tests::received;
use crate::chat::{ChatEvent, Finish, Provenance, Thought, ToolKind};
use crate::dialect::Dialect;
use crate::dialect::tests::{answered, data, document, emitted, translated, write};
use crate::json::Json;
use crate::usage::Usage;

fn text(text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Text {
        choice: 0,
        text: text.into(),
    }
}

fn thinking(text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Thinking {
        choice: 0,
        text: text.into(),
    }
}

fn call(call: u32, name: &'static str) -> ChatEvent<'static> {
    ChatEvent::ToolCall {
        choice: 0,
        call,
        id: Some(format!("id{call}").into()),
        name: name.into(),
        kind: ToolKind::Function,
        signature: None,
    }
}

fn arguments(call: u32, text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Arguments {
        choice: 0,
        call,
        text: text.into(),
    }
}

fn finish(finish: Finish) -> ChatEvent<'static> {
    ChatEvent::Finish { choice: 0, finish }
}

fn start() -> ChatEvent<'static> {
    ChatEvent::Start { id: None }
}

/// Each event in a word or two, and a check that only open blocks get deltas.
fn shape(stream: &str) -> Vec<String> {
    let mut open: Option<(u64, String)> = None;
    let mut next = 0;
    let mut shape = Vec::new();
    for event in data(stream) {
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open, None, "two blocks are open");
                assert_eq!(index, Some(next));
                let kind = event["content_block"]["type"].as_str().unwrap();
                open = Some((next, kind.to_owned()));
                next += 1;
                shape.push(kind.to_owned());
            }
            "content_block_delta" => {
                let (at, kind) = open.as_ref().unwrap();
                assert_eq!(index, Some(*at));
                let delta = event["delta"]["type"].as_str().unwrap();
                let fits = match kind.as_str() {
                    "text" => delta == "text_delta",
                    "thinking" => matches!(delta, "thinking_delta" | "signature_delta"),
                    "tool_use" => delta == "input_json_delta",
                    _ => false,
                };
                assert!(fits, "{delta} in {kind}");
            }
            "content_block_stop" => {
                assert_eq!(open.take().map(|it| it.0), index);
            }
            "ping" => {}
            other => {
                assert_eq!(open, None, "a block stays open");
                shape.push(other.to_owned());
            }
        }
    }
    shape
}

// trap 32
#[test]
fn blocks_open_and_close_one_after_the_other_whatever_comes() {
    let stream = emitted(
        Dialect::Anthropic,
        vec![
            start(),
            start(),
            thinking("hm"),
            text("a"),
            thinking("hm"),
            call(0, "f"),
            call(1, "g"),
            arguments(1, "{}"),
            arguments(0, "{}"),
            text("b"),
            finish(Finish::ToolCalls),
            ChatEvent::End,
        ],
    );
    let shape = shape(&stream);
    assert_eq!(shape.iter().filter(|it| *it == "message_start").count(), 1);
    assert_eq!(shape.first().map(String::as_str), Some("message_start"));
    assert_eq!(shape.last().map(String::as_str), Some("message_stop"));
    assert_eq!(shape[1..4], ["thinking", "text", "thinking"]);
}

// trap 33
#[test]
fn white_space_before_a_call_opens_no_block() {
    let events = vec![
        start(),
        text(""),
        text("\n\n"),
        call(0, "f"),
        arguments(0, "{}"),
        finish(Finish::ToolCalls),
        ChatEvent::End,
    ];
    let stream = emitted(Dialect::Anthropic, events.clone());
    assert_eq!(
        shape(&stream),
        ["message_start", "tool_use", "message_delta", "message_stop"]
    );
    let answer = answered(Dialect::Anthropic, events);
    assert_eq!(answer["content"].as_array().unwrap().len(), 1);
    let late = vec![text("\n"), text(" a"), text(""), ChatEvent::End];
    let stream = emitted(Dialect::Anthropic, late);
    assert_eq!(data(&stream)[3]["delta"]["text"], "\n a");
    let silent = answered(Dialect::Anthropic, vec![start(), finish(Finish::Stop)]);
    assert_eq!(silent["content"], json!([]));
}

// trap 30
#[test]
fn the_first_event_has_an_estimate_of_the_input_and_the_last_the_count() {
    let usage = Usage {
        input: 100,
        cache_read: 60,
        cache_write: 10,
        output: 7,
        reasoning: 2,
        ..Usage::default()
    };
    let events = vec![
        start(),
        text("a"),
        finish(Finish::Stop),
        ChatEvent::Usage(usage),
        ChatEvent::End,
    ];
    let stream = data(&emitted(Dialect::Anthropic, events.clone()));
    assert_eq!(stream[0]["message"]["usage"]["input_tokens"], 42);
    let delta = stream
        .iter()
        .find(|it| it["type"] == "message_delta")
        .unwrap();
    let expected = json!({"input_tokens": 30, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 60,
        "output_tokens": 7, "output_tokens_details": {"thinking_tokens": 2}});
    assert_eq!(delta["usage"], expected);
    assert_eq!(answered(Dialect::Anthropic, events)["usage"], expected);
}

#[test]
fn every_reason_has_its_word() {
    for (reason, word, stop) in [
        (Finish::Stop, "end_turn", Value::Null),
        (
            Finish::StopText(Some("END".into())),
            "stop_sequence",
            json!("END"),
        ),
        (Finish::Length, "max_tokens", Value::Null),
        (Finish::ContentFilter, "refusal", Value::Null),
        (Finish::Refusal(Some("no".into())), "refusal", Value::Null),
    ] {
        let events = vec![start(), text("a"), finish(reason), ChatEvent::End];
        let answer = answered(Dialect::Anthropic, events.clone());
        assert_eq!(
            (&answer["stop_reason"], &answer["stop_sequence"]),
            (&json!(word), &stop)
        );
        let stream = data(&emitted(Dialect::Anthropic, events));
        let delta = stream
            .iter()
            .find(|it| it["type"] == "message_delta")
            .unwrap();
        let delta = &delta["delta"];
        assert_eq!(
            (&delta["stop_reason"], &delta["stop_sequence"]),
            (&json!(word), &stop)
        );
        assert_eq!(delta["stop_details"], answer["stop_details"]);
    }
    let refusal = finish(Finish::Refusal(Some("no".into())));
    assert_eq!(
        answered(Dialect::Anthropic, vec![start(), refusal])["stop_details"],
        json!({"type": "refusal", "category": null, "explanation": "no"})
    );
}

// trap 32
#[test]
fn words_and_thoughts_in_the_midst_of_a_calls_arguments_wait_for_its_end() {
    let stream = emitted(
        Dialect::Anthropic,
        vec![
            start(),
            call(0, "f"),
            arguments(0, "{\"a\""),
            text("so "),
            text("it is"),
            arguments(0, ":"),
            thinking("hm"),
            arguments(0, "1}"),
            finish(Finish::ToolCalls),
            ChatEvent::End,
        ],
    );
    assert_eq!(
        shape(&stream),
        [
            "message_start",
            "tool_use",
            "text",
            "thinking",
            "message_delta",
            "message_stop"
        ]
    );
    let deltas = data(&stream);
    let joined = |field: &str| -> String {
        let texts = deltas.iter().filter_map(|it| it["delta"][field].as_str());
        texts.collect()
    };
    assert_eq!(joined("partial_json"), "{\"a\":1}");
    assert_eq!(joined("text"), "so it is");
    assert_eq!(joined("thinking"), "hm");
}

// traps 21, 23, 25
#[test]
fn a_foreign_proof_travels_in_the_signature_and_comes_back_to_its_vendor() {
    let thought = Thought {
        text: Cow::Borrowed(""),
        signature: Some("proof".into()),
        encrypted: None,
        id: None,
        provenance: Provenance::Google,
    };
    let events = vec![
        start(),
        thinking("hm"),
        ChatEvent::Thought { choice: 0, thought },
        text("a"),
        finish(Finish::Stop),
        ChatEvent::End,
    ];
    let answer = answered(Dialect::Anthropic, events.clone());
    let stream = emitted(Dialect::Anthropic, events);
    let signature = answer["content"][0]["signature"].as_str().unwrap();
    assert!(
        data(&stream)
            .iter()
            .any(|it| it["delta"]["signature"] == signature)
    );
    let history = json!({"max_tokens": 1, "messages": [{"role": "user", "content": "q"},
        {"role": "assistant", "content": answer["content"]}, {"role": "user", "content": "more"}]});
    let history = received(&document(&history));
    let open = serde_json::from_slice(history.bytes()).unwrap();
    let way = (Dialect::Anthropic, Dialect::Anthropic);
    let sent = write(way, &open, crate::chat::Traits::default());
    assert_eq!(
        sent.body["messages"][1]["content"],
        json!([{"type": "text", "text": "a"}])
    );
    assert_eq!(sent.dropped, ["messages[].reasoning"]);
    let chat = Dialect::Anthropic.read_request(&history).unwrap();
    let crate::chat::Part::Thought(back) = &chat.messages[1].parts[0] else {
        unreachable!("{chat:?}");
    };
    assert_eq!(back.signature.as_deref(), Some("proof"));
    assert_eq!((&*back.text, &back.provenance), ("hm", &Provenance::Google));
}

#[test]
fn what_another_vendor_cites_is_a_citation_of_the_text() {
    let citation = |title: &str, url: &str| {
        json!({"type": "web_search_result_location", "cited_text": "",
            "encrypted_index": "tollwardcitation", "title": title, "url": url})
    };
    let a = citation("A", "https://a.example/");
    let b = citation("B", "gs://b/doc");
    let grounded = include_str!("../../../../testdata/gemini/grounded.sse");
    let stream = translated((Dialect::Gemini, Dialect::Anthropic), grounded);
    let told: Vec<Value> = data(&stream)
        .iter()
        .filter(|it| it["delta"]["type"] == "citations_delta")
        .map(|it| it["delta"]["citation"].clone())
        .collect();
    assert_eq!(told, [a.clone(), b, a.clone()]);
    let cited = |start: u64, url: &str, title: &str| {
        json!({"type": "url_citation", "url_citation": {"start_index": start, "end_index": 9,
            "url": url, "title": title}})
    };
    let notes = [
        cited(1, "https://a.example/", "A"),
        cited(9, "gs://b/doc", "B"),
        json!({"type": "file_citation"}),
    ];
    let notes = notes.map(|it| it.to_string());
    let mut events = vec![text("word")];
    events.extend(notes.iter().map(|it| ChatEvent::Annotation {
        choice: 0,
        annotation: Json::parse(it.as_bytes()).unwrap(),
    }));
    events.push(finish(Finish::Stop));
    let whole = answered(Dialect::Anthropic, events);
    assert_eq!(
        whole["content"],
        json!([{"type": "text", "text": "word", "citations": [a]}])
    );
    let plain = answered(Dialect::Anthropic, vec![text("word"), finish(Finish::Stop)]);
    assert_eq!(plain["content"], json!([{"type": "text", "text": "word"}]));
}

#[test]
fn only_the_first_of_several_choices_is_told() {
    let other = ChatEvent::Text {
        choice: 1,
        text: "other".into(),
    };
    let events = vec![
        start(),
        text("a"),
        other,
        finish(Finish::Stop),
        ChatEvent::End,
    ];
    let stream = emitted(Dialect::Anthropic, events);
    assert!(!stream.contains("other"));
}

// trap 40
#[test]
fn errors_are_in_anthropics_envelope() {
    use crate::fault::Fault;
    let error = crate::error_body::ErrorBody {
        message: "busy".to_owned(),
        kind: "server_error".to_owned(),
        param: None,
        code: None,
        filtered: None,
    };
    let event = Dialect::Anthropic.error_event(Fault::Overloaded, &error, 0);
    assert_eq!(
        event,
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n"
    );
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ] {
        let body: Value =
            serde_json::from_slice(&Dialect::Anthropic.error_body(status, &error)).unwrap();
        assert_eq!(body["error"]["type"], kind, "{status}");
    }
}

// trap 30
#[test]
fn a_vendor_that_counts_nothing_does_not_make_the_context_look_empty() {
    let events = vec![text("a"), finish(Finish::Stop), ChatEvent::End];
    let answer = answered(Dialect::Anthropic, events.clone());
    assert_eq!(answer["usage"]["input_tokens"], 42);
    let stream = data(&emitted(Dialect::Anthropic, events));
    for kind in ["message_start", "message_delta"] {
        let event = stream.iter().find(|it| it["type"] == kind).unwrap();
        let usage = event.get("usage").unwrap_or(&event["message"]["usage"]);
        assert_eq!(usage["input_tokens"], 42, "{kind}");
    }
}
