//! Retry and fallback: invisible before the first content, impossible after it.

use serde_json::{Value, json};

use crate::support::client::Response;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::{Script, head};
use crate::support::upstream::{Upstream, dead_address};

struct Pair {
    first: Upstream,
    second: Upstream,
    gateway: Gateway,
}

impl Pair {
    /// A primary that answers with `script` and a healthy spare.
    async fn new(script: Script) -> Self {
        let first = Upstream::new(script).await;
        let second = Upstream::new(Script::json("200 OK", &openai::answer("from the spare"))).await;
        let gateway = Gateway::start(&Config::two(&first, &second)).await;
        Self {
            first,
            second,
            gateway,
        }
    }

    /// Asserts that the spare answered as if nothing had happened.
    fn assert_spared(&self, response: &Response, reason: &str) {
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(response.json(), openai::answer("from the spare"));
        let said = [
            "x-tollward-attempts",
            "x-tollward-deployment",
            "x-tollward-provider",
            "x-tollward-fallback-reason",
        ]
        .map(|name| response.header(name));
        assert_eq!(
            said,
            [
                Some("2"),
                Some("beta/spare-name"),
                Some("beta"),
                Some(reason)
            ]
        );
        assert_eq!((self.first.calls(), self.second.calls()), (1, 1));
        assert_eq!(self.second.only().json()["model"], "spare-name");
    }
}

fn stream_from(words: &[&str]) -> Script {
    Script::stream_of(openai::stream(words))
}

// U-01
#[tokio::test]
async fn a_refused_connection_falls_back_at_once() {
    let second = Upstream::healthy().await;
    let dead = dead_address().await;
    let config = Config::two(&second, &second).provider("alpha", dead);
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(
        (
            response.status,
            response.header("x-tollward-fallback-reason")
        ),
        (200, Some("upstream_unreachable"))
    );
    assert!(response.took.as_millis() < 1_000, "{:?}", response.took);
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["deployment"], &row["attempts"], &row["outcome"]),
        (&json!("beta/spare-name"), &json!(2), &json!("complete"))
    );
    gateway
        .until_metric(
            "tollward_fallbacks_total",
            &[
                "from=\"alpha/upstream-name\"",
                "to=\"beta/spare-name\"",
                "reason=\"upstream_unreachable\"",
            ],
            1.0,
        )
        .await;
}

// U-01
#[tokio::test]
async fn nobody_to_fall_back_to_is_a_bad_gateway() {
    let dead = dead_address().await;
    let config = Config::empty()
        .provider("alpha", dead)
        .model("chat", &["alpha/upstream-name"]);
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    let error = response.error(502, "upstream_unreachable");
    assert!(
        !error["message"]
            .as_str()
            .unwrap()
            .contains(&dead.to_string()),
        "an upstream's address stays inside: {error}"
    );
    let row = gateway.home.row().await;
    let facts = (
        &row["status"],
        &row["outcome"],
        &row["tokens"]["input"],
        &row["estimated"],
    );
    assert_eq!(
        facts,
        (
            &json!(502),
            &json!("upstream_error"),
            &json!(0),
            &json!(false)
        )
    );
}

// U-14, U-15, U-18, U-19, U-20
#[tokio::test]
async fn every_status_that_another_deployment_may_cure_falls_back() {
    let cases = [
        ("429 Too Many Requests", "rate_limit_exceeded"),
        ("500 Internal Server Error", "upstream_error"),
        ("502 Bad Gateway", "upstream_error"),
        ("503 Service Unavailable", "upstream_overloaded"),
        ("529 Overloaded", "upstream_overloaded"),
        ("401 Unauthorized", "upstream_auth"),
        ("403 Forbidden", "upstream_auth"),
        ("404 Not Found", "model_not_found"),
        ("307 Temporary Redirect", "upstream_redirect"),
    ];
    for (status, reason) in cases {
        let pair = Pair::new(Script::answer(status, &[], "")).await;
        let response = pair.gateway.chat(&openai::chat()).await;
        pair.assert_spared(&response, reason);
        let row = pair.gateway.home.row().await;
        assert_eq!(
            row["attempts"], 2,
            "a refused attempt has no row of its own"
        );
    }
}

// U-17
#[tokio::test]
async fn a_request_that_is_refused_for_what_it_says_is_not_taken_elsewhere() {
    let error = openai::error(
        "bad temperature",
        "invalid_request_error",
        Some("temperature"),
        None,
    );
    let pair = Pair::new(Script::json("400 Bad Request", &error)).await;
    let response = pair.gateway.chat(&openai::chat()).await;
    assert_eq!((response.status, response.json()), (400, error));
    assert_eq!((pair.first.calls(), pair.second.calls()), (1, 0));
}

