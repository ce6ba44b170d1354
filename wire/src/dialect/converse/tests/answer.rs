//! Whole answers.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::chat::seal::tests::SEAL;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::chat::settle::Settler;
use crate::chat::{Block, ChatEvent, Collected, Finish, Names, Target, Traits};
use crate::dialect::converse::error;
use crate::dialect::{Dialect, Echo};
use crate::document::Document;
use crate::fault::Fault;
use crate::translate::tests::translate_answer;

const ANSWER: &str = include_str!("../../../../testdata/converse/answer.json");

fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
}

fn read(body: &str) -> Collected {
    let mut collected = Collected::default();
    Dialect::Converse.read_answer(body.as_bytes(), &mut collected);
    collected
}

fn translated(to: Dialect) -> Value {
    let request = document(&json!({}));
    let echo = Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        estimated_input: 42,
        seal: &SEAL,
        timing: crate::dialect::timing::Timing::default(),
        request: &request,
    };
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let way = (Dialect::Converse, to);
    let (body, _) = translate_answer(way, &mut settler, &echo, ANSWER.as_bytes()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// What the vendor gets when the caller sends the answer back.
fn replayed(from: Dialect, message: &Value) -> Value {
    let request = document(&json!({"model": "m", "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}, message]}));
    let chat = from.read_request(&request).unwrap();
    let target = Target {
        model: "eu.anthropic.claude-sonnet-4-6",
        traits: Traits::default(),
    };
    let written = Dialect::Converse.write_request(&chat, &target).unwrap();
    assert!(written.dropped.is_empty(), "{:?}", written.dropped);
    let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    body["messages"][1]["content"].clone()
}

// trap 21
#[test]
fn an_answer_comes_back_to_the_vendor_as_it_was() {
    let own: Value = serde_json::from_str(ANSWER).unwrap();
    let own = &own["output"]["message"]["content"];
    let chat = translated(Dialect::OpenAiChat);
    let message = &chat["choices"][0]["message"];
    assert_eq!(&replayed(Dialect::OpenAiChat, message), own);
    let answer = translated(Dialect::Anthropic);
    let message = json!({"role": "assistant", "content": answer["content"]});
    assert_eq!(&replayed(Dialect::Anthropic, &message), own);
}

// trap 18
#[test]
fn an_answer_names_tools_as_the_caller_did_and_the_schemas_tool_is_words() {
    let tool = |kind: &str, name: &str| json!({"type": kind, kind: {"name": name}});
    let request = document(&json!({"messages": [{"role": "user", "content": "a"}],
        "tools": [tool("function", "mcp.files.read"), tool("custom", "shell")],
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}}));
    let chat = Dialect::OpenAiChat.read_request(&request).unwrap();
    let target = Target {
        model: "us.amazon.nova-pro-v1:0",
        traits: Traits {
            takes_schema: false,
            ..Traits::default()
        },
    };
    let written = Dialect::Converse.write_request(&chat, &target).unwrap();
    let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    let name = |at: usize| body["toolConfig"]["tools"][at]["toolSpec"]["name"].clone();
    let call = |name: Value, input: Value| json!({"toolUse": {"toolUseId": "t", "name": name, "input": input}});
    let answer = json!({"output": {"message": {"content": [
        call(name(0), json!({"a": 1})), call(name(1), json!({"input": "ls"})), call(name(2), json!({"b": 2}))]}},
        "stopReason": "tool_use"});
    let mut settler = Settler::new(
        written.names,
        written.answer_tool,
        written.wrapped_tools,
        "seed",
    );
    let mut collected = Collected::default();
    Dialect::Converse.read_answer(answer.to_string().as_bytes(), &mut |event: ChatEvent<
        '_,
    >| {
        settler.pass(event, &mut collected);
    });
    let choice = &collected.choices[&0];
    let calls: Vec<_> = choice
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Call {
                name, arguments, ..
            } => Some((name.as_str(), arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("mcp.files.read", "{\"a\":1}"), ("shell", "ls")]);
    assert_eq!(choice.text(), "{\"b\":2}");
}

// trap 28
#[test]
fn a_whole_answer_counts_what_was_cached() {
    let answer = read(ANSWER);
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output), (103, 100, 5));
    assert_eq!(answer.choices[&0].finish, Some(Finish::ToolCalls));
    let chat = translated(Dialect::OpenAiChat);
    assert_eq!(chat["usage"]["total_tokens"], 108);
    assert_eq!(
        chat["choices"][0]["message"]["tool_calls"][1]["function"]["arguments"],
        "{}"
    );
}

#[test]
fn cited_words_are_words_with_their_citation() {
    let answer = read(&json!({"output": {"message": {"role": "assistant", "content": [
        {"citationsContent": {"content": [{"text": "It is "}, {"text": "far."}],
            "citations": [{"title": "Far", "location": {"web": {"url": "https://example.com"}}}]}}]}},
        "stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "END"}}).to_string());
    let choice = &answer.choices[&0];
    assert_eq!(choice.text(), "It is far.");
    assert_eq!(choice.annotations.len(), 1);
    assert_eq!(choice.finish, Some(Finish::StopText(Some("END".into()))));
}

#[test]
fn a_guardrail_cuts_a_whole_answer() {
    let answer = read(
        &json!({"output": {"message": {"content": [{"text": "No."}]}},
        "stopReason": "guardrail_intervened"})
        .to_string(),
    );
    assert_eq!(answer.choices[&0].finish, Some(Finish::ContentFilter));
    assert!(answer.fault.is_none() && answer.usage.is_none());
}

#[test]
fn what_is_no_answer_is_a_fault() {
    let fault = |body: &str| read(body).fault.unwrap().fault;
    assert_eq!(fault("<html>"), Fault::Protocol);
    assert_eq!(fault("{}"), Fault::Protocol);
    assert_eq!(
        fault(r#"{"output":{"message":{"content":[]}}}"#),
        Fault::Incomplete
    );
    assert_eq!(
        fault(
            r#"{"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"malformed_model_output"}"#
        ),
        Fault::Server
    );
    assert_eq!(fault(r#"{"message":"who knows"}"#), Fault::Server);
    let body = r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"slow down"}"#;
    assert_eq!(fault(body), Fault::RateLimited);
    assert_eq!(
        read(body).fault.unwrap().error.unwrap().kind,
        "ThrottlingException"
    );
}

#[test]
fn the_name_of_an_exception_is_found_in_what_surrounds_it() {
    let body = Bytes::from_static(br#"{"Message":"expired"}"#);
    let name = "ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral.service/";
    let found = error::fault(name, &body);
    assert_eq!(found.fault, Fault::Auth);
    let error = found.error.unwrap();
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("ExpiredTokenException", "expired")
    );
    // The words of a rate are not those of a long prompt.
    let body = br#"{"message":"Too many tokens, please wait before trying again."}"#;
    assert_eq!(
        error::fault("ThrottlingException", body).fault,
        Fault::RateLimited
    );
    assert_eq!(
        error::fault("ValidationException", body).fault,
        Fault::ContextLength
    );
    assert_eq!(
        error::fault("ThrottlingException", b"")
            .error
            .unwrap()
            .message,
        "ThrottlingException"
    );
    assert_eq!(error::fault("", b"").error, None);
}
