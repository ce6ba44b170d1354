//! Who may call what: virtual keys, open access, listeners.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::until;
use crate::support::upstream::Upstream;

fn chat_as(key: &str) -> Request {
    Request::chat(&openai::chat()).key(key)
}

#[tokio::test]
async fn a_call_needs_a_good_key_and_every_bad_one_gets_the_same_answer() {
    let upstream = Upstream::healthy().await;
    let gateway = Home::new(&Config::one(&upstream).keyed()).serve().await;
    let key = gateway.home.create_key("app", &[]).await;
    assert!(key.starts_with("tw-") && key.len() > 40, "{key}");
    assert_eq!(gateway.send(&chat_as(&key)).await.status, 200);

    gateway
        .chat(&openai::chat())
        .await
        .error(401, "invalid_api_key");
    let mut last = key.chars().last().unwrap();
    last = if last == 'a' { 'b' } else { 'a' };
    let forged = format!("{}{last}", &key[..key.len() - 1]);
    let mut messages = Vec::new();
    for bad in [
        "sk-wrong",
        "tw-",
        &forged,
        &key.to_uppercase(),
        &format!("{key}x"),
    ] {
        let error = gateway
            .send(&chat_as(bad))
            .await
            .error(401, "invalid_api_key");
        assert_eq!(error["type"], "invalid_request_error");
        messages.push(error["message"].clone());
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(upstream.calls(), 1);
    let row = gateway.home.row().await;
    let listed = gateway.home.json(&["key", "list", "--json"]).await;
    assert_eq!(
        (&row["key"], &listed[0]["name"]),
        (&listed[0]["id"], &json!("app"))
    );
}

#[tokio::test]
async fn a_key_is_taken_from_the_header_that_each_sdk_uses_but_never_from_two() {
    let upstream = Upstream::healthy().await;
    let gateway = Home::new(&Config::one(&upstream).keyed()).serve().await;
    let key = gateway.home.create_key("app", &[]).await;
    let bare = Request::chat(&openai::chat());
    for request in [
        bare.clone().header("x-api-key", &key),
        bare.clone().header("api-key", &key),
        bare.clone()
            .header("authorization", &format!("bearer {key}")),
    ] {
        assert_eq!(gateway.send(&request).await.status, 200);
    }
    let both = bare.key(&key);
    for (name, value) in [
        ("x-api-key", "sk-other"),
        ("authorization", "Bearer sk-other"),
    ] {
        let response = gateway.send(&both.clone().header(name, value)).await;
        response.error(400, "ambiguous_credentials");
    }
}

// S-24
#[tokio::test]
async fn a_key_sees_and_calls_only_the_models_it_may_use() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .keyed()
        .model("other", &["alpha/other"])
        .model("gpt-a", &["alpha/a"])
        .model("gpt-b", &["alpha/b"]);
    let gateway = Home::new(&config).serve().await;
    let key = gateway
        .home
        .create_key("narrow", &["--models", "chat,gpt-*"])
        .await;
    let models = gateway
        .send(&Request::get("/v1/models").key(&key))
        .await
        .json();
    let mut ids: Vec<_> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["chat", "gpt-a", "gpt-b"]);
    for (model, status) in [
        ("chat", 200),
        ("gpt-a", 200),
        ("other", 404),
        ("CHAT", 404),
        ("alpha/upstream-name", 404),
        ("alpha/other", 404),
        ("gpt", 404),
    ] {
        let mut body = openai::chat();
        body["model"] = json!(model);
        let response = gateway.send(&Request::chat(&body).key(&key)).await;
        assert_eq!(response.status, status, "{model}: {}", response.text());
    }
    gateway
        .send(&Request::get("/v1/models/other").key(&key))
        .await
        .error(404, "model_not_found");
}

// S-24: a fallback never widens what a key may use.
#[tokio::test]
async fn a_fallback_that_the_key_may_not_use_is_left_out() {
    let first = Upstream::new(crate::support::script::Script::answer(
        "500 Internal Server Error",
        &[],
        "",
    ))
    .await;
    let second = Upstream::healthy().await;
    let gateway = Home::new(&Config::two(&first, &second).keyed())
        .serve()
        .await;
    let key = gateway
        .home
        .create_key("narrow", &["--models", "chat"])
        .await;
    gateway
        .send(&chat_as(&key))
        .await
        .error(502, "upstream_error");
    assert_eq!(second.calls(), 0);
}

