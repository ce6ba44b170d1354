//! A server that speaks `OpenAI`'s chats and, for its older callers, texts.

use serde_json::{Value, json};

use super::{Vendor, sse, streamed, whole};
use crate::matrix::heard::{Told, items, text};
use crate::matrix::scene::{
    CACHED, COMPLAINT, Call, Finish, INPUT, OBJECTION, OUTPUT, Said, Scene, Turn, halves,
};
use crate::support::openai::{DONE, event};
use crate::support::script::Script;
use crate::support::upstream::Seen;

/// `OpenAI`, or somebody who speaks like it.
pub(crate) struct OpenAi {
    name: &'static str,
    kind: &'static str,
    model: &'static str,
    thinker: &'static str,
}

/// Its models differ: older ones refuse to be told how hard to think.
pub(crate) const OPENAI: OpenAi = OpenAi {
    name: "openai",
    kind: "openai",
    model: "gpt-4.1",
    thinker: "gpt-5",
};

/// Nothing is known of its server.
pub(crate) const GENERIC: OpenAi = OpenAi {
    name: "generic",
    kind: "openai-compatible",
    model: "upstream-name",
    thinker: "upstream-name",
};

impl Vendor for OpenAi {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn base_path(&self) -> &'static str {
        "/v1"
    }

    fn is_native_to(&self, caller: &str) -> bool {
        self.kind == "openai" && caller == "responses"
    }

    fn model(&self, scene: Scene) -> &'static str {
        if scene == Scene::Reasoning {
            self.thinker
        } else {
            self.model
        }
    }

    fn answer(&self, scene: Scene, is_stream: bool, is_text: bool) -> Option<Script> {
        let said = scene.said();
        let error = json!({"error": {"message": COMPLAINT, "type": "server_error", "param": null, "code": "overloaded"}});
        let objection = json!({"error": {"message": OBJECTION, "type": "invalid_request_error", "param": null, "code": null}});
        Some(match (scene, is_stream) {
            (Scene::BadRequest, _) => Script::json("400 Bad Request", &objection),
            (Scene::EarlyError, false) => Script::json("503 Service Unavailable", &error),
            (Scene::EarlyError, true) => streamed(sse::TYPE, event(&error).as_bytes()),
            (_, false) => whole(scene, &message(&said, is_text)),
            (_, true) => {
                let mut stream = deltas(&said, is_text).concat();
                if scene == Scene::LateError {
                    stream.push_str(&event(&error));
                } else {
                    stream.push_str(&end(&said, is_text));
                }
                streamed(sse::TYPE, stream.as_bytes())
            }
        })
    }

    fn told(&self, seen: &Seen, is_stream: bool, is_text: bool) -> Told {
        let body = seen.json();
        let mut told = Told::default();
        let path = if is_text {
            "/v1/completions"
        } else {
            "/v1/chat/completions"
        };
        told.expect(seen.path() == path, || format!("path {}", seen.path()));
        let asks_usage = body["stream_options"]["include_usage"] == true;
        told.expect(asks_usage == is_stream, || {
            format!("include_usage {asks_usage}")
        });
        told.is_stream = body["stream"] == true;
        told.limit = body["max_completion_tokens"]
            .as_u64()
            .or(body["max_tokens"].as_u64());
        told.thinks = !body["reasoning_effort"].is_null();
        let schema = &body["response_format"]["json_schema"]["schema"];
        told.schema = (!schema.is_null()).then(|| schema.clone());
        told.tools = items(&body["tools"])
            .iter()
            .map(|it| text(&it["function"]["name"]))
            .collect();
        if is_text {
            told.turns.push(Turn::User(text(&body["prompt"])));
        }
        for message in items(&body["messages"]) {
            turns(message, &mut told);
        }
        told
    }
}

