//! How answers end: counts that never come, and answers that are empty or of the other form.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// A model `chat` at an OpenAI-shaped server and a model `claude` at Anthropic, both the same one.
struct Scene {
    _upstream: Upstream,
    gateway: Gateway,
}

impl Scene {
    async fn new(script: Script) -> Self {
        let upstream = Upstream::new(script).await;
        let anthropic = json!({"base_url": upstream.base_url(), "api_key": "sk-ant"});
        let config = Config::one(&upstream)
            .set("/providers/anthropic", anthropic)
            .model("claude", &["anthropic/claude-sonnet-4-5"]);
        let gateway = Gateway::start(&config).await;
        Self {
            _upstream: upstream,
            gateway,
        }
    }

    async fn messages(&self, model: &str, is_stream: bool) -> Response {
        let body = json!({"model": model, "max_tokens": 100, "stream": is_stream,
            "messages": [{"role": "user", "content": "hi"}]});
        let request = Request::post("/v1/messages", body.to_string());
        self.gateway.send(&request).await
    }

    async fn chat(&self, model: &str, is_stream: bool) -> Response {
        let mut body = if is_stream {
            openai::stream_chat()
        } else {
            openai::chat()
        };
        body["model"] = json!(model);
        self.gateway.chat(&body).await
    }
}

fn named(event: &Value) -> String {
    let name = event["type"].as_str().unwrap();
    format!("event: {name}\ndata: {event}\n\n")
}

/// Claude's stream, which counts one token at the beginning and `last` at the end.
fn claude_stream(last: Option<Value>) -> Vec<String> {
    let text = |text| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let mut delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}});
    if let Some(usage) = last {
        delta["usage"] = usage;
    }
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "c", "content": [], "stop_reason": null, "usage": {"input_tokens": 10, "output_tokens": 1}}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let events = [
        start,
        block,
        text("twelve "),
        text("bytes"),
        json!({"type": "content_block_stop", "index": 0}),
        delta,
        json!({"type": "message_stop"}),
    ];
    events.iter().map(named).collect()
}

// U-47, U-48, trap 29
#[tokio::test]
async fn a_count_from_before_the_first_word_is_not_the_last_one() {
    let counts = [
        (None, 4, true),
        (Some(json!({"output_tokens": -1})), 4, true),
        (Some(json!({"output_tokens": 7})), 7, false),
    ];
    for (last, output, estimated) in counts {
        for is_relayed in [true, false] {
            let scene = Scene::new(Script::stream_of(claude_stream(last.clone()))).await;
            let response = if is_relayed {
                scene.messages("claude", true).await
            } else {
                scene.chat("claude", true).await
            };
            assert!(response.text().contains("bytes"), "{}", response.text());
            let row = scene.gateway.home.row().await;
            let tokens = &row["tokens"];
            assert_eq!(
                (
                    &row["outcome"],
                    &tokens["input"],
                    &tokens["output"],
                    &row["estimated"]
                ),
                (
                    &json!("complete"),
                    &json!(10),
                    &json!(output),
                    &json!(estimated)
                ),
                "{last:?}"
            );
        }
    }
}
