//! `OpenAI`'s older texts: a prompt, and nothing of tools, pictures or thoughts.

use serde_json::{Value, json};

use super::{Caller, events, object, openai_error};
use crate::matrix::heard::{Heard, Usage, items, text};
use crate::matrix::scene::{Finish, PROMPT, Scene};
use crate::support::client::{Request, Response};

pub(crate) struct Completions;

impl Caller for Completions {
    fn name(&self) -> &'static str {
        "completions"
    }

    fn is_text(&self) -> bool {
        true
    }

    fn ask(&self, scene: Scene, model: &str, is_stream: bool) -> Option<Request> {
        match scene {
            Scene::Text
            | Scene::Length
            | Scene::Filter
            | Scene::BadRequest
            | Scene::EarlyError
            | Scene::LateError => {}
            Scene::Call
            | Scene::Calls
            | Scene::EmptyCall
            | Scene::Loop
            | Scene::Image
            | Scene::Schema
            | Scene::Reasoning => return None,
        }
        let mut body = json!({"model": model, "prompt": PROMPT, "max_tokens": scene.limit()});
        if is_stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": true});
        }
        Some(Request::post("/v1/completions", body.to_string()))
    }

    fn hear(&self, response: &Response, is_stream: bool) -> Heard {
        let mut heard = Heard::default();
        let mut all = if is_stream {
            events(response, &mut heard)
        } else {
            vec![object(response, &mut heard)]
        };
        if is_stream {
            let last = all.pop().unwrap_or_default();
            if last["error"].is_object() {
                match openai_error(&last) {
                    Ok(message) => heard.error = Some(message),
                    Err(wrong) => heard.wrong.push(wrong),
                }
            } else {
                heard.expect(last == "[DONE]", || "no [DONE]".to_owned());
            }
        }
        for body in &all {
            for choice in items(&body["choices"]) {
                heard.text.push_str(&text(&choice["text"]));
                heard.finish = match choice["finish_reason"].as_str() {
                    Some("stop") => Some(Finish::Stop),
                    Some("length") => Some(Finish::Length),
                    Some("content_filter") => Some(Finish::Filter),
                    _ => heard.finish,
                };
            }
            let usage = &body["usage"];
            if let Some(input) = usage["prompt_tokens"].as_u64() {
                let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
                let output = usage["completion_tokens"].as_u64().unwrap_or_default();
                heard.usage = Some(Usage {
                    input,
                    cached: Some(cached.unwrap_or_default()),
                    output,
                });
            }
        }
        heard
    }

    fn field(&self, _: Scene) -> &'static str {
        "prompt"
    }

    fn error(&self, body: &Value) -> Result<String, String> {
        openai_error(body)
    }
}
