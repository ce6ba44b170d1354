//! `/v1/responses` at a vendor that speaks it: relayed, and each key's own.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::script::Script;
use crate::support::upstream::Upstream;
use crate::support::{openai, responses};

/// Makes providers speak Responses.
fn native(config: Config, providers: &[&str]) -> Config {
    providers.iter().fold(config, |config, name| {
        config.set(&format!("/providers/{name}/kind"), json!("openai"))
    })
}

async fn upstream(name: &str) -> Upstream {
    Upstream::new(Script::json("200 OK", &responses::answer(name, "hello"))).await
}

async fn scene() -> (Upstream, Gateway) {
    let upstream = upstream("A").await;
    let gateway = Gateway::start(&native(Config::one(&upstream), &["alpha"])).await;
    (upstream, gateway)
}

/// `chat` is served by `alpha` and falls back to `beta`.
async fn pair(natives: &[&str]) -> (Upstream, Upstream, Gateway) {
    let (first, second) = (upstream("A").await, upstream("B").await);
    let config = native(Config::two(&first, &second), natives);
    let gateway = Gateway::start(&config).await;
    (first, second, gateway)
}

async fn ask(gateway: &Gateway, body: &Value) -> Response {
    let request = Request::post("/v1/responses", body.to_string());
    gateway.send(&request).await
}

async fn answered(gateway: &Gateway, body: &Value) -> Value {
    let response = ask(gateway, body).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn failing() -> Script {
    Script::json(
        "500 Internal Server Error",
        &openai::error("no", "server_error", None, None),
    )
}

#[tokio::test]
async fn what_is_asked_and_answered_passes_untouched() {
    let (upstream, gateway) = scene().await;
    let body = r#"{ "model":"chat", "input":"hi", "tools":[{"type":"web_search"}], "include":["x"], "temperature":1.0, "some_day":{"a":1e2}}"#;
    let request = Request::post("/v1/responses", body);
    let answer = gateway.send(&request).await;
    assert_eq!(
        answer.text(),
        responses::answer("A", "hello").to_string(),
        "byte for byte"
    );
    let seen = upstream.only();
    assert_eq!(seen.path(), "/v1/responses");
    assert_eq!(seen.head.get("authorization"), Some("Bearer sk-upstream"));
    let sent = std::str::from_utf8(&seen.body).unwrap();
    assert_eq!(sent, body.replace("\"chat\"", "\"upstream-name\""));
    let row = gateway.home.row().await;
    assert_eq!(
        (
            &row["operation"],
            &row["tokens"]["input"],
            &row["tokens"]["output"],
            &row["estimated"]
        ),
        (&json!("responses"), &json!(10), &json!(5), &json!(false))
    );
}

#[tokio::test]
async fn a_prompt_that_the_vendor_keeps_needs_no_input() {
    let (upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "prompt": {"id": "pmpt_1"}});
    answered(&gateway, &body).await;
    assert_eq!(upstream.only().json()["prompt"], json!({"id": "pmpt_1"}));
}

#[tokio::test]
async fn a_stream_passes_event_by_event_and_can_be_gone_on_from() {
    let (upstream, gateway) = scene().await;
    let events = responses::stream("S", &["hel", "lo"]);
    upstream.then(Script::stream_of(&events));
    let body = json!({"model": "chat", "input": "hi", "stream": true});
    let answer = ask(&gateway, &body).await;
    assert_eq!(answer.text(), events.concat());
    let next = json!({"model": "chat", "input": "and?", "previous_response_id": "resp_S"});
    answered(&gateway, &next).await;
    let row = &gateway.home.rows(2).await[1];
    assert_eq!(
        (
            &row["tokens"]["input"],
            &row["tokens"]["output"],
            &row["streamed"]
        ),
        (&json!(10), &json!(5), &json!(true))
    );
}

#[tokio::test]
async fn a_tool_of_the_vendors_own_is_heard_at_work() {
    let (upstream, gateway) = scene().await;
    let gate = crate::support::script::Gate::closed();
    let working = "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"web_search_call\",\"id\":\"ws_1\"}}\n\n";
    let rest = responses::stream("S", &["hello"]).pop().unwrap();
    upstream.then(
        Script::stream()
            .chunk(working)
            .gate(&gate)
            .chunk(&rest)
            .end(),
    );
    let body = json!({"model": "chat", "input": "hi", "stream": true}).to_string();
    let mut client = crate::support::client::Client::connect(gateway.public).await;
    let mut answer = client.open(&Request::post("/v1/responses", body)).await;
    // Nothing but that item has come yet.
    answer.until("web_search_call").await;
    gate.open();
    answer.until("response.completed").await;
}