fn turns(message: &Value, told: &mut Told) {
    let content = &message["content"];
    match message["role"].as_str() {
        Some("user") => match content.as_str() {
            Some(text) => told.turns.push(Turn::User(text.to_owned())),
            None => told.turns.extend(items(content).iter().map(|part| {
                let url = part["image_url"]["url"].as_str();
                match url.and_then(|it| it.strip_prefix("data:image/png;base64,")) {
                    Some(data) => Turn::Image(data.to_owned()),
                    None => Turn::User(text(&part["text"])),
                }
            })),
        },
        Some("assistant") => {
            if !text(content).is_empty() {
                told.turns.push(Turn::Assistant(text(content)));
            }
            for call in items(&message["tool_calls"]) {
                let arguments = serde_json::from_str(&text(&call["function"]["arguments"]));
                told.turns.push(Turn::Call(Call {
                    id: text(&call["id"]),
                    name: text(&call["function"]["name"]),
                    arguments: arguments.unwrap_or_default(),
                }));
            }
        }
        Some("tool") => {
            let id = text(&message["tool_call_id"]);
            told.turns.push(Turn::Result(id, text(content)));
        }
        other => told.wrong.push(format!("role {other:?}")),
    }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filter => "content_filter",
    }
}

fn usage() -> Value {
    json!({"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED}})
}

fn message(said: &Said, is_text: bool) -> Value {
    let mut choice = json!({"index": 0, "finish_reason": reason(said.finish), "logprobs": null});
    if is_text {
        choice["text"] = json!(said.text);
    } else {
        choice["message"] = json!({"role": "assistant", "content": said.text});
        if !said.reasoning.is_empty() {
            choice["message"]["reasoning_content"] = json!(said.reasoning);
        }
        if !said.calls.is_empty() {
            choice["message"]["content"] = Value::Null;
            choice["message"]["tool_calls"] = said
                .calls
                .iter()
                .map(|it| {
                    json!({
                "id": it.id, "type": "function",
                "function": {"name": it.name, "arguments": it.arguments.to_string()}})
                })
                .collect();
        }
    }
    let object = if is_text {
        "text_completion"
    } else {
        "chat.completion"
    };
    json!({"id": "c-1", "object": object, "created": 1, "model": "m", "choices": [choice], "usage": usage()})
}

fn deltas(said: &Said, is_text: bool) -> Vec<String> {
    if is_text {
        let texts = halves(said.text).into_iter();
        return texts
            .map(|it| {
                chunk(
                    &json!({"index": 0, "text": it, "finish_reason": null}),
                    true,
                )
            })
            .collect();
    }
    let delta = |it: Value| {
        chunk(
            &json!({"index": 0, "delta": it, "finish_reason": null}),
            false,
        )
    };
    let mut all = vec![delta(json!({"role": "assistant", "content": ""}))];
    all.extend(
        halves(said.reasoning)
            .into_iter()
            .map(|it| delta(json!({"reasoning_content": it}))),
    );
    all.extend(
        halves(said.text)
            .into_iter()
            .map(|it| delta(json!({"content": it}))),
    );
    for (index, call) in said.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let start =
            json!({"index": index, "id": call.id, "type": "function", "function": function});
        all.push(delta(json!({"tool_calls": [start]})));
        for piece in halves(&call.arguments.to_string()) {
            let more = json!({"index": index, "function": {"arguments": piece}});
            all.push(delta(json!({"tool_calls": [more]})));
        }
    }
    all
}

fn chunk(choice: &Value, is_text: bool) -> String {
    let object = if is_text {
        "text_completion"
    } else {
        "chat.completion.chunk"
    };
    event(&json!({"id": "c-1", "object": object, "created": 1, "model": "m", "choices": [choice]}))
}

fn end(said: &Said, is_text: bool) -> String {
    let mut choice = json!({"index": 0, "finish_reason": reason(said.finish)});
    choice[if is_text { "text" } else { "delta" }] = if is_text { json!("") } else { json!({}) };
    let counts = json!({"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage()});
    [chunk(&choice, is_text), event(&counts), DONE.to_owned()].concat()
}
