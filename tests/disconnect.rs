//! Clients that leave: the upstream is let go of at once, and the call is booked once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, usd};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// How soon the upstream must be let go of.
const PROMPT: Duration = Duration::from_millis(100);

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
enum Leave {
    /// FIN on both directions.
    Close,
    /// RST.
    Abort,
}

impl Leave {
    fn with(self, client: Client) -> Instant {
        let left = Instant::now();
        match self {
            Leave::Close => drop(client),
            Leave::Abort => client.abort(),
        }
        left
    }
}

fn assert_gone(row: &Value, status: u16) {
    let facts = (
        &row["outcome"],
        &row["status"],
        &row["estimated"],
        &row["attempts"],
    );
    assert_eq!(
        facts,
        (
            &json!("client_gone"),
            &json!(status),
            &json!(true),
            &json!(1)
        )
    );
}

// C-01, C-03
#[tokio::test]
async fn a_client_that_leaves_before_the_answer_ends_the_upstream_call() {
    let upstream = Upstream::new(Script::new().black_hole()).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let mut index = 0;
    for body in [openai::chat(), openai::stream_chat()] {
        for leave in [Leave::Close, Leave::Abort] {
            let mut client = gateway.connect().await;
            client.write(&Request::chat(&body).to_bytes()).await;
            upstream.request(index).await;
            let left = leave.with(client);
            let delay = upstream.closed_after(index, left).await;
            assert!(
                delay <= PROMPT,
                "{leave:?}: the upstream was closed after {delay:?}"
            );
            index += 1;
        }
    }
    for row in gateway.home.rows(index).await {
        assert_gone(&row, 499);
        assert!(
            row["tokens"]["input"].as_u64() > Some(0),
            "what was sent may be billed: {row}"
        );
        assert_eq!(
            row["cost"],
            usd(usize::try_from(row["tokens"]["input"].as_u64().unwrap()).unwrap() * 1_000)
        );
    }
    gateway.assert_idle().await;
}

// C-02
#[tokio::test]
async fn a_client_may_leave_at_any_of_twenty_points_of_a_stream() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let points = 20;
    let mut slowest = Duration::ZERO;
    for point in 0..points {
        let mut script = Script::stream().chunk(openai::role());
        for word in 1..=point {
            script = script.chunk(openai::text(&format!("word{word}.")));
        }
        upstream.then(script.black_hole());
        let mut client = gateway.connect().await;
        client
            .write(&Request::chat(&openai::stream_chat()).to_bytes())
            .await;
        upstream.request(point).await;
        if point > 0 {
            client
                .answer("POST")
                .await
                .until(&format!("word{point}."))
                .await;
        }
        let leave = if point % 2 == 0 {
            Leave::Close
        } else {
            Leave::Abort
        };
        let left = leave.with(client);
        slowest = slowest.max(upstream.closed_after(point, left).await);
    }
    assert!(
        slowest <= PROMPT,
        "the slowest upstream was closed after {slowest:?}"
    );
    let mut rows = gateway.home.rows(points).await;
    rows.reverse();
    for (point, row) in rows.iter().enumerate() {
        assert_gone(row, if point == 0 { 499 } else { 200 });
        let text: usize = (1..=point).map(|word| format!("word{word}.").len()).sum();
        assert_eq!(
            row["tokens"]["output"],
            json!(text.div_ceil(3)),
            "what was delivered is counted, at point {point}"
        );
    }
    gateway.assert_idle().await;
}

// C-02: what an SDK does after every stream is not a disconnect.
#[tokio::test]
async fn a_client_that_closes_right_after_done_is_booked_as_complete() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    for _ in 0..10 {
        let whole = openai::stream(&["a"]).concat();
        // The last HTTP chunk never comes: the client leaves as soon as it has read `[DONE]`.
        upstream.then(Script::stream().chunk(whole).black_hole());
        let mut client = gateway.connect().await;
        client
            .open(&Request::chat(&openai::stream_chat()))
            .await
            .until("[DONE]")
            .await;
        drop(client);
    }
    for row in gateway.home.rows(10).await {
        assert_eq!(
            (&row["outcome"], &row["tokens"]["output"], &row["estimated"]),
            (&json!("complete"), &json!(5), &json!(false))
        );
    }
    gateway.assert_idle().await;
}

// C-04
#[tokio::test]
async fn leaving_early_again_and_again_is_never_free() {
    let upstream = Upstream::new(Script::new().black_hole()).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let calls = 100;
    for index in 0..calls {
        let mut client = gateway.connect().await;
        client
            .write(&Request::chat(&openai::chat()).to_bytes())
            .await;
        upstream.request(index).await;
        drop(client);
    }
    let input = openai::ESTIMATED;
    for row in gateway.home.rows(calls).await {
        assert_eq!(row["cost"], usd(input * 1_000));
    }
    gateway.assert_idle().await;
}

// A client that leaves while a fallback is running ends that one too.
#[tokio::test]
async fn a_client_that_leaves_during_the_fallback_ends_it() {
    let first = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let second = Upstream::new(Script::new().black_hole()).await;
    let gateway = Gateway::start(&Config::two(&first, &second)).await;
    let mut client = gateway.connect().await;
    client
        .write(&Request::chat(&openai::chat()).to_bytes())
        .await;
    second.request(0).await;
    let left = Leave::Close.with(client);
    let delay = second.closed_after(0, left).await;
    assert!(delay <= PROMPT, "{delay:?}");
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["deployment"], &row["outcome"], &row["attempts"]),
        (&json!("beta/spare-name"), &json!("client_gone"), &json!(2))
    );
    gateway.assert_idle().await;
}

// C-06, C-07
#[tokio::test]
async fn clients_that_do_not_read_hold_the_upstream_back_and_cost_little() {
    let event = openai::text(&"x".repeat(64 * 1024));
    // More than all sockets on the way hold.
    let total = 24 * 1024 * 1024;
    let mut script = Script::stream();
    for _ in 0..total / event.len() {
        script = script.chunk(&event);
    }
    let gate = crate::support::script::Gate::closed();
    let upstream = Upstream::new(script.gate(&gate)).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    upstream.then(Script::stream_of(openai::stream(&["warm"])));
    assert_eq!(gateway.chat(&openai::stream_chat()).await.status, 200);
    let before = gateway.resident_bytes();
    let mut clients = Vec::new();
    for _ in 0..16 {
        let mut client = gateway.connect().await;
        client
            .open(&Request::chat(&openai::stream_chat()))
            .await
            .until("xxx")
            .await;
        clients.push(client);
    }
    // Nothing to poll for: the claim is that nothing more happens.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let grown = gateway.resident_bytes().saturating_sub(before);
    // Four events each, and what the allocator keeps beside them.
    assert!(
        grown < 16 * 768 * 1024,
        "sixteen stuck clients cost {grown} bytes"
    );
    drop(clients);
    gateway.assert_idle().await;
}
