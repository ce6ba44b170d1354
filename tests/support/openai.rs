//! OpenAI-shaped bytes: requests, answers, events, errors.

use serde_json::{Value, json};

/// The end of every OpenAI stream.
pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// A plain chat request for the model `chat`.
pub(crate) fn chat() -> Value {
    json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}]})
}

/// How many tokens the gateway estimates for [`chat`].
pub(crate) const ESTIMATED: usize = 14;
/// The same for [`stream_chat`].
pub(crate) const STREAM_ESTIMATED: usize = 18;

/// A streamed chat request for the model `chat`.
pub(crate) fn stream_chat() -> Value {
    json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}], "stream": true})
}

/// A chat answer with 10 input and 5 output tokens.
pub(crate) fn answer(text: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "upstream-name",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": usage(10, 5),
    })
}

/// A usage object.
pub(crate) fn usage(input: u64, output: u64) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

/// One event of a stream.
pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// The first event of OpenAI's streams: a role and no content.
pub(crate) fn role() -> String {
    event(&chunk(&json!({"role": "assistant", "content": ""}), None))
}

/// An event with text.
pub(crate) fn text(text: &str) -> String {
    event(&chunk(&json!({"content": text}), None))
}

/// The event that says why the answer ended.
pub(crate) fn finish() -> String {
    event(&chunk(&json!({}), Some("stop")))
}

/// The event that only carries usage.
pub(crate) fn usage_only(input: u64, output: u64) -> String {
    let mut data = chunk(&json!({}), None);
    data["choices"] = json!([]);
    data["usage"] = usage(input, output);
    event(&data)
}

/// A whole stream in pieces: role, words, finish, usage, `[DONE]`.
pub(crate) fn stream(words: &[&str]) -> Vec<String> {
    let mut pieces = vec![role()];
    pieces.extend(words.iter().map(|word| text(word)));
    pieces.extend([finish(), usage_only(10, 5), DONE.to_owned()]);
    pieces
}

/// The same stream as a client sees it that did not ask for usage.
pub(crate) fn stream_without_usage(words: &[&str]) -> String {
    stream(words)
        .into_iter()
        .filter(|piece| *piece != usage_only(10, 5))
        .collect()
}

/// An error object as OpenAI writes it.
pub(crate) fn error(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

/// The data of every event in a stream's bytes, comments left out.
pub(crate) fn events(body: &[u8]) -> Vec<String> {
    let body = std::str::from_utf8(body).expect("a stream is UTF-8");
    body.split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(str::to_owned)
        .collect()
}

/// The text of a streamed answer, put together.
pub(crate) fn streamed_text(body: &[u8]) -> String {
    events(body)
        .iter()
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|data| {
            data["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream-name",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    })
}
