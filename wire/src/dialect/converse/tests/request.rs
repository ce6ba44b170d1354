//! Requests against their samples.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use crate::chat::{Target, Traits, Written};
use crate::dialect::Dialect;
use crate::document::Document;

pub(super) const CLAUDE: &str = "eu.anthropic.claude-sonnet-4-6";

pub(super) fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
}

/// The body, what was left out, and the rest of what was written.
pub(super) fn write(caller: Dialect, request: &Value, model: &str, traits: Traits) -> Sent {
    let request = document(request);
    let chat = caller.read_request(&request).unwrap();
    let target = Target { model, traits };
    let written = Dialect::Converse.write_request(&chat, &target).unwrap();
    Sent {
        body: serde_json::from_slice(&written.body.to_bytes()).unwrap(),
        dropped: written.dropped.iter().map(ToString::to_string).collect(),
        wrapped: written.wrapped_tools.clone(),
        answer_tool: written.answer_tool,
    }
}

pub(super) struct Sent {
    pub(super) body: Value,
    pub(super) dropped: Vec<String>,
    pub(super) wrapped: Vec<Box<str>>,
    pub(super) answer_tool: Option<&'static str>,
}

/// A chat of `OpenAI`'s, written for a Claude of which nothing special is known.
pub(super) fn chat(request: &Value) -> Sent {
    write(Dialect::OpenAiChat, request, CLAUDE, Traits::default())
}

/// The field that makes a request impossible.
fn refused(part: &Value) -> String {
    let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in part.as_object().unwrap() {
        request[name] = value.clone();
    }
    let request = document(&request);
    let chat = Dialect::OpenAiChat.read_request(&request).unwrap();
    let target = Target {
        model: CLAUDE,
        traits: Traits::default(),
    };
    let refusal = Dialect::Converse.write_request(&chat, &target).unwrap_err();
    refusal.param.into_owned()
}

/// Compares with a sample: a request, the body it becomes and what is left out of it.
pub(super) fn check(caller: Dialect, sample: &str, traits: Traits) -> Sent {
    let sample: Value = serde_json::from_str(sample).unwrap();
    let sent = write(caller, &sample["request"], CLAUDE, traits);
    assert_eq!(sent.body, sample["body"], "{:#}", sent.body);
    assert_eq!(json!(sent.dropped), sample["dropped"]);
    sent
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../testdata/converse/requests/",
            $name,
            ".json"
        ))
    };
}
pub(super) use sample;

#[test]
fn plain_words_are_turns_and_numbers_keep_to_their_range() {
    check(
        Dialect::OpenAiChat,
        sample!("plain_text"),
        Traits::default(),
    );
}

#[test]
fn instructions_stand_apart_and_late_ones_in_the_turn() {
    check(Dialect::OpenAiChat, sample!("system"), Traits::default());
}

#[test]
fn pictures_and_documents_are_inline_and_documents_have_neutral_names() {
    check(Dialect::OpenAiChat, sample!("media"), Traits::default());
}

#[test]
fn metadata_keeps_to_the_characters_that_are_taken() {
    check(Dialect::OpenAiChat, sample!("identity"), Traits::default());
}

