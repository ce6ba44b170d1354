//! What is held for a call that wants more than it says at first sight, and who pays for what nobody heard.

use serde_json::{Value, json};

use crate::budgets::{asking, assert_verified, budget, budgeted, config, nano, spent, talkative};
use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::script::{Gate, Script};
use crate::support::upstream::Upstream;
use crate::support::websocket::{Socket, Vendor};
use crate::support::{until, within};

/// A gateway whose key has next to nothing to spend: each call is refused, and told what it may cost.
async fn poor(upstream: &Upstream) -> (Gateway, String) {
    budgeted(&config(upstream), &["--limit", "0.000000001"]).await
}

/// What a call may cost, in nano-dollars.
async fn may_cost(gateway: &Gateway, request: Request) -> i64 {
    let refused = gateway.send(&request).await;
    let error = refused.error(429, "insufficient_quota");
    let message = error["message"].as_str().unwrap();
    let (_, cost) = message.split_once("may cost up to ").expect(message);
    nano(cost.split(';').next().unwrap().trim_start_matches('$'))
}

fn raw(key: &str, body: &str) -> Request {
    Request::post("/v1/chat/completions", body.to_owned()).key(key)
}

// S-26
#[tokio::test]
async fn each_prompt_of_a_list_is_held_for_and_so_is_the_best_of_many() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = poor(&upstream).await;
    let asking = |more: Value| {
        let mut body = json!({"model": "chat", "prompt": "hi", "max_tokens": 1_000});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        Request::post("/v1/completions", body.to_string()).key(&key)
    };
    let one = may_cost(&gateway, asking(json!({}))).await;
    for more in [
        json!({"prompt": vec!["hi"; 50]}),
        json!({"best_of": 50}),
        json!({"best_of": 50.0}),
    ] {
        let many = may_cost(&gateway, asking(more.clone())).await;
        assert!(many > 49 * 10_000_000, "{more}: {many}");
        assert!(many < 51 * one, "{more}: {many}");
    }
    let odd = asking(json!({"best_of": "20"}));
    gateway.send(&odd).await.error(400, "invalid_value");
}

// S-26
#[tokio::test]
async fn how_a_request_is_spelt_does_not_change_what_is_held_for_it() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = poor(&upstream).await;
    let dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ";
    let body = json!({"model": "chat", "max_tokens": 100, "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{dot}")}}]}]});
    let plain = body.to_string();
    let held = may_cost(&gateway, raw(&key, &plain)).await;
    // A picture is held as what the vendor that counts most counts for one.
    assert!((48_000_000..60_000_000).contains(&held), "{held}");
    let spelt = plain.replace("image_url\":{", "image\\u005furl\":{");
    let other = may_cost(&gateway, raw(&key, &spelt)).await;
    assert!((held..held + 10_000).contains(&other), "{other} of {held}");
    let messages = json!([{"role": "user", "content": "https://example.com is down"}]);
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"image": {}, "file_id": {}}});
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
    let honest = [
        ("messages", messages),
        ("tools", tool),
        ("max_tokens", json!(100)),
    ];
    let held = may_cost(&gateway, asking(&key, &honest)).await;
    assert!(held < 3_000_000, "{held}");
    for hidden in [
        r#""tools":[{"type":"web_search"},null]"#,
        r#""search_parameters":{"mode":"on"}"#,
        r#""enable_search":true"#,
    ] {
        let body =
            format!(r#"{{"model":"chat","messages":[{{"role":"user","content":"x"}}],{hidden}}}"#);
        gateway
            .send(&raw(&key, &body))
            .await
            .error(400, "cost_unbounded");
    }
}

#[tokio::test]
async fn what_a_key_calls_the_model_does_not_take_a_call_out_of_a_budget() {
    let upstream = Upstream::healthy().await;
    let config = config(&upstream).model("alias", &["alpha/upstream-name"]);
    let home = Home::new(&config);
    let key = home.create_key("app", &[]).await;
    budget(
        &home,
        &["asked", "--key", "app", "--limit", "5", "--models", "chat"],
    )
    .await;
    budget(
        &home,
        &[
            "answers",
            "--key",
            "app",
            "--limit",
            "5",
            "--models",
            "upstream-*",
        ],
    )
    .await;
    let gateway = home.serve().await;
    let body = json!({"model": "chat:latest", "stream": false, "messages": [{"role": "user", "content": "hi"}]});
    let latest = Request::post("/api/chat", body.to_string()).key(&key);
    let answer = gateway.send(&latest).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let alias = asking(&key, &[("model", json!("alias"))]);
    assert_eq!(gateway.send(&alias).await.status, 200);
    assert_eq!(spent(&gateway.home, "asked").await, 60_000);
    assert_eq!(spent(&gateway.home, "answers").await, 120_000);
    assert_verified(&gateway.home).await;
}

