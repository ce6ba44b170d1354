//! Amazon's Converse, streamed in binary frames.

use serde_json::{Value, json};

use super::{Vendor, streamed, whole};
use crate::matrix::heard::{Told, items, text};
use crate::matrix::scene::{
    CACHED, COMPLAINT, Call, Finish, INPUT, OBJECTION, OUTPUT, Said, Scene, Turn, halves,
};
use crate::support::script::Script;
use crate::support::upstream::Seen;

pub(crate) const TYPE: &str = "application/vnd.amazon.eventstream";

pub(super) const MODEL: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

pub(crate) struct Bedrock;

impl Vendor for Bedrock {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn kind(&self) -> &'static str {
        "bedrock"
    }

    fn base_path(&self) -> &'static str {
        ""
    }

    fn model(&self, _: Scene) -> &'static str {
        MODEL
    }

    /// A Claude is relayed to, see `invoke`.
    fn is_native_to(&self, caller: &str) -> bool {
        caller == "messages"
    }

    fn answer(&self, scene: Scene, is_stream: bool, _: bool) -> Option<Script> {
        let said = scene.said();
        Some(match (scene, is_stream) {
            (Scene::BadRequest, _) => refusal("400 Bad Request", "ValidationException", OBJECTION),
            (Scene::EarlyError, false) => refusal(
                "503 Service Unavailable",
                "ServiceUnavailableException",
                COMPLAINT,
            ),
            (Scene::EarlyError, true) => streamed(TYPE, &exception()),
            (_, false) => whole(scene, &message(&said)),
            (_, true) => {
                let events = blocks(&said, scene == Scene::LateError);
                let mut stream: Vec<u8> = events
                    .iter()
                    .flat_map(|(kind, it)| frame("event", kind, it))
                    .collect();
                if scene == Scene::LateError {
                    stream.extend(exception());
                }
                streamed(TYPE, &stream)
            }
        })
    }

    fn told(&self, seen: &Seen, is_stream: bool, _: bool) -> Told {
        let body = seen.json();
        let mut told = Told::default();
        let verb = if is_stream {
            "converse-stream"
        } else {
            "converse"
        };
        let path = format!("/model/{}/{verb}", MODEL.replace(':', "%3A"));
        told.expect(seen.path() == path, || format!("path {}", seen.path()));
        told.expect(
            seen.head.get("authorization") == Some("Bearer sk-upstream"),
            || "no key".to_owned(),
        );
        told.expect_alternation(&body["messages"]);
        told.is_stream = is_stream;
        told.limit = body["inferenceConfig"]["maxTokens"].as_u64();
        told.thinks = body["additionalModelRequestFields"]["thinking"]["type"] == "enabled";
        let schema = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"];
        told.schema = schema.as_str().and_then(|it| serde_json::from_str(it).ok());
        let tools = items(&body["toolConfig"]["tools"])
            .iter()
            .filter_map(|it| it["toolSpec"]["name"].as_str());
        told.tools = tools.map(str::to_owned).collect();
        for message in items(&body["messages"]) {
            let is_user = message["role"] == "user";
            for block in items(&message["content"]) {
                turn(is_user, block, &mut told);
            }
        }
        told
    }
}

fn refusal(status: &str, kind: &str, message: &str) -> Script {
    let kind = format!("{kind}:http://internal.amazon.com/coral/");
    let headers = [
        ("x-amzn-errortype", kind.as_str()),
        ("content-type", "application/json"),
    ];
    let body = json!({"message": message});
    Script::answer(status, &headers, body.to_string())
}

fn turn(is_user: bool, block: &Value, told: &mut Told) {
    let (call, result) = (&block["toolUse"], &block["toolResult"]);
    let turn = if let Some(text) = block["text"].as_str() {
        if is_user {
            Turn::User(text.to_owned())
        } else {
            Turn::Assistant(text.to_owned())
        }
    } else if block["image"].is_object() {
        let format = &block["image"]["format"];
        told.expect(format == "png", || format!("format {format}"));
        Turn::Image(text(&block["image"]["source"]["bytes"]))
    } else if call.is_object() {
        Turn::Call(Call {
            id: text(&call["toolUseId"]),
            name: text(&call["name"]),
            arguments: call["input"].clone(),
        })
    } else if result.is_object() {
        let said = items(&result["content"])
            .iter()
            .map(|it| text(&it["text"]))
            .collect();
        Turn::Result(text(&result["toolUseId"]), said)
    } else {
        return told.wrong.push(format!("block {block}"));
    };
    told.turns.push(turn);
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Filter => "content_filtered",
    }
}

