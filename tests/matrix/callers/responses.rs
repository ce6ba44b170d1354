//! `OpenAI`'s responses.

use serde_json::{Value, json};

use super::{Caller, events, object, openai_error};
use crate::matrix::heard::{Heard, Usage, items, text};
use crate::matrix::scene::{Finish, Scene, Turn};
use crate::support::client::{Request, Response};

pub(crate) struct Responses;

impl Caller for Responses {
    fn name(&self) -> &'static str {
        "responses"
    }

    fn ask(&self, scene: Scene, model: &str, is_stream: bool) -> Option<Request> {
        let mut body = json!({"model": model, "input": history(&scene.turns()), "max_output_tokens": scene.limit(),
            "stream": is_stream, "store": false});
        let tools = scene.tools();
        if !tools.is_empty() {
            body["tools"] = tools.iter().map(|(name, schema)| {
                json!({"type": "function", "name": name, "parameters": schema, "strict": false})
            }).collect();
        }
        if let Some(schema) = scene.schema() {
            body["text"] = json!({"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": true}});
        }
        if scene == Scene::Reasoning {
            body["reasoning"] = json!({"effort": "low", "summary": "auto"});
        }
        Some(Request::post("/v1/responses", body.to_string()))
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
            Scene::Schema => "text.format",
            Scene::Reasoning => "reasoning.effort",
            Scene::Image => "input",
            _ => "tools",
        }
    }

    fn error(&self, body: &Value) -> Result<String, String> {
        openai_error(body)
    }
}

fn history(turns: &[Turn]) -> Value {
    let mut input: Vec<Value> = Vec::new();
    for turn in turns {
        let said = |role: &str, kind: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]});
        match turn {
            Turn::User(text) => input.push(said("user", "input_text", text)),
            Turn::Image(data) => {
                let url = format!("data:image/png;base64,{data}");
                let part = json!({"type": "input_image", "image_url": url, "detail": "auto"});
                input.push(json!({"type": "message", "role": "user", "content": [part]}));
            }
            Turn::Assistant(text) => input.push(said("assistant", "output_text", text)),
            Turn::Call(call) => input.push(
                json!({"type": "function_call", "call_id": call.id, "name": call.name,
                "arguments": call.arguments.to_string()}),
            ),
            Turn::Result(id, text) => {
                input.push(json!({"type": "function_call_output", "call_id": id, "output": text}));
            }
        }
    }
    input.into()
}

fn whole(body: &Value, heard: &mut Heard) {
    heard.expect(
        body["object"] == "response" && body["id"].is_string(),
        || format!("head {body}"),
    );
    for item in items(&body["output"]) {
        match item["type"].as_str() {
            Some("message") => {
                for part in items(&item["content"]) {
                    heard.text.push_str(&text(&part["text"]));
                    heard.text.push_str(&text(&part["refusal"]));
                }
            }
            Some("reasoning") => {
                for part in items(&item["summary"]) {
                    heard.reasoning.push_str(&text(&part["text"]));
                }
            }
            Some("function_call") => {
                heard.begin_call(&item["call_id"], &item["name"]);
                let index = heard.calls.len() - 1;
                heard.add_arguments(index, &text(&item["arguments"]));
            }
            other => heard.wrong.push(format!("item {other:?}")),
        }
    }
    heard.finish = match (
        body["status"].as_str(),
        body["incomplete_details"]["reason"].as_str(),
    ) {
        (Some("completed"), None) if heard.calls.is_empty() => Some(Finish::Stop),
        (Some("completed"), None) => Some(Finish::Calls),
        (Some("incomplete"), Some("max_output_tokens")) => Some(Finish::Length),
        (Some("incomplete"), Some("content_filter")) => Some(Finish::Filter),
        _ => None,
    };
    let usage = &body["usage"];
    if let Some(input) = usage["input_tokens"].as_u64() {
        let output = usage["output_tokens"].as_u64().unwrap_or_default();
        heard.expect(usage["total_tokens"] == input + output, || {
            format!("usage {usage}")
        });
        heard.usage = Some(Usage {
            input,
            cached: usage["input_tokens_details"]["cached_tokens"].as_u64(),
            output,
        });
    }
}

/// The deltas must say what the last event says.
fn stream(response: &Response, heard: &mut Heard) {
    let mut deltas = Heard::default();
    let mut arguments = std::collections::BTreeMap::<u64, String>::new();
    let mut is_over = false;
    for (number, event) in events(response, heard).into_iter().enumerate() {
        heard.expect(!is_over, || format!("after the end: {event}"));
        heard.expect(event["sequence_number"] == number, || {
            format!("event {number} is {event}")
        });
        let delta = text(&event["delta"]);
        match event["type"].as_str() {
            Some("response.output_text.delta" | "response.refusal.delta") => {
                deltas.text.push_str(&delta);
            }
            Some("response.reasoning_summary_text.delta") => deltas.reasoning.push_str(&delta),
            Some("response.function_call_arguments.delta") => {
                let index = event["output_index"].as_u64().unwrap_or_default();
                arguments.entry(index).or_default().push_str(&delta);
            }
            Some("response.function_call_arguments.done") => {
                heard.expect(event["name"].is_string(), || format!("no name: {event}"));
            }
            Some("response.completed" | "response.incomplete") => {
                is_over = true;
                whole(&event["response"], heard);
            }
            Some("response.failed") => {
                is_over = true;
                let error = &event["response"]["error"];
                heard.expect(error["code"].is_string(), || format!("error {error}"));
                heard.error = error["message"].as_str().map(str::to_owned);
            }
            Some("error") => {
                is_over = true;
                heard.error = event["message"].as_str().map(str::to_owned);
            }
            Some(_) => {}
            None => heard.wrong.push(format!("event {event}")),
        }
    }
    heard.expect(is_over, || "no end".to_owned());
    if heard.error.is_some() {
        heard.text = deltas.text;
        return;
    }
    let is_same = heard.text == deltas.text && heard.reasoning == deltas.reasoning;
    heard.expect(is_same, || {
        format!("the deltas say {:?} {:?}", deltas.reasoning, deltas.text)
    });
    let told: Vec<_> = heard.calls.iter().map(|it| text(&it.arguments)).collect();
    let is_same = arguments.values().eq(told.iter());
    heard.expect(is_same, || {
        format!("the deltas say {arguments:?}, not {told:?}")
    });
}
