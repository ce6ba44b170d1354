//! Calls that are asked of two: slow ones of a second deployment, and shadows of another model.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home, usd};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// Two servers behind `chat`, which is asked twice after 50 ms, each call if it may.
async fn hedged() -> ([Upstream; 3], Config) {
    let (servers, config) = Config::three().await;
    let config = config
        .model("chat", &["alpha/upstream-name", "beta/m"])
        .priced()
        .set(
            "/models/chat/hedge",
            json!({"after": "50ms", "whole_after": "50ms", "percent": 100}),
        );
    (servers, config)
}

fn good() -> Script {
    Script::json("200 OK", &openai::answer("Hi"))
}

fn broken() -> Script {
    Script::answer("500 Internal Server Error", &[], "")
}

/// Who was asked, how that ended, and which attempt of how many it was.
fn facts(row: &Value) -> (&str, &str, [u64; 2]) {
    (
        row["deployment"].as_str().unwrap(),
        row["outcome"].as_str().unwrap(),
        [
            row["attempt"].as_u64().unwrap(),
            row["attempts"].as_u64().unwrap(),
        ],
    )
}

#[tokio::test]
async fn who_is_silent_is_outrun_and_both_attempts_are_booked() {
    let (servers, config) = hedged().await;
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::new().black_hole());
    let calls = [
        (
            openai::stream_chat(),
            Script::stream_of(openai::stream(&["Hi"])),
        ),
        (openai::chat(), good()),
    ];
    for (index, (chat, script)) in calls.into_iter().enumerate() {
        servers[1].always(script);
        let sent = Instant::now();
        let response = gateway.chat(&chat).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let header = |name| response.header(name);
        assert_eq!(header("x-tollward-deployment"), Some("beta/m"));
        assert_eq!(header("x-tollward-attempts"), Some("2"));
        let tried = "alpha/upstream-name:outrun,beta/m:ok";
        assert_eq!(header("x-tollward-tried"), Some(tried));
        assert_eq!(header("x-tollward-fallback-reason"), None);
        let closed = servers[0].closed_after(index, sent).await;
        assert!(closed < Duration::from_secs(2), "{closed:?}");
        let row = gateway.home.rows(2 * index + 2).await.remove(0);
        assert_eq!(facts(&row), ("beta/m", "complete", [2, 2]));
        assert_eq!(row["tried"], json!(tried));
    }
    let rows = gateway.home.rows(4).await;
    let mut left = rows.iter().filter(|it| it["outcome"] == "abandoned");
    for row in left.by_ref().take(2) {
        assert_eq!(facts(row), ("alpha/upstream-name", "abandoned", [1, 2]));
        let input = usize::try_from(row["tokens"]["input"].as_u64().unwrap()).unwrap();
        assert!(input > 0, "what was sent may be billed: {row}");
        assert_eq!(row["cost"], usd(input * 1_000));
        assert_eq!(row["estimated"], json!(true));
    }
    assert_eq!(left.count(), 0);
    let labels = ["deployment=\"beta/m\"", "outcome=\"won\""];
    gateway
        .until_metric("tollward_hedges_total", &labels, 2.0)
        .await;
    gateway.assert_idle().await;
}

#[tokio::test]
async fn the_first_one_may_still_answer_before_its_rival() {
    let (servers, config) = hedged().await;
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::new().sleep(Duration::from_millis(400)).then(good()));
    servers[1].always(Script::new().black_hole());
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let tried = "beta/m:outrun,alpha/upstream-name:ok";
    assert_eq!(response.header("x-tollward-tried"), Some(tried));
    let rows = gateway.home.rows(2).await;
    let mut told: Vec<_> = rows.iter().map(facts).collect();
    told.sort_unstable();
    let expected = [
        ("alpha/upstream-name", "complete", [1, 2]),
        ("beta/m", "abandoned", [2, 2]),
    ];
    assert_eq!(told, expected);
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_failure_of_one_leaves_the_other_and_of_both_the_next() {
    let (servers, config) = hedged().await;
    let config = config
        .set(
            "/models/chat/deployments",
            json!(["alpha/upstream-name", "beta/m", "gamma/m"]),
        )
        .set("/retry", json!({"attempts": 2, "base_delay": "1ms"}));
    let gateway = Gateway::start(&config).await;
    let late = |script: Script, millis: u64| {
        Script::new()
            .sleep(Duration::from_millis(millis))
            .then(script)
    };
    let tried = async |scripts: [Script; 2]| {
        for (server, script) in servers.iter().zip(scripts) {
            server.always(script);
        }
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.header("x-tollward-tried").unwrap().to_owned()
    };
    // The first fails while its rival runs, and the other way round.
    assert_eq!(
        tried([late(broken(), 150), late(good(), 400)]).await,
        "alpha/upstream-name:upstream_error,beta/m:ok"
    );
    assert_eq!(
        tried([late(good(), 400), broken()]).await,
        "beta/m:upstream_error,alpha/upstream-name:ok"
    );
    assert_eq!(
        tried([late(broken(), 150), late(broken(), 300)]).await,
        "alpha/upstream-name:upstream_error,beta/m:upstream_error,gamma/m:ok"
    );
    assert_eq!(servers[2].calls(), 1);
    gateway.assert_idle().await;
}

