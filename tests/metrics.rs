//! The metrics page.

use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, sum};
use crate::support::openai;
use crate::support::script::{Gate, Script};
use crate::support::upstream::Upstream;

#[tokio::test]
async fn every_call_is_counted_once_where_it_belongs() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .priced()
        .model("unpriced", &["alpha/unknown"]);
    let gateway = Gateway::start(&config).await;
    for _ in 0..3 {
        gateway.chat(&openai::chat()).await;
    }
    upstream.then(Script::answer("500 Internal Server Error", &[], ""));
    gateway.chat(&openai::chat()).await;
    let mut unpriced = openai::chat();
    unpriced["model"] = "unpriced".into();
    gateway.chat(&unpriced).await;
    gateway
        .send(&Request::post("/v1/chat/completions", "{"))
        .await;
    let page = gateway.metrics().await;
    let calls = |status: &str| {
        let labels = [
            "operation=\"chat\"",
            "model=\"chat\"",
            "deployment=\"alpha/upstream-name\"",
            status,
        ];
        sum(&page, "tollward_requests_total", &labels)
    };
    assert_eq!(
        (calls("status=\"200\""), calls("status=\"502\"")),
        (3.0, 1.0),
        "{page}"
    );
    assert!(
        (sum(
            &page,
            "tollward_cost_usd_total",
            &["deployment=\"alpha/upstream-name\""]
        ) - 3.0 * 0.000_02)
            .abs()
            < 1e-12,
        "{page}"
    );
    assert_eq!(
        sum(
            &page,
            "tollward_unpriced_requests_total",
            &["model=\"unpriced\"", "reason=\"no_price\""]
        ),
        1.0
    );
    assert_eq!(
        sum(&page, "tollward_refusals_total", &["code=\"invalid_json\""]),
        1.0
    );
    let tokens = |kind: &str| {
        sum(
            &page,
            "gen_ai_client_token_usage_total",
            &["deployment=\"alpha/upstream-name\"", kind],
        )
    };
    assert_eq!(
        (tokens("\"input\""), tokens("\"output\"")),
        (30.0, 15.0),
        "{page}"
    );
    assert_eq!(
        sum(
            &page,
            "gen_ai_client_operation_duration_seconds_count",
            &["alpha/upstream-name"]
        ),
        4.0
    );
    assert_eq!(sum(&page, "tollward_build_info", &[]), 1.0);
    assert_eq!(sum(&page, "tollward_config_reload_success", &[]), 1.0);
    assert!(page.ends_with("# EOF\n"), "OpenMetrics ends with a mark");
}

#[tokio::test]
async fn calls_and_streams_in_flight_are_gauged() {
    let gate = Gate::closed();
    let script = Script::stream()
        .chunk([openai::role(), openai::text("a")].concat())
        .gate(&gate)
        .chunk(openai::finish())
        .chunk(openai::DONE)
        .end();
    let upstream = Upstream::new(script).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut clients = [
        gateway.connect().await,
        gateway.connect().await,
        gateway.connect().await,
    ];
    for client in &mut clients {
        client
            .open(&Request::chat(&openai::stream_chat()))
            .await
            .until("\"a\"")
            .await;
    }
    gateway.until_metric("tollward_inflight", &[], 3.0).await;
    gateway
        .until_metric("tollward_streams_active", &[], 3.0)
        .await;
    gate.open_times(3);
    gateway.assert_idle().await;
}

// U-47
#[tokio::test]
async fn a_usage_report_that_cannot_be_true_is_counted_where_it_belongs() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut absurd = openai::answer("x");
    absurd["usage"] = serde_json::json!({"prompt_tokens": -5, "completion_tokens": 2});
    upstream.then(Script::json("200 OK", &absurd));
    gateway.chat(&openai::chat()).await;
    let pieces = [
        openai::role(),
        openai::text("a"),
        openai::usage_only(5_000_000_000_000, 1),
        openai::finish(),
        openai::DONE.to_owned(),
    ];
    upstream.then(Script::stream_of(&pieces));
    gateway.chat(&openai::stream_chat()).await;
    gateway.chat(&openai::chat()).await;
    let labels = ["deployment=\"alpha/upstream-name\""];
    gateway
        .until_metric("tollward_usage_anomalies_total", &labels, 2.0)
        .await;
}

// S-31
#[tokio::test]
async fn no_label_holds_a_key_or_a_prompt() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).keyed()).await;
    let key = gateway.home.create_key("canary-key-name", &[]).await;
    let mut body = openai::chat();
    body["user"] = "canary-user".into();
    assert_eq!(
        gateway.send(&Request::chat(&body).key(&key)).await.status,
        200
    );
    let mut unknown = openai::chat();
    unknown["model"] = "canary-model".into();
    gateway
        .send(&Request::chat(&unknown).key(&key))
        .await
        .error(404, "model_not_found");
    let page = gateway.metrics().await;
    assert!(!page.contains("canary") && !page.contains("tw-"), "{page}");
    let kind = Client::connect(gateway.admin)
        .await
        .send(&Request::get("/metrics"))
        .await;
    assert_eq!(
        kind.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
}

#[tokio::test]
async fn what_is_left_of_a_vendors_limits_is_told_by_deployment_and_credential() {
    let upstream = Upstream::healthy().await;
    let body = openai::answer("hi").to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-limit-tokens", "9000"),
        ("x-ratelimit-remaining-tokens", "8000"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    upstream.then(Script::answer("200 OK", &headers, body));
    let refusal = [("x-ratelimit-remaining-requests", "0")];
    upstream.then(Script::answer("400 Bad Request", &refusal, "{}"));
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let told = async |name: &str, of: &str| {
        let of = format!("of=\"{of}\"");
        let labels = [
            "deployment=\"alpha/upstream-name\"",
            "credential=\"1\"",
            &of,
        ];
        sum(&gateway.metrics().await, name, &labels)
    };
    gateway.chat(&openai::chat()).await;
    assert_eq!(told("tollward_headroom_limit", "requests").await, 60.0);
    assert_eq!(told("tollward_headroom_remaining", "requests").await, 59.0);
    assert_eq!(told("tollward_headroom_limit", "tokens").await, 9000.0);
    assert_eq!(told("tollward_headroom_remaining", "tokens").await, 8000.0);
    let resets_at = told("tollward_headroom_resets_at_seconds", "tokens").await;
    assert!(resets_at > 1_700_000_000.0, "{resets_at}");
    // A refusal tells as well, and of what it does not mention the last word stands.
    gateway.chat(&openai::chat()).await;
    assert_eq!(told("tollward_headroom_remaining", "requests").await, 0.0);
    assert_eq!(told("tollward_headroom_remaining", "tokens").await, 8000.0);
    let page = gateway.metrics().await;
    assert!(!page.contains("input_tokens\""), "{page}");
}