// U-22, U-23, U-24, U-26, U-54
#[tokio::test]
async fn an_answer_that_is_no_answer_falls_back() {
    let cut = head(
        "200 OK",
        &[
            ("content-type", "application/json"),
            ("content-length", "900"),
        ],
    );
    let billed = &["abandoned", "complete"];
    let cases = [
        (
            Script::answer("200 OK", &[("content-type", "text/html")], "<html>"),
            "upstream_protocol",
            // Nobody bills a page.
            &["complete"][..],
        ),
        (
            Script::answer("200 OK", &[("content-type", "application/json")], "{"),
            "upstream_protocol",
            billed,
        ),
        (
            Script::new().send(format!("{cut}\r\n{{")).reset(),
            "upstream_protocol",
            billed,
        ),
        (
            Script::json("200 OK", &json!({"choices": []})),
            "upstream_empty",
            billed,
        ),
        (
            Script::json(
                "200 OK",
                &openai::error("busy", "server_error", None, Some("overloaded")),
            ),
            "upstream_overloaded",
            billed,
        ),
    ];
    for (script, reason, expected) in cases {
        let pair = Pair::new(script).await;
        let response = pair.gateway.chat(&openai::chat()).await;
        pair.assert_spared(&response, reason);
        let rows = pair.gateway.home.rows(expected.len()).await;
        let mut outcomes: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["outcome"].as_str())
            .collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, expected, "what may have been billed is booked");
    }
}

// U-26
#[tokio::test]
async fn a_connection_lost_before_the_head_falls_back() {
    for script in [
        Script::new().reset(),
        Script::new().fin(),
        Script::new().send("HTTP/1.1 200").fin(),
    ] {
        let pair = Pair::new(script).await;
        let response = pair.gateway.chat(&openai::chat()).await;
        assert_eq!(
            (response.status, response.json()),
            (200, openai::answer("from the spare"))
        );
        assert_eq!(pair.second.calls(), 1);
    }
}

// U-16, U-26
#[tokio::test]
async fn a_stream_that_fails_before_content_is_replaced_by_one_clean_stream() {
    let error = openai::event(&openai::error(
        "overloaded",
        "server_error",
        None,
        Some("overloaded"),
    ));
    let cases = [
        Script::stream_of([error.clone()]),
        Script::stream_of([openai::role(), error]),
        Script::stream().reset(),
        Script::stream().fin(),
        Script::stream().end(),
        Script::stream().chunk(openai::role()).reset(),
        Script::stream()
            .chunk(": comment\n\n")
            .chunk(openai::role())
            .end(),
        Script::stream()
            .chunk("data: {\"choices\":[{\"index\":0,\"del")
            .reset(),
        Script::answer("500 Internal Server Error", &[], ""),
    ];
    for script in cases {
        let pair = Pair::new(script.clone()).await;
        pair.second.always(stream_from(&["one", " clean"]));
        let response = pair.gateway.chat(&openai::stream_chat()).await;
        assert_eq!(
            (response.status, response.text()),
            (200, openai::stream_without_usage(&["one", " clean"])),
            "{script:?}"
        );
        assert_eq!(response.header("x-tollward-attempts"), Some("2"));
        pair.gateway.assert_idle().await;
    }
}

// U-27
#[tokio::test]
async fn fallback_stops_once_content_was_delivered() {
    let delivered = [openai::role(), openai::text("a")].concat();
    let pair = Pair::new(Script::stream().chunk(&delivered).reset()).await;
    let response = pair.gateway.chat(&openai::stream_chat()).await;
    assert_eq!(response.status, 200);
    assert!(response.text().starts_with(&delivered));
    assert!(!response.text().contains("[DONE]"));
    assert_eq!(pair.second.calls(), 0);
    assert_eq!(pair.gateway.home.row().await["attempts"], 1);
}

// U-09
#[tokio::test]
async fn a_rate_limit_is_passed_on_with_the_wait_when_nobody_else_can_answer() {
    let error = openai::error("slow down", "requests", None, Some("rate_limit_exceeded"));
    let upstream = Upstream::new(limited(&[("retry-after", "7")], &error)).await;
    let config = Config::one(&upstream).set("/retry", json!({"attempts": 2, "base_delay": "1ms"}));
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    response.error(429, "rate_limit_exceeded");
    assert_eq!(
        (
            response.header("retry-after"),
            response.header("x-tollward-error-source")
        ),
        (Some("7"), Some("upstream"))
    );
    assert_eq!(upstream.calls(), 1, "seven seconds are not waited for");
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["status"], &row["tokens"]["input"]),
        (&json!(429), &json!(0))
    );
}