// K-07
#[tokio::test]
async fn a_revoked_key_stops_working_within_a_second() {
    let upstream = Upstream::healthy().await;
    let gateway = Home::new(&Config::one(&upstream).keyed()).serve().await;
    let key = gateway.home.create_key("app", &[]).await;
    assert_eq!(gateway.send(&chat_as(&key)).await.status, 200);
    gateway.home.json(&["key", "revoke", "app", "--json"]).await;
    let revoked = Instant::now();
    until("the key is refused", async || {
        (gateway.send(&chat_as(&key)).await.status == 401).then_some(())
    })
    .await;
    assert!(
        revoked.elapsed() <= Duration::from_secs(1),
        "{:?}",
        revoked.elapsed()
    );
}

#[tokio::test]
async fn an_expired_key_stops_working_by_itself() {
    let upstream = Upstream::healthy().await;
    let gateway = Home::new(&Config::one(&upstream).keyed()).serve().await;
    let key = gateway.home.create_key("short", &["--expires", "2s"]).await;
    assert_eq!(gateway.send(&chat_as(&key)).await.status, 200);
    until("the key is refused", async || {
        (gateway.send(&chat_as(&key)).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(
        gateway.home.json(&["key", "list", "--json"]).await[0]["state"],
        "expired"
    );
}

// C-29
#[tokio::test]
async fn guessing_keys_is_slowed_down_and_good_keys_keep_working() {
    let upstream = Upstream::healthy().await;
    let gateway = Home::new(&Config::one(&upstream).keyed()).serve().await;
    let key = gateway.home.create_key("app", &[]).await;
    let mut statuses = Vec::new();
    for guess in 0..30 {
        statuses.push(gateway.send(&chat_as(&format!("tw-{guess}"))).await.status);
    }
    assert_eq!((statuses[0], statuses[29]), (401, 429), "{statuses:?}");
    let limited = gateway.send(&chat_as("tw-31")).await;
    limited.error(429, "rate_limit_exceeded");
    assert!(limited.header("retry-after").is_some());
    assert_eq!(gateway.send(&chat_as(&key)).await.status, 200);
}

#[tokio::test]
async fn a_loopback_gateway_is_open_until_the_first_key_exists() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).set("/server/auth", json!("auto"))).await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    assert_eq!(
        gateway.send(&chat_as("anything")).await.status,
        200,
        "SDKs must send some key"
    );
    let key = gateway.home.create_key("first", &[]).await;
    until("keys are required", async || {
        (gateway.chat(&openai::chat()).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(gateway.send(&chat_as(&key)).await.status, 200);
}

// P-28
#[tokio::test]
async fn a_public_address_without_keys_is_refused_with_the_command_that_helps() {
    let upstream = Upstream::healthy().await;
    for auth in ["auto", "keys"] {
        let home = Home::new(&Config::one(&upstream).set("/server/auth", json!(auth)));
        let output = home
            .run(&[
                "serve",
                "--config",
                "tollward.yaml",
                "--listen",
                "0.0.0.0:0",
                "--admin-listen",
                "127.0.0.1:0",
            ])
            .await;
        assert!(!output.status.success(), "{auth}");
        assert!(
            output.stderr.contains("tollward key create"),
            "{auth}: {}",
            output.stderr
        );
    }
    let home = Home::new(&Config::one(&upstream).set("/server/auth", json!("auto")));
    let key = home.create_key("first", &[]).await;
    let gateway = home
        .serve_with(&["--listen", "0.0.0.0:0", "--admin-listen", "127.0.0.1:0"])
        .await;
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], gateway.public.port()));
    assert_eq!(
        Client::connect(addr)
            .await
            .send(&chat_as(&key))
            .await
            .status,
        200
    );
    assert_eq!(
        Client::connect(addr)
            .await
            .send(&Request::chat(&openai::chat()))
            .await
            .status,
        401
    );
}

// S-30, S-31
#[tokio::test]
async fn each_listener_serves_its_own_paths_only() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    for path in ["/metrics", "/admin", "/debug/pprof", "/v1/keys", "/v2"] {
        gateway
            .send(&Request::get(path))
            .await
            .error(404, "unknown_url");
    }
    for request in [Request::chat(&openai::chat()), Request::get("/v1/models")] {
        assert_eq!(
            Client::connect(gateway.admin)
                .await
                .send(&request)
                .await
                .status,
            404
        );
    }
    for addr in [gateway.public, gateway.admin] {
        for path in ["/livez", "/readyz"] {
            let probe = Client::connect(addr).await.send(&Request::get(path)).await;
            assert_eq!(
                (probe.status, probe.text()),
                (200, "ok\n".to_owned()),
                "a probe reveals nothing"
            );
        }
    }
}
