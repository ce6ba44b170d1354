//! Whole chat answers: what is relayed, and what an upstream can do wrong before a byte was delivered.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, usd};
use crate::support::openai;
use crate::support::script::{Script, head};
use crate::support::upstream::Upstream;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// What a client gets when the only deployment answers with `script`.
async fn answer_to(script: Script) -> (Response, Value) {
    let upstream = Upstream::new(script).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let response = gateway.chat(&openai::chat()).await;
    let row = gateway.home.row().await;
    gateway.assert_idle().await;
    (response, row)
}

/// The facts of a ledger row that do not depend on time.
fn facts(row: &Value) -> Value {
    json!({
        "status": row["status"], "outcome": row["outcome"], "estimated": row["estimated"],
        "input": row["tokens"]["input"], "output": row["tokens"]["output"], "cost": row["cost"],
    })
}

/// What is booked for a failed call that nobody bills.
fn unbilled(status: u16) -> Value {
    json!({"status": status, "outcome": "upstream_error", "estimated": false, "input": 0, "output": 0, "cost": "0"})
}

#[tokio::test]
async fn an_answer_is_relayed_byte_for_byte_and_booked() {
    let body = "{ \"choices\" :[{\"message\":{\"content\":\"\\u00e9 \u{d55c}\"},\"finish_reason\":\"stop\"}],\n \
                \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5},\"x\":1e400,\"x2\":12345678901234567890123}";
    let (response, row) = answer_to(Script::answer("200 OK", JSON, body)).await;
    assert_eq!((response.status, response.text()), (200, body.to_owned()));
    let names = [
        "content-length",
        "content-type",
        "date",
        "x-request-id",
        "x-tollward-attempts",
        "x-tollward-cost-source",
        "x-tollward-cost-usd",
        "x-tollward-deployment",
        "x-tollward-model",
        "x-tollward-overhead-ms",
        "x-tollward-provider",
    ];
    assert_eq!(response.head.names(), names);
    let said = [
        "x-tollward-attempts",
        "x-tollward-cost-source",
        "x-tollward-cost-usd",
        "x-tollward-deployment",
        "x-tollward-model",
        "x-tollward-provider",
    ]
    .map(|name| response.header(name).unwrap());
    assert_eq!(
        said,
        [
            "1",
            "computed",
            "0.00002",
            "alpha/upstream-name",
            "chat",
            "alpha"
        ]
    );
    assert_eq!(row["request"].as_str(), response.header("x-request-id"));
    let booked = json!({"status": 200, "outcome": "complete", "estimated": false, "input": 10, "output": 5, "cost": "0.00002"});
    assert_eq!(facts(&row), booked);
}

#[tokio::test]
async fn the_upstream_gets_the_request_byte_for_byte_but_for_the_model() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let bodies = [
        r#"{"model":"chat","messages":[{"role":"user","content":"hi"}]}"#,
        "{\n  \"messages\" : [ {\"content\":\"\\ud83d\\ude00 \u{1f600} \\/\", \"role\":\"user\"} ],\r\n\t\"model\" : \"chat\" ,\"seed\":18446744073709551617}",
        r#"{"temperature":0.10000000000000000555,"top_p":1E-2,"z":{"b":1,"a":2},"model":"chat","messages":[{"role":"user","content":[{"type":"text","text":"a \"model\":\"chat\" b"}]}],"n":1.0}"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"model":{"type":"string"},"a":{}}}}}],"metadata":{"model":"chat"},"model":"chat"}"#,
        "{\"model\":\"\\u0063hat\",\"messages\":[{\"role\":\"user\",\"content\":\"\\u0000 nul\"}],\"unknown_field\":[null,true,-0.0]}",
    ];
    for (index, body) in bodies.into_iter().enumerate() {
        let response = gateway
            .send(&Request::post("/v1/chat/completions", body))
            .await;
        assert_eq!(response.status, 200, "{}", response.text());
        // Each body writes the top-level model last or first, so that one value can be named.
        let expected = match index {
            2 => body.replace(
                "\"model\":\"chat\",\"messages\"",
                "\"model\":\"upstream-name\",\"messages\"",
            ),
            3 => body
                .replace("\"model\":\"chat\"}", "\"model\":\"upstream-name\"}")
                .replacen(
                    "\"metadata\":{\"model\":\"upstream-name\"}",
                    "\"metadata\":{\"model\":\"chat\"}",
                    1,
                ),
            4 => body.replace("\\u0063hat", "upstream-name"),
            _ => body.replace("\"chat\"", "\"upstream-name\""),
        };
        assert_eq!(
            String::from_utf8_lossy(&upstream.request(index).await.body),
            expected
        );
    }
    assert_eq!(
        upstream.connections(),
        1,
        "the upstream's connection is used again"
    );
}

