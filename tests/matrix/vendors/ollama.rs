//! Ollama by its own API: lines of JSON, calls whole, nothing about caches or filters.

use serde_json::{Value, json};

use super::{Vendor, streamed, whole};
use crate::matrix::heard::{Told, items, text};
use crate::matrix::scene::{
    COMPLAINT, Call, Finish, INPUT, OBJECTION, OUTPUT, Said, Scene, Turn, halves,
};
use crate::support::script::Script;
use crate::support::upstream::Seen;

const TYPE: &str = "application/x-ndjson";

pub(crate) struct Ollama;

impl Vendor for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn kind(&self) -> &'static str {
        "ollama-native"
    }

    fn base_path(&self) -> &'static str {
        ""
    }

    fn model(&self, _: Scene) -> &'static str {
        "qwen3:8b"
    }

    fn counts_cache(&self) -> bool {
        false
    }

    /// Its errors have no class; in a stream there is no status either.
    fn early_status(&self, is_stream: bool) -> u16 {
        if is_stream { 502 } else { 503 }
    }

    fn answer(&self, scene: Scene, is_stream: bool, _: bool) -> Option<Script> {
        let said = scene.said();
        let error = json!({"error": COMPLAINT});
        Some(match (scene, is_stream) {
            // It has no filter.
            (Scene::Filter, _) => return None,
            (Scene::BadRequest, _) => Script::json("400 Bad Request", &json!({"error": OBJECTION})),
            (Scene::EarlyError, false) => Script::json("503 Service Unavailable", &error),
            (Scene::EarlyError, true) => streamed(TYPE, format!("{error}\n").as_bytes()),
            (_, false) => {
                let mut message = json!({"role": "assistant", "content": said.text});
                if !said.reasoning.is_empty() {
                    message["thinking"] = json!(said.reasoning);
                }
                if !said.calls.is_empty() {
                    message["tool_calls"] = calls(&said);
                }
                whole(scene, &end(&said, &message))
            }
            (_, true) => {
                let mut lines = lines(&said);
                lines.push(match scene {
                    Scene::LateError => error,
                    _ => end(&said, &json!({"role": "assistant", "content": ""})),
                });
                let stream: String = lines.iter().map(|it| it.to_string() + "\n").collect();
                streamed(TYPE, stream.as_bytes())
            }
        })
    }

    fn told(&self, seen: &Seen, _: bool, _: bool) -> Told {
        let body = seen.json();
        let mut told = Told::default();
        told.expect(seen.path() == "/api/chat", || {
            format!("path {}", seen.path())
        });
        told.is_stream = body["stream"] != false;
        told.limit = body["options"]["num_predict"].as_u64();
        told.thinks = !matches!(body["think"], Value::Null | Value::Bool(false));
        told.schema = body["format"].is_object().then(|| body["format"].clone());
        told.tools = items(&body["tools"])
            .iter()
            .map(|it| text(&it["function"]["name"]))
            .collect();
        for message in items(&body["messages"]) {
            turns(message, &mut told);
        }
        told
    }
}

fn turns(message: &Value, told: &mut Told) {
    let content = text(&message["content"]);
    match message["role"].as_str() {
        Some("user" | "assistant") if content.is_empty() => {}
        Some("user") => told.turns.push(Turn::User(content)),
        Some("assistant") => told.turns.push(Turn::Assistant(content)),
        Some("tool") => {
            let id = message["tool_call_id"]
                .as_str()
                .or(message["tool_name"].as_str());
            told.turns
                .push(Turn::Result(id.unwrap_or_default().to_owned(), content));
        }
        other => told.wrong.push(format!("role {other:?}")),
    }
    told.turns.extend(
        items(&message["images"])
            .iter()
            .map(|it| Turn::Image(text(it))),
    );
    for call in items(&message["tool_calls"]) {
        told.turns.push(Turn::Call(Call {
            id: text(&call["id"]),
            name: text(&call["function"]["name"]),
            arguments: call["function"]["arguments"].clone(),
        }));
    }
}

fn calls(said: &Said) -> Value {
    let calls = said.calls.iter().enumerate().map(|(index, it)| {
        json!({"id": it.id, "function": {"index": index, "name": it.name, "arguments": it.arguments}})
    });
    calls.collect()
}

fn line(message: &Value) -> Value {
    json!({"model": "m", "created_at": "2026-11-01T10:00:00.123456789Z", "message": message, "done": false})
}

fn lines(said: &Said) -> Vec<Value> {
    let thoughts = halves(said.reasoning).into_iter();
    let mut lines: Vec<_> = thoughts
        .map(|it| line(&json!({"role": "assistant", "content": "", "thinking": it})))
        .collect();
    lines.extend(
        halves(said.text)
            .into_iter()
            .map(|it| line(&json!({"role": "assistant", "content": it}))),
    );
    if !said.calls.is_empty() {
        lines.push(line(
            &json!({"role": "assistant", "content": "", "tool_calls": calls(said)}),
        ));
    }
    lines
}

fn end(said: &Said, message: &Value) -> Value {
    let reason = if said.finish == Finish::Length {
        "length"
    } else {
        "stop"
    };
    json!({"model": "m", "created_at": "2026-11-01T10:00:00.123456789Z", "message": message, "done": true,
        "done_reason": reason, "total_duration": 9, "load_duration": 1, "prompt_eval_count": INPUT,
        "prompt_eval_duration": 3, "eval_count": OUTPUT, "eval_duration": 5})
}
