//! `OpenAI`'s Responses: other callers' chats are put into it, its own callers' are relayed.

use serde_json::{Value, json};

use super::{Vendor, sse, streamed, whole};
use crate::matrix::heard::{Told, items, text};
use crate::matrix::scene::{
    CACHED, COMPLAINT, Call, Finish, INPUT, OBJECTION, OUTPUT, Said, Scene, Turn, halves,
};
use crate::support::script::Script;
use crate::support::upstream::Seen;

pub(crate) struct Responses;

impl Vendor for Responses {
    fn name(&self) -> &'static str {
        "responses"
    }

    fn kind(&self) -> &'static str {
        "openai"
    }

    fn base_path(&self) -> &'static str {
        "/v1"
    }

    fn model(&self, _: Scene) -> &'static str {
        "gpt-5-pro"
    }

    fn answer(&self, scene: Scene, is_stream: bool, _: bool) -> Option<Script> {
        let said = scene.said();
        let error = json!({"type": "error", "code": "server_is_overloaded", "message": COMPLAINT, "param": null});
        let objection = json!({"error": {"message": OBJECTION, "type": "invalid_request_error", "param": null, "code": null}});
        Some(match (scene, is_stream) {
            (Scene::BadRequest, _) => Script::json("400 Bad Request", &objection),
            (Scene::EarlyError, false) => {
                Script::json("503 Service Unavailable", &json!({"error": error}))
            }
            (Scene::EarlyError, true) => streamed(sse::TYPE, sse::named(&error).as_bytes()),
            (_, false) => whole(scene, &response(&said, &output(&said))),
            (_, true) => {
                let mut events = events(&said, scene == Scene::LateError);
                for (number, event) in events.iter_mut().enumerate() {
                    event["sequence_number"] = json!(number);
                }
                let stream: String = events.iter().map(sse::named).collect();
                streamed(sse::TYPE, stream.as_bytes())
            }
        })
    }

    fn told(&self, seen: &Seen, _: bool, _: bool) -> Told {
        let body = seen.json();
        let mut told = Told::default();
        told.expect(seen.path() == "/v1/responses", || {
            format!("path {}", seen.path())
        });
        told.expect(body["store"] == false, || {
            format!("store {}", body["store"])
        });
        told.is_stream = body["stream"] == true;
        told.limit = body["max_output_tokens"].as_u64();
        told.thinks = !body["reasoning"]["effort"].is_null();
        let schema = &body["text"]["format"]["schema"];
        told.schema = (!schema.is_null()).then(|| schema.clone());
        told.tools = items(&body["tools"])
            .iter()
            .map(|it| text(&it["name"]))
            .collect();
        for item in items(&body["input"]) {
            turns(item, &mut told);
        }
        told
    }
}

fn turns(item: &Value, told: &mut Told) {
    match item["type"].as_str() {
        Some("message") => {
            let content = &item["content"];
            if let Some(text) = content.as_str() {
                told.turns.push(Turn::User(text.to_owned()));
            }
            for part in items(content) {
                let url = part["image_url"].as_str();
                let data = url.and_then(|it| it.strip_prefix("data:image/png;base64,"));
                told.turns.push(match (part["type"].as_str(), data) {
                    (_, Some(data)) => Turn::Image(data.to_owned()),
                    (Some("output_text"), _) => Turn::Assistant(text(&part["text"])),
                    _ => Turn::User(text(&part["text"])),
                });
            }
        }
        Some("function_call") => told.turns.push(Turn::Call(Call {
            id: text(&item["call_id"]),
            name: text(&item["name"]),
            arguments: serde_json::from_str(&text(&item["arguments"])).unwrap_or_default(),
        })),
        Some("function_call_output") => {
            let id = text(&item["call_id"]);
            told.turns.push(Turn::Result(id, text(&item["output"])));
        }
        other => told.wrong.push(format!("item {other:?}")),
    }
}

/// The items of an answer.
fn output(said: &Said) -> Vec<Value> {
    let mut output = Vec::new();
    if !said.reasoning.is_empty() {
        let summary = json!([{"type": "summary_text", "text": said.reasoning}]);
        output.push(
            json!({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"}),
        );
    }
    if !said.text.is_empty() {
        let part =
            json!({"type": "output_text", "text": said.text, "annotations": [], "logprobs": []});
        output.push(
            json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [part]}),
        );
    }
    output.extend(said.calls.iter().map(|it| {
        json!({"type": "function_call", "id": format!("fc_{}", it.id), "call_id": it.id, "name": it.name,
            "arguments": it.arguments.to_string(), "status": "completed"})
    }));
    output
}

fn response(said: &Said, output: &[Value]) -> Value {
    let why = match said.finish {
        Finish::Stop | Finish::Calls => None,
        Finish::Length => Some("max_output_tokens"),
        Finish::Filter => Some("content_filter"),
    };
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": null, "output": output,
        "status": if why.is_some() { "incomplete" } else { "completed" },
        "incomplete_details": why.map(|it| json!({"reason": it})),
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": {"input_tokens": INPUT, "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
            "output_tokens": OUTPUT, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT + OUTPUT},
    })
}

fn events(said: &Said, breaks_off: bool) -> Vec<Value> {
    let begun =
        json!({"id": "resp_1", "object": "response", "status": "in_progress", "output": []});
    let mut events = vec![json!({"type": "response.created", "response": begun})];
    let output = output(said);
    for (index, item) in output.iter().enumerate() {
        let id = &item["id"];
        let mut empty = item.clone();
        let (delta, done, pieces) = match item["type"].as_str() {
            Some("reasoning") => {
                empty["summary"] = json!([]);
                let kind = "response.reasoning_summary_text";
                (
                    kind,
                    json!({"text": said.reasoning, "summary_index": 0}),
                    said.reasoning.to_owned(),
                )
            }
            Some("message") => {
                empty["content"] = json!([]);
                let kind = "response.output_text";
                (
                    kind,
                    json!({"text": said.text, "content_index": 0, "logprobs": []}),
                    said.text.to_owned(),
                )
            }
            _ => {
                let arguments = text(&item["arguments"]);
                empty["arguments"] = json!("");
                let kind = "response.function_call_arguments";
                (kind, json!({"arguments": arguments}), arguments)
            }
        };
        events.push(
            json!({"type": "response.output_item.added", "output_index": index, "item": empty}),
        );
        events.extend(halves(&pieces).into_iter().map(|piece| {
            json!({"type": format!("{delta}.delta"), "item_id": id, "output_index": index, "content_index": 0,
                "summary_index": 0, "delta": piece, "logprobs": []})
        }));
        if breaks_off {
            let error = json!({"code": "server_error", "message": COMPLAINT});
            let failed = json!({"id": "resp_1", "object": "response", "status": "failed", "error": error, "output": []});
            events.push(json!({"type": "response.failed", "response": failed}));
            return events;
        }
        let mut end = done;
        end["type"] = json!(format!("{delta}.done"));
        end["item_id"] = id.clone();
        end["output_index"] = json!(index);
        if item["type"] == "function_call" {
            end["name"] = item["name"].clone();
        }
        events.push(end);
        events.push(
            json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        );
    }
    let response = response(said, &output);
    let kind = response["status"].as_str().unwrap_or_default();
    events.push(json!({"type": format!("response.{kind}"), "response": response}));
    events
}
