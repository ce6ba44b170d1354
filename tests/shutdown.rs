//! The end of the process: orderly, hurried, and by SIGKILL.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai::{self, DONE};
use crate::support::script::{Gate, Script};
use crate::support::until;
use crate::support::upstream::Upstream;

/// A stream that stops after its first word until the gate opens.
fn gated(gate: &Gate) -> Script {
    let begin = [openai::role(), openai::text("a")].concat();
    Script::stream()
        .chunk(begin)
        .gate(gate)
        .chunk(openai::finish())
        .chunk(openai::usage_only(10, 5))
        .chunk(DONE)
        .end()
}

async fn refuses_connections(gateway: &Gateway) {
    until("new connections are refused", async || {
        TcpStream::connect(gateway.public)
            .await
            .is_err()
            .then_some(())
    })
    .await;
}

// P-01
#[tokio::test]
async fn sigterm_lets_every_running_stream_finish() {
    let gate = Gate::closed();
    let upstream = Upstream::new(gated(&gate)).await;
    let mut gateway = Gateway::start(&Config::one(&upstream)).await;
    let streams = 50;
    let mut clients = Vec::new();
    for _ in 0..streams {
        let mut client = gateway.connect().await;
        let begun = client
            .open(&Request::chat(&openai::stream_chat()))
            .await
            .until("\"a\"")
            .await;
        clients.push((client, begun));
    }
    gateway.signal("TERM").await;
    refuses_connections(&gateway).await;
    gate.open_times(streams);
    for (mut client, begun) in clients {
        let rest = String::from_utf8(client.read_to_end().await).unwrap();
        assert!(
            rest.contains("[DONE]") && rest.ends_with("0\r\n\r\n"),
            "{begun} … {rest}"
        );
    }
    let status = gateway.exit(Duration::from_secs(5)).await;
    assert!(status.success(), "{status}: {}", gateway.stderr.text());
    for row in gateway.home.rows(streams).await {
        assert_eq!(
            (&row["outcome"], &row["tokens"]["output"]),
            (&json!("complete"), &json!(5))
        );
    }
}

// P-01
#[tokio::test]
async fn after_sigterm_new_connections_are_taken_for_a_while_more() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream).set("/server/drain_accept", json!("2s"));
    let mut gateway = Gateway::start(&config).await;
    let mut idle = gateway.connect().await;
    let request = Request::chat(&openai::chat());
    assert_eq!(idle.send(&request).await.status, 200);
    let started = Instant::now();
    gateway.signal("TERM").await;
    until("readiness fails", async || {
        let probe = gateway.send(&Request::get("/readyz")).await;
        (probe.status == 503).then_some(())
    })
    .await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    assert_eq!(idle.send(&request).await.status, 200);
    refuses_connections(&gateway).await;
    assert!(gateway.exit(Duration::from_secs(5)).await.success());
    let took = started.elapsed();
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(10)).contains(&took),
        "{took:?}"
    );
}

// P-03
#[tokio::test]
async fn an_interrupt_or_a_second_signal_takes_no_more_connections() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .set("/server/drain_accept", json!("20s"))
        .set("/server/drain", json!("20s"));
    for (first, last) in [(None, "INT"), (Some("TERM"), "TERM"), (Some("TERM"), "INT")] {
        let mut gateway = Gateway::start(&config).await;
        if let Some(first) = first {
            gateway.signal(first).await;
            until("readiness fails", async || {
                let probe = gateway.send(&Request::get("/readyz")).await;
                (probe.status == 503).then_some(())
            })
            .await;
        }
        gateway.signal(last).await;
        let status = gateway.exit(Duration::from_secs(5)).await;
        assert!(status.success(), "{first:?} {last}: {status}");
    }
}

/// A stream that outlives the gateway: what its client reads until the end.
async fn outlived(config: &Config, gateway_signals: &[&str]) -> (String, Duration, Home) {
    let mut gateway = Gateway::start(config).await;
    let mut client = gateway.connect().await;
    client
        .open(&Request::chat(&openai::stream_chat()))
        .await
        .until("\"a\"")
        .await;
    let started = Instant::now();
    for signal in gateway_signals {
        gateway.signal(signal).await;
        refuses_connections(&gateway).await;
    }
    let rest = String::from_utf8(client.read_to_end().await).unwrap();
    let status = gateway.exit(Duration::from_secs(5)).await;
    assert!(status.success(), "{status}: {}", gateway.stderr.text());
    (rest, started.elapsed(), gateway.home)
}

