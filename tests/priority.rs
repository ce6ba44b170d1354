//! Calls that can wait: they are refused first, and leave half of the places to those that cannot.

use serde_json::json;

use crate::support::client::{Client, Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::{Gate, Script};
use crate::support::upstream::Upstream;

/// A server that answers when the gate is opened, and `chat` on a gateway with four places.
async fn four_places() -> (Gate, Upstream, Config) {
    let gate = Gate::closed();
    let answer = Script::json("200 OK", &openai::answer("x"));
    let upstream = Upstream::new(Script::new().gate(&gate).then(answer)).await;
    let config = Config::one(&upstream).set("/server/max_in_flight", json!(4));
    (gate, upstream, config)
}

fn batch() -> Request {
    Request::chat(&openai::chat()).header("x-tollward-priority", "batch")
}

/// A call that runs until the gate is opened.
async fn begun(gateway: &Gateway, upstream: &Upstream, request: &Request) -> Client {
    let mut client = gateway.connect().await;
    client.write(&request.to_bytes()).await;
    upstream.request(upstream.calls()).await;
    client
}

fn assert_deferred(response: &Response) {
    response.error(503, "batch_deferred");
    assert_eq!(response.header("retry-after"), Some("10"));
    assert_eq!(response.header("x-tollward-error-source"), Some("gateway"));
}

#[tokio::test]
async fn what_can_wait_is_refused_from_half_on_and_what_cannot_when_all_is_full() {
    let (gate, upstream, config) = four_places().await;
    let gateway = Gateway::start(&config).await;
    let mut running = Vec::new();
    for _ in 0..2 {
        running.push(begun(&gateway, &upstream, &batch()).await);
    }
    assert_deferred(&gateway.send(&batch()).await);
    for priority in ["interactive", "none"] {
        let mut request = Request::chat(&openai::chat());
        if priority != "none" {
            request = request.header("x-tollward-priority", priority);
        }
        running.push(begun(&gateway, &upstream, &request).await);
    }
    gateway.chat(&openai::chat()).await.error(503, "overloaded");
    assert_deferred(&gateway.send(&batch()).await);
    let labels = ["code=\"batch_deferred\""];
    gateway
        .until_metric("tollward_refusals_total", &labels, 2.0)
        .await;
    gate.open_times(5);
    for mut client in running {
        assert_eq!(client.answer("POST").await.rest().await.status, 200);
    }
    assert_eq!(gateway.send(&batch()).await.status, 200);
    assert_eq!(upstream.calls(), 5);
    let wrong = Request::chat(&openai::chat()).header("x-tollward-priority", "urgent");
    gateway.send(&wrong).await.error(400, "invalid_header");
    gateway.assert_idle().await;
}

#[tokio::test]
async fn what_can_wait_is_also_the_operators_to_say_and_no_caller_can_object() {
    let (gate, upstream, config) = four_places().await;
    let config = config
        .set(
            "/routing/batch",
            json!("key == \"nightly\" || has(request.metadata)"),
        )
        .keyed();
    let home = Home::new(&config);
    let (nightly, other) = (
        home.create_key("nightly", &[]).await,
        home.create_key("other", &[]).await,
    );
    let gateway = home.serve().await;
    let chat = Request::chat(&openai::chat());
    let mut running = Vec::new();
    for _ in 0..2 {
        running.push(begun(&gateway, &upstream, &chat.clone().key(&nightly)).await);
    }
    let objecting = chat.clone().header("x-tollward-priority", "interactive");
    assert_deferred(&gateway.send(&objecting.key(&nightly)).await);
    let mut marked = openai::chat();
    marked["metadata"] = json!({"job": "7"});
    assert_deferred(&gateway.send(&Request::chat(&marked).key(&other)).await);
    running.push(begun(&gateway, &upstream, &chat.key(&other)).await);
    gate.open_times(3);
    for mut client in running {
        assert_eq!(client.answer("POST").await.rest().await.status, 200);
    }
    gateway.assert_idle().await;
}
