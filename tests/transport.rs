//! Connections on both sides: names, TLS, pipelining, limits, a log that nobody reads.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::client::{Client, Request};
use crate::support::config::{Config, GENERIC};
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::{Gate, Script};
use crate::support::upstream::Upstream;
use crate::support::within;

fn at(base_url: &str) -> Config {
    let provider = json!({"kind": GENERIC, "base_url": base_url});
    Config::empty()
        .set("/providers/alpha", provider)
        .model("chat", &["alpha/upstream-name"])
}

// U-03
#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_apart() {
    let gateway = Gateway::start(&at("http://does-not-exist.invalid/v1")).await;
    let response = gateway.chat(&openai::chat()).await;
    response.error(502, "upstream_dns");
    assert!(
        !response.text().contains("does-not-exist"),
        "an upstream's name stays inside"
    );
    assert!(
        response.took < Duration::from_secs(4),
        "{:?}",
        response.took
    );
}

// U-05
#[tokio::test]
async fn an_upstream_that_does_not_speak_tls_is_told_apart() {
    let upstream = Upstream::new(Script::new().black_hole()).await;
    // An upstream that answers in the clear, and one that stalls the handshake.
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = plain.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(
                &mut socket,
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
            )
            .await;
        }
    });
    let gateway = Gateway::start(&at(&format!("https://127.0.0.1:{port}/v1"))).await;
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_tls");
    assert_eq!(upstream.connections(), 0);
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["tokens"]["input"], &row["estimated"]),
        (&json!(0), &json!(false)),
        "nothing was sent"
    );
}

// U-05
#[tokio::test]
async fn a_handshake_that_stalls_is_left_and_told_apart() {
    let upstream = Upstream::new(Script::new()).await;
    let config =
        at(&format!("https://{}/v1", upstream.addr)).set("/timeouts/connect", json!("200ms"));
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::chat()).await;
    response.error(502, "upstream_tls");
    assert!(
        response.took < Duration::from_secs(9),
        "{:?}",
        response.took
    );
    assert_eq!(
        gateway.home.row().await["estimated"],
        false,
        "nothing was sent"
    );
}

// C-22
#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut client = gateway.connect().await;
    let count = 50;
    let mut bytes = Vec::new();
    for index in 0..count {
        bytes.extend(
            Request::chat(&openai::chat())
                .header("x-request-id", &index.to_string())
                .to_bytes(),
        );
    }
    client.write(&bytes).await;
    for index in 0..count {
        let answer = client.answer("POST").await.rest().await;
        assert_eq!(
            (answer.status, answer.header("x-request-id")),
            (200, Some(&*index.to_string()))
        );
    }
    assert_eq!(upstream.calls(), count);
}

// C-24
#[tokio::test]
async fn odd_request_lines_are_served_or_refused_but_never_forwarded() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let body = openai::chat().to_string();
    let rest = format!(
        "host: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n",
        body.len()
    );
    let expecting =
        format!("POST /v1/chat/completions HTTP/1.1\r\n{rest}expect: 100-continue\r\n\r\n");
    let mut client = gateway.connect().await;
    client.write(expecting.as_bytes()).await;
    client.write(body.as_bytes()).await;
    assert_eq!(client.answer("POST").await.rest().await.status, 200);

    let upgrade = format!(
        "POST /v1/chat/completions HTTP/1.1\r\n{}upgrade: h2c\r\n\r\n{body}",
        rest.replace("close", "upgrade")
    );
    let mut client = gateway.connect().await;
    client.write(upgrade.as_bytes()).await;
    assert_eq!(
        client.answer("POST").await.rest().await.status,
        200,
        "an upgrade is ignored"
    );

    let old = format!("POST /v1/chat/completions HTTP/1.0\r\n{rest}\r\n{body}");
    let mut client = gateway.connect().await;
    client.write(old.as_bytes()).await;
    assert_eq!(client.answer("POST").await.rest().await.status, 200);

    for line in [
        "CONNECT upstream:443 HTTP/1.1",
        "GET http://169.254.169.254/latest HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ] {
        let mut client = gateway.connect().await;
        client
            .write(format!("{line}\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
            .await;
        let answer = client.answer("GET").await;
        assert!(
            matches!(answer.status, 400 | 404 | 405),
            "{line}: {}",
            answer.status
        );
    }
    assert_eq!(upstream.calls(), 3);
}

// C-28, P-24: more connections than descriptors.
#[tokio::test]
async fn a_flood_of_idle_connections_leaves_the_open_ones_served() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut client = gateway.connect().await;
    assert_eq!(
        client.send(&Request::chat(&openai::chat())).await.status,
        200
    );
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(TcpStream::connect(gateway.public).await.unwrap());
    }
    assert_eq!(
        client.send(&Request::chat(&openai::chat())).await.status,
        200
    );
    drop(idle);
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    gateway.assert_idle().await;
}

