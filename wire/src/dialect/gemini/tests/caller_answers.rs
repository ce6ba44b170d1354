//! What Google's clients hear.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::document;
use crate::chat::{ChatEvent, Finish, ToolKind};
use crate::dialect::Dialect;
use crate::dialect::tests::{answered, collect, data, echo, emitted, translated};
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::usage::Usage;

const GPT: &str = include_str!("../../../../testdata/openai_chat/two_tools.sse");
const CLAUDE: &str = include_str!("../../../../testdata/anthropic/tool_and_thought.sse");

fn text(text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Text {
        choice: 0,
        text: text.into(),
    }
}

fn call(call: u32, name: &'static str) -> ChatEvent<'static> {
    ChatEvent::ToolCall {
        choice: 0,
        call,
        id: Some(format!("call_{call}").into()),
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

fn counted() -> ChatEvent<'static> {
    ChatEvent::Usage(Usage {
        input: 10,
        cache_read: 4,
        output: 7,
        reasoning: 3,
        ..Usage::default()
    })
}

/// The chunks of a stream, each of which is an event as Google ends them.
fn chunks(events: Vec<ChatEvent<'_>>) -> Vec<Value> {
    let stream = emitted(Dialect::Gemini, events);
    assert!(stream.ends_with("\r\n\r\n"), "{stream:?}");
    let found = data(&stream);
    assert_eq!(stream.matches("\r\n\r\n").count(), found.len());
    for chunk in &found {
        assert_eq!(chunk["modelVersion"], "public");
        assert_eq!(chunk["responseId"], "0123456789abcdef");
    }
    found
}

fn parts(chunks: &[Value]) -> Vec<Value> {
    let parts = chunks
        .iter()
        .filter_map(|it| it["candidates"][0]["content"]["parts"].as_array());
    parts.flatten().cloned().collect()
}

#[test]
fn other_vendors_streams_are_written_as_google_writes_them() {
    for (vendor, stream, golden) in [
        (
            Dialect::OpenAiChat,
            GPT,
            include_str!("../../../../testdata/gemini/caller/from_gpt.sse"),
        ),
        (
            Dialect::Anthropic,
            CLAUDE,
            include_str!("../../../../testdata/gemini/caller/from_claude.sse"),
        ),
    ] {
        let written = translated((vendor, Dialect::Gemini), stream);
        assert_eq!(written.replace("\r\n", "\n"), golden);
    }
}

#[test]
fn a_stream_and_a_whole_answer_say_the_same() {
    for (vendor, stream) in [(Dialect::OpenAiChat, GPT), (Dialect::Anthropic, CLAUDE)] {
        let whole = collect(vendor, stream);
        let streamed = translated((vendor, Dialect::Gemini), stream);
        let request = document(&json!({}));
        let whole = Dialect::Gemini.write_answer(&whole, &echo(&request));
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        let (chunks, whole) = (data(&streamed), [whole]);
        let last = chunks.last().unwrap();
        assert_eq!(last["usageMetadata"], whole[0]["usageMetadata"]);
        let reason = |it: &Value| it["candidates"][0]["finishReason"].clone();
        assert_eq!(reason(last), reason(&whole[0]));
        // Pieces of one text and the part that only ends a stream aside.
        let mut said: Vec<Value> = Vec::new();
        for part in parts(&chunks) {
            let is_word = |it: &Value| it["text"].is_string();
            let is_plain = part.get("thoughtSignature").is_none();
            match said.last_mut() {
                Some(last)
                    if is_word(last)
                        && is_word(&part)
                        && is_plain
                        && last["thought"] == part["thought"] =>
                {
                    let more = [last["text"].as_str(), part["text"].as_str()];
                    last["text"] = more.into_iter().flatten().collect::<String>().into();
                }
                _ if part == json!({"text": ""}) => {}
                _ => said.push(part),
            }
        }
        assert_eq!(said, parts(&whole));
    }
}

// traps 12, 13
#[test]
fn a_call_is_one_part_once_its_arguments_are_complete() {
    let chunks = chunks(vec![
        text("Well. "),
        call(0, "look"),
        arguments(0, "{\"place\":"),
        text("Wait."),
        arguments(0, "\"Oslo\"}"),
        call(1, "now"),
        ChatEvent::ToolCallEnd { choice: 0, call: 1 },
        finish(Finish::ToolCalls),
        counted(),
        ChatEvent::End,
    ]);
    let call = |id, name, args| json!({"functionCall": {"id": id, "name": name, "args": args}});
    let expected = [
        json!({"text": "Well. "}),
        call("call_0", "look", json!({"place": "Oslo"})),
        json!({"text": "Wait."}),
        call("call_1", "now", json!({})),
        json!({"text": ""}),
    ];
    assert_eq!(parts(&chunks), expected);
    let reasons = chunks.iter().map(|it| &it["candidates"][0]["finishReason"]);
    let reasons: Vec<_> = reasons.filter_map(Value::as_str).collect();
    assert_eq!(reasons, ["STOP"]);
}

// trap 31
#[test]
fn thoughts_are_counted_beside_the_candidates() {
    let whole = answered(
        Dialect::Gemini,
        vec![
            text("hi"),
            finish(Finish::Length),
            counted(),
            ChatEvent::End,
        ],
    );
    assert_eq!(
        whole["usageMetadata"],
        json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "totalTokenCount": 17,
            "cachedContentTokenCount": 4, "thoughtsTokenCount": 3})
    );
    assert_eq!(whole["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[test]
fn a_refusal_without_a_word_blocks_the_prompt_and_one_in_the_midst_ends_the_candidate() {
    let why = Finish::Refusal(Some("harmful".into()));
    let refused = vec![finish(why.clone()), ChatEvent::End];
    let blocked = json!({"blockReason": "SAFETY", "blockReasonMessage": "harmful"});
    for answer in [
        answered(Dialect::Gemini, refused.clone()),
        chunks(refused)[0].clone(),
    ] {
        assert_eq!(answer["promptFeedback"], blocked);
        assert!(answer.get("candidates").is_none());
    }
    let cut = vec![text("I would"), finish(why), ChatEvent::End];
    for answer in [
        answered(Dialect::Gemini, cut.clone()),
        chunks(cut).pop().unwrap(),
    ] {
        assert_eq!(answer["candidates"][0]["finishReason"], "SAFETY");
        assert_eq!(answer["candidates"][0]["finishMessage"], "harmful");
        assert!(answer.get("promptFeedback").is_none());
    }
}

#[test]
fn several_candidates_end_together_with_the_counts() {
    let of = |choice, text: &'static str| ChatEvent::Text {
        choice,
        text: text.into(),
    };
    let end = |choice| ChatEvent::Finish {
        choice,
        finish: Finish::Stop,
    };
    let events = vec![
        of(1, "b"),
        of(0, "a"),
        end(0),
        end(1),
        counted(),
        ChatEvent::End,
    ];
    let chunks = chunks(events);
    let last = chunks.last().unwrap();
    let indices = [0, 1].map(|at| last["candidates"][at]["index"].clone());
    assert_eq!(indices, [json!(0), json!(1)]);
    assert_eq!(chunks[0]["candidates"][0]["index"], 1);
    assert_eq!(last["usageMetadata"]["totalTokenCount"], 17);
}

#[test]
fn sources_are_placed_by_bytes_and_probabilities_are_two_lists() {
    let citation = json!({"type": "url_citation", "url_citation":
        {"start_index": 1, "end_index": 3, "url": "https://a.example", "title": "A"}});
    let token = json!([{"token": "é", "logprob": -0.50, "bytes": [195, 169],
        "top_logprobs": [{"token": "é", "logprob": -0.50, "bytes": null}]}]);
    let parse = |value: &Value| {
        let text = value.to_string();
        crate::json::Json::parse(text.as_bytes())
            .unwrap()
            .into_owned()
    };
    let events = vec![
        ChatEvent::Logprobs {
            choice: 0,
            tokens: parse(&token),
        },
        text("éèê"),
        ChatEvent::Annotation {
            choice: 0,
            annotation: parse(&citation),
        },
        finish(Finish::Stop),
        ChatEvent::End,
    ];
    let result = json!({"chosenCandidates": [{"token": "é", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5}]}]});
    let cited = json!({"citationSources":
        [{"startIndex": 2, "endIndex": 6, "uri": "https://a.example", "title": "A"}]});
    let whole = answered(Dialect::Gemini, events.clone());
    assert_eq!(whole["candidates"][0]["logprobsResult"], result);
    assert_eq!(whole["candidates"][0]["citationMetadata"], cited);
    let chunks = chunks(events);
    assert_eq!(chunks[0]["candidates"][0]["logprobsResult"], result);
    assert_eq!(chunks[1]["candidates"][0]["citationMetadata"], cited);
}

