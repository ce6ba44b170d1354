//! The four time limits: each names itself. Real time is the subject here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::{Script, head};
use crate::support::upstream::Upstream;

const SLACK: Duration = Duration::from_millis(900);

/// A gateway with one short limit, in front of `script`.
async fn limited(limit: &str, value: &str, script: Script) -> (Upstream, Gateway) {
    let upstream = Upstream::new(script).await;
    let gateway =
        Gateway::start(&Config::one(&upstream).set(&format!("/timeouts/{limit}"), json!(value)))
            .await;
    (upstream, gateway)
}

fn assert_named(message: &Value, phase: &str) {
    let message = message["message"].as_str().unwrap();
    assert!(
        message.contains(phase),
        "{message:?} names the {phase} limit"
    );
}

// U-06
#[tokio::test]
async fn an_upstream_that_never_answers_is_left_after_the_first_byte_limit() {
    for (limit, body, input) in [
        (
            "first_byte",
            openai::stream_chat(),
            openai::STREAM_ESTIMATED,
        ),
        ("first_byte_plain", openai::chat(), openai::ESTIMATED),
    ] {
        let (upstream, gateway) = limited(limit, "300ms", Script::new().black_hole()).await;
        let response = gateway.chat(&body).await;
        assert_named(&response.error(504, "upstream_timeout"), "first_byte");
        assert!(
            (Duration::from_millis(300)..Duration::from_millis(300) + SLACK)
                .contains(&response.took),
            "{:?}",
            response.took
        );
        let row = gateway.home.row().await;
        let facts = (
            &row["status"],
            &row["outcome"],
            &row["estimated"],
            &row["tokens"]["input"],
        );
        assert_eq!(
            facts,
            (&json!(504), &json!("deadline"), &json!(true), &json!(input)),
            "a request that was sent may be billed"
        );
        upstream.closed_after(0, upstream.only().at).await;
        gateway.assert_idle().await;
    }
}

// U-07
#[tokio::test]
async fn a_head_that_drips_does_not_move_the_first_byte_limit() {
    let head = format!("{}x: {}\r\n\r\n", head("200 OK", &[]), "y".repeat(500));
    let script = Script::new().drip(head, 1, Duration::from_millis(50));
    let (_upstream, gateway) = limited("first_byte", "300ms", script).await;
    let response = gateway.chat(&openai::stream_chat()).await;
    assert_named(&response.error(504, "upstream_timeout"), "first_byte");
    assert!(
        response.took < Duration::from_millis(300) + SLACK,
        "{:?}",
        response.took
    );
}

#[tokio::test]
async fn comments_and_roles_do_not_count_as_first_content() {
    let mut script = Script::stream();
    for _ in 0..100 {
        script = script
            .chunk(": still thinking\n\n")
            .chunk(openai::role())
            .sleep(Duration::from_millis(50));
    }
    let (_upstream, gateway) = limited("first_content", "400ms", script).await;
    let response = gateway.chat(&openai::stream_chat()).await;
    assert_named(&response.error(504, "upstream_timeout"), "first_content");
    assert!(
        response.took < Duration::from_millis(400) + SLACK,
        "{:?}",
        response.took
    );
}

#[tokio::test]
async fn a_stream_that_stalls_ends_with_an_error_after_the_idle_limit() {
    let delivered = [openai::role(), openai::text("a")].concat();
    let (upstream, gateway) = limited(
        "idle",
        "300ms",
        Script::stream().chunk(&delivered).black_hole(),
    )
    .await;
    let response = gateway.chat(&openai::stream_chat()).await;
    assert!(
        response.text().starts_with(&delivered) && !response.text().contains("[DONE]"),
        "{}",
        response.text()
    );
    let events = openai::events(&response.body);
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "upstream_timeout");
    assert_named(&last["error"], "idle");
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["outcome"], &row["estimated"]),
        (&json!("idle_timeout"), &json!(true))
    );
    upstream.closed_after(0, upstream.only().at).await;
}

#[tokio::test]
async fn a_whole_answer_that_stalls_meets_the_idle_limit() {
    let head = head(
        "200 OK",
        &[
            ("content-type", "application/json"),
            ("content-length", "100"),
        ],
    );
    let (_upstream, gateway) = limited(
        "idle",
        "300ms",
        Script::new().send(format!("{head}\r\n{{")).black_hole(),
    )
    .await;
    let response = gateway.chat(&openai::chat()).await;
    assert_named(&response.error(504, "upstream_timeout"), "idle");
    assert_eq!(gateway.home.row().await["outcome"], "idle_timeout");
}

