//! What is stored of `/v1/responses`, and going on from it on a backend that knows only chats.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::until;
use crate::support::upstream::Upstream;

async fn scene() -> (Upstream, Gateway) {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    (upstream, gateway)
}

async fn ask(gateway: &Gateway, body: &Value) -> Response {
    let request = Request::post("/v1/responses", body.to_string());
    gateway.send(&request).await
}

/// Asks, and returns the response.
async fn answered(gateway: &Gateway, body: &Value) -> Value {
    let response = ask(gateway, body).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn path(response: &Value) -> String {
    format!("/v1/responses/{}", response["id"].as_str().unwrap())
}

async fn show(gateway: &Gateway, response: &Value) -> Response {
    gateway.send(&Request::get(&path(response))).await
}

/// A chat answer that calls a tool.
fn tool_call() -> Value {
    let call = json!({"id": "call_7", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}});
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "upstream-name",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"}],
        "usage": openai::usage(10, 5),
    })
}

fn tools() -> Value {
    json!([{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": false}])
}

#[tokio::test]
async fn a_tool_loop_goes_on_from_the_response_before() {
    let (upstream, gateway) = scene().await;
    upstream.then(Script::json("200 OK", &tool_call()));
    let first =
        json!({"model": "chat", "instructions": "Be brief.", "input": "Oslo?", "tools": tools()});
    let first = answered(&gateway, &first).await;
    assert_eq!(first["output"][0]["call_id"], "call_7");
    let second = json!({
        "model": "chat", "previous_response_id": first["id"], "tools": tools(),
        "input": [{"type": "function_call_output", "call_id": "call_7", "output": "rain"}],
    });
    let second = answered(&gateway, &second).await;
    assert_eq!(second["previous_response_id"], first["id"]);
    let third = json!({"model": "chat", "previous_response_id": second["id"], "input": "And tomorrow?", "instructions": "Be kind."});
    answered(&gateway, &third).await;
    let seen = upstream.seen();
    let messages = seen[1].json()["messages"].clone();
    // The instructions of the first request were its own.
    assert_eq!(messages[0], json!({"role": "user", "content": "Oslo?"}));
    let call = &messages[1]["tool_calls"][0];
    assert_eq!(
        (&call["id"], &call["function"]["name"]),
        (&json!("call_7"), &json!("weather"))
    );
    assert_eq!(
        messages[2],
        json!({"role": "tool", "tool_call_id": "call_7", "content": "rain"})
    );
    assert_eq!(messages.as_array().unwrap().len(), 3);
    let messages = seen[2].json()["messages"].clone();
    assert_eq!(messages[0]["content"], "Be kind.");
    assert_eq!(
        messages[4],
        json!({"role": "assistant", "content": "hello"})
    );
    assert_eq!(
        messages[5],
        json!({"role": "user", "content": "And tomorrow?"})
    );
    assert!(seen[2].json().get("previous_response_id").is_none());
}

#[tokio::test]
async fn a_response_is_shown_as_it_was_answered_and_deleted() {
    let (_upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "input": "hi", "metadata": {"a": "b"}});
    let response = answered(&gateway, &body).await;
    let shown = show(&gateway, &response).await;
    assert_eq!((shown.status, shown.json()), (200, response.clone()));
    let delete = Request::new("DELETE", &path(&response));
    let deleted = gateway.send(&delete).await;
    let expected = json!({"id": response["id"], "object": "response", "deleted": true});
    assert_eq!((deleted.status, deleted.json()), (200, expected));
    gateway.send(&delete).await.error(404, "response_not_found");
    show(&gateway, &response)
        .await
        .error(404, "response_not_found");
    let next = json!({"model": "chat", "input": "hi", "previous_response_id": response["id"]});
    let error = ask(&gateway, &next)
        .await
        .error(400, "previous_response_not_found");
    assert_eq!(error["param"], "previous_response_id");
}

#[tokio::test]
async fn what_was_sent_is_listed_in_pages() {
    let (_upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "input": [
        {"role": "user", "content": "one"},
        {"type": "message", "id": "msg_own", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
        {"role": "user", "content": "three"},
    ]});
    let response = answered(&gateway, &body).await;
    let list = async |query: &str| {
        let path = format!("{}/input_items{query}", path(&response));
        gateway.send(&Request::get(&path)).await
    };
    let all = list("").await.json();
    assert_eq!(
        (&all["object"], &all["has_more"]),
        (&json!("list"), &json!(false))
    );
    let data = all["data"].as_array().unwrap();
    assert_eq!(
        data[0]["content"],
        json!([{"type": "input_text", "text": "three"}])
    );
    assert_eq!((&data[1]["id"], data.len()), (&json!("msg_own"), 3));
    assert_eq!(
        (&all["first_id"], &all["last_id"]),
        (&data[0]["id"], &data[2]["id"])
    );
    let page = list("?order=asc&limit=1&after=msg_own").await.json();
    assert_eq!(page["data"], json!([data[0]]));
    let page = list("?limit=2").await.json();
    assert_eq!(
        (&page["has_more"], &page["last_id"]),
        (&json!(true), &json!("msg_own"))
    );
    for wrong in [
        "?limit=0",
        "?limit=101",
        "?limit=x",
        "?order=up",
        "?after=msg_none",
    ] {
        list(wrong).await.error(400, "invalid_value");
    }
}

#[tokio::test]
async fn an_item_is_referred_to_by_its_id() {
    let (upstream, gateway) = scene().await;
    let first = answered(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    let said = &first["output"][0]["id"];
    let body = json!({"model": "chat", "store": false, "input": [
        {"type": "item_reference", "id": said}, {"role": "user", "content": "again"}]});
    answered(&gateway, &body).await;
    let messages = upstream.seen()[1].json()["messages"].clone();
    assert_eq!(
        messages[0],
        json!({"role": "assistant", "content": "hello"})
    );
    let body = json!({"model": "chat", "input": [{"type": "item_reference", "id": "msg_none"}]});
    let error = ask(&gateway, &body).await.error(400, "invalid_value");
    assert_eq!(error["param"], "input[0].id");
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn a_stream_is_stored_before_its_last_event_is_read() {
    let (upstream, gateway) = scene().await;
    upstream.then(Script::stream_of(openai::stream(&["hel", "lo"])));
    let body = json!({"model": "chat", "input": "hi", "stream": true});
    let text = ask(&gateway, &body).await.text();
    let last = text.lines().rev().find_map(|it| it.strip_prefix("data: "));
    let last: Value = serde_json::from_str(last.unwrap()).unwrap();
    let response = &last["response"];
    let next = json!({"model": "chat", "input": "and?", "previous_response_id": response["id"]});
    answered(&gateway, &next).await;
    let messages = upstream.seen()[1].json()["messages"].clone();
    assert_eq!(
        messages[1],
        json!({"role": "assistant", "content": "hello"})
    );
    assert_eq!(show(&gateway, response).await.json(), *response);
}

#[tokio::test]
async fn a_broken_stream_is_not_stored() {
    let (upstream, gateway) = scene().await;
    upstream.then(Script::stream_of(vec![openai::role(), openai::text("hel")]));
    let body = json!({"model": "chat", "input": "hi", "stream": true});
    let text = ask(&gateway, &body).await.text();
    let first = text.lines().find_map(|it| it.strip_prefix("data: "));
    let first: Value = serde_json::from_str(first.unwrap()).unwrap();
    show(&gateway, &first["response"])
        .await
        .error(404, "response_not_found");
}

#[tokio::test]
async fn a_response_that_is_not_to_be_stored_is_not() {
    let (_upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "input": "hi", "store": false});
    let response = answered(&gateway, &body).await;
    show(&gateway, &response)
        .await
        .error(404, "response_not_found");
    let next = json!({"model": "chat", "input": "hi", "previous_response_id": response["id"]});
    ask(&gateway, &next)
        .await
        .error(400, "previous_response_not_found");
    assert_eq!(
        gateway
            .metric("tollward_responses_unstored_total", &[])
            .await,
        0.0
    );
}

#[tokio::test]
async fn a_response_exists_for_its_own_key_alone() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&Config::one(&upstream).keyed());
    let (mine, other) = (
        home.create_key("mine", &[]).await,
        home.create_key("other", &[]).await,
    );
    let gateway = home.serve().await;
    let send = async |request: Request, key: &str| gateway.send(&request.key(key)).await;
    let body = json!({"model": "chat", "input": "hi"}).to_string();
    let response = send(Request::post("/v1/responses", body), &mine)
        .await
        .json();
    let path = path(&response);
    let next = json!({"model": "chat", "input": "and?", "previous_response_id": response["id"]})
        .to_string();
    let next = || Request::post("/v1/responses", next.clone());
    for request in [
        Request::get(&path),
        Request::get(&format!("{path}/input_items")),
        Request::new("DELETE", &path),
        Request::post(&format!("{path}/cancel"), "{}"),
    ] {
        send(request, &other).await.error(404, "response_not_found");
    }
    send(next(), &other)
        .await
        .error(400, "previous_response_not_found");
    gateway
        .send(&Request::get(&path))
        .await
        .error(401, "invalid_api_key");
    assert_eq!(send(Request::get(&path), &mine).await.status, 200);
    assert_eq!(send(next(), &mine).await.status, 200);
    let cancel = Request::post(&format!("{path}/cancel"), "{}");
    send(cancel, &mine)
        .await
        .error(400, "response_not_cancellable");
}

#[tokio::test]
async fn a_restart_keeps_what_was_stored() {
    let (upstream, gateway) = scene().await;
    let response = answered(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    // Whoever sees it knows that it is stored.
    assert_eq!(show(&gateway, &response).await.status, 200);
    let gateway = gateway.kill().await.serve().await;
    assert_eq!(show(&gateway, &response).await.json(), response);
    let next = json!({"model": "chat", "input": "and?", "previous_response_id": response["id"]});
    answered(&gateway, &next).await;
    assert_eq!(
        upstream.seen()[1].json()["messages"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn a_key_keeps_no_more_than_its_share_and_loses_the_oldest_first() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream).set("/responses/max_bytes_per_key", json!("1MiB"));
    let gateway = Gateway::start(&config).await;
    let long = json!({"model": "chat", "input": "x".repeat(600 << 10)});
    let first = answered(&gateway, &long).await;
    let second = answered(&gateway, &long).await;
    // Whoever sees it knows that it is stored.
    assert_eq!(show(&gateway, &second).await.status, 200);
    // It is looked after once a minute, and at the start.
    let gateway = gateway.kill().await.serve().await;
    until("the older one is gone", async || {
        (show(&gateway, &first).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(show(&gateway, &second).await.status, 200);
    let next = json!({"model": "chat", "input": "hi", "previous_response_id": first["id"]});
    ask(&gateway, &next)
        .await
        .error(400, "previous_response_not_found");
}

#[tokio::test]
async fn a_response_expires() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream).set("/responses/retention", json!("700ms"));
    let gateway = Gateway::start(&config).await;
    let response = answered(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    assert_eq!(show(&gateway, &response).await.status, 200);
    until("the response has expired", async || {
        (show(&gateway, &response).await.status == 404).then_some(())
    })
    .await;
    let next = json!({"model": "chat", "input": "hi", "previous_response_id": response["id"]});
    ask(&gateway, &next)
        .await
        .error(400, "previous_response_not_found");
}

#[tokio::test]
async fn without_retention_nothing_is_stored_and_nothing_refused_for_it() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream).set("/responses/retention", json!("0s"));
    let gateway = Gateway::start(&config).await;
    let response = answered(
        &gateway,
        &json!({"model": "chat", "input": "hi", "store": true}),
    )
    .await;
    show(&gateway, &response)
        .await
        .error(404, "response_not_found");
    let next = json!({"model": "chat", "input": "hi", "previous_response_id": response["id"]});
    ask(&gateway, &next)
        .await
        .error(400, "previous_response_not_found");
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn an_id_that_is_none_of_ours_is_not_found() {
    let (upstream, gateway) = scene().await;
    for id in [
        "resp_1",
        "nonsense",
        "resp_00000000-0000-0000-0000-000000000000",
    ] {
        let next = json!({"model": "chat", "input": "hi", "previous_response_id": id});
        ask(&gateway, &next)
            .await
            .error(400, "previous_response_not_found");
        show(&gateway, &json!({"id": id}))
            .await
            .error(404, "response_not_found");
    }
    assert_eq!(upstream.calls(), 0);
}
