//! Requests that are refused: what the client is told, and that no upstream hears of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Request, closes_within, raw};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::upstream::Upstream;

const CHAT: &str = "/v1/chat/completions";

async fn scene() -> (Upstream, Gateway) {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    (upstream, gateway)
}

/// Asserts that each body is refused with its code and parameter, without an upstream call.
async fn assert_refused(cases: &[(Vec<u8>, &str, Option<&str>)]) {
    let (upstream, gateway) = scene().await;
    for (body, code, param) in cases {
        let response = gateway.send(&Request::post(CHAT, body.clone())).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        assert_eq!(
            (response.status, response.error_code().as_deref()),
            (400, Some(*code)),
            "{shown}: {}",
            response.text()
        );
        let error = response.error(400, code);
        assert_eq!(
            (&error["type"], &error["param"]),
            (&json!("invalid_request_error"), &json!(param)),
            "{shown}"
        );
        assert_eq!(response.header("x-tollward-error-source"), Some("gateway"));
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(
        gateway.home.recent(10).await,
        Vec::<Value>::new(),
        "a refused request is no call"
    );
}

fn chat_with(more: &str) -> Vec<u8> {
    format!(r#"{{"model":"chat","messages":[{{"role":"user","content":"hi"}}]{more}}}"#)
        .into_bytes()
}

// C-12
#[tokio::test]
async fn nesting_without_end_is_refused_at_once() {
    let deep = 100_000;
    let arrays = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    let objects = format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep));
    let within = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let cases = [arrays.as_str(), objects.as_str(), within.as_str()]
        .map(|value| (chat_with(&format!(",\"x\":{value}")), "invalid_json", None));
    let started = Instant::now();
    assert_refused(&cases).await;
    assert!(started.elapsed() < Duration::from_secs(5));
}

