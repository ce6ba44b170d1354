//! Anthropic's messages.

use serde_json::{Value, json};

use super::{Caller, events, object};
use crate::matrix::heard::{Heard, Usage, items, text};
use crate::matrix::scene::{Finish, Scene, Turn};
use crate::support::client::{Request, Response};

pub(crate) struct Messages;

impl Caller for Messages {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn ask(&self, scene: Scene, model: &str, is_stream: bool) -> Option<Request> {
        let mut body = json!({"model": model, "messages": history(&scene.turns()), "max_tokens": scene.limit(), "stream": is_stream});
        let tools = scene.tools();
        if !tools.is_empty() {
            body["tools"] = tools
                .iter()
                .map(|(name, schema)| json!({"name": name, "input_schema": schema}))
                .collect();
        }
        if let Some(schema) = scene.schema() {
            body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
        }
        if scene == Scene::Reasoning {
            body["thinking"] = json!({"type": "enabled", "budget_tokens": 2_000});
        }
        let request = Request::post("/v1/messages", body.to_string());
        Some(request.header("anthropic-version", "2023-06-01"))
    }

    fn hear(&self, response: &Response, is_stream: bool) -> Heard {
        let mut heard = Heard::default();
        if is_stream {
            stream(response, &mut heard);
        } else {
            let body = object(response, &mut heard);
            heard.expect(
                body["type"] == "message" && body["role"] == "assistant",
                || format!("head {body}"),
            );
            for block in items(&body["content"]) {
                begin(block, &mut heard);
                if block["type"] == "tool_use" {
                    let index = heard.calls.len() - 1;
                    heard.add_arguments(index, &block["input"].to_string());
                }
            }
            heard.finish = finish(&body["stop_reason"]);
            heard.usage = usage(&body["usage"]);
        }
        heard.read_arguments();
        heard
    }

    fn field(&self, scene: Scene) -> &'static str {
        match scene {
            Scene::Schema => "output_config.format",
            Scene::Reasoning => "thinking",
            Scene::Image => "messages",
            _ => "tools",
        }
    }

    fn too_long(&self) -> &'static str {
        "prompt is too long"
    }

    fn error(&self, body: &Value) -> Result<String, String> {
        match body["error"]["message"].as_str() {
            Some(message) if body["type"] == "error" && body["error"]["type"].is_string() => {
                Ok(message.to_owned())
            }
            _ => Err(format!("error envelope {body}")),
        }
    }
}

fn history(turns: &[Turn]) -> Value {
    let mut messages: Vec<Value> = Vec::new();
    for turn in turns {
        let (role, block) = match turn {
            Turn::User(text) => ("user", json!({"type": "text", "text": text})),
            Turn::Image(data) => {
                let source = json!({"type": "base64", "media_type": "image/png", "data": data});
                ("user", json!({"type": "image", "source": source}))
            }
            Turn::Assistant(text) => ("assistant", json!({"type": "text", "text": text})),
            Turn::Call(call) => (
                "assistant",
                json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}),
            ),
            Turn::Result(id, text) => (
                "user",
                json!({"type": "tool_result", "tool_use_id": id, "content": text}),
            ),
        };
        match messages.last_mut() {
            Some(last) if last["role"] == role => {
                let mut blocks = items(&last["content"]).to_vec();
                blocks.push(block);
                last["content"] = blocks.into();
            }
            _ => messages.push(json!({"role": role, "content": [block]})),
        }
    }
    messages.into()
}

fn finish(reason: &Value) -> Option<Finish> {
    match reason.as_str()? {
        "end_turn" => Some(Finish::Stop),
        "max_tokens" => Some(Finish::Length),
        "tool_use" => Some(Finish::Calls),
        "refusal" => Some(Finish::Filter),
        _ => None,
    }
}

/// Here the input is what came from no cache.
fn usage(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage[name].as_u64();
    let cached = count("cache_read_input_tokens").unwrap_or_default();
    let written = count("cache_creation_input_tokens").unwrap_or_default();
    Some(Usage {
        input: count("input_tokens")? + cached + written,
        cached: Some(cached),
        output: count("output_tokens")?,
    })
}

fn begin(block: &Value, heard: &mut Heard) {
    match block["type"].as_str() {
        Some("text") => heard.text.push_str(&text(&block["text"])),
        Some("thinking") => {
            heard.expect(block["signature"].is_string(), || {
                format!("no signature: {block}")
            });
            heard.reasoning.push_str(&text(&block["thinking"]));
        }
        Some("tool_use") => heard.begin_call(&block["id"], &block["name"]),
        // Another vendor's proof, for the history.
        Some("redacted_thinking") => {}
        other => heard.wrong.push(format!("block {other:?}")),
    }
}

fn stream(response: &Response, heard: &mut Heard) {
    let mut open = None;
    let mut counts = Value::Null;
    let mut is_over = false;
    for event in events(response, heard) {
        heard.expect(!is_over, || format!("after the end: {event}"));
        match event["type"].as_str() {
            Some("message_start") => counts = event["message"]["usage"].clone(),
            Some("content_block_start") => {
                heard.expect(open.is_none(), || format!("a block in a block: {event}"));
                open = event["index"].as_u64();
                begin(&event["content_block"], heard);
            }
            Some("content_block_delta") => {
                heard.expect(open == event["index"].as_u64(), || {
                    format!("no such block: {event}")
                });
                delta(&event["delta"], heard);
            }
            Some("content_block_stop") => {
                heard.expect(open == event["index"].as_u64(), || {
                    format!("no such block: {event}")
                });
                open = None;
            }
            Some("message_delta") => {
                for (name, count) in event["usage"].as_object().into_iter().flatten() {
                    counts[name] = count.clone();
                }
                heard.finish = finish(&event["delta"]["stop_reason"]);
                heard.usage = usage(&counts);
            }
            Some("message_stop") => is_over = true,
            Some("error") => {
                heard.error = event["error"]["message"].as_str().map(str::to_owned);
                is_over = true;
            }
            Some("ping") => {}
            other => heard.wrong.push(format!("event {other:?}")),
        }
    }
    heard.expect(is_over, || "no end".to_owned());
    for call in &mut heard.calls {
        // No fragment stands for no arguments.
        if call.arguments == "" {
            call.arguments = json!({});
        }
    }
}

fn delta(delta: &Value, heard: &mut Heard) {
    match delta["type"].as_str() {
        Some("text_delta") => heard.text.push_str(&text(&delta["text"])),
        Some("thinking_delta") => heard.reasoning.push_str(&text(&delta["thinking"])),
        Some("input_json_delta") => {
            let index = heard.calls.len().saturating_sub(1);
            heard.add_arguments(index, &text(&delta["partial_json"]));
        }
        Some("signature_delta") => {}
        other => heard.wrong.push(format!("delta {other:?}")),
    }
}
