//! Connections that do not come about, and how soon a call stops waiting for them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::upstream::Upstream;

/// An address whose host drops the beginning of every connection: a listener that accepts nobody
/// and whose queue is full.
struct BlackHole {
    addr: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let addr = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        let patience = Duration::from_millis(200);
        while let Ok(Ok(stream)) = tokio::time::timeout(patience, TcpStream::connect(addr)).await {
            queued.push(stream);
        }
        assert!(!queued.is_empty(), "the queue took somebody");
        Self {
            addr,
            _listener: listener,
            _queued: queued,
        }
    }
}

// U-02
#[tokio::test]
async fn a_host_that_drops_connections_is_left_after_three_seconds() {
    let hole = BlackHole::new().await;
    let config = Config::empty()
        .provider("alpha", hole.addr)
        .model("chat", &["alpha/upstream-name"]);
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    let error = response.error(504, "upstream_timeout");
    assert!(
        error["message"].as_str().unwrap().contains("connect"),
        "{error}"
    );
    assert!(
        (Duration::from_millis(2_900)..Duration::from_millis(3_600)).contains(&response.took),
        "{:?}",
        response.took
    );
    let row = gateway.home.row().await;
    let facts = (&row["tokens"]["input"], &row["estimated"], &row["cost"]);
    assert_eq!(
        (facts.0, facts.1),
        (&json!(0), &json!(false)),
        "nothing was sent: {facts:?}"
    );
}

// U-02
#[tokio::test]
async fn a_host_that_drops_connections_costs_the_fallback_its_limit_and_no_more() {
    let hole = BlackHole::new().await;
    let spare = Upstream::healthy().await;
    let config = Config::two(&spare, &spare)
        .provider("alpha", hole.addr)
        .set("/timeouts/connect", json!("300ms"));
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(
        (
            response.status,
            response.header("x-tollward-fallback-reason")
        ),
        (200, Some("upstream_timeout"))
    );
    assert!(
        response.took < Duration::from_secs(1),
        "{:?}",
        response.took
    );
}

// U-01: a call that nobody answers is refused as fast as the connections are.
#[tokio::test]
async fn three_refused_connections_cost_a_call_next_to_nothing() {
    let mut config = Config::empty().set("/retry", json!({"attempts": 2}));
    for name in ["alpha", "beta", "gamma"] {
        let dead = crate::support::upstream::dead_address().await;
        config = config.provider(name, dead);
    }
    let config = config.model("chat", &["alpha/m", "beta/m", "gamma/m"]);
    let gateway = Gateway::start(&config).await;
    let began = Instant::now();
    let response = gateway.chat(&openai::chat()).await;
    response.error(502, "upstream_unreachable");
    assert_eq!(gateway.home.row().await["attempts"], 3);
    assert!(
        began.elapsed() < Duration::from_secs(2) && response.took < Duration::from_millis(500),
        "{:?}",
        response.took
    );
}

// U-05: as a server says so that knows nothing newer than TLS 1.1 (RFC 5246 §7.2.2, `protocol_version`).
#[tokio::test]
async fn an_older_tls_is_refused_by_both_sides() {
    const ALERT: [u8; 7] = [0x15, 0x03, 0x02, 0x00, 0x02, 0x02, 0x46];
    // A greeting in TLS 1.1: its version, 32 random bytes, no session, a cipher, no compression.
    let greeting = [
        &[
            0x16, 0x03, 0x02, 0x00, 0x2a, 0x02, 0x00, 0x00, 0x26, 0x03, 0x02,
        ][..],
        &[7; 32],
        &[0x00, 0x00, 0x2f, 0x00],
    ]
    .concat();
    for answer in [ALERT.to_vec(), greeting] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (counted, count) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, &answer).await;
                counted.send(()).unwrap();
                kept.push(socket);
            }
        });
        let config = Config::empty()
            .provider("alpha", addr)
            .set(
                "/providers/alpha/base_url",
                json!(format!("https://{addr}/v1")),
            )
            .set("/retry", json!({"attempts": 2}))
            .model("chat", &["alpha/upstream-name"]);
        let gateway = Gateway::start(&config).await;
        let response = gateway.chat(&openai::chat()).await;
        response.error(502, "upstream_tls");
        assert!(
            response.took < Duration::from_secs(2),
            "{:?}",
            response.took
        );
        assert_eq!(count.len(), 1, "it is not tried again");
    }
}
