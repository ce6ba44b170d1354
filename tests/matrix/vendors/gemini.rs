//! Google's Gemini. Its calls come whole, and in one scene without ids, as older versions send them.

use serde_json::{Value, json};

use super::{Vendor, sse, streamed, whole};
use crate::matrix::heard::{Told, items, text};
use crate::matrix::scene::{
    CACHED, COMPLAINT, Call, Finish, INPUT, OBJECTION, OUTPUT, Said, Scene, Turn, halves,
};
use crate::support::openai::event;
use crate::support::script::Script;
use crate::support::upstream::Seen;

/// Tokens of the output that were thoughts; Google counts them apart.
const THOUGHTS: u64 = 5;

const MODEL: &str = "gemini-3-pro-preview";

pub(crate) struct Gemini;

impl Vendor for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn kind(&self) -> &'static str {
        "gemini"
    }

    fn base_path(&self) -> &'static str {
        "/v1beta"
    }

    fn model(&self, _: Scene) -> &'static str {
        MODEL
    }

    fn gives_ids(&self, scene: Scene) -> bool {
        scene != Scene::Calls
    }

    fn answer(&self, scene: Scene, is_stream: bool, _: bool) -> Option<Script> {
        let said = scene.said();
        let error = json!({"error": {"code": 503, "message": COMPLAINT, "status": "UNAVAILABLE"}});
        let objection =
            json!({"error": {"code": 400, "message": OBJECTION, "status": "INVALID_ARGUMENT"}});
        let calls = calls(&said, self.gives_ids(scene));
        Some(match (scene, is_stream) {
            (Scene::BadRequest, _) => Script::json("400 Bad Request", &objection),
            (Scene::EarlyError, false) => Script::json("503 Service Unavailable", &error),
            (Scene::EarlyError, true) => streamed(sse::TYPE, event(&error).as_bytes()),
            (_, false) => {
                let mut parts = texts(&said, |it| vec![it]);
                parts.extend(calls);
                whole(scene, &chunk(&parts, Some(said.finish)))
            }
            (_, true) => {
                let mut chunks: Vec<Value> = texts(&said, halves)
                    .into_iter()
                    .map(|it| chunk(&[it], None))
                    .collect();
                if scene == Scene::LateError {
                    chunks.push(error);
                } else {
                    let last = if calls.is_empty() {
                        vec![json!({"text": ""})]
                    } else {
                        calls
                    };
                    chunks.push(chunk(&last, Some(said.finish)));
                }
                let stream: String = chunks
                    .iter()
                    .map(|it| ["data: ", &it.to_string(), "\r\n\r\n"].concat())
                    .collect();
                streamed(sse::TYPE, stream.as_bytes())
            }
        })
    }

    fn told(&self, seen: &Seen, is_stream: bool, _: bool) -> Told {
        let body = seen.json();
        let mut told = Told::default();
        let verb = if is_stream {
            "streamGenerateContent?alt=sse"
        } else {
            "generateContent"
        };
        let path = format!("/v1beta/models/{MODEL}:{verb}");
        told.expect(seen.path() == path, || format!("path {}", seen.path()));
        told.expect(
            seen.head.get("x-goog-api-key") == Some("sk-upstream"),
            || "no key".to_owned(),
        );
        told.expect_alternation(&body["contents"]);
        told.is_stream = is_stream;
        let config = &body["generationConfig"];
        told.limit = config["maxOutputTokens"].as_u64();
        told.thinks = config["thinkingConfig"]["includeThoughts"] == true;
        let schema = &config["responseJsonSchema"];
        told.schema = schema.is_object().then(|| {
            let mut schema = schema.clone();
            // Here the schema's name has no other place.
            schema.as_object_mut().and_then(|it| it.remove("title"));
            schema
        });
        let tools = items(&body["tools"])
            .iter()
            .flat_map(|it| items(&it["functionDeclarations"]));
        told.tools = tools.map(|it| text(&it["name"])).collect();
        for content in items(&body["contents"]) {
            let is_user = content["role"] == "user";
            for part in items(&content["parts"]) {
                turn(is_user, part, &mut told);
            }
        }
        told
    }
}

fn turn(is_user: bool, part: &Value, told: &mut Told) {
    let (call, result) = (&part["functionCall"], &part["functionResponse"]);
    let of = |it: &Value| {
        it["id"]
            .as_str()
            .map_or_else(|| text(&it["name"]), str::to_owned)
    };
    let turn = if let Some(text) = part["text"].as_str() {
        if is_user {
            Turn::User(text.to_owned())
        } else {
            Turn::Assistant(text.to_owned())
        }
    } else if let Some(data) = part["inlineData"]["data"].as_str() {
        let kind = &part["inlineData"]["mimeType"];
        told.expect(kind == "image/png", || format!("media type {kind}"));
        Turn::Image(data.to_owned())
    } else if call.is_object() {
        let arguments = if call["args"].is_null() {
            json!({})
        } else {
            call["args"].clone()
        };
        Turn::Call(Call {
            id: of(call),
            name: text(&call["name"]),
            arguments,
        })
    } else if result.is_object() {
        let said = result["response"]
            .as_object()
            .and_then(|it| it.values().next());
        let said = said.map_or_else(String::new, |it| {
            it.as_str().map_or_else(|| it.to_string(), str::to_owned)
        });
        // A result that is JSON may be an object of its own.
        let said = if result["response"] == json!({"unix": 1}) {
            result["response"].to_string()
        } else {
            said
        };
        Turn::Result(of(result), said)
    } else {
        return told.wrong.push(format!("part {part}"));
    };
    told.turns.push(turn);
}

fn texts<'s>(said: &'s Said, cut: impl Fn(&'s str) -> Vec<&'s str>) -> Vec<Value> {
    let whole = |it: &'s str| if it.is_empty() { Vec::new() } else { cut(it) };
    let thoughts = whole(said.reasoning)
        .into_iter()
        .map(|it| json!({"text": it, "thought": true}));
    thoughts
        .chain(whole(said.text).into_iter().map(|it| json!({"text": it})))
        .collect()
}

fn calls(said: &Said, gives_ids: bool) -> Vec<Value> {
    let calls = said.calls.iter().enumerate().map(|(at, call)| {
        let mut part = json!({"functionCall": {"name": call.name, "args": call.arguments}});
        if gives_ids {
            part["functionCall"]["id"] = json!(call.id);
        }
        if at == 0 {
            part["thoughtSignature"] = json!("c2lnbmVk");
        }
        part
    });
    calls.collect()
}

fn chunk(parts: &[Value], finish: Option<Finish>) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    let reason = finish.map(|it| match it {
        // Calls end with STOP too.
        Finish::Stop | Finish::Calls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filter => "SAFETY",
    });
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    json!({"candidates": [candidate], "modelVersion": "m", "responseId": "r1", "usageMetadata": {
        "promptTokenCount": INPUT, "cachedContentTokenCount": CACHED, "thoughtsTokenCount": THOUGHTS,
        "candidatesTokenCount": OUTPUT - THOUGHTS, "totalTokenCount": INPUT + OUTPUT}})
}
