//! Anthropic's messages.

use serde_json::{Value, json};

use super::{Vendor, sse, streamed, whole};
use crate::matrix::heard::{Told, items, text};
use crate::matrix::scene::{
    CACHED, COMPLAINT, Call, Finish, INPUT, OBJECTION, OUTPUT, Said, Scene, Turn, halves,
};
use crate::support::script::Script;
use crate::support::upstream::Seen;

pub(crate) struct Anthropic;

impl Vendor for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn kind(&self) -> &'static str {
        "anthropic"
    }

    fn base_path(&self) -> &'static str {
        "/v1"
    }

    fn model(&self, _: Scene) -> &'static str {
        "claude-sonnet-4-5"
    }

    fn answer(&self, scene: Scene, is_stream: bool, _: bool) -> Option<Script> {
        let said = scene.said();
        let failure = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
        let error = failure("overloaded_error", COMPLAINT);
        let objection = failure("invalid_request_error", OBJECTION);
        Some(match (scene, is_stream) {
            (Scene::BadRequest, _) => Script::json("400 Bad Request", &objection),
            (Scene::EarlyError, false) => Script::json("529 Overloaded", &error),
            (Scene::EarlyError, true) => streamed(sse::TYPE, sse::named(&error).as_bytes()),
            (_, false) => whole(scene, &message(&said)),
            (_, true) => {
                let mut events = events(&said, scene);
                if scene == Scene::LateError {
                    events.push(error);
                }
                let stream: String = events.iter().map(sse::named).collect();
                streamed(sse::TYPE, stream.as_bytes())
            }
        })
    }

    fn told(&self, seen: &Seen, _: bool, _: bool) -> Told {
        let body = seen.json();
        let mut told = asked(&body);
        told.expect(seen.path() == "/v1/messages", || {
            format!("path {}", seen.path())
        });
        told.expect(seen.head.get("x-api-key") == Some("sk-upstream"), || {
            "no key".to_owned()
        });
        told.expect(seen.head.get("anthropic-version").is_some(), || {
            "no version".to_owned()
        });
        told.is_stream = body["stream"] == true;
        told
    }
}

/// What a body asks for.
pub(super) fn asked(body: &Value) -> Told {
    let mut told = Told::default();
    told.expect_alternation(&body["messages"]);
    told.limit = body["max_tokens"].as_u64();
    told.thinks = body["thinking"]["type"] == "enabled";
    let schema = &body["output_config"]["format"]["schema"];
    told.schema = (!schema.is_null()).then(|| schema.clone());
    told.tools = items(&body["tools"])
        .iter()
        .map(|it| text(&it["name"]))
        .collect();
    for message in items(&body["messages"]) {
        let is_user = message["role"] == "user";
        if let Some(text) = message["content"].as_str() {
            told.turns.push(words(is_user, text));
        }
        for block in items(&message["content"]) {
            turn(is_user, block, &mut told);
        }
    }
    told
}

fn words(is_user: bool, text: &str) -> Turn {
    if is_user {
        Turn::User(text.to_owned())
    } else {
        Turn::Assistant(text.to_owned())
    }
}

fn turn(is_user: bool, block: &Value, told: &mut Told) {
    let turn = match block["type"].as_str() {
        Some("text") => words(is_user, &text(&block["text"])),
        Some("image") => {
            let kind = &block["source"]["media_type"];
            told.expect(kind == "image/png", || format!("media type {kind}"));
            Turn::Image(text(&block["source"]["data"]))
        }
        Some("tool_use") => Turn::Call(Call {
            id: text(&block["id"]),
            name: text(&block["name"]),
            arguments: block["input"].clone(),
        }),
        Some("tool_result") => {
            let parts = items(&block["content"]).iter().map(|it| text(&it["text"]));
            let text = block["content"]
                .as_str()
                .map_or_else(|| parts.collect(), str::to_owned);
            Turn::Result(
                block["tool_use_id"].as_str().unwrap_or_default().to_owned(),
                text,
            )
        }
        other => return told.wrong.push(format!("block {other:?}")),
    };
    told.turns.push(turn);
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Filter => "refusal",
    }
}

fn envelope(content: &[Value], reason: Option<&str>, output: u64) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": reason, "stop_sequence": null, "usage": {"input_tokens": INPUT - CACHED,
        "cache_read_input_tokens": CACHED, "cache_creation_input_tokens": 0, "output_tokens": output}})
}

pub(super) fn message(said: &Said) -> Value {
    let mut content = Vec::new();
    if !said.reasoning.is_empty() {
        content
            .push(json!({"type": "thinking", "thinking": said.reasoning, "signature": "c2lnbmVk"}));
    }
    if !said.text.is_empty() {
        content.push(json!({"type": "text", "text": said.text}));
    }
    content.extend(said.calls.iter().map(
        |it| json!({"type": "tool_use", "id": it.id, "name": it.name, "input": it.arguments}),
    ));
    envelope(&content, Some(reason(said.finish)), OUTPUT)
}

/// A stream of it; one that fails late ends in the midst.
pub(super) fn events(said: &Said, scene: Scene) -> Vec<Value> {
    let mut events = blocks(said, scene == Scene::LateError);
    if scene != Scene::LateError {
        events.push(
            json!({"type": "message_delta", "usage": {"output_tokens": OUTPUT},
            "delta": {"stop_reason": reason(said.finish), "stop_sequence": null}}),
        );
        events.push(json!({"type": "message_stop"}));
    }
    events
}

fn blocks(said: &Said, is_open: bool) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "message_start", "message": envelope(&[], None, 1)}),
        json!({"type": "ping"}),
    ];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>, is_open: bool| {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        if !is_open {
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
        index += 1;
    };
    if !said.reasoning.is_empty() {
        let pieces = halves(said.reasoning).into_iter();
        let mut deltas: Vec<_> = pieces
            .map(|it| json!({"type": "thinking_delta", "thinking": it}))
            .collect();
        deltas.push(json!({"type": "signature_delta", "signature": "c2lnbmVk"}));
        block(
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            deltas,
            false,
        );
    }
    if !said.text.is_empty() {
        let pieces = halves(said.text).into_iter();
        let deltas = pieces.map(|it| json!({"type": "text_delta", "text": it}));
        block(
            json!({"type": "text", "text": ""}),
            deltas.collect(),
            is_open,
        );
    }
    for call in &said.calls {
        let start = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
        // Claude sends no fragment where there are no arguments.
        let arguments = call.arguments.to_string();
        let pieces = if arguments == "{}" {
            Vec::new()
        } else {
            halves(&arguments)
        };
        let deltas = pieces
            .into_iter()
            .map(|it| json!({"type": "input_json_delta", "partial_json": it}));
        block(start, deltas.collect(), false);
    }
    events
}
