//! Several credentials of one provider: what a refusal of one leads to, and what clients see of it.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::script::Script;
use crate::support::until;
use crate::support::upstream::Upstream;
use crate::support::{openai, responses};

/// A vendor that answers each key as the test says, and everybody else.
async fn vendor(answer: impl Fn(&str) -> Script + Send + 'static) -> Upstream {
    Upstream::answering(move |seen| {
        let key = seen.head.get("authorization").unwrap_or_default();
        answer(key.trim_start_matches("Bearer "))
    })
    .await
}

fn good(key: &str) -> Script {
    Script::json("200 OK", &openai::answer(key))
}

fn refused(status: &str, code: &str, headers: &[(&str, &str)]) -> Script {
    let body = openai::error("sk-first is no good", "error", None, Some(code));
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    Script::answer(status, &all, body.to_string())
}

fn config(upstream: &Upstream) -> Config {
    let list = json!(["sk-first-key", {"name": "spare", "api_key": "sk-second-key"}]);
    let provider = json!({
        "kind": "openai-compatible", "credentials": list,
        "base_url": format!("http://{}/v1", upstream.addr),
    });
    Config::one(upstream).set("/providers/alpha", provider)
}

fn said(response: &Response) -> (u16, Value, Option<&str>) {
    let text = response.json()["choices"][0]["message"]["content"].clone();
    let attempts = response.header("x-tollward-attempts");
    (response.status, text, attempts)
}

/// The keys that the vendor saw, in order.
fn keys(upstream: &Upstream) -> Vec<String> {
    let seen = upstream.seen();
    let keys = seen
        .iter()
        .map(|it| it.head.get("authorization").unwrap_or_default());
    keys.map(|it| it.trim_start_matches("Bearer ").to_owned())
        .collect()
}

const FIRST: &str = "sk-first-key";
const SECOND: &str = "sk-second-key";

// U-13, U-18
#[tokio::test]
async fn while_one_key_is_refused_another_answers_and_the_first_is_left_alone() {
    for (status, code) in [
        ("401 Unauthorized", "invalid_api_key"),
        ("403 Forbidden", "permission_denied"),
        ("402 Payment Required", "payment_required"),
        ("429 Too Many Requests", "insufficient_quota"),
        ("429 Too Many Requests", "rate_limit_exceeded"),
    ] {
        let upstream = vendor(move |key| match key {
            FIRST => refused(status, code, &[("retry-after", "60")]),
            other => good(other),
        })
        .await;
        // Without a single retry to spend.
        let gateway = Gateway::start(&config(&upstream)).await;
        let first = gateway.chat(&openai::chat()).await;
        assert_eq!(said(&first), (200, json!(SECOND), Some("2")), "{code}");
        let second = gateway.chat(&openai::chat()).await;
        assert_eq!(said(&second), (200, json!(SECOND), Some("1")), "{code}");
        assert_eq!(keys(&upstream), [FIRST, SECOND, SECOND], "{code}");
    }
}

#[tokio::test]
async fn an_upload_goes_with_the_next_key_only_until_it_has_begun() {
    let form = |file: &[u8]| {
        let model = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nchat\r\n";
        let head = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let body = [model.as_bytes(), head.as_bytes(), file, b"\r\n--b--\r\n"].concat();
        Request::post("/v1/audio/transcriptions", body)
            .without("content-type")
            .header("content-type", "multipart/form-data; boundary=b")
    };
    let answers = |key: &str| match key {
        FIRST => refused("401 Unauthorized", "invalid_api_key", &[]),
        _ => Script::json("200 OK", &json!({"text": "hi"})),
    };
    let upstream = vendor(answers).await;
    let gateway = Gateway::start(&config(&upstream)).await;
    let small = gateway.send(&form(b"x")).await;
    assert_eq!((small.status, keys(&upstream).len()), (200, 2));
    let row = gateway.home.row().await;
    let signed = (&row["credential"], &row["attempts"]);
    assert_eq!(signed, (&json!("spare"), &json!(2)));

    let upstream = vendor(answers).await;
    let gateway = Gateway::start(&config(&upstream)).await;
    let long = vec![7; 4 * 1024 * 1024];
    let refusal = gateway.send(&form(&long)).await;
    refusal.error(502, "upstream_auth");
    assert_eq!(keys(&upstream), [FIRST]);
    // The key is known as refused all the same.
    assert_eq!(gateway.send(&form(&long)).await.status, 200);
    assert_eq!(keys(&upstream), [FIRST, SECOND]);
}

#[tokio::test]
async fn what_is_passed_through_goes_with_the_next_key_too() {
    let upstream = vendor(|key| match key {
        FIRST => refused("401 Unauthorized", "invalid_api_key", &[]),
        _ => Script::json("200 OK", &json!({"object": "list", "data": []})),
    })
    .await;
    let config = config(&upstream).set("/passthrough/providers", json!(["alpha"]));
    let gateway = Gateway::start(&config).await;
    for _ in 0..2 {
        assert_eq!(gateway.send(&Request::get("/v1/files")).await.status, 200);
    }
    assert_eq!(keys(&upstream), [FIRST, SECOND, SECOND]);
}