#[tokio::test]
async fn what_could_not_be_booked_or_belongs_to_nobody_is_refused_by_name() {
    let (upstream, gateway) = scene().await;
    for (field, value) in [
        ("background", json!(true)),
        ("conversation", json!("conv_1")),
        ("conversation", json!({"id": "conv_1"})),
    ] {
        let mut body = json!({"model": "chat", "input": "hi"});
        body[field] = value;
        let error = ask(&gateway, &body)
            .await
            .error(400, "unsupported_parameter");
        assert_eq!(error["param"], field);
    }
    let body = json!({"model": "chat", "input": "hi", "background": false, "conversation": null});
    answered(&gateway, &body).await;
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn a_key_goes_on_from_its_own_and_no_other_can_name_it() {
    let upstream = upstream("A").await;
    let home = Home::new(&native(Config::one(&upstream), &["alpha"]).keyed());
    let (mine, other) = (
        home.create_key("mine", &[]).await,
        home.create_key("other", &[]).await,
    );
    let gateway = home.serve().await;
    let send = async |body: &str, key: &str| {
        let request = Request::post("/v1/responses", body.to_owned());
        gateway.send(&request.key(key)).await
    };
    let first = send(r#"{"model":"chat","input":"hi"}"#, &mine).await;
    assert_eq!(first.status, 200);
    let next = r#"{"model":"chat","previous_response_id":"resp_A","input":"and?"}"#;
    let named = r#"{"model":"chat","input":[{"type":"item_reference","id":"msg_A"},{"role":"user","content":"and?"}]}"#;
    let thought = r#"{"model":"chat","input":[{"type":"reasoning","id":"rs_A","summary":[]},{"role":"user","content":"and?"}]}"#;
    for (calls, body) in [(2, next), (3, named), (4, thought)] {
        assert_eq!(send(body, &mine).await.status, 200, "{body}");
        let heard = upstream.seen().pop().unwrap().body;
        let heard = std::str::from_utf8(&heard).unwrap();
        assert_eq!(heard, body.replace("\"chat\"", "\"upstream-name\""));
        assert_eq!(upstream.calls(), calls);
    }
    let long = "x".repeat(5_000);
    send(next, &other)
        .await
        .error(400, "previous_response_not_found");
    send(thought, &other)
        .await
        .error(400, "previous_response_not_found");
    for reference in [
        r#"{"type":"item_reference","id":"msg_A"}"#.to_owned(),
        r#"{"id":"msg_A"}"#.to_owned(),
        r#"{"id":"msg_A","type":null}"#.to_owned(),
        r#"{"\u0074ype":"item_ref\u0065rence","i\u0064":"msg_A"}"#.to_owned(),
        format!(r#"{{"type":"item_reference","padding":"{long}","id":"msg_A"}}"#),
    ] {
        let body = format!(r#"{{"model":"chat","input":[{reference}]}}"#);
        let error = send(&body, &other).await.error(400, "invalid_value");
        assert_eq!(error["param"], "input[0].id", "{reference}");
    }
    assert_eq!(
        upstream.calls(),
        4,
        "nothing of another key's is ever named to the vendor"
    );
}

#[tokio::test]
async fn an_unknown_response_is_not_asked_for() {
    let (upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "input": "hi", "previous_response_id": "resp_unknown"});
    ask(&gateway, &body)
        .await
        .error(400, "previous_response_not_found");
    let body = json!({"model": "chat", "input": "hi", "store": false});
    answered(&gateway, &body).await;
    // The vendor has not kept it either.
    let body = json!({"model": "chat", "input": "hi", "previous_response_id": "resp_A"});
    ask(&gateway, &body)
        .await
        .error(400, "previous_response_not_found");
    assert_eq!(upstream.calls(), 1);
    assert_eq!(upstream.only().json()["store"], false);
}

#[tokio::test]
async fn a_conversation_returns_to_the_account_that_has_it() {
    let (first, second, gateway) = pair(&["alpha", "beta"]).await;
    first.then(failing());
    let answer = ask(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    assert_eq!(answer.json()["id"], "resp_B");
    let next = json!({"model": "chat", "input": "and?", "previous_response_id": "resp_B"});
    let answer = ask(&gateway, &next).await;
    assert_eq!(
        answer.header("x-tollward-deployment"),
        Some("beta/spare-name")
    );
    assert_eq!(answer.header("x-tollward-attempts"), Some("1"));
    assert_eq!((first.calls(), second.calls()), (1, 2));
    assert_eq!(second.seen()[1].json()["previous_response_id"], "resp_B");
    // A thought without its cipher is with its account, too.
    let thought = json!({"model": "chat", "input": [{"type": "reasoning", "id": "rs_B", "summary": []},
        {"role": "user", "content": "and?"}]});
    answered(&gateway, &thought).await;
    assert_eq!((first.calls(), second.calls()), (1, 3));
    // Alone, the account that has it may fail, and nobody can take over.
    second.always(failing());
    assert_eq!(ask(&gateway, &next).await.status, 502);
    assert_eq!(first.calls(), 1);
}

#[tokio::test]
async fn a_model_that_does_not_lead_to_the_vendor_says_so() {
    let (alpha, beta) = (upstream("A").await, upstream("B").await);
    let config = Config::one(&alpha)
        .provider("beta", beta.addr)
        .provider("gamma", beta.addr)
        .model("other", &["beta/spare-name"])
        .model("chats", &["gamma/spare-name"]);
    let gateway = Gateway::start(&native(config, &["alpha", "beta"])).await;
    answered(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    for model in ["other", "chats"] {
        let next = json!({"model": model, "input": "and?", "previous_response_id": "resp_A"});
        let error = ask(&gateway, &next)
            .await
            .error(400, "previous_response_not_found");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("the model `{model}` does not lead to")),
            "{message}"
        );
    }
    assert_eq!((alpha.calls(), beta.calls()), (1, 0));
}

#[tokio::test]
async fn a_conversation_moves_from_chats_to_a_vendor_of_responses() {
    let (chats, vendor) = (Upstream::healthy().await, upstream("A").await);
    let config = Config::one(&chats)
        .set("/providers/alpha/kind", json!("vllm"))
        .provider("beta", vendor.addr)
        .model("newer", &["beta/spare-name"]);
    let gateway = Gateway::start(&native(config, &["beta"])).await;
    let mut thinking = openai::answer("hello");
    thinking["choices"][0]["message"]["reasoning_content"] = json!("hm");
    chats.then(Script::json("200 OK", &thinking));
    let first = answered(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    let next = json!({"model": "newer", "input": "and?", "previous_response_id": first["id"]});
    let answer = ask(&gateway, &next).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.header("x-tollward-dropped"),
        Some("input[].reasoning")
    );
    let sent = vendor.only().json();
    assert!(sent.get("previous_response_id").is_none());
    let said: Vec<&Value> = sent["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["type"])
        .collect();
    assert_eq!(said, ["message", "message", "message"], "{sent}");
    assert_eq!(sent["input"][0]["content"], "hi");
    assert_eq!(sent["input"][1]["content"][0]["text"], "hello");
    // From there on the vendor keeps it.
    let next =
        json!({"model": "newer", "input": "so?", "previous_response_id": answer.json()["id"]});
    answered(&gateway, &next).await;
    assert_eq!(vendor.seen()[1].json()["previous_response_id"], "resp_A");
}

#[tokio::test]
async fn a_plan_of_both_kinds_goes_on_from_either() {
    let (native, chats, gateway) = pair(&["alpha"]).await;
    chats.always(Script::json("200 OK", &openai::answer("from a chat")));
    native.then(failing());
    let first = answered(&gateway, &json!({"model": "chat", "input": "one"})).await;
    let text = |response: &Value| {
        response["output"].as_array().unwrap().last().unwrap()["content"][0]["text"].clone()
    };
    assert_eq!(text(&first), "from a chat");
    let next = json!({"model": "chat", "input": "two", "previous_response_id": first["id"]});
    let second = answered(&gateway, &next).await;
    assert_eq!(second["id"], "resp_A");
    let sent = native.seen()[1].json();
    assert_eq!(sent["input"].as_array().unwrap().len(), 3, "{sent}");
    let next = json!({"model": "chat", "input": "three", "previous_response_id": "resp_A"});
    native.then(failing());
    native.then(failing());
    native.then(failing());
    assert_eq!(
        ask(&gateway, &next).await.status,
        502,
        "a chat has not what was said"
    );
    assert_eq!(chats.calls(), 1);
}

#[tokio::test]
async fn without_retention_the_vendor_is_told_to_keep_nothing() {
    let upstream = upstream("A").await;
    let config = native(Config::one(&upstream), &["alpha"]);
    let gateway = Gateway::start(&config.set("/responses/retention", json!("0s"))).await;
    for body in [
        json!({"model": "chat", "input": "hi"}),
        json!({"model": "chat", "input": "hi", "store": true}),
        json!({"model": "chat", "input": "hi", "store": false}),
    ] {
        answered(&gateway, &body).await;
        assert_eq!(
            upstream.seen().pop().unwrap().json()["store"],
            false,
            "{body}"
        );
    }
    let next = json!({"model": "chat", "input": "hi", "previous_response_id": "resp_A"});
    ask(&gateway, &next)
        .await
        .error(400, "previous_response_not_found");
    let shown = gateway.send(&Request::get("/v1/responses/resp_A")).await;
    shown.error(404, "response_not_found");
    assert_eq!(upstream.calls(), 3);
}

#[tokio::test]
async fn the_vendor_is_asked_about_what_it_keeps_for_its_owner_alone() {
    let upstream = upstream("A").await;
    let home = Home::new(&native(Config::one(&upstream), &["alpha"]).keyed());
    let (mine, other) = (
        home.create_key("mine", &[]).await,
        home.create_key("other", &[]).await,
    );
    let gateway = home.serve().await;
    let send = async |request: Request, key: &str| gateway.send(&request.key(key)).await;
    let body = json!({"model": "chat", "input": "hi"}).to_string();
    send(Request::post("/v1/responses", body), &mine).await;
    let requests = [
        Request::get("/v1/responses/resp_A?include=reasoning.encrypted_content"),
        Request::get("/v1/responses/resp_A/input_items?limit=2&order=asc"),
        Request::post("/v1/responses/resp_A/cancel", "{}"),
        Request::new("DELETE", "/v1/responses/resp_A"),
    ];
    for request in &requests {
        let refused = send(request.clone(), &other).await;
        refused.error(404, "response_not_found");
    }
    let streamed = Request::get("/v1/responses/resp_A?stream=true");
    send(streamed, &mine).await.error(400, "invalid_value");
    assert_eq!(upstream.calls(), 1);
    for (number, request) in requests.iter().enumerate() {
        let told = json!({"told": number, "exact": 1.50});
        upstream.then(Script::json("200 OK", &told));
        let answer = send(request.clone(), &mine).await;
        assert_eq!((answer.status, answer.text()), (200, told.to_string()));
        let seen = upstream.seen().pop().unwrap();
        assert_eq!(seen.head.get("authorization"), Some("Bearer sk-upstream"));
        assert!(seen.body.is_empty());
    }
    let lines: Vec<String> = upstream
        .seen()
        .into_iter()
        .skip(1)
        .map(|it| it.head.first_line)
        .collect();
    assert_eq!(
        lines,
        [
            "GET /v1/responses/resp_A?include=reasoning.encrypted_content HTTP/1.1",
            "GET /v1/responses/resp_A/input_items?limit=2&order=asc HTTP/1.1",
            "POST /v1/responses/resp_A/cancel HTTP/1.1",
            "DELETE /v1/responses/resp_A HTTP/1.1",
        ]
    );
    // It was deleted there, and is forgotten here.
    send(requests[0].clone(), &mine)
        .await
        .error(404, "response_not_found");
    let next =
        json!({"model": "chat", "input": "hi", "previous_response_id": "resp_A"}).to_string();
    let next = send(Request::post("/v1/responses", next), &mine).await;
    next.error(400, "previous_response_not_found");
    assert_eq!(upstream.calls(), 5);
}

#[tokio::test]
async fn a_vendor_that_refuses_to_tell_is_no_refusal_of_the_caller() {
    let (upstream, gateway) = scene().await;
    answered(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    let show = async || gateway.send(&Request::get("/v1/responses/resp_A")).await;
    let wrong = openai::error(
        "Incorrect API key",
        "invalid_request_error",
        None,
        Some("invalid_api_key"),
    );
    upstream.then(Script::json("401 Unauthorized", &wrong));
    show().await.error(502, "upstream_auth");
    upstream.then(Script::answer(
        "200 OK",
        &[("content-type", "text/html")],
        "<html>",
    ));
    show().await.error(502, "upstream_protocol");
    let gone = openai::error("No response found", "invalid_request_error", None, None);
    upstream.then(Script::json("404 Not Found", &gone));
    show().await.error(404, "response_not_found");
    // What the vendor lost need not be remembered.
    upstream.then(Script::json("404 Not Found", &gone));
    let deleted = gateway
        .send(&Request::new("DELETE", "/v1/responses/resp_A"))
        .await;
    deleted.error(404, "response_not_found");
    show().await.error(404, "response_not_found");
    assert_eq!(upstream.calls(), 5);
}

#[tokio::test]
async fn a_restart_remembers_whose_a_response_is() {
    let (upstream, gateway) = scene().await;
    answered(&gateway, &json!({"model": "chat", "input": "hi"})).await;
    // Whoever sees it knows that it is remembered.
    assert_eq!(
        gateway
            .send(&Request::get("/v1/responses/resp_A"))
            .await
            .status,
        200
    );
    let gateway = gateway.kill().await.serve().await;
    let next = json!({"model": "chat", "input": "and?", "previous_response_id": "resp_A"});
    answered(&gateway, &next).await;
    assert_eq!(upstream.seen()[2].json()["previous_response_id"], "resp_A");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_still_its_keys_to_look_for() {
    let (upstream, gateway) = scene().await;
    let events = responses::stream("S", &["hel", "lo"]);
    upstream.then(Script::stream_of(&events[..6]));
    let body = json!({"model": "chat", "input": "hi", "stream": true});
    let text = ask(&gateway, &body).await.text();
    assert!(text.contains("event: error"), "{text}");
    assert_eq!(
        gateway
            .send(&Request::get("/v1/responses/resp_S"))
            .await
            .status,
        200
    );
}

// trap 27
#[tokio::test]
async fn a_thought_of_another_account_goes_to_the_next_and_else_is_told() {
    let (first, second, gateway) = pair(&["alpha", "beta"]).await;
    let foreign = openai::error(
        "The encrypted content gAAA...DQ== could not be verified.",
        "invalid_request_error",
        None,
        Some("invalid_encrypted_content"),
    );
    first.always(Script::json("400 Bad Request", &foreign));
    let body = json!({"model": "chat", "store": false, "include": ["reasoning.encrypted_content"], "input": [
        {"role": "user", "content": "hi"},
        {"type": "reasoning", "id": "rs_0a1b", "summary": [], "encrypted_content": "gAAAA"},
        {"role": "user", "content": "and?"}]});
    let answer = ask(&gateway, &body).await;
    assert_eq!(
        (answer.status, answer.header("x-tollward-attempts")),
        (200, Some("2"))
    );
    assert_eq!(
        answer.header("x-tollward-fallback-reason"),
        Some("invalid_encrypted_content")
    );
    let mut sent = second.only().json();
    sent["model"] = json!("chat");
    assert_eq!(sent, body, "ids and ciphers pass as they are");
    // Nobody else is there: the vendor's own words are the answer.
    second.always(Script::json("400 Bad Request", &foreign));
    let refused = ask(&gateway, &body).await;
    assert_eq!((refused.status, refused.json()), (400, foreign));
    assert_eq!(
        (first.calls(), second.calls()),
        (2, 2),
        "nobody is asked twice"
    );
}

// trap 8
#[tokio::test]
async fn a_response_of_the_other_form_keeps_the_name_that_its_vendor_gave_it() {
    for is_stream in [true, false] {
        let (upstream, gateway) = scene().await;
        if !is_stream {
            upstream.then(Script::stream_of(responses::stream("A", &["hel", "lo"])));
        }
        let body = json!({"model": "chat", "input": "hi", "stream": is_stream});
        let answer = ask(&gateway, &body).await;
        let text = answer.text();
        assert_eq!(answer.status, 200, "{text}");
        assert!(
            text.contains("\"id\":\"resp_A\"") && text.contains("hello"),
            "{text}"
        );
        assert_eq!(
            text.contains("event: response.completed"),
            is_stream,
            "{text}"
        );
        let next = json!({"model": "chat", "input": "and?", "previous_response_id": "resp_A"});
        answered(&gateway, &next).await;
        assert_eq!(upstream.seen()[1].json()["previous_response_id"], "resp_A");
        gateway.home.rows(2).await;
    }
}
