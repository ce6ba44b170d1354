//! What may not leave its place: guards, over what is stored and over rules, and what refused callers
//! are told.

use serde_json::json;

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

// A conversation that is stored here counts with what it was, not only with its newest turn.
#[tokio::test]
async fn a_guard_sees_all_that_was_said_before() {
    let (servers, config) = Config::three().await;
    let config = config
        .set(
            "/models/chat",
            json!({"deployments": ["alpha/m", {"provider": "beta", "model": "m", "tags": ["safe"]}]}),
        )
        .set(
            "/routing/guards",
            json!([
                {"name": "secrets", "when": "string(request.input).contains(\"TOPSECRET\")", "only": ["safe"]},
                {"name": "long", "when": "tokens > 2000", "only": ["safe"]},
            ]),
        );
    let gateway = Gateway::start(&config).await;
    let asked = async |body: serde_json::Value| {
        let response = gateway
            .send(&Request::post("/v1/responses", body.to_string()))
            .await;
        assert_eq!(response.status, 200, "{}", response.text());
        let who = response.header("x-tollward-provider").unwrap().to_owned();
        (who, response.json()["id"].as_str().unwrap().to_owned())
    };
    let long = "word ".repeat(3_000);
    let (who, id) = asked(json!({"model": "chat", "input": long})).await;
    assert_eq!(who, "beta");
    let (who, _) =
        asked(json!({"model": "chat", "input": "go on", "previous_response_id": id})).await;
    assert_eq!(who, "beta");
    assert_eq!(servers[0].calls(), 0);
    let (who, _) = asked(json!({"model": "chat", "input": "Hi"})).await;
    assert_eq!(who, "alpha");
}

#[tokio::test]
async fn a_rule_to_a_model_that_the_key_may_not_use_is_told_as_that() {
    let (servers, config) = Config::three().await;
    let config = config
        .keyed()
        .model("chat", &["alpha/m"])
        .model("large", &["beta/m"])
        .set(
            "/models/chat/rules",
            json!([{"name": "long", "when": "tokens > 1000", "use": "large"}]),
        );
    let home = Home::new(&config);
    let key = home.create_key("team", &["--models", "chat"]).await;
    let gateway = home.serve().await;
    let mut chat = openai::chat();
    chat["messages"][0]["content"] = "many words ".repeat(2_000).into();
    let response = gateway.send(&Request::chat(&chat).key(&key)).await;
    let error = response.error(403, "excluded_by_policy");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("`long`") && message.contains("`large`"),
        "{message}"
    );
    assert_eq!(servers[1].calls(), 0);
}

#[tokio::test]
async fn a_call_that_failed_tells_its_way_too() {
    let (servers, config) = Config::three().await;
    let config = config
        .model("chat", &["alpha/m", "beta/m"])
        .set("/retry", json!({"attempts": 1}));
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::answer("500 Internal Server Error", &[], ""));
    servers[1].always(Script::answer("503 Service Unavailable", &[], ""));
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(response.header("x-tollward-attempts"), Some("2"));
    let tried = "alpha/m:upstream_error,beta/m:upstream_overloaded";
    assert_eq!(response.header("x-tollward-tried"), Some(tried));
    let reason = response.header("x-tollward-fallback-reason");
    assert_eq!(reason, Some("upstream_error"));
    response.error(503, "upstream_overloaded");
}

// A batch may hold the very chats that a guard keeps in.
#[tokio::test]
async fn what_is_not_looked_into_is_guarded_by_what_asks_about_it() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .set("/passthrough/providers", json!(["alpha"]))
        .set(
            "/routing/guards",
            json!([
                {"name": "words", "when": "string(request).contains(\"secret\")", "only": ["safe"]},
                {"name": "tagged", "when": "\"inside\" in tags", "only": ["safe"]},
            ]),
        );
    let gateway = Gateway::start(&config).await;
    let batch = Request::post("/v1/batches", r#"{"input_file_id":"file-1"}"#);
    let refused = gateway.send(&batch).await;
    let error = refused.error(403, "excluded_by_policy");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("`words`"), "{message}");
    let tagged = Request::get("/v1/files").header("x-tollward-tags", "inside");
    let refused = gateway.send(&tagged).await;
    refused.error(403, "excluded_by_policy");
    assert_eq!(upstream.calls(), 0);
    gateway.send(&Request::get("/v1/files")).await;
    assert_eq!(upstream.calls(), 1, "nothing is said in a listing");
}

#[tokio::test]
async fn an_answer_that_a_guard_keeps_from_a_key_is_not_given_to_it_out_of_the_cache() {
    let (servers, config) = Config::three().await;
    let guard = json!([{"name": "eu", "when": "key == \"eu\"", "only": ["eu"]}]);
    let config = config
        .keyed()
        .model("chat", &["alpha/m"])
        .set(
            "/models/chat/cache",
            json!({"ttl": "1h", "share": "everyone"}),
        )
        .set("/routing/guards", guard);
    let home = Home::new(&config);
    let (eu, us) = (
        home.create_key("eu", &[]).await,
        home.create_key("us", &[]).await,
    );
    let other = home.create_key("other", &[]).await;
    let gateway = home.serve().await;
    let ask = async |key: &str| gateway.send(&Request::chat(&openai::chat()).key(key)).await;
    assert_eq!(ask(&eu).await.status, 403);
    assert_eq!(ask(&us).await.status, 200);
    assert_eq!(ask(&eu).await.status, 403);
    let hit = ask(&other).await;
    assert_eq!(
        hit.header("x-tollward-cache"),
        Some("hit"),
        "{}",
        hit.text()
    );
    assert_eq!(servers[0].calls(), 1);
}
