//! How many tokens a request has: by whoever answers the model, or else by estimate and in time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

const MESSAGES: &str = "/v1/messages/count_tokens";
const RESPONSES: &str = "/v1/responses/input_tokens";

/// A model `chat` at one upstream of the given kind.
struct Scene {
    vendor: Upstream,
    gateway: Gateway,
}

impl Scene {
    async fn new(kind: &str, script: Script) -> Self {
        Self::with(kind, script, |config| config).await
    }

    async fn with(kind: &str, script: Script, change: impl FnOnce(Config) -> Config) -> Self {
        let vendor = Upstream::new(script).await;
        let config = Config::one(&vendor).set("/providers/alpha/kind", json!(kind));
        let gateway = Gateway::start(&change(config)).await;
        Self { vendor, gateway }
    }

    async fn count(&self, path: &str, body: &Value) -> Response {
        let request = Request::post(path, body.to_string());
        self.gateway.send(&request).await
    }

    /// How many counts came from `source`.
    async fn counts(&self, source: &str) -> f64 {
        let label = format!("source=\"{source}\"");
        self.gateway
            .metric("tollward_token_counts_total", &[&label])
            .await
    }
}

fn count(field: &str) -> Script {
    let object = "response.input_tokens";
    Script::json(
        "200 OK",
        &json!({field: 42, "tokens": [1, 2, 3], "object": object}),
    )
}

fn message() -> Value {
    json!({"model": "chat", "messages": [{"role": "user", "content": "word ".repeat(300)}]})
}

fn response() -> Value {
    json!({"model": "chat", "input": "word ".repeat(300)})
}

fn assert_counted(response: &Response) {
    let tokens = &response.json()["input_tokens"];
    let source = response.header("x-tollward-tokens");
    assert_eq!(
        (response.status, tokens, source),
        (200, &json!(42), Some("counted"))
    );
}

fn assert_estimated(response: &Response) {
    let tokens = response.json()["input_tokens"].as_u64();
    let source = response.header("x-tollward-tokens");
    assert_eq!((response.status, source), (200, Some("estimated")));
    assert!(
        tokens.is_some_and(|it| (300..700).contains(&it)),
        "{tokens:?}"
    );
}

#[tokio::test]
async fn a_message_is_counted_by_its_vendor_as_it_was_written_and_not_booked() {
    let scene = Scene::new("anthropic", count("input_tokens")).await;
    let mut body = message();
    body["future_field"] = json!({"a": 1});
    let counted = scene.count(MESSAGES, &body).await;
    assert_counted(&counted);
    assert_eq!(counted.header("request-id"), counted.header("x-request-id"));
    let seen = scene.vendor.only();
    assert_eq!(seen.path(), MESSAGES);
    assert_eq!(seen.head.get("x-api-key"), Some("sk-upstream"));
    body["model"] = json!("upstream-name");
    assert_eq!(seen.json(), body);
    assert_eq!(scene.counts("counted").await, 1.0);
    assert!(scene.gateway.home.recent(5).await.is_empty());
    scene.gateway.assert_idle().await;
}

#[tokio::test]
async fn what_a_vendor_says_beside_the_number_reaches_callers_of_its_own_dialect() {
    let said = json!({
        "totalTokens": 42,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 42}],
        "cachedContentTokenCount": 7,
    });
    let scene = Scene::new("gemini", Script::json("200 OK", &said)).await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let counted = scene.count("/v1beta/models/chat:countTokens", &body).await;
    assert_eq!(counted.json(), said);
    assert_eq!(counted.header("x-tollward-tokens"), Some("counted"));
    assert_eq!(counted.header("content-type"), Some("application/json"));
    assert_counted(&scene.count(MESSAGES, &message()).await);
}

#[tokio::test]
async fn a_caller_of_another_dialect_is_counted_as_the_vendor_would_read_it() {
    for (kind, field, path) in [
        ("openai", "input_tokens", "/v1/responses/input_tokens"),
        ("vllm", "count", "/tokenize"),
        (
            "llamacpp",
            "input_tokens",
            "/v1/chat/completions/input_tokens",
        ),
        (
            "gemini",
            "totalTokens",
            "/v1/models/upstream-name:countTokens",
        ),
        (
            "bedrock",
            "inputTokens",
            "/v1/model/upstream-name/count-tokens",
        ),
    ] {
        let scene = Scene::new(kind, count(field)).await;
        let mut body = message();
        body["stop_sequences"] = json!(["END"]);
        assert_counted(&scene.count(MESSAGES, &body).await);
        let seen = scene.vendor.only();
        assert_eq!(seen.path(), path);
        let text = seen.json().to_string();
        assert!(
            text.contains("word word") && !text.contains("END"),
            "{text}"
        );
        let counted = scene.count(RESPONSES, &response()).await;
        assert_counted(&counted);
        assert_eq!(counted.json()["object"], "response.input_tokens");
    }
}

#[tokio::test]
async fn a_vendor_that_fails_or_does_not_count_costs_an_estimate_and_no_error() {
    let scene = Scene::new("anthropic", Script::new().reset()).await;
    let refusal =
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}});
    for script in [
        Script::json("400 Bad Request", &refusal),
        Script::json("404 Not Found", &refusal),
        Script::json("529 Overloaded", &refusal),
        Script::json("200 OK", &json!({"tokens": 1})),
        Script::answer("200 OK", &[("content-type", "text/html")], "<html>"),
        Script::new().reset(),
    ] {
        scene.vendor.then(script);
        assert_estimated(&scene.count(MESSAGES, &message()).await);
        assert_estimated(&scene.count(RESPONSES, &response()).await);
    }
    assert_eq!(scene.counts("estimated").await, 12.0);

    let generic = Scene::new("openai-compatible", count("input_tokens")).await;
    assert_estimated(&generic.count(MESSAGES, &message()).await);
    assert_eq!(generic.vendor.calls(), 0, "there is nothing to ask");
}