#[tokio::test]
async fn a_model_that_the_key_may_not_use_is_no_way_out_of_a_budget() {
    let upstream = Upstream::healthy().await;
    let config = config(&upstream).model("small", &["alpha/small"]);
    let home = Home::new(&config);
    let key = home.create_key("app", &["--models", "chat"]).await;
    budget(
        &home,
        &[
            "app",
            "--key",
            "app",
            "--limit",
            "0.000000001",
            "--then",
            "small",
        ],
    )
    .await;
    let gateway = home.serve().await;
    let refused = gateway.send(&asking(&key, &[])).await;
    let error = refused.error(429, "insufficient_quota");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("`app`") && message.contains("`small`"),
        "{message}"
    );
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_call_of_too_many_budgets_is_refused_alone() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&config(&upstream));
    let (key, other) = (
        home.create_key("app", &[]).await,
        home.create_key("other", &[]).await,
    );
    for number in 0..33 {
        let name = format!("b{number}");
        budget(
            &home,
            &[&name, "--key", "app", "--limit", "5", "--models", "chat"],
        )
        .await;
    }
    let gateway = home.serve().await;
    let refused = gateway.send(&asking(&key, &[])).await;
    refused.error(403, "too_many_budgets");
    assert_eq!(gateway.send(&asking(&other, &[])).await.status, 200);
    assert_eq!(gateway.send(&Request::get("/readyz")).await.status, 200);
}

// C-04
#[tokio::test]
async fn who_leaves_before_there_is_an_answer_pays_what_was_held_for_it() {
    let upstream = Upstream::healthy().await;
    upstream.always(Script::new().gate(&Gate::closed()));
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "1"]).await;
    let request = asking(&key, &[("max_completion_tokens", json!(10_000))]);
    let hasty = request.header("x-tollward-timeout", "0.2");
    let answer = gateway.send(&hasty).await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    gateway.assert_idle().await;
    let charged = spent(&gateway.home, "app").await;
    assert!((100_000_000..101_000_000).contains(&charged), "{charged}");
    let row = &gateway.home.recent(1).await[0];
    assert_eq!(row["estimated"], true, "{row}");
    assert_verified(&gateway.home).await;
}

#[tokio::test]
async fn an_error_that_the_provider_tells_of_costs_the_input_and_not_all_that_was_held() {
    let upstream = Upstream::healthy().await;
    let told = json!({"error": {"message": "overloaded", "type": "server_error", "code": null}});
    upstream.always(Script::stream_of(vec![format!("data: {told}\n\n")]));
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "1"]).await;
    let streamed = asking(&key, &[("stream", json!(true))]);
    assert_ne!(gateway.send(&streamed).await.status, 200);
    gateway.assert_idle().await;
    let charged = spent(&gateway.home, "app").await;
    assert!((1..100_000).contains(&charged), "{charged}");
}

// C-04
#[tokio::test]
async fn under_a_learned_budget_who_leaves_pays_what_is_estimated() {
    let upstream = Upstream::healthy().await;
    upstream.always(Script::new().gate(&Gate::closed()));
    let learned = &["--limit", "1", "--estimate", "learned"];
    let (gateway, key) = budgeted(&config(&upstream), learned).await;
    let hasty = asking(&key, &[]).header("x-tollward-timeout", "0.2");
    assert_eq!(gateway.send(&hasty).await.status, 504);
    gateway.assert_idle().await;
    let charged = spent(&gateway.home, "app").await;
    assert!((1..100_000).contains(&charged), "{charged}");
}

