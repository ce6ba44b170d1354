//! A caller's stream and whole answer.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::chat::seal::tests::received;
use crate::chat::settle::Settler;
use crate::chat::{
    ChatEvent, Collected, EventSink, Finish, Names, Part, Provenance, Thought, ToolKind,
};
use crate::dialect::openai_responses::output_items;
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::reader::StreamEnd;
use crate::segments::Segments;
use crate::translate::tests::translate_answer;
use crate::translate::{AnswerReader, Translation};
use crate::usage::Usage;

const CLAUDE: &str = include_str!("../../../../testdata/anthropic/tool_and_thought.sse");
const GPT: &str = include_str!("../../../../testdata/openai_chat/two_tools.sse");
const EVERYTHING: &str =
    include_str!("../../../../testdata/openai_responses/vendor_everything.sse");
const FROM_CLAUDE: &str =
    include_str!("../../../../testdata/openai_responses/caller_from_claude.sse");
const FROM_GPT: &str = include_str!("../../../../testdata/openai_responses/caller_from_gpt.sse");

fn asked() -> Document {
    document(&json!({
        "model": "public", "input": "hi", "instructions": "be\nbrief", "temperature": 0.50,
        "include": ["reasoning.encrypted_content"], "metadata": {"k": "v"}, "parallel_tool_calls": false,
        "tools": [{"type": "function", "name": "get_w", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "function", "name": "get_w"}, "store": false, "user": "u",
        "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}, "previous_response_id": "resp_0",
        "service_tier": null
    }))
}

fn translation(from: Dialect, to: Dialect, request: &Document) -> AnswerReader {
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let translation = Translation::new(from, to, settler, &echo(request));
    AnswerReader::Translate(Box::new(translation))
}

fn stream(from: Dialect, text: &str, size: usize) -> (String, StreamEnd) {
    let request = asked();
    let mut reader = translation(from, DIALECT, &request);
    let mut out = Segments::new();
    for piece in text.as_bytes().chunks(size) {
        reader.push(Bytes::copy_from_slice(piece), &mut out);
    }
    let end = reader.finish(&mut out);
    (String::from_utf8(out.to_bytes().to_vec()).unwrap(), end)
}

fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|it| it.strip_prefix("data: "));
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let kinds = events.iter().map(|it| it["type"].as_str().unwrap());
    kinds.collect()
}

/// What a writer makes of these events.
fn written(request: &Document, events: &[ChatEvent<'static>]) -> Vec<Value> {
    let mut writer = DIALECT.writer(&echo(request));
    let mut out = Vec::new();
    for event in events {
        writer.write(event.clone(), &mut out);
    }
    data(std::str::from_utf8(&out).unwrap())
}

fn collected(events: &[ChatEvent<'static>]) -> Collected {
    let mut collected = Collected::default();
    for event in events {
        collected.take(event.clone());
    }
    collected
}

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
            text: "".into(),
            signature: Some(signature.into()),
            encrypted: None,
            id: None,
            provenance: Provenance::Anthropic,
        },
    }
}

fn call(call: u32, signature: Option<&'static str>) -> ChatEvent<'static> {
    ChatEvent::ToolCall {
        choice: 0,
        call,
        id: Some(format!("call_{call}").into()),
        name: "f".into(),
        kind: ToolKind::Function,
        signature: signature.map(Into::into),
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

fn failure() -> ErrorBody {
    ErrorBody {
        message: "busy".to_owned(),
        kind: "upstream_error".to_owned(),
        param: None,
        code: Some("rate_limit_exceeded".to_owned()),
        filtered: None,
    }
}

// trap 4
#[test]
fn claude_streams_to_a_client_of_responses_the_same_however_it_is_cut() {
    let (whole, end) = stream(Dialect::Anthropic, CLAUDE, 1 << 20);
    assert_eq!(end, StreamEnd::Complete);
    assert_eq!(whole, FROM_CLAUDE);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(
            stream(Dialect::Anthropic, CLAUDE, size).0,
            whole,
            "cut at {size}"
        );
    }
    assert!(!whole.contains("[DONE]"));
    let events = data(&whole);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at, "{event}");
    }
    for (line, event) in whole
        .lines()
        .filter_map(|it| it.strip_prefix("event: "))
        .zip(&events)
    {
        assert_eq!(event["type"], line);
    }
    assert_eq!(
        kinds(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
}

// trap 13
// trap 15
#[test]
fn gpt_streams_to_a_client_of_responses() {
    let (whole, end) = stream(Dialect::OpenAiChat, GPT, 5);
    assert_eq!(end, StreamEnd::Complete);
    assert_eq!(whole, FROM_GPT);
    let events = data(&whole);
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["output"][0]["content"][0]["text"], " Let me see 배.");
    let calls: Vec<&Value> = last["output"].as_array().unwrap()[1..].iter().collect();
    let ids: Vec<&Value> = calls.iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["fc_0123456789abcdef01", "fc_0123456789abcdef02"]);
    assert_eq!(calls[1]["arguments"], "{}");
    assert_eq!(last["usage"]["input_tokens"], 30);
    assert_eq!(
        last["usage"]["input_tokens_details"],
        json!({"cached_tokens": 20, "cache_write_tokens": 0})
    );
}

