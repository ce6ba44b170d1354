//! Thoughts that a caller of another dialect keeps: what they look like, and that they come home.

use serde_json::{Value, json};

use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// What a vendor wants back, word for word.
const PROOF: &str = "Q2hhaW4gb2YgdGhvdWdodA==";

/// How one dialect keeps a thought.
struct Caller {
    path: &'static str,
    ask: fn() -> Value,
    /// The next request, given the answer to the first.
    go_on: fn(&Value) -> Value,
}

const CALLERS: [Caller; 2] = [
    Caller {
        path: "/v1/messages",
        ask: || {
            json!({"model": "chat", "max_tokens": 100, "tools": [{"name": "look", "input_schema": {"type": "object"}}],
            "messages": [{"role": "user", "content": "look"}]})
        },
        go_on: |answer| {
            let mut next = (CALLERS[0].ask)();
            let messages = next["messages"].as_array_mut().unwrap();
            messages.push(json!({"role": "assistant", "content": answer["content"]}));
            let call = answer["content"]
                .as_array()
                .unwrap()
                .iter()
                .find(|it| it["type"] == "tool_use")
                .unwrap();
            messages.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "seen"}]}));
            next
        },
    },
    Caller {
        path: "/v1/responses",
        ask: || {
            json!({"model": "chat", "store": false, "include": ["reasoning.encrypted_content"],
            "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
            "input": [{"role": "user", "content": "look"}]})
        },
        go_on: |answer| {
            let mut next = (CALLERS[1].ask)();
            let input = next["input"].as_array_mut().unwrap();
            let output = answer["output"].as_array().unwrap();
            input.extend(output.clone());
            let call = output
                .iter()
                .find(|it| it["type"] == "function_call")
                .unwrap();
            input.push(json!({"type": "function_call_output", "call_id": call["call_id"], "output": "seen"}));
            next
        },
    },
];

fn config(upstream: &Upstream) -> Config {
    let vendor = json!({"kind": "gemini", "base_url": upstream.base_url(), "api_key": "sk-vendor"});
    Config::empty()
        .set("/providers/vendor", vendor)
        .model("chat", &["vendor/gemini-2.5-flash"])
}

fn calls_a_tool() -> Script {
    let part = json!({"functionCall": {"name": "look", "args": {}}, "thoughtSignature": PROOF});
    Script::json(
        "200 OK",
        &json!({"candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [part]}}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3}}),
    )
}

async fn post(gateway: &Gateway, path: &str, body: &Value) -> (Value, Option<String>) {
    let request = Request::post(path, body.to_string());
    let response = Client::connect(gateway.public).await.send(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let dropped = response.header("x-tollward-dropped").map(str::to_owned);
    (serde_json::from_slice(&response.body).unwrap(), dropped)
}

/// The texts of every field of that name.
fn texts<'v>(value: &'v Value, field: &str) -> Vec<&'v str> {
    match value {
        Value::Array(items) => items.iter().flat_map(|it| texts(it, field)).collect(),
        Value::Object(members) => {
            let own = members.get(field).and_then(Value::as_str);
            own.into_iter()
                .chain(members.values().flat_map(|it| texts(it, field)))
                .collect()
        }
        _ => Vec::new(),
    }
}

// trap 25
#[tokio::test]
async fn a_proof_that_a_caller_keeps_shows_nothing_and_comes_back_to_its_vendor() {
    for caller in &CALLERS {
        let upstream = Upstream::new(calls_a_tool()).await;
        let gateway = Gateway::start(&config(&upstream)).await;
        let (answer, _) = post(&gateway, caller.path, &(caller.ask)()).await;
        let shown = answer.to_string();
        assert!(shown.contains("tollwardsealed01"), "{shown}");
        assert!(
            !shown.contains(PROOF) && !shown.contains("google"),
            "{shown}"
        );
        upstream.always(calls_a_tool());
        let (_, dropped) = post(&gateway, caller.path, &(caller.go_on)(&answer)).await;
        assert_eq!(dropped, None, "{}", caller.path);
        let seen = upstream.seen();
        let told: Value = serde_json::from_slice(&seen.last().unwrap().body).unwrap();
        assert_eq!(texts(&told, "thoughtSignature"), [PROOF], "{told}");
    }
}

// trap 23
#[tokio::test]
async fn a_thought_that_another_gateway_sealed_is_left_out_and_the_conversation_goes_on() {
    for caller in &CALLERS {
        let upstream = Upstream::new(calls_a_tool()).await;
        let first = Gateway::start(&config(&upstream)).await;
        let (answer, _) = post(&first, caller.path, &(caller.ask)()).await;
        upstream.always(calls_a_tool());
        let other = Gateway::start(&config(&upstream)).await;
        post(&other, caller.path, &(caller.go_on)(&answer)).await;
        let told = String::from_utf8(upstream.seen().last().unwrap().body.to_vec()).unwrap();
        assert!(
            !told.contains("tollward") && !told.contains(PROOF),
            "{told}"
        );
    }
}