#[tokio::test]
async fn a_bound_beyond_what_the_model_writes_is_sent_as_it_is_held() {
    let upstream = talkative().await;
    let config = Config::vendor(&upstream, "openai", "gpt-4o-mini").keyed();
    let (gateway, key) = budgeted(&config, &["--limit", "1"]).await;
    let more = [("max_tokens", json!(200_000))];
    let answer = gateway.send(&asking(&key, &more)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(upstream.only().json()["max_completion_tokens"], 16_384);
    let applied = answer.header("x-tollward-max-tokens-applied");
    assert_eq!(applied, Some("16384"));
}

fn done(id: usize) -> Value {
    json!({"type": "response.done", "response": {"id": format!("r{id}"), "status": "completed", "usage": {
        "total_tokens": 30_010, "input_tokens": 10, "output_tokens": 30_000}}})
}

// demand 3
#[tokio::test]
async fn a_session_ends_when_its_budget_is_used_up_and_is_held_for_until_then() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let prices = json!({"overrides": [
        {"provider": "alpha", "model": "upstream-name", "input_per_mtok": "1", "output_per_mtok": "10"},
    ]});
    let config = Config::empty()
        .provider("alpha", vendor.addr)
        .model("chat", &["alpha/upstream-name"])
        .keyed()
        .set("/pricing", prices);
    let (gateway, key) = budgeted(&config, &["--limit", "1", "--estimate", "learned"]).await;
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    let opened = Socket::open(&gateway, "/v1/realtime?model=chat", &headers).await;
    let mut client = opened.expect("a session");
    let mut session = vendor.session().await;
    // Each costs $0.30001.
    for id in 0..4 {
        let begun = json!({"type": "response.created", "response": {"id": format!("r{id}")}});
        session.say(&begun).await;
        session.say(&done(id)).await;
        assert_eq!(client.event().await["type"], "response.created");
        assert_eq!(client.event().await["type"], "response.done");
        if id < 3 {
            until("the session is held for", async || {
                let found = gateway.home.json(&["ledger", "verify", "--json"]).await;
                let is_booked = found["entries"] == id + 1 && found["open_holds"] == 1;
                is_booked.then_some(())
            })
            .await;
        }
    }
    assert_eq!(
        client.closed().await,
        (1008, "the budget is used up".to_owned())
    );
    gateway.assert_idle().await;
    let charged = spent(&gateway.home, "app").await;
    assert_eq!(charged, 4 * 300_010_000);
    assert_verified(&gateway.home).await;
}

#[tokio::test]
async fn a_dead_webhook_keeps_no_other_waiting() {
    let (upstream, dead, hook) = (
        Upstream::healthy().await,
        Upstream::healthy().await,
        Upstream::healthy().await,
    );
    dead.always(Script::new().gate(&Gate::closed()));
    let home = Home::new(&config(&upstream));
    let key = home.create_key("app", &[]).await;
    for (name, hook) in [("a", &dead), ("b", &dead), ("c", &dead), ("d", &hook)] {
        let address = format!("http://{}/hook", hook.addr);
        let told = ["--limit", "1", "--warn", "1", "--webhook", &address];
        budget(&home, &[&[name, "--key", "app"], &told[..]].concat()).await;
    }
    let gateway = home.serve().await;
    // The request alone is held for a hundredth of a dollar, which who leaves pays.
    upstream.then(Script::new().gate(&Gate::closed()));
    let hasty = asking(&key, &[("max_completion_tokens", json!(2_000))]);
    let answer = gateway
        .send(&hasty.header("x-tollward-timeout", "0.2"))
        .await;
    assert_eq!(answer.status, 504);
    within(
        std::time::Duration::from_secs(8),
        "the living one is told",
        hook.request(0),
    )
    .await;
    assert_eq!(dead.calls(), 3);
}

#[tokio::test]
async fn what_the_responses_of_a_session_use_is_taken_out_of_the_buckets_of_tokens() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let config = Config::empty()
        .provider("alpha", vendor.addr)
        .model("chat", &["alpha/upstream-name"])
        .keyed();
    let home = Home::new(&config);
    let key = home.create_key("app", &[]).await;
    let set = ["limit", "set", "--key", "app", "--tpm", "20000"];
    assert!(home.run(&set).await.status.success());
    let gateway = home.serve().await;
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    let opened = Socket::open(&gateway, "/v1/realtime?model=chat", &headers).await;
    let mut client = opened.expect("a session");
    let mut session = vendor.session().await;
    let begun = json!({"type": "response.created", "response": {"id": "r0"}});
    session.say(&begun).await;
    session.say(&done(0)).await;
    assert_eq!(client.event().await["type"], "response.created");
    assert_eq!(client.event().await["type"], "response.done");
    // The bucket owes what the response had more than it held.
    let refused = gateway.send(&asking(&key, &[])).await;
    refused.error(429, "rate_limit_exceeded");
}