#[test]
fn the_request_is_repeated_as_the_caller_wrote_it() {
    let events = data(FROM_CLAUDE);
    let first = &events[0]["response"];
    let last = &events.last().unwrap()["response"];
    assert_eq!(
        (&first["status"], &first["output"], &first["usage"]),
        (&json!("in_progress"), &json!([]), &Value::Null)
    );
    let mut unlike = last.clone();
    for field in ["status", "output", "usage"] {
        unlike[field] = first[field].clone();
    }
    assert_eq!(&unlike, first);
    assert_eq!(last["status"], "completed");
    assert_eq!(last["id"], "resp_0123456789abcdef");
    assert_eq!(last["model"], "public");
    assert_eq!(last["created_at"], 1_700_000_000);
    assert_eq!(last["instructions"], "be\nbrief");
    assert_eq!(
        last["tool_choice"],
        json!({"type": "function", "name": "get_w"})
    );
    assert_eq!(last["tools"][0]["name"], "get_w");
    assert_eq!(last["parallel_tool_calls"], false);
    assert_eq!(last["previous_response_id"], "resp_0");
    assert_eq!(last["store"], false);
    assert_eq!(last["user"], "u");
    assert_eq!(last["truncation"], "disabled");
    assert_eq!(last.get("service_tier"), None);
    let bare = document(&json!({}));
    let answer = DIALECT.write_answer(&collected(&[text("a"), finish(Finish::Stop)]), &echo(&bare));
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    for (field, default) in [
        ("tools", json!([])),
        ("tool_choice", json!("auto")),
        ("parallel_tool_calls", json!(true)),
        ("store", json!(true)),
        ("metadata", json!({})),
        ("text", json!({"format": {"type": "text"}})),
        ("instructions", Value::Null),
        ("usage", Value::Null),
    ] {
        assert_eq!(answer[field], default, "{field}");
    }
    // A line end between tokens would end the event's line.
    let spread =
        Document::parse("{\"tools\": [\n{\"type\":\"custom\",\r\n\"n\": 1.0}\n]}".into()).unwrap();
    let events = written(&spread, &[text("a")]);
    assert_eq!(
        events[0]["response"]["tools"],
        json!([{"type": "custom", "n": 1.0}])
    );
}