// U-10
#[tokio::test]
async fn a_wait_given_as_a_date_is_counted_from_the_vendors_clock_or_from_ours() {
    let error = openai::error("slow down", "requests", None, Some("rate_limit_exceeded"));
    let past = "Wed, 21 Oct 2015 07:28:00 GMT";
    let (said, later) = (
        "Wed, 21 Oct 2015 07:27:00 GMT",
        "Thu, 22 Oct 2015 07:28:00 GMT",
    );
    for (headers, seconds) in [
        (vec![("retry-after", past)], "1"),
        (vec![("retry-after", past), ("date", said)], "60"),
        (vec![("retry-after", past), ("date", later)], "1"),
        (vec![("retry-after", later), ("date", said)], "300"),
        (vec![("retry-after", "86400")], "300"),
        (vec![("retry-after", "Wed, sometime")], "1"),
    ] {
        let upstream = Upstream::new(limited(&headers, &error)).await;
        let gateway = Gateway::start(&Config::one(&upstream)).await;
        let response = gateway.chat(&openai::chat()).await;
        response.error(429, "rate_limit_exceeded");
        assert_eq!(response.header("retry-after"), Some(seconds), "{headers:?}");
    }
}

// U-11
#[tokio::test]
async fn a_wait_in_milliseconds_wins_and_is_rounded_up_in_seconds() {
    let error = openai::error("slow down", "requests", None, Some("rate_limit_exceeded"));
    let upstream = Upstream::new(limited(
        &[("retry-after", "9"), ("retry-after-ms", "350")],
        &error,
    ))
    .await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway.chat(&openai::chat()).await;
    response.error(429, "rate_limit_exceeded");
    assert_eq!(
        (
            response.header("retry-after-ms"),
            response.header("retry-after")
        ),
        (Some("350"), Some("1"))
    );
}

// U-13
#[tokio::test]
async fn spent_credit_is_not_tried_again() {
    let error = openai::error(
        "Organization org-secret exceeded its current quota",
        "insufficient_quota",
        None,
        Some("insufficient_quota"),
    );
    let upstream = Upstream::new(limited(&[], &error)).await;
    let config = Config::one(&upstream).set("/retry", json!({"attempts": 2, "base_delay": "1ms"}));
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    let told = response.error(429, "insufficient_quota");
    assert!(!response.text().contains("org-secret"));
    assert_eq!(
        (&told["type"], response.header("x-should-retry")),
        (&json!("insufficient_quota"), Some("false"))
    );
    assert_eq!(upstream.calls(), 1);
}

// U-14
#[tokio::test]
async fn a_passing_fault_is_tried_again_on_the_same_deployment() {
    let upstream = Upstream::healthy().await;
    upstream.then(Script::answer("500 Internal Server Error", &[], ""));
    upstream.then(Script::answer(
        "503 Service Unavailable",
        &[("retry-after-ms", "5")],
        "",
    ));
    let config = Config::one(&upstream).set(
        "/retry",
        json!({"attempts": 2, "base_delay": "1ms", "max_delay": "5ms"}),
    );
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(
        (response.status, response.header("x-tollward-attempts")),
        (200, Some("3"))
    );
    assert_eq!(
        response.header("x-tollward-fallback-reason"),
        Some("upstream_error")
    );
    let bodies: Vec<_> = upstream.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(
        bodies,
        vec![bodies[0].clone(); 3],
        "each attempt sends the same bytes"
    );
}

#[tokio::test]
async fn attempts_are_bounded_over_all_deployments() {
    let upstream = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let config = Config::one(&upstream).set(
        "/retry",
        json!({"attempts": 2, "base_delay": "1ms", "max_delay": "2ms"}),
    );
    let gateway = Gateway::start(&config).await;
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_error");
    assert_eq!(upstream.calls(), 3);
}

// Retry amplification: an outage is not multiplied.
#[tokio::test]
async fn a_long_outage_exhausts_the_retry_budget() {
    let upstream = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let config = Config::one(&upstream)
        .set(
            "/retry",
            json!({"attempts": 2, "base_delay": "1ms", "max_delay": "2ms"}),
        )
        .set("/routing", json!({"breaker": {"failures": 0}}));
    let gateway = Gateway::start(&config).await;
    for _ in 0..100 {
        gateway
            .chat(&openai::chat())
            .await
            .error(502, "upstream_error");
    }
    assert!(
        (100..=140).contains(&upstream.calls()),
        "{} calls for 100",
        upstream.calls()
    );
}

