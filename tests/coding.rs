//! Answers that come compressed though nobody asked for it.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::{Gate, Script, head};
use crate::support::upstream::Upstream;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn coded(status: &str, codings: &[&str], body: impl AsRef<[u8]>) -> Script {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(codings.iter().map(|it| ("content-encoding", *it)));
    Script::answer(status, &headers, body)
}

async fn answer_to(script: Script) -> (Response, Value) {
    let upstream = Upstream::new(script).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway.chat(&openai::chat()).await;
    let asked = upstream.request(0).await;
    assert_eq!(asked.head.get("accept-encoding"), Some("identity"));
    let row = gateway.home.row().await;
    gateway.assert_idle().await;
    (response, row)
}

// U-43
#[tokio::test]
async fn an_answer_that_was_compressed_all_the_same_arrives_as_it_was() {
    let whole = openai::answer("\u{d55c} hello").to_string();
    let (one, two) = whole.as_bytes().split_at(20);
    let cases = [
        ("gzip", gzip(whole.as_bytes())),
        ("X-GZip", gzip(whole.as_bytes())),
        ("gzip", [gzip(one), gzip(two)].concat()),
        ("deflate", deflate(whole.as_bytes())),
    ];
    for (coding, body) in cases {
        let (response, row) = answer_to(coded("200 OK", &[coding], body)).await;
        assert_eq!(
            (response.status, response.text()),
            (200, whole.clone()),
            "{coding}"
        );
        assert_eq!(response.header("content-encoding"), None);
        let facts = (&row["tokens"]["output"], &row["estimated"]);
        assert_eq!(facts, (&json!(5), &json!(false)), "{coding}");
    }
    let error = openai::error("no such field", "invalid_request_error", Some("x"), None);
    let refusal = coded(
        "400 Bad Request",
        &["gzip"],
        gzip(error.to_string().as_bytes()),
    );
    let (response, _) = answer_to(refusal).await;
    assert_eq!((response.status, response.json()), (400, error));
}

// U-43: what is decoded does not wait for what is still to come.
#[tokio::test]
async fn a_stream_that_was_compressed_arrives_piece_by_piece() {
    let gate = Gate::closed();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all([openai::role(), openai::text("one")].concat().as_bytes())
        .unwrap();
    encoder.flush().unwrap();
    let begun = std::mem::take(encoder.get_mut());
    let rest = [
        openai::text("two"),
        openai::finish(),
        openai::usage_only(10, 5),
        DONE.to_owned(),
    ];
    encoder.write_all(rest.concat().as_bytes()).unwrap();
    let rest = encoder.finish().unwrap();
    let headers = [
        ("content-type", "text/event-stream"),
        ("content-encoding", "gzip"),
        ("transfer-encoding", "chunked"),
    ];
    let script = Script::new()
        .send(format!("{}\r\n", head("200 OK", &headers)))
        .chunk(begun)
        .gate(&gate);
    // Byte by byte.
    let script = rest.chunks(1).fold(script, Script::chunk).end();
    let upstream = Upstream::new(script).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut client = gateway.connect().await;
    let mut stream = client.open(&Request::chat(&openai::stream_chat())).await;
    let first = stream.until("one").await;
    gate.open();
    let rest = stream.rest().await.text();
    assert_eq!(
        format!("{first}{rest}"),
        openai::stream_without_usage(&["one", "two"])
    );
    assert_eq!(gateway.home.row().await["outcome"], "complete");
}

// U-44
#[tokio::test]
async fn what_is_coded_twice_or_otherwise_than_it_says_is_refused() {
    let whole = openai::answer("hello").to_string();
    let good = gzip(whole.as_bytes());
    let mut damaged = good.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    let cases: [(&[&str], Vec<u8>); 8] = [
        (&["gzip, gzip"], gzip(&good)),
        (&["gzip", "gzip"], gzip(&good)),
        (&["br"], good.clone()),
        (&["gzip"], whole.clone().into_bytes()),
        (&["gzip"], deflate(whole.as_bytes())),
        (&["gzip"], good[..good.len() - 9].to_vec()),
        (&["gzip"], damaged),
        (&["gzip"], [&good, &b"and more"[..]].concat()),
    ];
    for (codings, body) in cases {
        let (response, row) = answer_to(coded("200 OK", codings, body)).await;
        response.error(502, "upstream_protocol");
        assert_eq!(row["estimated"], true, "{codings:?}: it may be billed");
    }
}

// U-44
#[tokio::test]
async fn a_bomb_is_refused_long_before_it_is_large() {
    // A thousand times its size: 256 MiB.
    let bomb = gzip(&vec![b' '; 256 << 20]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    let before = gateway.peak_resident_bytes();
    upstream.then(coded("200 OK", &["gzip"], &bomb));
    let response = gateway.chat(&openai::chat()).await;
    response.error(502, "upstream_protocol");
    upstream.then(coded("500 Internal Server Error", &["gzip"], &bomb));
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_error");
    let headers = [
        ("content-type", "text/event-stream"),
        ("content-encoding", "gzip"),
        ("connection", "close"),
    ];
    let begun = [openai::role(), openai::text("a")].concat();
    let stream = [gzip(begun.as_bytes()), bomb].concat();
    let script = Script::new()
        .send(format!("{}\r\n", head("200 OK", &headers)))
        .send(stream)
        .fin();
    upstream.then(script);
    let response = gateway.chat(&openai::stream_chat()).await;
    assert!(
        response.text().contains("upstream_protocol"),
        "{}",
        response.text()
    );
    let grown = gateway.peak_resident_bytes() - before;
    assert!(grown < 48 << 20, "{grown} bytes");
    gateway.assert_idle().await;
}
