//! Ollama's chats: no ids in the history, as its own libraries send none.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Caller, object};
use crate::matrix::heard::{Heard, Usage, items, text};
use crate::matrix::scene::{Finish, Scene, Turn};
use crate::support::client::{Request, Response};

pub(crate) struct Ollama;

impl Caller for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn counts_cache(&self) -> bool {
        false
    }

    /// It has no word for a filter.
    fn finish(&self, finish: Finish) -> Finish {
        match finish {
            Finish::Filter => Finish::Stop,
            other => other,
        }
    }

    fn ask(&self, scene: Scene, model: &str, is_stream: bool) -> Option<Request> {
        let mut body = json!({"model": model, "messages": history(&scene.turns()), "options": {"num_predict": scene.limit()}});
        if !is_stream {
            body["stream"] = json!(false);
        }
        let tools = scene.tools();
        if !tools.is_empty() {
            body["tools"] = tools.iter().map(|(name, schema)| {
                json!({"type": "function", "function": {"name": name, "description": "", "parameters": schema}})
            }).collect();
        }
        if let Some(schema) = scene.schema() {
            body["format"] = schema;
        }
        if scene == Scene::Reasoning {
            body["think"] = json!(true);
        }
        Some(Request::post("/api/chat", body.to_string()))
    }

    fn hear(&self, response: &Response, is_stream: bool) -> Heard {
        let mut heard = Heard::default();
        if !is_stream {
            let body = object(response, &mut heard);
            line(&body, &mut heard);
            heard.expect(body["done"] == true, || "no end".to_owned());
            return heard;
        }
        let kind = response.header("content-type").unwrap_or_default();
        heard.expect(kind == "application/x-ndjson", || {
            format!("content type {kind}")
        });
        let mut is_over = false;
        for text in response.text().lines() {
            heard.expect(!is_over, || format!("after the end: {text}"));
            match serde_json::from_str::<Value>(text) {
                Ok(value) => {
                    is_over |= value["done"] == true || value["error"].is_string();
                    line(&value, &mut heard);
                }
                Err(error) => heard.wrong.push(format!("line {text:?}: {error}")),
            }
        }
        heard.expect(is_over, || "no end".to_owned());
        heard
    }

    fn field(&self, scene: Scene) -> &'static str {
        match scene {
            Scene::Schema => "format",
            Scene::Reasoning => "think",
            Scene::Image => "messages",
            _ => "tools",
        }
    }

    fn error(&self, body: &Value) -> Result<String, String> {
        let message = body["error"].as_str();
        message
            .map(str::to_owned)
            .ok_or_else(|| format!("error envelope {body}"))
    }
}

fn history(turns: &[Turn]) -> Value {
    let mut names = HashMap::new();
    let mut messages: Vec<Value> = Vec::new();
    for turn in turns {
        match (turn, messages.last_mut()) {
            (Turn::User(text), _) => messages.push(json!({"role": "user", "content": text})),
            (Turn::Image(data), Some(last)) => last["images"] = json!([data]),
            (Turn::Image(_), None) => {}
            (Turn::Assistant(text), _) => {
                messages.push(json!({"role": "assistant", "content": text}));
            }
            (Turn::Call(call), last) => {
                names.insert(&call.id, &call.name);
                let call = json!({"function": {"name": call.name, "arguments": call.arguments}});
                match last {
                    Some(last) if last["role"] == "assistant" => {
                        let mut calls = items(&last["tool_calls"]).to_vec();
                        calls.push(call);
                        last["tool_calls"] = calls.into();
                    }
                    _ => messages
                        .push(json!({"role": "assistant", "content": "", "tool_calls": [call]})),
                }
            }
            (Turn::Result(id, text), _) => {
                messages.push(json!({"role": "tool", "tool_name": names.get(id), "content": text}));
            }
        }
    }
    messages.into()
}

fn line(line: &Value, heard: &mut Heard) {
    if let Some(error) = line["error"].as_str() {
        heard.error = Some(error.to_owned());
        return;
    }
    let message = &line["message"];
    heard.expect(
        message["role"] == "assistant" && message["content"].is_string(),
        || format!("message {line}"),
    );
    heard.expect(
        line["created_at"].is_string() && line["model"].is_string(),
        || format!("head {line}"),
    );
    heard.text.push_str(&text(&message["content"]));
    heard.reasoning.push_str(&text(&message["thinking"]));
    for call in items(&message["tool_calls"]) {
        let function = &call["function"];
        heard.expect(function["arguments"].is_object(), || {
            format!("arguments {call}")
        });
        heard.begin_call(&call["id"], &function["name"]);
        if let Some(last) = heard.calls.last_mut() {
            last.arguments = function["arguments"].clone();
        }
    }
    if line["done"] == true {
        heard.finish = match line["done_reason"].as_str() {
            Some("stop") if heard.calls.is_empty() => Some(Finish::Stop),
            Some("stop") => Some(Finish::Calls),
            Some("length") => Some(Finish::Length),
            _ => None,
        };
        if let (Some(input), Some(output)) = (
            line["prompt_eval_count"].as_u64(),
            line["eval_count"].as_u64(),
        ) {
            heard.usage = Some(Usage {
                input,
                cached: None,
                output,
            });
        }
        heard.expect(line["total_duration"].is_u64(), || {
            format!("durations {line}")
        });
    }
}