#[tokio::test]
async fn only_a_share_of_the_calls_is_asked_twice() {
    let (servers, config) = hedged().await;
    let config = config.set("/models/chat/hedge/percent", json!(20));
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::new().sleep(Duration::from_millis(120)).then(good()));
    for _ in 0..15 {
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }
    assert_eq!(servers[1].calls(), 3, "a fifth of fifteen calls");
    gateway.home.rows(18).await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_both_attempts_and_both_are_booked() {
    let (servers, config) = hedged().await;
    let gateway = Gateway::start(&config).await;
    for server in &servers[..2] {
        server.always(Script::new().black_hole());
    }
    let mut client = gateway.connect().await;
    client
        .write(&Request::chat(&openai::stream_chat()).to_bytes())
        .await;
    servers[1].request(0).await;
    let left = Instant::now();
    drop(client);
    for server in &servers[..2] {
        let closed = server.closed_after(0, left).await;
        assert!(closed < Duration::from_millis(100), "{closed:?}");
    }
    let rows = gateway.home.rows(2).await;
    let mut told: Vec<_> = rows.iter().map(facts).collect();
    told.sort_unstable();
    let expected = [
        ("alpha/upstream-name", "client_gone", [1, 2]),
        ("beta/m", "abandoned", [2, 2]),
    ];
    assert_eq!(told, expected);
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_shadow_is_asked_as_well_and_booked_apart() {
    let (servers, config) = Config::three().await;
    let config = config
        .model("chat", &["alpha/m"])
        .model("next", &["beta/m"])
        .set(
            "/models/chat/shadow",
            json!({"use": "next", "percent": 100}),
        )
        .set(
            "/routing/guards",
            json!([{"name": "secrets", "when": "\"secret\" in tags", "only": ["safe"]}]),
        )
        .set(
            "/models/chat/deployments",
            json!([{"provider": "alpha", "model": "m", "tags": ["safe"]}]),
        )
        .keyed();
    let home = Home::new(&config);
    let key = home.create_key("team", &[]).await;
    let gateway = home.serve().await;
    // A shadow that fails or hangs is nobody's trouble.
    servers[1].then(
        Script::new()
            .sleep(Duration::from_millis(300))
            .then(broken()),
    );
    for chat in [openai::chat(), openai::stream_chat()] {
        let response = gateway.send(&Request::chat(&chat).key(&key)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(response.header("x-tollward-attempts"), Some("1"));
        assert!(
            response.took < Duration::from_millis(250),
            "{:?}",
            response.took
        );
    }
    let rows = gateway.home.rows(4).await;
    let (shadows, calls): (Vec<_>, Vec<_>) = rows.iter().partition(|it| it["model"] == "next");
    assert_eq!((shadows.len(), calls.len()), (2, 2), "{rows:#?}");
    for row in shadows {
        assert_eq!(row["rule"], "shadow of chat");
        assert_eq!(row["key"], Value::Null);
        assert_eq!(row["attempts"], 1);
    }
    for row in calls {
        assert_eq!(
            (&row["rule"], &row["outcome"]),
            (&Value::Null, &json!("complete"))
        );
        assert!(row["key"].is_string(), "{row}");
    }
    // What may not leave its place does not leave it as a shadow either.
    let request = Request::chat(&openai::chat()).key(&key);
    let response = gateway
        .send(&request.header("x-tollward-tags", "secret"))
        .await;
    assert_eq!(response.status, 200, "{}", response.text());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(servers[1].calls(), 2);
    gateway
        .until_metric("tollward_shadows_active", &[], 0.0)
        .await;
    gateway.assert_idle().await;
}