fn usage() -> Value {
    json!({"inputTokens": INPUT - CACHED, "outputTokens": OUTPUT, "totalTokens": INPUT + OUTPUT,
        "cacheReadInputTokens": CACHED, "cacheWriteInputTokens": 0})
}

fn message(said: &Said) -> Value {
    let mut content = Vec::new();
    if !said.reasoning.is_empty() {
        content.push(json!({"reasoningContent": {"reasoningText": {"text": said.reasoning, "signature": "c2lnbmVk"}}}));
    }
    if !said.text.is_empty() {
        content.push(json!({"text": said.text}));
    }
    content.extend(said.calls.iter().map(
        |it| json!({"toolUse": {"toolUseId": it.id, "name": it.name, "input": it.arguments}}),
    ));
    json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason(said.finish),
        "usage": usage(), "metrics": {"latencyMs": 9}})
}

fn blocks(said: &Said, is_open: bool) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    let mut index = 0;
    let mut block = |start: Option<Value>, deltas: Vec<Value>| {
        let start = start.map(|it| {
            (
                "contentBlockStart",
                json!({"contentBlockIndex": index, "start": it}),
            )
        });
        events.extend(start);
        events.extend(deltas.into_iter().map(|it| {
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": index, "delta": it}),
            )
        }));
        if !is_open {
            events.push(("contentBlockStop", json!({"contentBlockIndex": index})));
        }
        index += 1;
    };
    if !said.reasoning.is_empty() {
        let pieces = halves(said.reasoning).into_iter();
        let mut deltas: Vec<_> = pieces
            .map(|it| json!({"reasoningContent": {"text": it}}))
            .collect();
        deltas.push(json!({"reasoningContent": {"signature": "c2lnbmVk"}}));
        block(None, deltas);
    }
    if !said.text.is_empty() {
        block(
            None,
            halves(said.text)
                .into_iter()
                .map(|it| json!({"text": it}))
                .collect(),
        );
    }
    for call in &said.calls {
        let start = json!({"toolUse": {"toolUseId": call.id, "name": call.name}});
        let arguments = call.arguments.to_string();
        let pieces = if arguments == "{}" {
            vec![""]
        } else {
            halves(&arguments)
        };
        block(
            Some(start),
            pieces
                .into_iter()
                .map(|it| json!({"toolUse": {"input": it}}))
                .collect(),
        );
    }
    if !is_open {
        events.push(("messageStop", json!({"stopReason": reason(said.finish)})));
        events.push((
            "metadata",
            json!({"usage": usage(), "metrics": {"latencyMs": 9}}),
        ));
    }
    events
}

/// What Amazon says when a model cannot go on.
pub(super) fn exception() -> Vec<u8> {
    let error = json!({"message": COMPLAINT});
    frame("exception", "serviceUnavailableException", &error)
}

/// A frame: lengths, checksum, headers, payload, checksum.
pub(crate) fn frame(message: &str, kind: &str, payload: &Value) -> Vec<u8> {
    let name = if message == "event" {
        ":event-type"
    } else {
        ":exception-type"
    };
    let mut headers = Vec::new();
    for (name, value) in [
        (":message-type", message),
        (name, kind),
        (":content-type", "application/json"),
    ] {
        headers.push(u8::try_from(name.len()).expect("a short name"));
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(
            &u16::try_from(value.len())
                .expect("a short value")
                .to_be_bytes(),
        );
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = payload.to_string();
    let length = |it: usize| u32::try_from(it).expect("a short frame").to_be_bytes();
    let mut frame = Vec::new();
    frame.extend(length(16 + headers.len() + payload.len()));
    frame.extend(length(headers.len()));
    frame.extend(checksum(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend(checksum(&frame).to_be_bytes());
    frame
}

/// CRC-32 as in IEEE 802.3, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
        })
    })
}