#[test]
fn metadata_has_sixteen_entries_at_most() {
    let many: Value = (0..17)
        .map(|it| (format!("k{it}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let sent = chat(
        &json!({"messages": [{"role": "user", "content": "hi"}], "metadata": many, "user": "u"}),
    );
    assert_eq!(sent.body["requestMetadata"].as_object().unwrap().len(), 16);
    assert_eq!(sent.dropped, ["metadata.k16", "user"]);
    let long = "x".repeat(257);
    let sent = chat(
        &json!({"messages": [{"role": "user", "content": "hi"}], "metadata": {"k": long}, "service_tier": "scale"}),
    );
    assert_eq!(sent.body.get("requestMetadata"), None);
    assert_eq!(sent.dropped, ["metadata.k", "service_tier"]);
    let sent =
        chat(&json!({"messages": [{"role": "user", "content": "hi"}], "service_tier": "auto"}));
    assert!(sent.body.get("serviceTier").is_none() && sent.dropped.is_empty());
}

#[test]
fn what_the_caller_would_miss_is_refused() {
    let user = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    assert_eq!(refused(&json!({"n": 2})), "n");
    assert_eq!(refused(&json!({"logprobs": true})), "logprobs");
    assert_eq!(
        refused(&json!({"modalities": ["text", "audio"]})),
        "modalities"
    );
    assert_eq!(
        refused(&json!({"web_search_options": {}})),
        "web_search_options"
    );
    let audio = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    assert_eq!(refused(&user(audio)), "messages[].content[].input_audio");
    for url in [
        "https://example.com/a.png",
        "s3://bucket/a.png",
        "data:image/tiff;base64,SUkqAA",
    ] {
        let image = json!({"type": "image_url", "image_url": {"url": url}});
        assert_eq!(
            refused(&user(image)),
            "messages[].content[].image_url",
            "{url}"
        );
    }
    for file in [
        json!({"file_id": "file-1"}),
        json!({"file_data": "https://example.com/a.pdf"}),
        json!({"filename": "a.zip", "file_data": "data:application/zip;base64,UEsD"}),
    ] {
        let file = json!({"type": "file", "file": file});
        assert_eq!(refused(&user(file)), "messages[].content[].file");
    }
}

#[test]
fn a_recording_goes_to_a_model_that_may_hear() {
    let request = json!({"messages": [{"role": "user", "content": [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]}]});
    let sent = write(
        Dialect::OpenAiChat,
        &request,
        "eu.mistral.voxtral-small",
        Traits::default(),
    );
    assert_eq!(
        sent.body["messages"][0]["content"][0],
        json!({"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}})
    );
}

#[test]
fn a_text_document_keeps_its_words_beside_its_name() {
    let request = json!({"max_tokens": 5, "messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "text", "media_type": "text/markdown", "data": "# Hi"}},
        {"type": "text", "text": "sum up"}]}]});
    let sent = write(Dialect::Anthropic, &request, CLAUDE, Traits::default());
    assert_eq!(
        sent.body["messages"][0]["content"],
        json!([{"document": {"format": "md", "name": "document-1", "source": {"text": "# Hi"}}}, {"text": "sum up"}])
    );
}

#[test]
fn a_large_picture_is_handed_on_without_a_copy() {
    let data = "A".repeat(100_000);
    let url = format!("data:image/png;base64,{data}");
    let request = document(&json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": url}}]}]}));
    let chat = Dialect::OpenAiChat.read_request(&request).unwrap();
    let target = Target {
        model: CLAUDE,
        traits: Traits::default(),
    };
    let written: Written<'_> = Dialect::Converse.write_request(&chat, &target).unwrap();
    let source = request.bytes().clone();
    let segments = written.body.to_segments(&source);
    let large = segments.iter().find(|it| it.len() == data.len()).unwrap();
    assert!(source.as_ptr_range().contains(&large.as_ptr()));
}

#[test]
fn a_chat_without_a_person_gets_one() {
    let sent = chat(&json!({"messages": [{"role": "system", "content": "Write a poem."}]}));
    assert_eq!(sent.body["system"], json!([{"text": "Write a poem."}]));
    assert_eq!(
        sent.body["messages"],
        json!([{"role": "user", "content": [{"text": "."}]}])
    );
}

#[test]
fn turns_go_on_taking_each_others_place_when_one_has_nothing_to_send() {
    let sent = chat(&json!({"messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "reasoning_content": "unsigned"},
        {"role": "user", "content": "b"}]}));
    assert_eq!(
        sent.body["messages"],
        json!([{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}])
    );
    assert_eq!(sent.dropped, ["messages[].reasoning"]);
}

#[test]
fn words_to_be_continued_are_followed_up_where_that_is_refused() {
    let traits = Traits {
        takes_prefill: false,
        ..Traits::default()
    };
    let request = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b\n"}]});
    let sent = write(Dialect::OpenAiChat, &request, CLAUDE, traits);
    assert_eq!(sent.body["messages"][1]["content"], json!([{"text": "b"}]));
    assert_eq!(
        sent.body["messages"][2],
        json!({"role": "user", "content": [{"text": "Continue."}]})
    );
    assert_eq!(sent.dropped, ["messages[-1]:prefill"]);
}

#[test]
fn sampling_follows_what_the_model_takes() {
    let request = json!({"messages": [{"role": "user", "content": "a"}],
        "temperature": -1, "top_p": 0.5, "top_k": 3, "max_tokens": 0});
    let sent = chat(&request);
    assert_eq!(
        sent.body["inferenceConfig"],
        json!({"maxTokens": 1, "temperature": 0, "topP": 0.5})
    );
    assert_eq!(sent.dropped, ["max_completion_tokens:0", "temperature<0"]);
    let one = Traits {
        takes_both_sampling: false,
        max_output: Some(10),
        ..Traits::default()
    };
    let request = json!({"messages": [{"role": "user", "content": "a"}],
        "temperature": 0.5, "top_p": 0.5, "top_k": 3, "max_tokens": 50});
    let sent = write(Dialect::OpenAiChat, &request, "us.meta.llama4-x", one);
    assert_eq!(
        sent.body["inferenceConfig"],
        json!({"maxTokens": 10, "temperature": 0.5})
    );
    assert_eq!(sent.dropped, ["top_p", "top_k"]);
    let none = Traits {
        takes_sampling: false,
        ..Traits::default()
    };
    let sent = write(Dialect::OpenAiChat, &request, CLAUDE, none);
    assert_eq!(sent.body["inferenceConfig"], json!({"maxTokens": 50}));
    assert_eq!(sent.dropped, ["temperature", "top_p", "top_k"]);
}

#[test]
fn only_families_that_cache_get_cache_points() {
    let part =
        |text: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}});
    let request = json!({"messages": [{"role": "user", "content": [part("a"), part("b"), part("c"), part("d"), part("e")]}]});
    let points = |model: &str| {
        let sent = write(Dialect::OpenAiChat, &request, model, Traits::default());
        let content = sent.body["messages"][0]["content"]
            .as_array()
            .unwrap()
            .clone();
        let points = content
            .iter()
            .filter(|it| it.get("cachePoint").is_some())
            .count();
        assert_eq!(sent.dropped, ["cache_control"]);
        points
    };
    assert_eq!(points(CLAUDE), 4);
    assert_eq!(points("amazon.nova-pro-v1:0"), 4);
    assert_eq!(points("us.meta.llama4-x"), 0);
}

#[test]
fn a_lifetime_is_told_only_to_models_that_know_two() {
    let part =
        json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let request = json!({"messages": [{"role": "user", "content": [part]}]});
    let sent = write(
        Dialect::OpenAiChat,
        &request,
        "amazon.nova-pro-v1:0",
        Traits::default(),
    );
    let point = &sent.body["messages"][0]["content"][1]["cachePoint"];
    assert_eq!(point, &json!({"type": "default"}));
    assert_eq!(sent.dropped, ["cache_control.ttl"]);
}

#[test]
fn callers_do_not_speak_this_dialect() {
    let request = document(&json!({"messages": []}));
    assert!(Dialect::Converse.read_request(&request).is_err());
}