fn error(kind: &str, code: &str, param: Option<&str>) -> ErrorBody {
    ErrorBody {
        message: "no".to_owned(),
        kind: kind.to_owned(),
        param: param.map(str::to_owned),
        code: Some(code.to_owned()),
        filtered: None,
    }
}

#[test]
fn an_error_has_googles_envelope_and_the_name_of_its_status() {
    let said = |status, error: &ErrorBody| -> Value {
        serde_json::from_slice(&Dialect::Gemini.error_body(status, error)).unwrap()
    };
    let ours = error("invalid_request_error", "invalid_value", Some("contents"));
    assert_eq!(
        said(400, &ours),
        json!({"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT", "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "INVALID_VALUE",
            "domain": "tollward", "metadata": {"field": "contents"}}]}})
    );
    let theirs = error("FAILED_PRECONDITION", "400", None);
    assert_eq!(
        said(400, &theirs),
        json!({"error": {"code": 400, "message": "no", "status": "FAILED_PRECONDITION", "details": []}})
    );
    for (status, name) in [
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ] {
        assert_eq!(said(status, &ours)["error"]["status"], name);
    }
}

// trap 7
#[test]
fn an_error_in_the_midst_is_an_event_that_sdks_know_by_its_first_letters() {
    let body = error("upstream_error", "upstream_truncated", None);
    let event = Dialect::Gemini.error_event(Fault::Truncated, &body, 0);
    let event = std::str::from_utf8(&event).unwrap();
    assert!(
        event.starts_with("data: {\"error\":{\"code\":502,"),
        "{event}"
    );
    assert!(event.ends_with("\r\n\r\n"), "{event:?}");
}