#[tokio::test]
async fn calls_beyond_the_limit_are_refused_and_the_limit_is_freed() {
    let gate = Gate::closed();
    let mut script = Script::new().gate(&gate);
    script
        .0
        .extend(Script::json("200 OK", &openai::answer("x")).0);
    let upstream = Upstream::new(script).await;
    let gateway =
        Gateway::start(&Config::one(&upstream).set("/server/max_in_flight", json!(2))).await;
    let mut running = Vec::new();
    for index in 0..2 {
        let mut client = gateway.connect().await;
        client
            .write(&Request::chat(&openai::chat()).to_bytes())
            .await;
        upstream.request(index).await;
        running.push(client);
    }
    let refused = gateway.chat(&openai::chat()).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.header("x-tollward-error-source"), Some("gateway"));
    assert!(refused.header("retry-after").is_some());
    gate.open_times(3);
    for mut client in running {
        assert_eq!(client.answer("POST").await.rest().await.status, 200);
    }
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    assert_eq!(upstream.calls(), 3);
}

// P-26
#[tokio::test]
async fn a_log_that_nobody_reads_stops_no_call() {
    let upstream = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let config = Config::one(&upstream)
        .set("/log", json!({"level": "debug"}))
        .set("/routing", json!({"breaker": {"failures": 0}}));
    let mut gateway = Home::new(&config).serve_unheard().await;
    let calls = async {
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(gateway.connect().await);
        }
        // Each call logs some 500 bytes; a pipe holds 64 KiB.
        for _ in 0..150 {
            for client in &mut clients {
                client
                    .send(&Request::chat(&openai::chat()))
                    .await
                    .error(502, "upstream_error");
            }
        }
    };
    within(
        Duration::from_secs(20),
        "600 calls beside a stuck log",
        calls,
    )
    .await;
    let probe = Client::connect(gateway.admin)
        .await
        .send(&Request::get("/livez"))
        .await;
    assert_eq!(probe.status, 200);
    gateway.signal("TERM").await;
    assert!(gateway.exit(Duration::from_secs(6)).await.success());
}

// S-20
#[tokio::test]
async fn every_log_line_is_one_json_object_whatever_a_client_writes() {
    let upstream = Upstream::healthy().await;
    let gateway = Home::new(
        &Config::one(&upstream)
            .keyed()
            .set("/log", json!({"level": "debug"})),
    )
    .serve()
    .await;
    let key = gateway.home.create_key("a \"quoted\" name", &[]).await;
    let call = Request::chat(&openai::chat())
        .key(&key)
        .header("user-agent", "\"}\u{202e}{\"request.id\":1");
    for id in ["{\"fake\":1}", "\\u000a", "plain"] {
        assert_eq!(
            gateway
                .send(&call.clone().header("x-request-id", id))
                .await
                .status,
            200
        );
    }
    gateway.home.rows(3).await;
    let lines = crate::support::until("three access lines", async || {
        let text = gateway.stderr.text();
        (text.matches("\"request.id\"").count() >= 3).then_some(text)
    })
    .await;
    for line in lines.lines().filter(|line| line.contains("request.id")) {
        let record: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(record.is_object());
    }
    assert!(
        !lines.contains('\u{1b}'),
        "no control characters: {lines:?}"
    );
}

// U-39
#[tokio::test]
async fn one_furious_stream_does_not_starve_the_others() {
    let burst: String = openai::text("x").repeat(500);
    let mut script = Script::stream();
    for _ in 0..200 {
        script = script.chunk(&burst);
    }
    let furious = Upstream::new(script.chunk(openai::finish()).chunk(openai::DONE).end()).await;
    let calm = Upstream::healthy().await;
    let config = Config::one(&furious)
        .provider("beta", calm.addr)
        .model("calm", &["beta/calm"]);
    let gateway = Gateway::start(&config).await;
    let reader = async {
        let response = gateway.chat(&openai::stream_chat()).await;
        assert!(response.text().ends_with(openai::DONE));
        response.body.len()
    };
    let others = async {
        let mut body = openai::chat();
        body["model"] = json!("calm");
        let mut slowest = Duration::ZERO;
        for _ in 0..30 {
            let response = gateway.chat(&body).await;
            assert_eq!(response.status, 200);
            slowest = slowest.max(response.took);
        }
        slowest
    };
    let (length, slowest) = tokio::join!(reader, others);
    assert!(length > 200 * burst.len(), "{length}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}