// C-13
#[tokio::test]
async fn more_messages_tools_or_keys_than_make_sense_are_refused() {
    let message = r#"{"role":"user","content":"x"}"#;
    let messages = vec![message; 100_000].join(",");
    let tool = r#"{"type":"function","function":{"name":"f"}}"#;
    let tools = vec![tool; 10_000].join(",");
    let keys: Vec<String> = (0..10_000).map(|n| format!("\"k{n}\":1")).collect();
    let cases = [
        (
            format!(r#"{{"model":"chat","messages":[{messages}]}}"#).into_bytes(),
            "invalid_value",
            Some("messages"),
        ),
        (
            chat_with(&format!(",\"tools\":[{tools}]")),
            "invalid_value",
            Some("tools"),
        ),
        (
            chat_with(&format!(",\"metadata\":{{{}}}", keys.join(","))),
            "invalid_json",
            None,
        ),
    ];
    assert_refused(&cases).await;
}

// C-14
#[tokio::test]
async fn what_is_not_json_in_utf8_is_refused_with_its_place() {
    let mut bad_utf8 = chat_with("");
    let place = bad_utf8.iter().position(|byte| *byte == b'h').unwrap();
    bad_utf8[place] = 0xff;
    let lone = chat_with(r#","user":"\ud83d""#);
    let bom = [b"\xef\xbb\xbf".to_vec(), chat_with("")].concat();
    let broken: Vec<Vec<u8>> = vec![
        bad_utf8,
        lone,
        bom,
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        chat_with(",\"x\":NaN"),
        chat_with(",\"max_tokens\":1e999"),
        chat_with(",\"x\":01"),
        chat_with(",\"x\":1.e5"),
        chat_with(",\"x\":'a'"),
        chat_with(",\"x\":\"\u{1}\""),
        chat_with(","),
        [chat_with(""), b"x".to_vec()].concat(),
    ];
    let cases: Vec<_> = broken
        .into_iter()
        .map(|body| (body, "invalid_json", None))
        .collect();
    assert_refused(&cases).await;
    let (_, gateway) = scene().await;
    let error = gateway
        .send(&Request::post(CHAT, cases[1].0.clone()))
        .await
        .error(400, "invalid_json");
    let offset = cases[1]
        .0
        .windows(6)
        .position(|window| window == br"\ud83d")
        .unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(
        (offset - 1..offset + 7).any(|byte| message.contains(&byte.to_string())),
        "{message:?} names byte {offset}"
    );
}

// C-15
#[tokio::test]
async fn an_escaped_nul_reaches_the_upstream_and_the_ledger() {
    let (upstream, gateway) = scene().await;
    let body =
        r#"{"model":"chat","messages":[{"role":"user","content":"a\u0000b"}],"user":"\u0000"}"#;
    assert_eq!(gateway.send(&Request::post(CHAT, body)).await.status, 200);
    assert_eq!(
        String::from_utf8_lossy(&upstream.only().body),
        body.replace("\"chat\"", "\"upstream-name\"")
    );
    assert_eq!(gateway.home.row().await["outcome"], "complete");
}

// C-16
#[tokio::test]
async fn a_key_that_is_written_twice_is_refused_at_any_level_and_in_any_spelling() {
    let cases = [
        ",\"model\":\"other\"",
        ",\"mod\\u0065l\":\"other\"",
        ",\"n\":1,\"n\":128",
        ",\"max_tokens\":1,\"max_tok\\u0065ns\":100000",
        ",\"metadata\":{\"a\":1,\"a\":2}",
        ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"x\":{\"y\":1,\"\\u0079\":2}}}}]",
    ]
    .map(|more| (chat_with(more), "duplicate_key", None));
    assert_refused(&cases).await;
}

// C-17, C-18, C-19, C-31, S-25
#[tokio::test]
async fn a_field_that_the_gateway_acts_on_must_make_sense() {
    let user = r#"[{"role":"user","content":"hi"}]"#;
    let mut cases: Vec<(Vec<u8>, &str, Option<&str>)> = Vec::new();
    for body in [
        "{}".to_owned(),
        format!(r#"{{"messages":{user}}}"#),
        format!(r#"{{"model":null,"messages":{user}}}"#),
        format!(r#"{{"model":5,"messages":{user}}}"#),
    ] {
        cases.push((body.into_bytes(), "invalid_value", Some("model")));
    }
    for name in [
        "",
        "a b",
        "a\\u0000",
        "a\\r\\nx-evil: 1",
        "\\u0430",
        "gpt\u{2011}4",
        "../..\\\\x",
        &"x".repeat(129),
    ] {
        cases.push((
            format!(r#"{{"model":"{name}","messages":{user}}}"#).into_bytes(),
            "invalid_value",
            Some("model"),
        ));
    }
    for messages in [
        "",
        ",\"messages\":null",
        ",\"messages\":[]",
        ",\"messages\":{}",
        ",\"messages\":\"hi\"",
        ",\"messages\":[1]",
    ] {
        cases.push((
            format!(r#"{{"model":"chat"{messages}}}"#).into_bytes(),
            "invalid_value",
            Some("messages"),
        ));
    }
    cases.push((
        br#"{"model":"chat","messages":[{"content":"x"}]}"#.to_vec(),
        "invalid_value",
        Some("messages[0].role"),
    ));
    for (more, param) in [
        (",\"stream\":\"yes\"", "stream"),
        (
            ",\"stream_options\":{\"include_usage\":true}",
            "stream_options",
        ),
        (",\"stream\":true,\"stream_options\":7", "stream_options"),
        (",\"n\":0", "n"),
        (",\"n\":129", "n"),
        (",\"n\":\"5\"", "n"),
        (",\"max_tokens\":-1", "max_tokens"),
        (",\"max_completion_tokens\":1.5", "max_completion_tokens"),
        (",\"tools\":{}", "tools"),
    ] {
        cases.push((chat_with(more), "invalid_value", Some(param)));
    }
    assert_refused(&cases).await;
}

// S-09
#[tokio::test]
async fn a_model_name_is_never_a_path() {
    let (upstream, gateway) = scene().await;
    for name in [
        "../admin",
        "a/../../b",
        "..",
        "/etc/passwd",
        "alpha/../../x",
        "alpha/",
        "//",
        "%2e%2e",
    ] {
        let mut body = openai::chat();
        body["model"] = json!(name);
        let response = gateway.chat(&body).await;
        assert!(
            matches!(
                (response.status, response.error_code().as_deref()),
                (404, Some("model_not_found")) | (400, Some("invalid_value"))
            ),
            "{name}: {}",
            response.text()
        );
    }
    assert_eq!(upstream.connections(), 0);
}

// C-10
#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_was_read() {
    let upstream = Upstream::healthy().await;
    let gateway =
        Gateway::start(&Config::one(&upstream).set("/server/max_body_bytes", json!(10_000))).await;
    let declared = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10001\r\n\r\n"
    );
    let refused = raw(gateway.public, declared.as_bytes()).await;
    assert!(
        refused.starts_with("HTTP/1.1 413 ") && refused.contains("connection: close"),
        "{refused}"
    );

    let mut chunked = format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..11 {
        chunked.extend_from_slice(&crate::support::script::chunk(&[b' '; 1_000]));
    }
    let refused = raw(gateway.public, &chunked).await;
    assert!(
        refused.starts_with("HTTP/1.1 413 ") && refused.contains("request_too_large"),
        "{refused}"
    );

    let exact = chat_with(&format!(
        ",\"user\":\"{}\"",
        "x".repeat(10_000 - chat_with(",\"user\":\"\"").len())
    ));
    assert_eq!(
        (
            exact.len(),
            gateway.send(&Request::post(CHAT, exact)).await.status
        ),
        (10_000, 200)
    );
    assert_eq!(upstream.calls(), 1);
}

// C-11, C-21
#[tokio::test]
async fn only_plain_json_is_taken() {
    let (upstream, gateway) = scene().await;
    let bare = Request::chat(&openai::chat()).without("content-type");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
    ] {
        gateway
            .send(&bare.clone().header("content-type", kind))
            .await
            .error(415, "unsupported_media_type");
    }
    gateway
        .send(&bare)
        .await
        .error(415, "unsupported_media_type");
    let zipped = Request::chat(&openai::chat()).header("content-encoding", "gzip");
    gateway
        .send(&zipped)
        .await
        .error(415, "unsupported_media_type");
    assert_eq!(upstream.connections(), 0);
    assert_eq!(
        gateway
            .send(&bare_json("application/json; charset=utf-8"))
            .await
            .status,
        200
    );
}

fn bare_json(kind: &str) -> Request {
    Request::chat(&openai::chat())
        .without("content-type")
        .header("content-type", kind)
}

// C-08, C-09
#[tokio::test]
async fn a_client_that_says_nothing_or_half_of_it_is_cut_within_seconds() {
    let (upstream, gateway) = scene().await;
    let limit = Duration::from_secs(13);
    let silent = gateway.connect().await;
    let mut half_head = gateway.connect().await;
    half_head
        .write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        .await;
    let mut half_body = gateway.connect().await;
    half_body.write(format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{{").as_bytes()).await;
    let (silent, half_head, half_body) = tokio::join!(
        closes_within(silent, limit),
        closes_within(half_head, limit),
        async { half_body.answer("POST").await.rest().await }
    );
    assert_eq!((silent, half_head), (true, true));
    half_body.error(408, "request_timeout");
    assert_eq!(upstream.connections(), 0);
    gateway.assert_idle().await;
}

// C-23
#[tokio::test]
async fn a_message_with_two_readings_is_refused_and_its_tail_is_never_a_request() {
    let (upstream, gateway) = scene().await;
    let body = openai::chat().to_string();
    let inner = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    let heads = [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: +5\r\n",
        "content-length: 5, 6\r\n",
        "transfer-encoding: xchunked\r\n",
        "content-length : 5\r\n",
        "content-length: 0x5\r\n",
    ];
    for fields in heads {
        let answer = raw(
            gateway.public,
            format!("{head}{fields}\r\n0\r\n\r\n{inner}").as_bytes(),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{fields:?}: {answer}"
        );
    }
    assert_eq!(upstream.calls(), 0);
}

// C-27
#[tokio::test]
async fn a_head_without_measure_is_refused() {
    let (_upstream, gateway) = scene().await;
    let many: String = "x-many: v\r\n".repeat(10_000);
    let long = format!("x-long: {}\r\n", "v".repeat(1 << 20));
    for fields in [many, long] {
        let answer = raw(
            gateway.public,
            format!("GET /livez HTTP/1.1\r\nhost: x\r\n{fields}\r\n").as_bytes(),
        )
        .await;
        // A reset may eat the answer; being served is what must not happen.
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
            "{answer}"
        );
    }
    assert_eq!(gateway.send(&Request::get("/livez")).await.status, 200);
}