#[tokio::test]
async fn deployments_of_one_model_are_tried_in_their_order() {
    let first = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let second = Upstream::healthy().await;
    let config = Config::one(&first)
        .provider("beta", second.addr)
        .model("chat", &["alpha/upstream-name", "beta/upstream-name"])
        .set("/retry", json!({"attempts": 1}));
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(
        (response.status, response.header("x-tollward-deployment")),
        (200, Some("beta/upstream-name"))
    );
    assert_eq!((first.calls(), second.calls()), (1, 1));
}

fn limited(headers: &[(&str, &str)], error: &Value) -> Script {
    let headers = [&[("content-type", "application/json")], headers].concat();
    Script::answer("429 Too Many Requests", &headers, error.to_string())
}

/// `chat` at an OpenAI-shaped server and at Anthropic, in this order or the other.
async fn vendors(script: Script, order: [&str; 2]) -> (Upstream, Gateway) {
    let upstream = Upstream::new(script).await;
    let anthropic = json!({"base_url": upstream.base_url(), "api_key": "sk-ant"});
    let config = Config::one(&upstream)
        .set("/providers/anthropic", anthropic)
        .set(
            "/retry",
            json!({"attempts": 2, "base_delay": "1ms", "max_delay": "10ms"}),
        )
        .model("chat", &order);
    let gateway = Gateway::start(&config).await;
    (upstream, gateway)
}

const HERE: &str = "alpha/upstream-name";
const THERE: &str = "anthropic/claude-sonnet-4-5";

/// A request that only the OpenAI-shaped server can be sent.
fn for_ears() -> Value {
    let mut body = openai::chat();
    body["modalities"] = json!(["text", "audio"]);
    body
}

#[tokio::test]
async fn a_fallback_that_cannot_be_asked_does_not_hide_why_the_others_failed() {
    let broken = Script::json(
        "500 Internal Server Error",
        &openai::error("no", "server_error", None, None),
    );
    let (upstream, gateway) = vendors(broken, [HERE, THERE]).await;
    let error = gateway.chat(&for_ears()).await.error(502, "upstream_error");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(HERE) && message.contains("not asked") && message.contains(THERE),
        "{message}"
    );
    // It takes no retry from the one before it either.
    assert_eq!(upstream.calls(), 3);
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["deployment"], &row["status"], &row["attempts"]),
        (&json!(HERE), &json!(502), &json!(3))
    );
}

#[tokio::test]
async fn a_deployment_that_cannot_be_asked_is_passed_over_for_one_that_can() {
    let good = Script::json("200 OK", &openai::answer("hello"));
    let (_upstream, gateway) = vendors(good, [THERE, HERE]).await;
    let response = gateway.chat(&for_ears()).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let said = [
        "x-tollward-attempts",
        "x-tollward-deployment",
        "x-tollward-skipped",
        "x-tollward-fallback-reason",
    ]
    .map(|name| response.header(name));
    assert_eq!(said, [Some("1"), Some(HERE), Some(THERE), None]);
    assert_eq!(gateway.home.row().await["attempts"], 1);
}

#[tokio::test]
async fn a_request_that_nobody_can_be_asked_is_refused() {
    let good = Script::json("200 OK", &openai::answer("hello"));
    let (upstream, gateway) = vendors(good, [THERE, THERE]).await;
    let refused = gateway.chat(&for_ears()).await;
    assert_eq!(
        refused.error(400, "unsupported_parameter")["param"],
        "modalities"
    );
    assert_eq!(refused.header("x-tollward-error-source"), Some("gateway"));
    assert_eq!(upstream.calls(), 0);
    let row = gateway.home.row().await;
    assert_eq!((&row["status"], &row["attempts"]), (&json!(400), &json!(0)));
}

#[tokio::test]
async fn a_call_that_the_model_wrote_wrongly_is_asked_for_once_more() {
    let wrong = || {
        let error = json!({"error": {
            "message": "Failed to call a function. Please adjust your prompt.",
            "type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": "<f>",
        }});
        Script::json("400 Bad Request", &error)
    };
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(
        &Config::vendor(&upstream, "groq", "m").set("/retry", json!({"attempts": 3})),
    )
    .await;
    upstream.then(wrong());
    let response = gateway.chat(&openai::chat()).await;
    let attempts = response.header("x-tollward-attempts");
    assert_eq!(
        (response.status, attempts),
        (200, Some("2")),
        "{}",
        response.text()
    );
    // Twice wrong is told in the vendor's words, so that the caller can adjust the prompt.
    upstream.always(wrong());
    let response = gateway.chat(&openai::chat()).await;
    response.error(400, "tool_use_failed");
    assert!(
        response.text().contains("Please adjust your prompt"),
        "{}",
        response.text()
    );
    assert_eq!(upstream.calls(), 4);
}
