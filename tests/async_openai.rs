//! The Rust SDK against the gateway: what `async-openai` makes of our answers and errors.
//!
//! The raw client of the other tests sees bytes; this one sees what a program in Rust gets.
//! The official Python and Node SDKs are in `tests/sdk`.

use ::async_openai::Client;
use ::async_openai::config::OpenAIConfig;
use ::async_openai::error::{ApiErrorResponse, OpenAIError};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// A gateway before an upstream that always answers with `script`.
async fn gateway(script: Script) -> (Upstream, Gateway, Client<OpenAIConfig>) {
    let upstream = Upstream::new(script).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let client = client(&gateway, "anything");
    (upstream, gateway, client)
}

fn client(gateway: &Gateway, key: &str) -> Client<OpenAIConfig> {
    let config = OpenAIConfig::new()
        .with_api_base(format!("http://{}/v1", gateway.public))
        .with_api_key(key);
    Client::with_config(config)
}

/// A request of the SDK, written as it goes over the wire.
fn request<T: DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

fn api_error(error: OpenAIError) -> ApiErrorResponse {
    match error {
        OpenAIError::ApiError(error) => error,
        other => panic!("an error of the API, not {other:?}"),
    }
}

#[tokio::test]
async fn the_rust_sdk_reads_a_whole_chat() {
    let (_upstream, _gateway, client) =
        gateway(Script::json("200 OK", &openai::answer("hello"))).await;
    let answer = client.chat().create(request(openai::chat())).await.unwrap();
    assert_eq!(answer.choices[0].message.content.as_deref(), Some("hello"));
    assert_eq!(answer.usage.map(|usage| usage.total_tokens), Some(15));
}

#[tokio::test]
async fn the_rust_sdk_reads_a_stream_to_its_end() {
    let words = ["one ", "two ", "three"];
    let (_upstream, _gateway, client) = gateway(Script::stream_of(openai::stream(&words))).await;
    let mut body = openai::stream_chat();
    body["stream_options"] = json!({"include_usage": true});
    let mut stream = client.chat().create_stream(request(body)).await.unwrap();
    let (mut text, mut usage) = (String::new(), None);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        let choice = chunk.choices.first();
        text.extend(choice.and_then(|choice| choice.delta.content.clone()));
        usage = usage.or(chunk.usage);
    }
    assert_eq!(text, words.concat());
    assert_eq!(usage.map(|usage| usage.completion_tokens), Some(5));
}

#[tokio::test]
async fn the_rust_sdk_gets_an_error_from_a_stream_that_is_cut() {
    let pieces = [openai::role(), openai::text("half")];
    let cut = Script::stream_of(pieces);
    let (_upstream, _gateway, client) = gateway(cut).await;
    let body = request(openai::stream_chat());
    let stream = client.chat().create_stream(body).await.unwrap();
    let chunks: Vec<_> = stream.collect().await;
    let text = |chunk: &Result<_, OpenAIError>| {
        let chunk: &::async_openai::types::chat::CreateChatCompletionStreamResponse =
            chunk.as_ref().ok()?;
        chunk.choices.first()?.delta.content.clone()
    };
    let said: String = chunks.iter().filter_map(text).collect();
    assert_eq!(said, "half");
    let last = chunks.last().expect("something came").as_ref();
    assert!(last.is_err(), "the cut is told: {last:?}");
}

#[tokio::test]
async fn the_rust_sdk_reads_completions_whole_and_streamed() {
    let piece = |text: &str, finish: Option<&str>| {
        let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish});
        json!({"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]})
    };
    let (_upstream, _gateway, client) =
        gateway(Script::json("200 OK", &piece("hi", Some("stop")))).await;
    let body = json!({"model": "chat", "prompt": "say"});
    let answer = client.completions().create(request(body.clone())).await;
    assert_eq!(answer.unwrap().choices[0].text, "hi");

    let pieces = [
        openai::event(&piece("h", None)),
        openai::event(&piece("i", Some("stop"))),
        DONE.to_owned(),
    ];
    let (_upstream, _gateway, client) = gateway(Script::stream_of(pieces)).await;
    let stream = client.completions().create_stream(request(body)).await;
    let chunks: Vec<_> = stream.unwrap().collect().await;
    let text = chunks
        .into_iter()
        .map(|chunk| chunk.unwrap().choices[0].text.clone());
    assert_eq!(text.collect::<String>(), "hi");
}

#[tokio::test]
async fn the_rust_sdk_reads_embeddings() {
    let vectors = json!({
        "object": "list", "model": "e", "usage": {"prompt_tokens": 8, "total_tokens": 8},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -2.0]}],
    });
    let (_upstream, _gateway, client) = gateway(Script::json("200 OK", &vectors)).await;
    let body = request(json!({"model": "chat", "input": ["text"]}));
    let answer = client.embeddings().create(body).await.unwrap();
    assert_eq!(answer.data[0].embedding, [0.5, -2.0]);
    assert_eq!(answer.usage.prompt_tokens, 8);
}

#[tokio::test]
async fn the_rust_sdk_lists_the_models() {
    let (_upstream, _gateway, client) =
        gateway(Script::json("200 OK", &openai::answer("hello"))).await;
    let models = client.models().list().await.unwrap();
    let names: Vec<_> = models.data.iter().map(|model| &*model.id).collect();
    assert_eq!(names, ["chat"]);
}

#[tokio::test]
async fn the_rust_sdk_reads_our_errors_and_the_providers() {
    let refusal = openai::error(
        "too warm",
        "invalid_request_error",
        Some("temperature"),
        Some("x"),
    );
    let (_upstream, _gateway, client) = gateway(Script::json("400 Bad Request", &refusal)).await;
    let error = client.chat().create(request(openai::chat())).await;
    let error = api_error(error.unwrap_err());
    assert_eq!(error.status_code, 400);
    assert_eq!(
        error.api_error.r#type.as_deref(),
        Some("invalid_request_error")
    );
    assert_eq!(error.api_error.param.as_deref(), Some("temperature"));

    let mut body = openai::chat();
    body["model"] = json!("nobody");
    let error = api_error(client.chat().create(request(body)).await.unwrap_err());
    assert_eq!(error.status_code, 404);
    assert_eq!(error.api_error.code.as_deref(), Some("model_not_found"));
    assert_eq!(error.api_error.param.as_deref(), Some("model"));
}

#[tokio::test]
async fn the_rust_sdk_is_refused_with_a_wrong_key() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).keyed()).await;
    let key = gateway.home.create_key("sdk", &[]).await;
    let wrong = client(&gateway, "tw-wrong").models().list().await;
    let error = api_error(wrong.unwrap_err());
    assert_eq!(error.status_code, 401);
    assert_eq!(error.api_error.code.as_deref(), Some("invalid_api_key"));
    // A new key is taken up within a second.
    crate::support::until("the key is known", async || {
        client(&gateway, &key).models().list().await.ok()
    })
    .await;
}
