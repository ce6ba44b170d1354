//! `/v1/responses` on backends that know only chats.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

async fn scene() -> (Upstream, Gateway) {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    (upstream, gateway)
}

async fn ask(gateway: &Gateway, body: &Value) -> Response {
    gateway
        .send(&Request::post("/v1/responses", body.to_string()))
        .await
}

fn events(response: &Response) -> Vec<Value> {
    let text = response.text();
    let data = text.lines().filter_map(|it| it.strip_prefix("data: "));
    data.map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[tokio::test]
async fn a_response_is_made_of_a_chat() {
    let (upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "instructions": "Be brief.", "input": "hi", "max_output_tokens": 50, "store": false});
    let answer = ask(&gateway, &body).await.json();
    assert_eq!(
        (&answer["object"], &answer["status"], &answer["model"]),
        (&json!("response"), &json!("completed"), &json!("chat"))
    );
    assert_eq!(answer["output"][0]["content"][0]["text"], "hello");
    assert_eq!(
        (
            &answer["usage"]["input_tokens"],
            &answer["usage"]["output_tokens"]
        ),
        (&json!(10), &json!(5))
    );
    let sent = upstream.only().json();
    assert_eq!(
        sent["messages"][1],
        json!({"role": "user", "content": "hi"})
    );
    assert_eq!(sent["max_completion_tokens"], 50);
    assert_eq!(gateway.home.row().await["operation"], "responses");
}

#[tokio::test]
async fn a_stream_has_its_events_in_order_and_ends_without_done() {
    let (upstream, gateway) = scene().await;
    upstream.then(Script::stream_of(openai::stream(&["hel", "lo"])));
    let body = json!({"model": "chat", "input": "hi", "stream": true, "store": false});
    let response = ask(&gateway, &body).await;
    assert!(!response.text().contains("[DONE]"));
    let events = events(&response);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    assert_eq!(events[0]["type"], "response.created");
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], "hello");
    assert_eq!(last["response"]["usage"]["total_tokens"], 15);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_by_name() {
    let (upstream, gateway) = scene().await;
    for (field, value) in [
        ("background", json!(true)),
        ("conversation", json!("conv_1")),
        (
            "tools",
            json!([{"type": "file_search", "vector_store_ids": ["v"]}]),
        ),
    ] {
        let mut body = json!({"model": "chat", "input": "hi"});
        body[field] = value;
        let refused = ask(&gateway, &body).await;
        assert_eq!(refused.status, 400, "{field}");
        let error = &refused.json()["error"];
        assert!(
            error["param"].as_str().unwrap().starts_with(field),
            "{error}"
        );
    }
    assert_eq!(upstream.calls(), 0);
}
