//! What passes in heads: nothing but what was named, in both directions.

use serde_json::json;

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

// S-11
// trap 10
#[tokio::test]
async fn the_upstream_gets_our_credential_and_no_header_of_the_clients() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut request = Request::chat(&openai::chat()).key("client-secret");
    for name in [
        "cookie",
        "x-goog-api-key",
        "anthropic-version",
        "x-forwarded-for",
        "forwarded",
        "via",
        "traceparent",
        "user-agent",
        "origin",
        "referer",
        "openai-organization",
        "openai-project",
        "x-stainless-lang",
        "accept-language",
        "te",
        "x-request-id",
        "expect-ct",
        "proxy-authorization",
    ] {
        request = request.header(name, "client-secret");
    }
    assert_eq!(gateway.send(&request).await.status, 200);
    let seen = upstream.only();
    assert_eq!(
        seen.head.names(),
        [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host"
        ]
    );
    let host = upstream.addr.to_string();
    let said = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-type",
        "host",
    ]
    .map(|name| seen.head.get(name).unwrap());
    assert_eq!(
        said,
        [
            "application/json",
            "identity",
            "Bearer sk-upstream",
            "application/json",
            host.as_str()
        ]
    );
    assert_eq!(seen.head.first_line, "POST /v1/chat/completions HTTP/1.1");
    assert!(!String::from_utf8_lossy(&seen.body).contains("client-secret"));
}

// S-12
// trap 10
#[tokio::test]
async fn the_client_gets_no_header_of_the_upstreams_but_its_request_id() {
    let headers = [
        ("content-type", "application/json"),
        ("set-cookie", "a=b"),
        ("server", "internal"),
        ("x-goog-api-key", "k"),
        ("access-control-allow-origin", "*"),
        ("strict-transport-security", "max-age=1"),
        ("location", "http://x/"),
        ("x-request-id", "req_up"),
        ("openai-organization", "org"),
        ("via", "1.1 x"),
        ("alt-svc", "h3"),
        ("x-tollward-cost-usd", "0"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ];
    let upstream = Upstream::new(Script::answer(
        "200 OK",
        &headers,
        openai::answer("x").to_string(),
    ))
    .await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(response.header("x-upstream-request-id"), Some("req_up"));
    assert_ne!(response.header("x-request-id"), Some("req_up"));
    let names = [
        "content-length",
        "content-type",
        "date",
        "x-request-id",
        "x-tollward-attempts",
        "x-tollward-cost-source",
        "x-tollward-deployment",
        "x-tollward-model",
        "x-tollward-overhead-ms",
        "x-tollward-provider",
        "x-upstream-request-id",
    ];
    assert_eq!(response.head.names(), names);
}

// S-12
#[tokio::test]
async fn an_answer_is_json_whatever_the_upstream_calls_it() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let kinds = [
        "text/html",
        "application/octet-stream",
        "text/plain; charset=utf-16",
    ];
    for kind in kinds {
        let answer = openai::answer("<script>alert(1)</script>").to_string();
        upstream.then(Script::answer("200 OK", &[("content-type", kind)], answer));
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, Some("application/json")),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_is_replaced() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let sent = |id: &str| Request::chat(&openai::chat()).header("x-request-id", id);
    let kept = gateway.send(&sent("my-id_1:2")).await;
    assert_eq!(kept.header("x-request-id"), Some("my-id_1:2"));
    for odd in ["a b", "", &"x".repeat(200)] {
        let replaced = gateway.send(&sent(odd)).await;
        let id = replaced.header("x-request-id").unwrap();
        assert_eq!(
            (id.len(), id.as_bytes()[14]),
            (36, b'7'),
            "a UUID of version 7, not {id}"
        );
    }
    let refused = gateway
        .send(&Request::post("/v1/chat/completions", "{").header("x-request-id", "mine"))
        .await;
    assert_eq!(
        refused.header("x-request-id"),
        Some("mine"),
        "an error names it too"
    );
}

// S-04
#[tokio::test]
async fn no_request_decides_where_its_call_goes() {
    let upstream = Upstream::healthy().await;
    let elsewhere = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let target = elsewhere.base_url();
    let mut body = openai::chat();
    for field in [
        "api_base",
        "base_url",
        "api_key",
        "custom_llm_provider",
        "endpoint",
        "url",
        "proxy",
    ] {
        body[field] = json!(target);
    }
    body["extra_headers"] = json!({"host": elsewhere.addr.to_string()});
    body["messages"] = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": format!("{target}/image.png")}}]}]);
    let path = format!("/v1/chat/completions?api_base={target}&model=other");
    let request = Request::post(&path, body.to_string())
        .header("x-api-base", &target)
        .header("x-base-url", &target)
        .header("x-forwarded-host", &elsewhere.addr.to_string())
        .header("x-original-url", &target);
    let response = gateway.send(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!((upstream.calls(), elsewhere.connections()), (1, 0));
    assert_eq!(upstream.only().path(), "/v1/chat/completions");
}

// S-08
#[tokio::test]
async fn nothing_a_client_writes_becomes_a_header_of_the_upstream_call() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut body = openai::chat();
    body["user"] = json!("a\r\nx-injected: 1\r\n\r\nGET / HTTP/1.1");
    body["metadata"] = json!({"x\r\ny": "%0d%0ax-injected: 1"});
    assert_eq!(gateway.chat(&body).await.status, 200);
    let seen = upstream.only();
    assert_eq!(seen.head.get("x-injected"), None);
    assert_eq!(seen.json()["user"], body["user"]);
    assert_eq!(upstream.calls(), 1);
}

// C-20: what a vendor cannot take is left out and named.
#[tokio::test]
async fn fields_that_the_vendor_refuses_are_dropped_and_named() {
    let upstream = Upstream::healthy().await;
    let provider = json!({"kind": "groq", "base_url": upstream.base_url(), "api_key": "k"});
    let config = Config::one(&upstream).set("/providers/alpha", provider);
    let gateway = Gateway::start(&config).await;
    let mut body = openai::chat();
    body["metadata"] = json!({"a": "b"});
    body["messages"][0]["name"] = json!("me");
    let response = gateway.chat(&body).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let mut dropped: Vec<_> = response
        .header("x-tollward-dropped")
        .unwrap()
        .split(',')
        .collect();
    dropped.sort_unstable();
    assert_eq!(dropped, ["messages[].name", "metadata"]);
    let mut expected = openai::chat();
    expected["model"] = json!("upstream-name");
    assert_eq!(upstream.only().json(), expected);
}

// C-32
#[tokio::test]
async fn json_is_answered_whatever_is_accepted_and_other_methods_are_refused() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway
        .send(&Request::chat(&openai::chat()).header("accept", "text/html"))
        .await;
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, Some("application/json"))
    );
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        let response = gateway
            .send(&Request::new(method, "/v1/chat/completions"))
            .await;
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(
            response.header("access-control-allow-origin"),
            None,
            "S-13: no cross-origin access"
        );
    }
    // Codex tries a websocket first.
    let socket = Request::get("/v1/responses")
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    let response = gateway.send(&socket).await;
    response.error(426, "method_not_allowed");
    gateway
        .send(&Request::get("/v1/chat/complete"))
        .await
        .error(404, "unknown_url");
    assert_eq!(upstream.calls(), 1);
}
