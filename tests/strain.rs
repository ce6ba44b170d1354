//! What a machine does to the process: it stops it, and it runs out of descriptors.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::until;
use crate::support::upstream::Upstream;

// P-16: as a machine that is paused and goes on.
#[tokio::test]
async fn a_process_that_was_stopped_ends_its_overdue_calls_and_serves_on() {
    let begun = [openai::role(), openai::text("a")].concat();
    let upstream = Upstream::new(Script::stream().chunk(begun).black_hole()).await;
    let limits = json!({"connect": "1s", "total": "1s"});
    let gateway = Gateway::start(&Config::one(&upstream).set("/timeouts", limits)).await;
    let mut client = gateway.connect().await;
    let mut stream = client.open(&Request::chat(&openai::stream_chat())).await;
    stream.until("\"a\"").await;
    gateway.signal("STOP").await;
    // The time that passes for everybody but the process is the subject here.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    gateway.signal("CONT").await;
    let resumed = Instant::now();
    let rest = stream.rest().await;
    assert!(rest.text().contains("upstream_timeout"), "{}", rest.text());
    assert!(
        resumed.elapsed() < Duration::from_millis(500),
        "{:?}",
        resumed.elapsed()
    );
    upstream.closed_after(0, upstream.only().at).await;
    upstream.always(Script::json("200 OK", &openai::answer("hello")));
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    let rows = gateway.home.rows(2).await;
    let outcomes = [&rows[1]["outcome"], &rows[0]["outcome"]];
    assert_eq!(outcomes, [&json!("deadline"), &json!("complete")]);
    gateway.assert_idle().await;
}

// P-24
#[tokio::test]
async fn without_descriptors_the_open_connections_are_served_and_nothing_spins() {
    let upstream = Upstream::healthy().await;
    // A single failure of the deployment would open its circuit.
    let breaker = json!({"breaker": {"failures": 1, "pause": "60s"}});
    let config = Config::one(&upstream).set("/routing", breaker);
    let home = Home::new(&config).with_descriptors(64);
    let gateway = home.serve().await;
    let mut client = gateway.connect().await;
    let request = Request::chat(&openai::chat());
    assert_eq!(client.send(&request).await.status, 200);
    let mut flood = Vec::new();
    for _ in 0..100 {
        flood.push(TcpStream::connect(gateway.public).await.unwrap());
    }
    let (before, began) = (gateway.processor_ticks(), Instant::now());
    while began.elapsed() < Duration::from_secs(1) {
        assert_eq!(client.send(&request).await.status, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let used = gateway.processor_ticks() - before;
    assert!(
        used < 50,
        "{used} hundredths of a second of processor time in one second"
    );
    // The descriptor of a connection that its upstream closes goes to whoever waits to be accepted,
    // sooner or later, and a call that needs a new connection is told that there is none.
    let refused = until("a call finds no descriptor", async || {
        upstream.then(Script::json("200 OK", &openai::answer("bye")).fin());
        let last = client.send(&request).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        (last.status != 200).then_some(last)
    })
    .await;
    refused.error(502, "upstream_unreachable");
    for _ in 0..2 {
        let again = client.send(&request).await;
        again.error(502, "upstream_unreachable");
    }
    drop(flood);
    for _ in 0..3 {
        assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    }
    gateway.assert_idle().await;
}
