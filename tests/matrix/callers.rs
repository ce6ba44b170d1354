//! The callers: each puts a scene into its own words and understands the answer.

mod chat;
mod completions;
mod gemini;
mod messages;
mod ollama;
mod responses;

use serde_json::Value;

use super::heard::Heard;
use super::scene::{Finish, Scene};
use crate::support::client::{Request, Response};

/// A caller in front of the gateway.
pub(crate) trait Caller: Sync {
    fn name(&self) -> &'static str;

    /// The request; `None` where its API has no words for the scene.
    fn ask(&self, scene: Scene, model: &str, is_stream: bool) -> Option<Request>;

    /// The answer, which has the status 200.
    fn hear(&self, response: &Response, is_stream: bool) -> Heard;

    /// The message of an error answer, or what is wrong with its envelope.
    fn error(&self, body: &Value) -> Result<String, String>;

    /// Its name of what makes the scene special in a request.
    fn field(&self, scene: Scene) -> &'static str;

    /// The words, or the code, that say that a prompt is too long.
    fn too_long(&self) -> &'static str {
        "context"
    }

    /// The end of an answer, as far as the API has words for it.
    fn finish(&self, finish: Finish) -> Finish {
        finish
    }

    /// Whether it hears how many tokens came from a cache.
    fn counts_cache(&self) -> bool {
        true
    }

    /// Whether its requests are `OpenAI`'s older ones, which nobody translates.
    fn is_text(&self) -> bool {
        false
    }
}

pub(crate) const ALL: [&dyn Caller; 6] = [
    &chat::Chat,
    &completions::Completions,
    &responses::Responses,
    &messages::Messages,
    &ollama::Ollama,
    &gemini::Gemini,
];

/// `OpenAI`'s envelope.
fn openai_error(body: &Value) -> Result<String, String> {
    let error = &body["error"];
    let is_whole = ["message", "type", "param", "code"]
        .iter()
        .all(|it| error.get(it).is_some());
    match error["message"].as_str() {
        Some(message) if is_whole && error["type"].is_string() => Ok(message.to_owned()),
        _ => Err(format!("error envelope {body}")),
    }
}

/// The data of a stream of events, with a fault of form for what is none.
fn events(response: &Response, heard: &mut Heard) -> Vec<Value> {
    let kind = response.header("content-type").unwrap_or_default();
    heard.expect(kind == "text/event-stream", || {
        format!("content type {kind}")
    });
    let text = response.text();
    let mut found = Vec::new();
    for event in text.split_terminator("\n\n") {
        let data = event
            .lines()
            .filter_map(|it| it.strip_prefix("data: "))
            .collect::<String>();
        if data == "[DONE]" {
            found.push(Value::from("[DONE]"));
        } else {
            match serde_json::from_str(&data) {
                Ok(value) => found.push(value),
                Err(error) => heard.wrong.push(format!("event {event:?}: {error}")),
            }
        }
    }
    found
}

/// The whole answer, with a fault of form for what is none.
fn object(response: &Response, heard: &mut Heard) -> Value {
    let kind = response.header("content-type").unwrap_or_default();
    heard.expect(kind.starts_with("application/json"), || {
        format!("content type {kind}")
    });
    serde_json::from_slice(&response.body).unwrap_or_else(|error| {
        heard.wrong.push(format!("no JSON: {error}"));
        Value::Null
    })
}
