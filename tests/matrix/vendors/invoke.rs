//! Claude by Amazon's `InvokeModel`: Anthropic's words in Amazon's frames, for callers of Messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::bedrock::{self, Bedrock, MODEL};
use super::{Vendor, anthropic, streamed, whole};
use crate::matrix::heard::Told;
use crate::matrix::scene::Scene;
use crate::support::script::Script;
use crate::support::upstream::Seen;

pub(crate) struct Invoke;

impl Vendor for Invoke {
    fn name(&self) -> &'static str {
        "invoke"
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

    /// Everybody else is answered by Converse.
    fn is_native_to(&self, caller: &str) -> bool {
        caller != "messages"
    }

    fn answer(&self, scene: Scene, is_stream: bool, is_text: bool) -> Option<Script> {
        let said = scene.said();
        match (scene, is_stream) {
            // What goes wrong is Amazon's to say, and a schema goes to Converse.
            (Scene::BadRequest | Scene::Schema | Scene::EarlyError, _) => {
                Bedrock.answer(scene, is_stream, is_text)
            }
            (_, false) => Some(whole(scene, &anthropic::message(&said))),
            (_, true) => {
                let events = anthropic::events(&said, scene);
                let mut stream: Vec<u8> = events.iter().flat_map(frame).collect();
                if scene == Scene::LateError {
                    stream.extend(bedrock::exception());
                }
                Some(streamed(bedrock::TYPE, &stream))
            }
        }
    }

    fn told(&self, seen: &Seen, is_stream: bool, is_text: bool) -> Told {
        if seen.path().contains("/converse") {
            return Bedrock.told(seen, is_stream, is_text);
        }
        let mut told = anthropic::asked(&seen.json());
        let verb = if is_stream {
            "invoke-with-response-stream"
        } else {
            "invoke"
        };
        let path = format!("/model/{}/{verb}", MODEL.replace(':', "%3A"));
        told.expect(seen.path() == path, || format!("path {}", seen.path()));
        told.expect(
            seen.head.get("authorization") == Some("Bearer sk-upstream"),
            || "no key".to_owned(),
        );
        let body = seen.json();
        let version = &body["anthropic_version"];
        told.expect(version == "bedrock-2023-05-31", || {
            format!("version {version}")
        });
        told.expect(body.get("stream").or(body.get("model")).is_none(), || {
            format!("body {body}")
        });
        told.is_stream = is_stream;
        told
    }
}

/// One of Anthropic's events as Amazon sends it.
pub(crate) fn frame(event: &Value) -> Vec<u8> {
    let bytes = STANDARD.encode(event.to_string());
    bedrock::frame("event", "chunk", &json!({"bytes": bytes, "p": "abc"}))
}