// U-35: comments keep a stream alive between events.
#[tokio::test]
async fn comments_reset_the_idle_limit() {
    let mut script = Script::stream().chunk([openai::role(), openai::text("a")].concat());
    for _ in 0..12 {
        script = script.sleep(Duration::from_millis(100)).chunk(": ping\n\n");
    }
    let script = script.chunk(openai::finish()).chunk(openai::DONE).end();
    let (_upstream, gateway) = limited("idle", "600ms", script).await;
    let response = gateway.chat(&openai::stream_chat()).await;
    assert!(
        response.text().ends_with(openai::DONE),
        "{}",
        response.text()
    );
}

#[tokio::test]
async fn a_stream_that_never_ends_meets_the_total_limit() {
    let mut script = Script::stream().chunk(openai::role());
    for _ in 0..100 {
        script = script
            .chunk(openai::text("a"))
            .sleep(Duration::from_millis(20));
    }
    let upstream = Upstream::new(script).await;
    // No phase may be longer than the whole.
    let limits = json!({"connect": "100ms", "first_byte": "500ms", "first_content": "500ms", "idle": "500ms", "total": "500ms"});
    let gateway = Gateway::start(&Config::one(&upstream).set("/timeouts", limits)).await;
    let response = gateway.chat(&openai::stream_chat()).await;
    let events = openai::events(&response.body);
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "upstream_timeout", "{last}");
    assert_named(&last["error"], "total");
    assert!(
        response.took < Duration::from_millis(500) + SLACK,
        "{:?}",
        response.took
    );
    assert_eq!(gateway.home.row().await["outcome"], "deadline");
    upstream.closed_after(0, upstream.only().at).await;
}

// U-06
#[tokio::test]
async fn a_slow_primary_is_left_for_the_spare_within_its_limit() {
    let first = Upstream::new(Script::new().black_hole()).await;
    let second = Upstream::new(Script::stream_of(openai::stream(&["x"]))).await;
    let config = Config::two(&first, &second).set("/timeouts/first_byte", json!("200ms"));
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::stream_chat()).await;
    assert_eq!(
        (response.status, response.text()),
        (200, openai::stream_without_usage(&["x"]))
    );
    assert_eq!(
        response.header("x-tollward-fallback-reason"),
        Some("upstream_timeout")
    );
    first.closed_after(0, first.only().at).await;
    let rows = gateway.home.rows(2).await;
    assert!(
        rows.iter()
            .any(|row| row["outcome"] == "abandoned" && row["estimated"] == true),
        "{rows:#?}"
    );
}

#[tokio::test]
async fn our_own_overhead_leaves_out_the_upstreams_time() {
    let script = Script::json("200 OK", &openai::answer("x"));
    let mut slow = Script::new().sleep(Duration::from_millis(300));
    slow.0.extend(script.0);
    let upstream = Upstream::new(slow).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway.chat(&openai::chat()).await;
    let overhead: f64 = response
        .header("x-tollward-overhead-ms")
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        response.took >= Duration::from_millis(300) && (0.0..200.0).contains(&overhead),
        "{overhead} ms"
    );
}

#[tokio::test]
async fn a_caller_may_want_to_wait_for_less_long_over_all_attempts() {
    let (servers, config) = Config::three().await;
    let config = config
        .model("chat", &["alpha/m", "beta/m"])
        .set("/retry", json!({"attempts": 3, "base_delay": "1ms"}));
    let gateway = Gateway::start(&config).await;
    servers[0].always(
        Script::new()
            .sleep(Duration::from_millis(200))
            .then(Script::answer("500 Internal Server Error", &[], "")),
    );
    servers[1].always(Script::new().black_hole());
    let asked = async |seconds: &str| {
        let request = Request::chat(&openai::chat()).header("x-tollward-timeout", seconds);
        gateway.send(&request).await
    };
    let response = asked("0.6").await;
    assert!(
        response.took < Duration::from_secs(3),
        "{:?}",
        response.took
    );
    response.error(504, "upstream_timeout");
    asked("soon").await.error(400, "invalid_header");
    assert_eq!((servers[0].calls(), servers[1].calls()), (1, 1));
}
