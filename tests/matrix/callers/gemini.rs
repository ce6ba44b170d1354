//! Google's `generateContent`: the model and whether to stream are in the address.

use serde_json::{Value, json};

use super::{Caller, object};
use crate::matrix::heard::{Heard, Usage, items, text};
use crate::matrix::scene::{Finish, Scene, Turn};
use crate::support::client::{Request, Response};

pub(crate) struct Gemini;

impl Caller for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn ask(&self, scene: Scene, model: &str, is_stream: bool) -> Option<Request> {
        let mut body = json!({
            "contents": history(&scene.turns()),
            "generationConfig": {"maxOutputTokens": scene.limit()},
        });
        let tools = scene.tools();
        if !tools.is_empty() {
            let functions: Value = tools
                .iter()
                .map(|(name, schema)| json!({"name": name, "parametersJsonSchema": schema}))
                .collect();
            body["tools"] = json!([{"functionDeclarations": functions}]);
        }
        let config = &mut body["generationConfig"];
        if let Some(schema) = scene.schema() {
            config["responseMimeType"] = json!("application/json");
            config["responseJsonSchema"] = schema;
        }
        if scene == Scene::Reasoning {
            config["thinkingConfig"] = json!({"thinkingBudget": 2_000, "includeThoughts": true});
        }
        let method = if is_stream {
            "streamGenerateContent?alt=sse"
        } else {
            "generateContent"
        };
        let path = format!("/v1beta/models/{model}:{method}");
        Some(Request::post(&path, body.to_string()))
    }

    fn field(&self, scene: Scene) -> &'static str {
        match scene {
            Scene::Schema => "generationConfig.responseJsonSchema",
            Scene::Reasoning => "generationConfig.thinkingConfig",
            Scene::Image => "contents",
            _ => "tools",
        }
    }

    fn hear(&self, response: &Response, is_stream: bool) -> Heard {
        let mut heard = Heard::default();
        if !is_stream {
            let body = object(response, &mut heard);
            chunk(&body, &mut heard);
            return heard;
        }
        let kind = response.header("content-type").unwrap_or_default();
        heard.expect(kind == "text/event-stream", || {
            format!("content type {kind}")
        });
        for event in response.text().split_terminator("\r\n\r\n") {
            let is_over = heard.error.is_some() || heard.finish.is_some();
            heard.expect(!is_over, || format!("after the end: {event}"));
            let data = event.strip_prefix("data: ").unwrap_or(event);
            match serde_json::from_str::<Value>(data) {
                Ok(value) if value["error"].is_object() => match self.error(&value) {
                    Ok(message) => heard.error = Some(message),
                    Err(wrong) => heard.wrong.push(wrong),
                },
                Ok(value) => chunk(&value, &mut heard),
                Err(error) => heard.wrong.push(format!("event {event:?}: {error}")),
            }
        }
        heard
    }

    fn error(&self, body: &Value) -> Result<String, String> {
        let error = &body["error"];
        let is_whole = error["code"].is_u64() && error["status"].is_string();
        match error["message"].as_str() {
            Some(message) if is_whole => Ok(message.to_owned()),
            _ => Err(format!("error envelope {body}")),
        }
    }
}

fn history(turns: &[Turn]) -> Value {
    let mut contents: Vec<Value> = Vec::new();
    let mut names = std::collections::HashMap::new();
    for turn in turns {
        let (role, part) = match turn {
            Turn::User(text) => ("user", json!({"text": text})),
            Turn::Image(data) => {
                let blob = json!({"mimeType": "image/png", "data": data});
                ("user", json!({"inlineData": blob}))
            }
            Turn::Assistant(text) => ("model", json!({"text": text})),
            Turn::Call(call) => {
                names.insert(&call.id, &call.name);
                let call = json!({"id": call.id, "name": call.name, "args": call.arguments});
                ("model", json!({"functionCall": call}))
            }
            Turn::Result(id, text) => {
                let own = serde_json::from_str(text).ok();
                let response: Value = own.unwrap_or_else(|| json!({"result": text}));
                let result = json!({"id": id, "name": names.get(id), "response": response});
                ("user", json!({"functionResponse": result}))
            }
        };
        match contents.last_mut() {
            Some(last) if last["role"] == role => {
                let mut parts = items(&last["parts"]).to_vec();
                parts.push(part);
                last["parts"] = parts.into();
            }
            _ => contents.push(json!({"role": role, "parts": [part]})),
        }
    }
    contents.into()
}

fn chunk(chunk: &Value, heard: &mut Heard) {
    heard.expect(
        chunk["modelVersion"].is_string() && chunk["responseId"].is_string(),
        || format!("head {chunk}"),
    );
    let candidate = &chunk["candidates"][0];
    let parts = items(&candidate["content"]["parts"]);
    // Google's SDKs forget a conversation in which a chunk has no part.
    heard.expect(!parts.is_empty(), || format!("no parts {chunk}"));
    for part in parts {
        let call = &part["functionCall"];
        if call.is_object() {
            // Google's own models leave the id out, and a result names its function.
            let id = if call["id"].is_string() {
                &call["id"]
            } else {
                &call["name"]
            };
            heard.begin_call(id, &call["name"]);
            if let Some(last) = heard.calls.last_mut() {
                last.arguments = call["args"].clone();
            }
        } else if part["thought"] == true {
            heard.reasoning.push_str(&text(&part["text"]));
        } else {
            heard.expect(part["text"].is_string(), || format!("part {part}"));
            heard.text.push_str(&text(&part["text"]));
        }
    }
    heard.finish = heard.finish.or(match candidate["finishReason"].as_str() {
        Some("STOP") if heard.calls.is_empty() => Some(Finish::Stop),
        Some("STOP") => Some(Finish::Calls),
        Some("MAX_TOKENS") => Some(Finish::Length),
        Some("SAFETY") => Some(Finish::Filter),
        _ => None,
    });
    let counts = &chunk["usageMetadata"];
    let count = |name: &str| counts[name].as_u64();
    if let Some(input) = count("promptTokenCount") {
        let thoughts = count("thoughtsTokenCount").unwrap_or_default();
        heard.usage = Some(Usage {
            input,
            cached: Some(count("cachedContentTokenCount").unwrap_or_default()),
            output: count("candidatesTokenCount").unwrap_or_default() + thoughts,
        });
    }
}
