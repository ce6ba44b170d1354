//! Claude at Bedrock for callers of Messages: `InvokeModel`, and Converse where that has no words.

use serde_json::{Value, json};

use crate::matrix::vendors::bedrock::{TYPE, frame as plain};
use crate::matrix::vendors::invoke::frame;
use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::script::{Script, chunk, head};
use crate::support::sigv4::verified;
use crate::support::upstream::Upstream;

const SECRET: &str = "canary/secret";

/// A gateway with a Claude at Bedrock, signed for with AWS's own keys.
async fn scene(script: Script) -> (Upstream, Gateway) {
    let upstream = Upstream::new(script).await;
    let provider = json!({
        "kind": "bedrock", "base_url": format!("http://{}", upstream.addr), "region": "eu-central-1",
        "access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET,
    });
    let config = Config::empty()
        .set("/providers/aws", provider)
        .set("/retry/attempts", json!(0))
        .model(
            "claude",
            &["aws/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"],
        );
    let gateway = Gateway::start(&config).await;
    (upstream, gateway)
}

async fn ask(gateway: &Gateway, body: &Value) -> Response {
    let request = Request::post("/v1/messages?beta=true", body.to_string());
    let betas = "claude-code-20250219,interleaved-thinking-2025-05-14";
    gateway.send(&request.header("anthropic-beta", betas)).await
}

fn message(is_stream: bool) -> Value {
    json!({"model": "claude", "max_tokens": 100, "stream": is_stream, "speed": "fast",
        "messages": [{"role": "user", "content": "hi"}]})
}

fn whole() -> Value {
    json!({
        "id": "msg_bdrk_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 2, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 0, "output_tokens": 5},
        "new": 1.00,
    })
}

fn events() -> Vec<Value> {
    let mut start = whole();
    start["content"] = json!([]);
    start["usage"]["output_tokens"] = json!(1);
    vec![
        json!({"type": "message_start", "message": start}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello 배"}, "new": 1}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 2}}),
    ]
}

fn named(event: &Value) -> String {
    let name = event["type"].as_str().unwrap();
    format!("event: {name}\ndata: {event}\n\n")
}

fn sse(events: &[Value]) -> String {
    let texts: Vec<String> = events.iter().map(named).collect();
    texts.concat()
}

fn stream(frames: &[u8], size: usize) -> Script {
    let headers = [("content-type", TYPE), ("transfer-encoding", "chunked")];
    let mut raw = head("200 OK", &headers).into_bytes();
    raw.extend_from_slice(b"\r\n");
    raw.extend(frames.chunks(size).flat_map(chunk));
    raw.extend_from_slice(b"0\r\n\r\n");
    Script::new().send(raw)
}

#[tokio::test]
async fn messages_reach_invoke_model_and_its_frames_come_back_as_anthropics_stream() {
    let (upstream, gateway) = scene(Script::json("200 OK", &whole())).await;
    let answer = ask(&gateway, &message(false)).await;
    assert_eq!((answer.status, answer.json()), (200, whole()));
    assert_eq!(
        answer.header("x-tollward-dropped"),
        Some("speed,anthropic-beta:claude-code-20250219")
    );
    let events = events();
    let frames: Vec<u8> = events.iter().flat_map(frame).collect();
    for size in [1, 50, 100_000] {
        upstream.then(stream(&frames, size));
        let streamed = ask(&gateway, &message(true)).await;
        assert_eq!(streamed.text(), sse(&events), "cut at {size}");
        assert_eq!(streamed.header("content-type"), Some("text/event-stream"));
    }
    let path = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke";
    let seen = upstream.request(0).await;
    assert_eq!(seen.path(), path);
    assert_eq!(verified(&seen, SECRET, "bedrock").0, "AKIDEXAMPLE");
    let sent = json!({
        "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}],
        "anthropic_beta": ["interleaved-thinking-2025-05-14"], "anthropic_version": "bedrock-2023-05-31",
    });
    assert_eq!(seen.json(), sent);
    let seen = upstream.request(1).await;
    assert_eq!(seen.path(), format!("{path}-with-response-stream"));
    assert_eq!(seen.json(), sent);
    for row in gateway.home.rows(4).await {
        let tokens = &row["tokens"];
        let facts = [
            &tokens["input"],
            &tokens["cache_read"],
            &tokens["output"],
            &row["estimated"],
        ];
        assert_eq!(facts, [&json!(10), &json!(8), &json!(5), &json!(false)]);
    }
    gateway.assert_idle().await;
}

#[tokio::test]
async fn an_exception_amid_the_frames_is_an_error_event_and_one_before_is_an_error() {
    let failed = json!({"message": "slow down"});
    let exception = plain("exception", "throttlingException", &failed);
    let events = events();
    let begun: Vec<u8> = events.iter().take(3).flat_map(frame).collect();
    let late = [begun, exception.clone()].concat();
    let (upstream, gateway) = scene(stream(&late, 40)).await;
    let answer = ask(&gateway, &message(true)).await;
    let text = answer.text();
    let error = text.strip_prefix(&sse(&events[..3])).unwrap();
    let error: Value = serde_json::from_str(
        error
            .strip_prefix("event: error\ndata: ")
            .unwrap()
            .trim_end(),
    )
    .unwrap();
    assert_eq!(error["error"]["type"], "rate_limit_error");
    assert_eq!(gateway.home.row().await["outcome"], "upstream_error");

    upstream.then(stream(&exception, 40));
    let answer = ask(&gateway, &message(true)).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.json()["error"]["type"], "rate_limit_error");
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_request_for_what_invoke_model_lacks_is_put_into_converse() {
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "{}"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {"latencyMs": 1},
    });
    let (upstream, gateway) = scene(Script::json("200 OK", &answer)).await;
    let mut body = message(false);
    body["output_config"] =
        json!({"format": {"type": "json_schema", "schema": {"type": "object"}}});
    assert_eq!(ask(&gateway, &body).await.status, 200);
    let seen = upstream.only();
    assert!(seen.path().ends_with("/converse"), "{}", seen.path());

    let capabilities = gateway.send(&Request::get("/v1/capabilities")).await.json();
    let operations = &capabilities["data"][0]["deployments"][0]["operations"];
    assert_eq!(operations["/v1/messages"], "relay", "{capabilities}");
    assert_eq!(operations["/v1/chat/completions"], "converse");
}