#[test]
fn an_answer_has_the_same_items_streamed_whole_and_stored() {
    let citation = |start: u64| {
        ChatEvent::Annotation {
        choice: 0,
        annotation: Json::parse(
            format!("{{\"type\":\"url_citation\",\"url_citation\":{{\"start_index\":{start},\"end_index\":{},\"url\":\"u\",\"title\":\"t\"}}}}", start + 1).as_bytes(),
        )
        .unwrap()
        .into_owned(),
    }
    };
    let ways: Vec<Vec<ChatEvent<'static>>> = vec![
        vec![text("Hal"), text("lo"), citation(2), finish(Finish::Stop)],
        vec![
            thinking("a"),
            thinking("b"),
            signed("s"),
            text("x"),
            finish(Finish::Length),
        ],
        vec![thinking("a"), finish(Finish::Length)],
        vec![
            signed("s"),
            text("  "),
            call(0, None),
            arguments(0, "{"),
            finish(Finish::Length),
        ],
        vec![
            text("one"),
            call(0, Some("p")),
            arguments(0, "{}"),
            text(" \n"),
            call(1, None),
            arguments(1, "{}"),
            text("two"),
            citation(6),
            finish(Finish::ToolCalls),
        ],
        vec![
            thinking("a"),
            text(" "),
            thinking("b"),
            text("c"),
            finish(Finish::Stop),
        ],
        vec![
            text("a"),
            ChatEvent::Refusal {
                choice: 0,
                text: "no".into(),
            },
            finish(Finish::Stop),
        ],
        vec![text("a"), finish(Finish::Refusal(Some("why".into())))],
        vec![finish(Finish::Refusal(Some("why".into())))],
        vec![
            text("a"),
            ChatEvent::Text {
                choice: 1,
                text: "other".into(),
            },
            finish(Finish::ContentFilter),
        ],
        vec![finish(Finish::Stop)],
    ];
    for mut events in ways {
        events.push(ChatEvent::End);
        let request = asked();
        let streamed = written(&request, &events);
        let answer = collected(&events);
        let whole: Value =
            serde_json::from_slice(&DIALECT.write_answer(&answer, &echo(&request))).unwrap();
        assert_eq!(streamed.last().unwrap()["response"], whole, "{events:?}");
        assert_eq!(
            value(&output_items(&answer, &echo(&request))),
            whole["output"]
        );
        let done: Vec<&Value> = streamed
            .iter()
            .filter(|it| it["type"] == "response.output_item.done")
            .map(|it| &it["item"])
            .collect();
        assert_eq!(json!(done), whole["output"], "{events:?}");
        // What was written is read as it was meant.
        let mut again = Collected::default();
        DIALECT.read_answer(whole.to_string().as_bytes(), &mut again);
        // White space on its own is not.
        let words = |it: &Collected| {
            let choice = it.choices.get(&0)?;
            let words: String = choice.text().split_whitespace().collect();
            Some((words, choice.calls_tools()))
        };
        if again.fault.is_none() {
            assert_eq!(words(&again), words(&answer), "{events:?}");
        }
    }
}