fn assert_draining(rest: &str, home_row: &Value) {
    assert!(
        rest.contains("\"server_draining\"") && !rest.contains("[DONE]"),
        "{rest}"
    );
    assert_eq!(
        (&home_row["outcome"], &home_row["estimated"]),
        (&json!("shutdown"), &json!(true))
    );
}

// P-02
#[tokio::test]
async fn a_stream_longer_than_the_drain_time_is_told_and_booked() {
    let upstream = Upstream::new(gated(&Gate::closed())).await;
    let config = Config::one(&upstream).set("/server/drain", json!("500ms"));
    let (rest, took, home) = outlived(&config, &["TERM"]).await;
    assert!(
        (Duration::from_millis(500)..Duration::from_secs(3)).contains(&took),
        "{took:?}"
    );
    assert_draining(&rest, &home.row().await);
    upstream.closed_after(0, upstream.only().at).await;
}

// P-03
#[tokio::test]
async fn a_second_signal_cuts_the_drain_short() {
    let upstream = Upstream::new(gated(&Gate::closed())).await;
    for signals in [["TERM", "TERM"], ["INT", "INT"], ["TERM", "INT"]] {
        let (rest, took, home) = outlived(&Config::one(&upstream), &signals).await;
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert_draining(&rest, &home.row().await);
    }
}

#[tokio::test]
async fn a_whole_answer_that_is_on_its_way_is_still_delivered() {
    let gate = Gate::closed();
    let mut script = Script::new().gate(&gate);
    script
        .0
        .extend(Script::json("200 OK", &openai::answer("late")).0);
    let upstream = Upstream::new(script).await;
    let mut gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut client = gateway.connect().await;
    client
        .write(&Request::chat(&openai::chat()).to_bytes())
        .await;
    upstream.request(0).await;
    gateway.signal("TERM").await;
    refuses_connections(&gateway).await;
    gate.open();
    let answer = client.answer("POST").await.rest().await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, openai::answer("late"))
    );
    assert!(gateway.exit(Duration::from_secs(5)).await.success());
}

// P-02
#[tokio::test]
async fn a_call_without_an_answer_at_the_end_is_told_and_booked() {
    let upstream = Upstream::new(Script::new().gate(&Gate::closed())).await;
    let config = Config::one(&upstream).set("/server/drain", json!("300ms"));
    let mut gateway = Gateway::start(&config).await;
    let mut client = gateway.connect().await;
    client
        .write(&Request::chat(&openai::chat()).to_bytes())
        .await;
    upstream.request(0).await;
    gateway.signal("TERM").await;
    let answer = client.answer("POST").await.rest().await;
    answer.error(503, "server_draining");
    assert!(answer.header("retry-after").is_some());
    assert!(gateway.exit(Duration::from_secs(5)).await.success());
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["outcome"], &row["status"], &row["estimated"]),
        (&json!("shutdown"), &json!(503), &json!(true))
    );
}

// P-02, C-07
#[tokio::test]
async fn a_stream_that_nobody_reads_is_booked_at_the_end_all_the_same() {
    let event = openai::text(&"x".repeat(64 * 1024));
    let pieces = std::iter::repeat_n(event.as_str(), 512);
    let upstream = Upstream::new(Script::stream_of(pieces).gate(&Gate::closed())).await;
    let config = Config::one(&upstream).set("/server/drain", json!("300ms"));
    let mut gateway = Gateway::start(&config).await;
    let mut client = gateway.connect().await;
    client
        .open(&Request::chat(&openai::stream_chat()))
        .await
        .until("xxx")
        .await;
    gateway.signal("TERM").await;
    assert!(gateway.exit(Duration::from_secs(6)).await.success());
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["outcome"], &row["estimated"]),
        (&json!("client_gone"), &json!(true))
    );
}

