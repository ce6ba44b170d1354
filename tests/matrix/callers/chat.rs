//! `OpenAI`'s chats.

use serde_json::{Value, json};

use super::{Caller, events, object, openai_error};
use crate::matrix::heard::{Heard, Usage, items, text};
use crate::matrix::scene::{Finish, Scene, Turn};
use crate::support::client::{Request, Response};

pub(crate) struct Chat;

impl Caller for Chat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn ask(&self, scene: Scene, model: &str, is_stream: bool) -> Option<Request> {
        let mut body = json!({"model": model, "messages": history(&scene.turns()), "max_completion_tokens": scene.limit()});
        if is_stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": true});
        }
        let tools = scene.tools();
        if !tools.is_empty() {
            body["tools"] = tools.iter().map(|(name, schema)| {
                json!({"type": "function", "function": {"name": name, "parameters": schema}})
            }).collect();
        }
        if let Some(schema) = scene.schema() {
            let schema = json!({"name": "answer", "schema": schema, "strict": true});
            body["response_format"] = json!({"type": "json_schema", "json_schema": schema});
        }
        if scene == Scene::Reasoning {
            body["reasoning_effort"] = json!("low");
        }
        Some(Request::chat(&body))
    }

    fn hear(&self, response: &Response, is_stream: bool) -> Heard {
        let mut heard = Heard::default();
        if is_stream {
            stream(response, &mut heard);
        } else {
            let body = object(response, &mut heard);
            whole(&body, &mut heard);
        }
        heard.read_arguments();
        heard
    }

    fn field(&self, scene: Scene) -> &'static str {
        match scene {
            Scene::Schema => "response_format",
            Scene::Reasoning => "reasoning_effort",
            Scene::Image => "messages[0].content",
            _ => "tools",
        }
    }

    fn error(&self, body: &Value) -> Result<String, String> {
        openai_error(body)
    }
}

fn history(turns: &[Turn]) -> Value {
    let mut messages: Vec<Value> = Vec::new();
    for turn in turns {
        let last = messages.last_mut();
        match (turn, last) {
            (Turn::User(text), _) => messages.push(json!({"role": "user", "content": text})),
            (Turn::Image(data), Some(last)) => {
                let url = format!("data:image/png;base64,{data}");
                let words = json!({"type": "text", "text": last["content"]});
                last["content"] = json!([words, {"type": "image_url", "image_url": {"url": url}}]);
            }
            (Turn::Assistant(text), _) => {
                messages.push(json!({"role": "assistant", "content": text}));
            }
            (Turn::Call(call), last) => {
                let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
                let call = json!({"id": call.id, "type": "function", "function": function});
                match last {
                    Some(last) if last["role"] == "assistant" => {
                        let mut calls = items(&last["tool_calls"]).to_vec();
                        calls.push(call);
                        last["tool_calls"] = calls.into();
                    }
                    _ => messages
                        .push(json!({"role": "assistant", "content": null, "tool_calls": [call]})),
                }
            }
            (Turn::Result(id, text), _) => {
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
            }
            (Turn::Image(_), None) => {}
        }
    }
    messages.into()
}

fn finish(reason: &Value) -> Option<Finish> {
    match reason.as_str()? {
        "stop" => Some(Finish::Stop),
        "length" => Some(Finish::Length),
        "tool_calls" => Some(Finish::Calls),
        "content_filter" => Some(Finish::Filter),
        _ => None,
    }
}

fn usage(body: &Value, heard: &mut Heard) {
    let usage = &body["usage"];
    if let Some(input) = usage["prompt_tokens"].as_u64() {
        let output = usage["completion_tokens"].as_u64().unwrap_or_default();
        heard.expect(usage["total_tokens"] == input + output, || {
            format!("usage {usage}")
        });
        let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
        heard.usage = Some(Usage {
            input,
            cached: Some(cached.unwrap_or_default()),
            output,
        });
    }
}

fn whole(body: &Value, heard: &mut Heard) {
    heard.expect(body["object"] == "chat.completion", || {
        format!("object {}", body["object"])
    });
    heard.expect(body["id"].is_string() && body["created"].is_u64(), || {
        format!("head {body}")
    });
    let choice = &body["choices"][0];
    let message = &choice["message"];
    heard.expect(message["role"] == "assistant", || {
        format!("role {}", message["role"])
    });
    heard.text = text(&message["content"]);
    heard.reasoning = text(&message["reasoning_content"]);
    for (index, call) in items(&message["tool_calls"]).iter().enumerate() {
        heard.expect(call["type"] == "function", || format!("call {call}"));
        heard.begin_call(&call["id"], &call["function"]["name"]);
        heard.add_arguments(index, &text(&call["function"]["arguments"]));
    }
    heard.finish = finish(&choice["finish_reason"]);
    usage(body, heard);
}

fn stream(response: &Response, heard: &mut Heard) {
    let mut events = events(response, heard);
    if let Some(error) = events.last().filter(|it| it["error"].is_object()) {
        match openai_error(error) {
            Ok(message) => heard.error = Some(message),
            Err(wrong) => heard.wrong.push(wrong),
        }
    }
    let is_done = events.last().is_some_and(|it| it == "[DONE]");
    let has_end = is_done || heard.error.is_some();
    heard.expect(has_end, || "no [DONE]".to_owned());
    events.pop();
    let id = events.first().map(|it| it["id"].clone());
    for event in &events {
        heard.expect(event["object"] == "chat.completion.chunk", || {
            format!("object {event}")
        });
        heard.expect(Some(&event["id"]) == id.as_ref(), || {
            format!("another id {event}")
        });
        usage(event, heard);
        for choice in items(&event["choices"]) {
            let delta = &choice["delta"];
            heard.text.push_str(&text(&delta["content"]));
            heard.reasoning.push_str(&text(&delta["reasoning_content"]));
            for call in items(&delta["tool_calls"]) {
                let index = call["index"]
                    .as_u64()
                    .and_then(|it| usize::try_from(it).ok());
                let index = index.unwrap_or(usize::MAX);
                if index == heard.calls.len() {
                    heard.expect(call["type"] == "function", || format!("call {call}"));
                    heard.begin_call(&call["id"], &call["function"]["name"]);
                }
                heard.add_arguments(index, &text(&call["function"]["arguments"]));
            }
            heard.finish = finish(&choice["finish_reason"]).or(heard.finish);
        }
    }
}