#[test]
fn a_citation_lies_in_its_own_text() {
    let annotation = Json::parse(br#"{"type":"url_citation","url_citation":{"start_index":4,"end_index":6,"url":"u","title":"t"}}"#).unwrap().into_owned();
    let events = [
        text("ab"),
        call(0, None),
        text("cdef"),
        ChatEvent::Annotation {
            choice: 0,
            annotation,
        },
        finish(Finish::ToolCalls),
    ];
    let events = written(&asked(), &events);
    let added = events
        .iter()
        .find(|it| it["type"] == "response.output_text.annotation.added")
        .unwrap();
    assert_eq!(
        added["annotation"],
        json!({"type": "url_citation", "start_index": 2, "end_index": 4, "url": "u", "title": "t"})
    );
    assert_eq!(
        (&added["output_index"], &added["annotation_index"]),
        (&json!(2), &json!(0))
    );
}

// trap 33
#[test]
fn a_message_of_white_space_never_begins() {
    let events = written(
        &asked(),
        &[
            text("\n\n"),
            call(0, None),
            arguments(0, "{}"),
            finish(Finish::ToolCalls),
            ChatEvent::End,
        ],
    );
    let added: Vec<&Value> = events
        .iter()
        .filter(|it| it["type"] == "response.output_item.added")
        .collect();
    assert_eq!(added.len(), 1);
    let events = written(&asked(), &[text("\n"), text("a"), finish(Finish::Stop)]);
    let delta = events
        .iter()
        .find(|it| it["type"] == "response.output_text.delta")
        .unwrap();
    assert_eq!(delta["delta"], "\na");
}

#[test]
fn an_answer_that_was_cut_says_why() {
    let last = |finished: Finish| {
        let events = written(&asked(), &[text("a"), finish(finished), ChatEvent::End]);
        let last = events.last().unwrap();
        let reason = last["response"]["incomplete_details"]["reason"].clone();
        (
            last["type"].as_str().unwrap().to_owned(),
            reason,
            last["response"]["output"][0]["status"].clone(),
        )
    };
    let incomplete = |reason: &str| {
        (
            "response.incomplete".to_owned(),
            json!(reason),
            json!("incomplete"),
        )
    };
    assert_eq!(last(Finish::Length), incomplete("max_output_tokens"));
    assert_eq!(last(Finish::ContentFilter), incomplete("content_filter"));
    assert_eq!(
        last(Finish::StopText(None)),
        (
            "response.completed".to_owned(),
            Value::Null,
            json!("completed")
        )
    );
}

#[test]
fn a_custom_tool_gets_its_input_as_text() {
    let begin = ChatEvent::ToolCall {
        choice: 0,
        call: 0,
        id: Some("c".into()),
        name: "apply".into(),
        kind: ToolKind::Custom,
        signature: None,
    };
    let events = written(
        &asked(),
        &[
            begin,
            arguments(0, "a\n"),
            arguments(0, "\"b"),
            finish(Finish::ToolCalls),
            ChatEvent::End,
        ],
    );
    assert_eq!(
        kinds(&events)[2..],
        [
            "response.output_item.added",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    assert_eq!(events[5]["input"], "a\n\"b");
    assert_eq!(
        events[6]["item"],
        json!({"type": "custom_tool_call", "id": "ctc_0123456789abcdef00", "call_id": "c", "name": "apply",
            "input": "a\n\"b", "status": "completed"})
    );
}

#[test]
fn token_probabilities_go_with_their_text() {
    let tokens = Json::parse(br#"[{"token":"a","logprob":-0.50,"bytes":[97],"top_logprobs":[]}]"#)
        .unwrap()
        .into_owned();
    let events = [
        text("a"),
        ChatEvent::Logprobs { choice: 0, tokens },
        finish(Finish::Stop),
        ChatEvent::End,
    ];
    let streamed = written(&asked(), &events);
    let of = |kind: &str| {
        streamed
            .iter()
            .filter(|it| it["type"] == kind)
            .collect::<Vec<_>>()
    };
    let deltas = of("response.output_text.delta");
    assert_eq!(
        (
            deltas[0]["logprobs"].as_array().unwrap().len(),
            &deltas[1]["delta"]
        ),
        (0, &json!(""))
    );
    assert_eq!(deltas[1]["logprobs"][0]["token"], "a");
    assert_eq!(
        of("response.output_text.done")[0]["logprobs"][0]["token"],
        "a"
    );
    let whole: Value =
        serde_json::from_slice(&DIALECT.write_answer(&collected(&events), &echo(&asked())))
            .unwrap();
    assert_eq!(streamed.last().unwrap()["response"], whole);
}

#[test]
fn the_cipher_is_shown_to_those_who_ask() {
    let events = [
        thinking("a"),
        signed("s"),
        text("b"),
        finish(Finish::Stop),
        ChatEvent::End,
    ];
    let shown = written(&asked(), &events);
    assert_eq!(
        shown.last().unwrap()["response"]["output"][0]["encrypted_content"],
        SEAL.close("tollward-thought-1:anthropic-claude-v1:signed::s")
    );
    let request = document(&json!({"include": ["message.output_text.logprobs"]}));
    let hidden = written(&request, &events);
    assert_eq!(
        hidden.last().unwrap()["response"]["output"][0].get("encrypted_content"),
        None
    );
    // What is stored has it all the same.
    let stored = value(&output_items(&collected(&events), &echo(&request)));
    assert_eq!(
        stored[0]["encrypted_content"],
        SEAL.close("tollward-thought-1:anthropic-claude-v1:signed::s")
    );
}

// trap 21
// trap 23
// trap 27
#[test]
fn what_a_caller_sends_back_is_what_the_vendor_said() {
    let claude = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": [{"type": "thinking", "thinking": "hm ", "signature": "Eq:s=="}, {"type": "redacted_thinking", "data": "gA:A"},
            {"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t", "name": "now", "input": {"a": 1.0}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 5}
    });
    let request = asked();
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::Anthropic, DIALECT);
    let (body, answer) = translate_answer(
        way,
        &mut settler,
        &echo(&request),
        claude.to_string().as_bytes(),
    )
    .unwrap();
    assert_eq!(answer.usage.unwrap().total(), 12);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["usage"]["input_tokens"], 7);
    let kinds: Vec<&Value> = body["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["type"])
        .collect();
    assert_eq!(
        kinds,
        ["reasoning", "reasoning", "message", "function_call"]
    );

    let mut input = vec![json!({"role": "user", "content": "hi"})];
    input.extend(body["output"].as_array().unwrap().iter().cloned());
    input.push(json!({"type": "function_call_output", "call_id": "t", "output": "noon"}));
    let history = received(&document(&json!({"model": "m", "input": input})));
    let chat = DIALECT.read_request(&history).unwrap();
    let again = Dialect::Anthropic.write_request(&chat, &target()).unwrap();
    let again = value(&again.body);
    assert_eq!(again["messages"][1]["content"], claude["content"]);

    // To another vendor nothing of it goes that would be refused there.
    let other = DIALECT.write_request(&chat, &target()).unwrap();
    assert!(
        !other.body.to_string().contains("tollward"),
        "{}",
        other.body
    );
    assert_eq!(other.dropped, ["messages[].reasoning"]);
}

// trap 25
#[test]
fn the_proof_of_a_call_comes_back_with_it() {
    let events = [
        call(0, Some("proof")),
        arguments(0, "{}"),
        call(1, None),
        arguments(1, "{}"),
        finish(Finish::ToolCalls),
        ChatEvent::End,
    ];
    let output = written(&asked(), &events).pop().unwrap()["response"]["output"].clone();
    let history = received(&document(&json!({"model": "m", "input": output})));
    let chat = DIALECT.read_request(&history).unwrap();
    let signatures: Vec<Option<&str>> = chat.messages[0]
        .parts
        .iter()
        .map(|it| match it {
            Part::ToolCall(call) => call.signature.as_deref(),
            other => unreachable!("{other:?}"),
        })
        .collect();
    assert_eq!(signatures, [Some("proof"), None]);
}

// trap 27
#[test]
fn thoughts_of_a_vendor_of_responses_pass_through_a_chat() {
    let request = document(&json!({"model": "m", "messages": []}));
    let mut reader = translation(DIALECT, Dialect::OpenAiChat, &request);
    let mut out = Segments::new();
    reader.push(EVERYTHING.into(), &mut out);
    assert_eq!(reader.finish(&mut out), StreamEnd::Complete);
    assert_eq!(reader.usage().unwrap().reasoning, 40);
    let text = String::from_utf8(out.to_bytes().to_vec()).unwrap();
    let lines = text.lines().filter_map(|it| it.strip_prefix("data: {"));
    let chunks: Vec<Value> = lines
        .map(|it| serde_json::from_str(&format!("{{{it}")).unwrap())
        .collect();
    let deltas: Vec<&Value> = chunks
        .iter()
        .filter_map(|it| it["choices"].get(0))
        .map(|it| &it["delta"])
        .collect();
    let details = deltas
        .iter()
        .find_map(|it| it.get("reasoning_details"))
        .unwrap();
    assert_eq!(
        details[0],
        json!({"type": "reasoning.encrypted", "data": "gAAAwhole", "id": "rs_1", "format": "openai-responses-v1"})
    );
    let calls: Vec<&Value> = deltas
        .iter()
        .filter_map(|it| it["tool_calls"].get(0))
        .collect();
    let begins: Vec<(&Value, &Value)> = calls
        .iter()
        .filter(|it| it.get("id").is_some())
        .map(|it| (&it["index"], &it["id"]))
        .collect();
    assert_eq!(
        begins,
        [
            (&json!(0), &json!("call_a")),
            (&json!(1), &json!("call_b")),
            (&json!(2), &json!("call_c"))
        ]
    );
    // A call without arguments has an empty object.
    let of_second: String = calls
        .iter()
        .filter(|it| it["index"] == 1)
        .filter_map(|it| it["function"]["arguments"].as_str())
        .collect();
    assert_eq!(of_second, "{}");
    assert_eq!(
        chunks
            .iter()
            .rev()
            .find_map(|it| it["choices"][0]["finish_reason"].as_str())
            .unwrap(),
        "tool_calls"
    );

    let back = document(&json!({"model": "m", "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "reasoning_details": details,
            "tool_calls": [{"id": "call_a", "type": "function", "function": {"name": "get_w", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_a", "content": "ok"}]}));
    let chat = Dialect::OpenAiChat.read_request(&back).unwrap();
    let again = value(&DIALECT.write_request(&chat, &target()).unwrap().body);
    assert_eq!(
        again["input"][1],
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAwhole"})
    );
    assert_eq!(again["input"][2]["call_id"], "call_a");
}

// trap 7
#[test]
fn a_stream_that_breaks_ends_in_an_error() {
    let request = asked();
    let mut writer = DIALECT.writer(&echo(&request));
    let early = writer.fail(Fault::RateLimited, &failure()).unwrap();
    assert_eq!(
        early,
        "event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,\"code\":\"rate_limit_exceeded\",\"message\":\"busy\",\"param\":null}\n\n"
    );
    assert_eq!(
        DIALECT.error_event(Fault::RateLimited, &failure(), 0),
        early
    );
    let mut out = Vec::new();
    writer.write(ChatEvent::Start { id: None }, &mut out);
    let early = writer.fail(Fault::RateLimited, &failure()).unwrap();
    assert_eq!(
        data(std::str::from_utf8(&early).unwrap())[0]["sequence_number"],
        2
    );
    for event in [thinking("hm"), text("Hal")] {
        writer.write(event, &mut out);
    }
    let usage = Usage {
        input: 5,
        output: 1,
        ..Usage::default()
    };
    writer.write(ChatEvent::Usage(usage), &mut out);
    let number = data(std::str::from_utf8(&out).unwrap()).len();
    let late = writer.fail(Fault::Overloaded, &failure()).unwrap();
    let late = &data(std::str::from_utf8(&late).unwrap())[0];
    assert_eq!(
        (&late["type"], &late["sequence_number"]),
        (&json!("response.failed"), &json!(number))
    );
    let response = &late["response"];
    assert_eq!(response["status"], "failed");
    assert_eq!(
        response["error"],
        json!({"code": "server_is_overloaded", "message": "busy"})
    );
    assert_eq!(response["output"][0]["status"], "completed");
    assert_eq!(response["output"][1]["content"][0]["text"], "Hal");
    assert_eq!(response["output"][1]["status"], "incomplete");
    assert_eq!(response["usage"]["total_tokens"], 6);
}

#[test]
fn a_translated_stream_fails_as_it_stands() {
    let request = asked();
    let mut reader = translation(Dialect::Anthropic, DIALECT, &request);
    let mut out = Segments::new();
    let cut = CLAUDE.find("event: message_delta").unwrap();
    reader.push(Bytes::copy_from_slice(&CLAUDE.as_bytes()[..cut]), &mut out);
    assert_eq!(reader.finish(&mut out), StreamEnd::Incomplete);
    let event = reader.error_event(Fault::Incomplete, &failure());
    let event = event.unwrap();
    assert!(event.starts_with(b"event: response.failed\n"), "{event:?}");
    let other = translation(Dialect::OpenAiChat, Dialect::Anthropic, &request);
    assert!(
        other
            .error_event(Fault::Server, &failure())
            .unwrap()
            .starts_with(b"event: error\n")
    );
}

#[test]
fn errors_before_a_stream_are_the_familys() {
    let body: Value = serde_json::from_slice(&DIALECT.error_body(429, &failure())).unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    assert_eq!(DIALECT.name(), "openai_responses");
}

#[test]
fn a_tool_in_a_namespace_keeps_both_its_names() {
    let request = document(&json!({"model": "m", "input": [
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "namespace", "name": "functions", "description": "d",
            "tools": [{"type": "custom", "name": "exec"}]}]},
        {"role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "c0", "namespace": "mcp__idea__", "name": "open", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c0", "output": "ok"}],
        "tools": [{"type": "function", "name": "exec"}, {"type": "namespace", "name": "mcp__idea__", "description": "d",
            "tools": [{"type": "function", "name": "open"}]}]}));
    let chat = DIALECT.read_request(&request).unwrap();
    let names: Vec<&str> = chat.tools.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["exec", "mcp__idea__open", "functions__exec"]);
    let Part::ToolCall(made) = &chat.messages[1].parts[0] else {
        unreachable!()
    };
    assert_eq!(made.name, "mcp__idea__open");
    let begin = |call: u32, name: &'static str| ChatEvent::ToolCall {
        choice: 0,
        call,
        id: Some("c".into()),
        name: name.into(),
        kind: ToolKind::Function,
        signature: None,
    };
    let events = [
        begin(0, "functions__exec"),
        begin(1, "mcp__idea__open"),
        begin(2, "exec"),
        finish(Finish::ToolCalls),
        ChatEvent::End,
    ];
    let streamed = written(&request, &events);
    assert_eq!(streamed[2]["item"]["namespace"], "functions");
    let output = &streamed.last().unwrap()["response"]["output"];
    let names: Vec<(&Value, &Value)> = output
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["namespace"], &it["name"]))
        .collect();
    assert_eq!(
        names,
        [
            (&json!("functions"), &json!("exec")),
            (&json!("mcp__idea__"), &json!("open")),
            (&Value::Null, &json!("exec"))
        ]
    );
    assert_eq!(
        &value(&output_items(&collected(&events), &echo(&request))),
        output
    );
}