// P-01
#[tokio::test]
async fn the_operators_listener_says_that_the_gateway_drains() {
    let gate = Gate::closed();
    let upstream = Upstream::new(gated(&gate)).await;
    let mut gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut client = gateway.connect().await;
    client
        .open(&Request::chat(&openai::stream_chat()))
        .await
        .until("\"a\"")
        .await;
    gateway.signal("TERM").await;
    refuses_connections(&gateway).await;
    let probe = Client::connect(gateway.admin)
        .await
        .send(&Request::get("/readyz"))
        .await;
    assert_eq!((probe.status, probe.text()), (503, "draining\n".to_owned()));
    gate.open();
    client.read_to_end().await;
    assert!(gateway.exit(Duration::from_secs(5)).await.success());
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_end_up() {
    let upstream = Upstream::healthy().await;
    let mut gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut client = gateway.connect().await;
    assert_eq!(
        client.send(&Request::chat(&openai::chat())).await.status,
        200
    );
    let started = Instant::now();
    gateway.signal("TERM").await;
    assert!(gateway.exit(Duration::from_secs(5)).await.success());
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

/// Calls until the connection breaks; returns the ids of the calls that were answered.
async fn load(addr: std::net::SocketAddr, is_stream: bool) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let body = if is_stream {
        openai::stream_chat()
    } else {
        openai::chat()
    };
    let request = Request::chat(&body).to_bytes();
    let Ok(socket) = TcpStream::connect(addr).await else {
        return acknowledged;
    };
    drop(socket);
    let mut client = Client::connect(addr).await;
    loop {
        client.write(&request).await;
        let Some(answer) = client.try_answer().await else {
            return acknowledged;
        };
        if answer.status == 200 && answer.is_whole {
            acknowledged.push(answer.header("x-request-id").unwrap().to_owned());
        }
    }
}

// P-04
#[tokio::test]
async fn sigkill_under_load_loses_no_acknowledged_call() {
    let upstream = Upstream::healthy().await;
    let mut home = Home::new(&Config::one(&upstream).priced());
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let gateway = home.serve().await;
        let mut loads = tokio::task::JoinSet::new();
        for _ in 0..8 {
            loads.spawn(load(gateway.public, false));
        }
        let calls = upstream.calls();
        until("two hundred calls were made", async || {
            (upstream.calls() >= calls + 200).then_some(())
        })
        .await;
        home = gateway.kill().await;
        let before = acknowledged.len();
        while let Some(ids) = loads.join_next().await {
            acknowledged.extend(ids.unwrap());
        }
        assert!(
            acknowledged.len() > before + 100,
            "round {round}: {} acknowledged",
            acknowledged.len() - before
        );
    }
    let gateway = home.serve().await;
    assert_eq!(
        gateway.chat(&openai::chat()).await.status,
        200,
        "it starts again"
    );
    let rows = gateway.home.recent(10_000).await;
    let booked: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["request"].as_str())
        .collect();
    let distinct: BTreeSet<&str> = booked.iter().copied().collect();
    assert_eq!(booked.len(), distinct.len(), "no call is booked twice");
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !distinct.contains(id.as_str()))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged calls are lost",
        lost.len(),
        acknowledged.len()
    );
}

// P-04
#[tokio::test]
async fn a_call_that_was_answered_just_before_sigkill_is_in_the_books_without_a_restart() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway.chat(&openai::chat()).await;
    let home = gateway.kill().await;
    let row = &home.recent(10).await[0];
    assert_eq!(row["request"].as_str(), response.header("x-request-id"));
}

// P-09
#[tokio::test]
async fn a_database_that_is_no_database_is_refused_and_left_alone() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&Config::one(&upstream));
    let file = home.path().join("state").join("tollward.db");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let garbage = b"these are not the pages you are looking for".repeat(200);
    std::fs::write(&file, &garbage).unwrap();
    let flags = [
        "serve",
        "--config",
        "tollward.yaml",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ];
    let output = home.run(&flags).await;
    assert!(!output.status.success());
    assert!(output.stderr.contains("tollward.db"), "{}", output.stderr);
    assert_eq!(std::fs::read(&file).unwrap(), garbage);
}

// P-08
#[tokio::test]
async fn a_second_gateway_on_the_same_state_refuses_to_start() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let second = [
        "serve",
        "--config",
        "tollward.yaml",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ];
    let output = gateway.home.run(&second).await;
    assert!(!output.status.success());
    assert!(
        output.stderr.contains("tollward.db"),
        "the error names the file: {}",
        output.stderr
    );
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
}

// P-08: tools work beside a running gateway.
#[tokio::test]
async fn tools_use_the_state_of_a_running_gateway() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    gateway.home.create_key("a", &[]).await;
    gateway.home.create_key("b", &[]).await;
    assert_eq!(
        gateway
            .home
            .json(&["key", "list", "--json"])
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let again = gateway.home.run(&["key", "create", "a"]).await;
    assert!(
        !again.status.success() && again.stderr.contains('a'),
        "{}",
        again.stderr
    );
    gateway.assert_idle().await;
}