#[tokio::test]
async fn the_log_and_the_metrics_name_credentials_and_never_show_one() {
    let upstream = vendor(|key| match key {
        FIRST => refused("401 Unauthorized", "invalid_api_key", &[]),
        other => good(other),
    })
    .await;
    let gateway = Gateway::start(&config(&upstream)).await;
    let answer = gateway.chat(&openai::chat()).await;
    assert_eq!(answer.header("x-tollward-credential"), Some("spare"));
    let labels = ["provider=\"alpha\"", "credential=\"1\""];
    let refusals = "tollward_credential_refusals_total";
    let reason = ["reason=\"upstream_auth\""];
    gateway
        .until_metric(refusals, &[&labels[..], &reason].concat(), 1.0)
        .await;
    let metrics = gateway.metrics().await;
    let resting = metrics
        .lines()
        .find(|line| {
            line.starts_with("tollward_credential_rests_until_seconds") && line.contains("\"1\"")
        })
        .expect("a gauge for each credential");
    assert!(!resting.ends_with(" 0"), "{resting}");
    until("the access log names it", async || {
        let log = gateway.stderr.text();
        log.contains("\"credential\":\"spare\"").then_some(())
    })
    .await;
    for text in [&metrics, &gateway.printed(), &answer.text()] {
        assert!(
            !text.contains("first-key") && !text.contains("sk-first"),
            "{text}"
        );
    }
}

// U-18
#[tokio::test]
async fn when_every_key_is_refused_the_caller_learns_that_it_is_not_theirs() {
    let upstream = vendor(|_| refused("401 Unauthorized", "invalid_api_key", &[])).await;
    let gateway = Gateway::start(&config(&upstream)).await;
    let error = gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_auth");
    assert!(!error.to_string().contains("sk-first"), "{error}");
    assert_eq!(keys(&upstream), [FIRST, SECOND]);
}

// U-09
#[tokio::test]
async fn when_all_have_to_slow_down_the_caller_is_told_for_how_long() {
    let upstream = vendor(|key| match key {
        FIRST => refused(
            "429 Too Many Requests",
            "rate_limit_exceeded",
            &[("retry-after", "30")],
        ),
        _ => refused("401 Unauthorized", "invalid_api_key", &[]),
    })
    .await;
    let gateway = Gateway::start(&config(&upstream)).await;
    let answer = gateway.chat(&openai::chat()).await;
    answer.error(429, "rate_limit_exceeded");
    assert_eq!(answer.header("retry-after"), Some("30"));
}

#[tokio::test]
async fn a_failing_vendor_is_not_asked_with_every_key() {
    let upstream = vendor(|_| refused("500 Internal Server Error", "server_error", &[])).await;
    let gateway = Gateway::start(&config(&upstream)).await;
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_error");
    assert_eq!(keys(&upstream), [FIRST]);
}

#[tokio::test]
async fn a_reload_leaves_a_resting_key_at_rest() {
    let upstream = vendor(|key| match key {
        FIRST => refused("401 Unauthorized", "invalid_api_key", &[]),
        other => good(other),
    })
    .await;
    let gateway = Gateway::start(&config(&upstream)).await;
    gateway.chat(&openai::chat()).await;
    let reloaded = config(&upstream).model("other", &["alpha/other-name"]);
    gateway.home.write(&reloaded.text());
    until("the new model answers", async || {
        let answer = gateway
            .chat(&json!({"model": "other", "messages": [{"role": "user", "content": "hi"}]}))
            .await;
        (answer.status == 200).then_some(())
    })
    .await;
    let seen = keys(&upstream);
    assert_eq!(seen.iter().filter(|it| *it == FIRST).count(), 1, "{seen:?}");
}

// U-13
#[tokio::test]
async fn a_response_that_the_vendor_keeps_is_asked_for_with_the_next_key_if_one_is_refused() {
    let upstream = Upstream::answering(|seen| {
        let is_first = seen.head.get("authorization") == Some("Bearer sk-first-key");
        if is_first && seen.head.first_line.starts_with("GET ") {
            return refused("401 Unauthorized", "invalid_api_key", &[]);
        }
        Script::json("200 OK", &responses::answer("A", "hello"))
    })
    .await;
    let config = config(&upstream).set("/providers/alpha/kind", json!("openai"));
    let gateway = Gateway::start(&config).await;
    let body = json!({"model": "chat", "input": "hi"}).to_string();
    gateway.send(&Request::post("/v1/responses", body)).await;
    for _ in 0..2 {
        let shown = gateway.send(&Request::get("/v1/responses/resp_A")).await;
        assert_eq!((shown.status, &shown.json()["id"]), (200, &json!("resp_A")));
    }
    assert_eq!(keys(&upstream), [FIRST, FIRST, SECOND, SECOND]);
}