#[tokio::test]
async fn a_slow_vendor_is_not_waited_for_and_let_go_of() {
    let slow = Script::new().black_hole();
    let scene = Scene::new("anthropic", slow).await;
    let began = Instant::now();
    assert_estimated(&scene.count(MESSAGES, &message()).await);
    let waited = began.elapsed();
    let expected = Duration::from_millis(1_900)..Duration::from_secs(4);
    assert!(expected.contains(&waited), "{waited:?}");

    let mut client = scene.gateway.connect().await;
    let request = Request::post(MESSAGES, message().to_string());
    client.write(&request.to_bytes()).await;
    scene.vendor.request(1).await;
    let left = Instant::now();
    drop(client);
    let delay = scene.vendor.closed_after(1, left).await;
    assert!(delay < Duration::from_millis(500), "{delay:?}");
    scene.gateway.assert_idle().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_still_said() {
    let scene = Scene::with("anthropic", count("input_tokens"), Config::keyed).await;
    let home = &scene.gateway.home;
    let allowed = home.create_key("allowed", &[]).await;
    let other = home.create_key("other", &["--models", "nothing"]).await;
    let ask = async |key: &str, body: &str| {
        let request = Request::post(MESSAGES, body.to_owned()).key(key);
        let response = scene.gateway.send(&request).await;
        let kind = response.json()["error"]["type"].clone();
        (response.status, kind)
    };
    let unknown = message().to_string().replace("\"chat\"", "\"nobody\"");
    for (key, body, status, kind) in [
        (
            "tw-wrong",
            message().to_string(),
            401,
            "authentication_error",
        ),
        (&other, message().to_string(), 404, "not_found_error"),
        (&allowed, unknown, 404, "not_found_error"),
        (&allowed, "{".to_owned(), 400, "invalid_request_error"),
        (&allowed, "{}".to_owned(), 400, "invalid_request_error"),
    ] {
        assert_eq!(ask(key, &body).await, (status, json!(kind)), "{body}");
    }
    assert_eq!(scene.vendor.calls(), 0);
    assert_eq!(ask(&allowed, &message().to_string()).await.0, 200);
}

#[tokio::test]
async fn the_turns_that_a_response_goes_on_from_are_counted_with_it() {
    let chat = Script::json("200 OK", &openai::answer("hello"));
    let scene = Scene::new("vllm", chat).await;
    let first = json!({"model": "chat", "input": "Where is Oslo?"});
    let first = Request::post("/v1/responses", first.to_string());
    let first = scene.gateway.send(&first).await.json();
    scene.vendor.then(count("count"));
    let next = json!({"model": "chat", "input": "And Rome?", "previous_response_id": first["id"]});
    assert_counted(&scene.count(RESPONSES, &next).await);
    let asked = scene.vendor.request(1).await.json();
    let texts: Vec<&Value> = asked["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["content"])
        .collect();
    assert_eq!(texts, ["Where is Oslo?", "hello", "And Rome?"]);

    let lost = json!({"model": "chat", "input": "x", "previous_response_id": "resp_0"});
    assert_eq!(scene.count(RESPONSES, &lost).await.status, 400);
}

// U-13
#[tokio::test]
async fn a_count_whose_key_is_refused_is_asked_with_the_next_one() {
    for status in ["401 Unauthorized", "429 Too Many Requests"] {
        let vendor = Upstream::answering(move |seen| {
            let is_count = seen.head.first_line.contains("/count_tokens ");
            match seen.head.get("x-api-key") {
                Some("sk-first") if is_count => Script::answer(status, &[], "{}"),
                _ if is_count => count("input_tokens"),
                _ => Script::answer("400 Bad Request", &[], "{}"),
            }
        })
        .await;
        let provider = json!({
            "kind": "anthropic", "credentials": ["sk-first", "sk-second"],
            "base_url": format!("http://{}/v1", vendor.addr),
        });
        let config = Config::one(&vendor).set("/providers/alpha", provider);
        let gateway = Gateway::start(&config).await;
        let ask = || Request::post(MESSAGES, message().to_string());
        for _ in 0..2 {
            assert_counted(&gateway.send(&ask()).await);
        }
        let keys = |vendor: &Upstream| -> Vec<String> {
            let seen = vendor.seen();
            let keys = seen.iter().filter_map(|it| it.head.get("x-api-key"));
            keys.map(str::to_owned).collect()
        };
        let (first, second) = ("sk-first", "sk-second");
        assert_eq!(keys(&vendor), [first, second, second], "{status}");
        // A limit on the rate passes by itself and is not logged.
        if status.starts_with("401") {
            let line = crate::support::until("the refusal is logged", async || {
                let text = gateway.stderr.text();
                let line = text.lines().find(|it| it.contains("was refused and rests"));
                line.map(str::to_owned)
            })
            .await;
            assert!(line.contains(r#""model":"upstream-name""#), "{line}");
        }
        // Vendors limit counts by themselves: a call still goes to the first, if its key is good.
        let call = Request::post("/v1/messages", {
            let mut call = message();
            call["max_tokens"] = json!(1);
            call.to_string()
        });
        gateway.send(&call).await;
        let expected = if status.starts_with("429") {
            first
        } else {
            second
        };
        assert_eq!(keys(&vendor).last().map(String::as_str), Some(expected));
    }
}