// U-17
#[tokio::test]
async fn a_refused_request_is_passed_on_with_the_vendors_own_words_and_not_retried() {
    let error = openai::error(
        "too long",
        "invalid_request_error",
        Some("messages"),
        Some("context_length_exceeded"),
    );
    let (response, row) = answer_to(Script::json("400 Bad Request", &error)).await;
    assert_eq!((response.status, response.json()), (400, error));
    assert_eq!(response.header("x-tollward-error-source"), Some("upstream"));
    assert_eq!(facts(&row), unbilled(400));
}

// U-55
#[tokio::test]
async fn what_azures_filters_found_in_a_prompt_is_told() {
    let mut error = openai::error(
        "filtered",
        "invalid_request_error",
        Some("prompt"),
        Some("content_filter"),
    );
    error["error"]["innererror"] = json!({"code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": true, "severity": "high"}}});
    let (response, row) = answer_to(Script::json("400 Bad Request", &error)).await;
    assert_eq!((response.status, response.json()), (400, error));
    assert_eq!(facts(&row), unbilled(400));
}

// U-18
#[tokio::test]
async fn a_refused_provider_key_is_our_fault_and_its_text_stays_inside() {
    let error = openai::error(
        "Incorrect API key provided: sk-upstream",
        "invalid_request_error",
        None,
        Some("invalid_api_key"),
    );
    let (response, row) = answer_to(Script::json("401 Unauthorized", &error)).await;
    response.error(502, "upstream_auth");
    assert!(
        !response.text().contains("sk-upstream"),
        "{}",
        response.text()
    );
    assert_eq!(response.header("x-should-retry"), Some("false"));
    assert_eq!(facts(&row), unbilled(502));
}

// U-19
#[tokio::test]
async fn a_model_that_the_upstream_does_not_know_is_not_found() {
    let error = openai::error(
        "no such model",
        "invalid_request_error",
        Some("model"),
        Some("model_not_found"),
    );
    let (response, row) = answer_to(Script::json("404 Not Found", &error)).await;
    response.error(404, "model_not_found");
    assert_eq!(facts(&row), unbilled(404));
}

// U-20
#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = Upstream::healthy().await;
    let location = elsewhere.base_url();
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let (response, row) =
            answer_to(Script::answer(status, &[("location", &location)], "")).await;
        response.error(502, "upstream_redirect");
        assert_eq!(response.header("location"), None);
        assert_eq!(facts(&row), unbilled(502));
    }
    assert_eq!(elsewhere.connections(), 0);
}

// U-14, U-15
#[tokio::test]
async fn a_broken_upstream_is_told_apart_from_a_busy_one() {
    let cases = [
        ("500 Internal Server Error", 502, "upstream_error", None),
        ("502 Bad Gateway", 502, "upstream_error", None),
        (
            "503 Service Unavailable",
            503,
            "upstream_overloaded",
            Some("5"),
        ),
        ("504 Gateway Timeout", 502, "upstream_error", None),
        ("529 Overloaded", 503, "upstream_overloaded", Some("5")),
    ];
    for (head, status, code, retry_after) in cases {
        let (response, row) = answer_to(Script::answer(
            head,
            &[("content-type", "text/html")],
            "<h1>internal-host-17</h1>",
        ))
        .await;
        response.error(status, code);
        assert_eq!(response.header("retry-after"), retry_after, "{head}");
        assert!(
            !response.text().contains("internal-host-17"),
            "{}",
            response.text()
        );
        assert_eq!(facts(&row), unbilled(status));
    }
}

// U-08
#[tokio::test]
async fn a_head_without_measure_is_a_protocol_error() {
    let many: Vec<(String, String)> = (0..300)
        .map(|n| (format!("x-{n}"), "v".to_owned()))
        .collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (response, _) = answer_to(Script::answer(
        "200 OK",
        &many,
        openai::answer("x").to_string(),
    ))
    .await;
    response.error(502, "upstream_protocol");
    for kibibytes in [160, 2_048] {
        let long = "v".repeat(kibibytes * 1024);
        let headers = [("x-long", long.as_str())];
        let answer = openai::answer("x").to_string();
        let (response, _) = answer_to(Script::answer("200 OK", &headers, answer)).await;
        response.error(502, "upstream_protocol");
    }
}

// U-21
#[tokio::test]
async fn interim_answers_are_skipped_and_a_protocol_switch_is_refused() {
    let good = openai::answer("after").to_string();
    let interim = format!(
        "{}\r\n{}link: </x>\r\n\r\n",
        head("100 Continue", &[]),
        head("103 Early Hints", &[])
    );
    let mut script = Script::new().send(interim);
    script.0.extend(Script::answer("200 OK", JSON, &good).0);
    let (response, _) = answer_to(script).await;
    assert_eq!((response.status, response.text()), (200, good));
    let switch = Script::new()
        .send(format!(
            "{}\r\n",
            head(
                "101 Switching Protocols",
                &[("upgrade", "x"), ("connection", "upgrade")]
            )
        ))
        .black_hole();
    let (response, _) = answer_to(switch).await;
    response.error(502, "upstream_protocol");
}

