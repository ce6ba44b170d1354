//! Streams and whole answers for callers of chat completions.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::chat::{ChatEvent, Finish, Provenance, Thought, ToolKind};
use crate::dialect::Dialect;
use crate::dialect::tests::{answered, data, emitted};
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

fn signed(signature: &'static str) -> ChatEvent<'static> {
    ChatEvent::Thought {
        choice: 0,
        thought: Thought {
            text: Cow::Borrowed(""),
            signature: Some(signature.into()),
            encrypted: None,
            id: None,
            provenance: Provenance::Anthropic,
        },
    }
}

fn call(name: &'static str, signature: Option<&'static str>) -> ChatEvent<'static> {
    ChatEvent::ToolCall {
        choice: 0,
        call: 3,
        id: Some("x".into()),
        name: name.into(),
        kind: ToolKind::Function,
        signature: signature.map(Cow::Borrowed),
    }
}

fn finish(finish: Finish) -> ChatEvent<'static> {
    ChatEvent::Finish { choice: 0, finish }
}

fn stream(events: Vec<ChatEvent<'_>>) -> Vec<Value> {
    data(&emitted(Dialect::OpenAiChat, events))
}

#[test]
fn each_chunk_names_the_answer_and_the_first_one_its_speaker() {
    let events = vec![text("a"), finish(Finish::Stop), ChatEvent::End];
    let raw = emitted(Dialect::OpenAiChat, events);
    assert!(raw.ends_with("data: [DONE]\n\n"));
    let chunks = data(&raw);
    for chunk in &chunks {
        assert_eq!(chunk["id"], "chatcmpl-0123456789abcdef");
        assert_eq!(
            (&chunk["object"], &chunk["created"]),
            (&json!("chat.completion.chunk"), &json!(1_700_000_000))
        );
        assert_eq!(
            (&chunk["model"], &chunk["usage"]),
            (&json!("public"), &Value::Null)
        );
    }
    assert_eq!(
        chunks[0]["choices"][0]["delta"],
        json!({"role": "assistant", "content": ""})
    );
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({"content": "a"}));
    assert_eq!(
        chunks[2]["choices"][0],
        json!({"index": 0, "delta": {}, "finish_reason": "stop"})
    );
    assert_eq!(chunks.len(), 3);
}

// trap 22
#[test]
fn words_of_a_thought_that_was_never_ended_are_not_the_next_ones() {
    let details = |events: Vec<ChatEvent<'static>>| {
        let chunks = stream(events);
        let details = chunks
            .iter()
            .filter_map(|it| it["choices"][0]["delta"].get("reasoning_details"));
        details.map(|it| it[0]["text"].clone()).collect::<Vec<_>>()
    };
    for between in [text("a"), call("f", None)] {
        let end = ChatEvent::End;
        let events = vec![thinking("one"), between, thinking("two"), signed("s"), end];
        assert_eq!(details(events), ["two"]);
    }
    let events = vec![thinking("one "), thinking("more"), signed("s"), signed("t")];
    assert_eq!(details(events), ["one more", ""]);
}

#[test]
fn a_whole_answer_has_all_that_a_stream_has() {
    let usage = Usage {
        input: 10,
        cache_read: 4,
        cache_write: 1,
        output: 5,
        reasoning: 2,
        ..Usage::default()
    };
    let tokens = Json::parse(br#"[{"token":"a","logprob":-0.5}]"#).unwrap();
    let annotation = Json::parse(br#"{"type":"url_citation"}"#).unwrap();
    let events = vec![
        thinking("hm"),
        signed("s"),
        text("a"),
        ChatEvent::Logprobs { choice: 0, tokens },
        ChatEvent::Annotation {
            choice: 0,
            annotation,
        },
        call("f", Some("g")),
        finish(Finish::Stop),
        ChatEvent::Usage(usage),
        ChatEvent::End,
    ];
    let answer = answered(Dialect::OpenAiChat, events.clone());
    let choice = &answer["choices"][0];
    assert_eq!(
        choice["message"],
        json!({"role": "assistant", "content": "a", "refusal": null, "reasoning_content": "hm",
            "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1"}],
            "annotations": [{"type": "url_citation"}],
            "tool_calls": [{"id": "x", "extra_content": {"google": {"thought_signature": "g"}}, "type": "function",
                "function": {"name": "f", "arguments": "{}"}}]})
    );
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["logprobs"]["content"][0]["token"], "a");
    let counts = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0}});
    assert_eq!(answer["usage"], counts);
    let chunks = stream(events);
    assert_eq!(chunks.last().unwrap()["usage"], counts);
    assert_eq!(chunks.last().unwrap()["choices"], json!([]));
    let has = |field: &str| {
        chunks
            .iter()
            .any(|it| it["choices"][0]["delta"].get(field).is_some())
    };
    assert!(has("annotations") && has("reasoning_details") && has("tool_calls"));
    assert!(
        chunks
            .iter()
            .any(|it| it["choices"][0]["logprobs"]["content"][0]["token"] == "a")
    );
}

// trap 25
#[test]
fn geminis_proof_of_a_call_reaches_the_caller() {
    let chunks = stream(vec![
        call("f", Some("g")),
        finish(Finish::ToolCalls),
        ChatEvent::End,
    ]);
    let call = &chunks[1]["choices"][0]["delta"]["tool_calls"][0];
    assert_eq!(call["index"], 0);
    assert_eq!(call["extra_content"]["google"]["thought_signature"], "g");
}

#[test]
fn a_refusal_has_its_own_place() {
    let events = vec![finish(Finish::Refusal(Some("No.".into()))), ChatEvent::End];
    let answer = answered(Dialect::OpenAiChat, events.clone());
    let message = &answer["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["refusal"]),
        (&Value::Null, &json!("No."))
    );
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    let chunks = stream(events);
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({"refusal": "No."}));
}

#[test]
fn several_choices_begin_and_end_each_for_itself() {
    let of = |choice: u32| {
        [
            ChatEvent::Text {
                choice,
                text: "a".into(),
            },
            ChatEvent::Finish {
                choice,
                finish: Finish::Stop,
            },
        ]
    };
    let events = [of(0), of(1)].into_iter().flatten().chain([ChatEvent::End]);
    let chunks = stream(events.collect());
    let of_second = chunks.iter().filter(|it| it["choices"][0]["index"] == 1);
    let of_second: Vec<_> = of_second.collect();
    assert_eq!(of_second.len(), 3);
    assert_eq!(of_second[0]["choices"][0]["delta"]["role"], "assistant");
}

#[test]
fn the_text_for_a_custom_tool_is_streamed_as_its_input() {
    let events = vec![
        ChatEvent::ToolCall {
            choice: 0,
            call: 0,
            id: Some("x".into()),
            name: "sh".into(),
            kind: ToolKind::Custom,
            signature: None,
        },
        ChatEvent::Arguments {
            choice: 0,
            call: 0,
            text: "ls".into(),
        },
        call("f", None),
        ChatEvent::Arguments {
            choice: 0,
            call: 3,
            text: "{}".into(),
        },
        finish(Finish::ToolCalls),
        ChatEvent::End,
    ];
    let chunks = stream(events);
    let pieces: Vec<&Value> = chunks
        .iter()
        .filter_map(|it| it["choices"][0]["delta"]["tool_calls"].get(0))
        .collect();
    assert_eq!(pieces[1], &json!({"index": 0, "custom": {"input": "ls"}}));
    assert_eq!(
        pieces[3],
        &json!({"index": 1, "function": {"arguments": "{}"}})
    );
}