// U-22, U-23, U-54
#[tokio::test]
async fn an_answer_that_is_not_one_json_object_with_choices_is_refused() {
    let whole = openai::answer("x").to_string();
    let cut = &whole[..whole.len() - 3];
    let cases = [
        (
            "text/html",
            "<html>log in</html>".to_owned(),
            "upstream_protocol",
        ),
        ("application/json", cut.to_owned(), "upstream_protocol"),
        (
            "application/json",
            format!("{whole} trailing"),
            "upstream_protocol",
        ),
        ("application/json", "[]".to_owned(), "upstream_protocol"),
        ("application/json", String::new(), "upstream_protocol"),
        (
            "application/json",
            r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0}}"#.to_owned(),
            "upstream_empty",
        ),
        (
            "application/json",
            r#"{"choices":null}"#.to_owned(),
            "upstream_empty",
        ),
    ];
    for (kind, body, code) in cases {
        let (response, row) =
            answer_to(Script::answer("200 OK", &[("content-type", kind)], &body)).await;
        response.error(502, code);
        assert_eq!(response.header("x-tollward-error-source"), Some("upstream"));
        assert_eq!(
            (&row["status"], &row["outcome"]),
            (&json!(502), &json!("upstream_error")),
            "{body}"
        );
        // Nobody bills a page of a portal (U-22).
        let source = if kind == "text/html" {
            "zero"
        } else {
            "computed"
        };
        assert_eq!(row["cost_source"], source, "{body}");
    }
}

// U-23, U-24
#[tokio::test]
async fn an_answer_that_was_cut_may_have_been_billed() {
    let whole = openai::answer("x").to_string();
    let head = head(
        "200 OK",
        &[
            ("content-type", "application/json"),
            ("content-length", "5000"),
        ],
    );
    let (response, row) = answer_to(Script::new().send(format!("{head}\r\n{whole}")).fin()).await;
    response.error(502, "upstream_protocol");
    let input = openai::ESTIMATED;
    let booked = json!({"status": 502, "outcome": "upstream_error", "estimated": true, "input": input, "output": 0, "cost": usd(input * 1_000)});
    assert_eq!(facts(&row), booked);
}

// U-25
#[tokio::test]
async fn bytes_beyond_the_content_length_are_ignored_and_their_connection_is_not_used_again() {
    let whole = openai::answer("x").to_string();
    let head = head(
        "200 OK",
        &[
            ("content-type", "application/json"),
            ("content-length", &whole.len().to_string()),
        ],
    );
    let upstream = Upstream::new(Script::new().send(format!(
        "{head}\r\n{whole}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    )))
    .await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    for _ in 0..2 {
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!((response.status, response.text()), (200, whole.clone()));
    }
    assert_eq!(upstream.connections(), 2);
}

// U-45, U-47
#[tokio::test]
async fn usage_that_is_missing_or_absurd_is_estimated_and_the_answer_left_alone() {
    let input = openai::ESTIMATED;
    let usages = [
        Value::Null,
        json!({"prompt_tokens": -5, "completion_tokens": 2}),
        json!({"prompt_tokens": 5_000_000_000_000_u64, "completion_tokens": 2}),
        json!({"prompt_tokens": 1.5, "completion_tokens": 2}),
        json!({"prompt_tokens": "7", "completion_tokens": 2}),
    ];
    for usage in usages {
        let mut body = openai::answer("123456789");
        body["usage"] = usage.clone();
        let (response, row) = answer_to(Script::json("200 OK", &body)).await;
        assert_eq!((response.status, response.json()), (200, body));
        let cost = input * 1_000 + 3 * 2_000;
        let booked = json!({"status": 200, "outcome": "complete", "estimated": true, "input": input, "output": 3, "cost": usd(cost)});
        assert_eq!(facts(&row), booked, "{usage}");
    }
}

// U-62
#[tokio::test]
async fn a_pooled_connection_that_the_upstream_closed_is_replaced_unnoticed() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    for _ in 0..20 {
        upstream.then(Script::json("200 OK", &openai::answer("hello")).fin());
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(
            (response.status, response.header("x-tollward-attempts")),
            (200, Some("1"))
        );
    }
    assert_eq!((upstream.calls(), upstream.connections()), (20, 20));
}

#[tokio::test]
async fn a_large_answer_in_many_chunks_is_relayed_whole() {
    let text = "\u{d55c}\u{ad6d}\u{c5b4} ".repeat(40_000);
    let body = openai::answer(&text).to_string();
    let head = head(
        "200 OK",
        &[
            ("content-type", "application/json"),
            ("transfer-encoding", "chunked"),
        ],
    );
    let script = body
        .as_bytes()
        .chunks(1_013)
        .fold(Script::new().send(format!("{head}\r\n")), Script::chunk)
        .end();
    let (response, row) = answer_to(script).await;
    assert_eq!((response.status, response.body), (200, Bytes::from(body)));
    assert_eq!(row["outcome"], "complete");
}
