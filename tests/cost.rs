//! `usage.cost`: answers say what they cost, and nothing else of them changes.

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// What ten tokens at one dollar a million and five at two cost.
const TOLD: &str = r#","cost":0.00002,"cost_details":{"input":0.00001,"output":0.00001}"#;

async fn scene(script: Script) -> (Upstream, Gateway) {
    let upstream = Upstream::new(script).await;
    let gateway = Gateway::start(&telling(&upstream)).await;
    (upstream, gateway)
}

/// What the default is.
fn telling(upstream: &Upstream) -> Config {
    let config = Config::one(upstream).priced();
    config.set("/pricing/usage_cost", json!("on"))
}

/// A vendor of another kind whose model has the same prices.
async fn elsewhere(kind: &str, model: &str, script: Script) -> (Upstream, Gateway) {
    let upstream = Upstream::new(script).await;
    let price = json!({
        "provider": "vendor", "model": model, "input_per_mtok": "1", "output_per_mtok": "2",
    });
    let vendor = json!({"kind": kind, "base_url": upstream.base_url(), "api_key": "sk-vendor"});
    let config = Config::empty()
        .set("/providers/vendor", vendor)
        .set("/pricing", json!({"overrides": [price]}))
        .model("chat", &[&format!("vendor/{model}")]);
    let gateway = Gateway::start(&config).await;
    (upstream, gateway)
}

fn asking_for_usage() -> Value {
    let mut body = openai::stream_chat();
    body["stream_options"] = json!({"include_usage": true});
    body
}

#[tokio::test]
async fn a_whole_answer_tells_what_is_booked_and_keeps_its_other_bytes() {
    let body = r#"{ "id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"\u0068i"},"finish_reason":"stop"}], "usage" : {"prompt_tokens":10,"completion_tokens":5, "x":1 } , "more":null}"#;
    let script = Script::answer("200 OK", &[("content-type", "application/json")], body);
    let (_upstream, gateway) = scene(script).await;
    let answer = gateway.chat(&openai::chat()).await;
    assert_eq!(
        answer.text(),
        body.replace("\"x\":1", &format!("\"x\":1{TOLD}"))
    );
    assert_eq!(answer.header("x-tollward-cost-usd"), Some("0.00002"));
    assert_eq!(gateway.home.row().await["cost"], "0.00002");
}

#[tokio::test]
async fn a_stream_tells_it_in_its_last_usage_and_only_to_who_asked_for_usage() {
    let stream = openai::stream(&["one ", "two"]);
    let (_upstream, gateway) = scene(Script::stream_of(&stream)).await;
    let told = gateway.chat(&asking_for_usage()).await.text();
    let usage = openai::usage(10, 5).to_string();
    let expected = usage.replace('}', &format!("{TOLD}}}"));
    assert_eq!(told, stream.concat().replace(&usage, &expected));
    let quiet = gateway.chat(&openai::stream_chat()).await.text();
    assert_eq!(quiet, openai::stream_without_usage(&["one ", "two"]));
    for row in gateway.home.rows(2).await {
        assert_eq!(row["cost"], "0.00002");
    }
}

#[tokio::test]
async fn a_stream_that_comes_at_once_or_byte_by_byte_tells_the_same() {
    let stream = openai::stream(&["one ", "two"]).concat();
    let usage = openai::usage(10, 5).to_string();
    let expected = stream.replace(&usage, &usage.replace('}', &format!("{TOLD}}}")));
    let every = std::time::Duration::from_millis(1);
    let head = || Script::stream();
    let chunked = |bytes: &str| crate::support::script::chunk(bytes.as_bytes());
    for script in [
        Script::stream_of([&stream]),
        head().drip(chunked(&stream), 7, every).end(),
    ] {
        let (_upstream, gateway) = scene(script).await;
        let told = gateway.chat(&asking_for_usage()).await;
        assert_eq!(told.text(), expected);
    }
}

#[tokio::test]
async fn a_usage_that_is_told_again_and_again_has_its_cost_at_the_end() {
    let running = |text: &str, output: u64, finish: Value| {
        openai::event(&json!({
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
            "usage": openai::usage(10, output),
        }))
    };
    let stream = [
        running("one", 1, Value::Null),
        running("two", 2, Value::Null),
        running("", 5, json!("stop")),
        DONE.to_owned(),
    ];
    let (_upstream, gateway) = scene(Script::stream_of(&stream)).await;
    let told = gateway.chat(&asking_for_usage()).await;
    let events = openai::events(&told.body);
    let costs = events.iter().filter(|it| it.contains("\"cost\"")).count();
    assert_eq!((costs, events[2].contains(TOLD)), (1, true), "{events:?}");
}

#[tokio::test]
async fn what_a_vendor_says_itself_passes_as_it_is() {
    let mut answer = openai::answer("x");
    answer["usage"]["cost"] = json!(0.5);
    let (_upstream, gateway) = scene(Script::json("200 OK", &answer)).await;
    assert_eq!(
        gateway.chat(&openai::chat()).await.text(),
        answer.to_string()
    );
    let mut usage = openai::usage(10, 5);
    usage["cost"] = json!(0.25);
    let last = openai::event(&json!({"choices": [], "usage": usage}));
    let stream = [
        openai::role(),
        openai::text("x"),
        openai::finish(),
        last,
        DONE.to_owned(),
    ];
    let (_upstream, gateway) = scene(Script::stream_of(&stream)).await;
    assert_eq!(
        gateway.chat(&asking_for_usage()).await.text(),
        stream.concat()
    );
}

#[tokio::test]
async fn a_cost_that_nobody_knows_is_left_out_and_so_is_any_where_it_is_turned_off() {
    let answer = openai::answer("x");
    let upstream = Upstream::new(Script::json("200 OK", &answer)).await;
    let unpriced = Gateway::start(&Config::one(&upstream)).await;
    assert_eq!(
        unpriced.chat(&openai::chat()).await.text(),
        answer.to_string()
    );
    let off = Config::one(&upstream)
        .priced()
        .set("/pricing/usage_cost", json!("off"));
    let off = Gateway::start(&off).await;
    assert_eq!(off.chat(&openai::chat()).await.text(), answer.to_string());
    assert_eq!(off.home.row().await["cost"], "0.00002");
}

#[tokio::test]
async fn embeddings_completions_and_responses_tell_it_too() {
    let embedding = json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "m", "usage": {"prompt_tokens": 10, "total_tokens": 10}});
    let (_upstream, gateway) = scene(Script::json("200 OK", &embedding)).await;
    let asked = json!({"model": "chat", "input": "x"}).to_string();
    let found = gateway
        .send(&Request::post("/v1/embeddings", asked))
        .await
        .json();
    assert_eq!(found["usage"]["cost"], json!(0.00001));

    let (_upstream, gateway) = scene(Script::json("200 OK", &openai::answer("x"))).await;
    let asked = json!({"model": "chat", "input": "x"}).to_string();
    let found = gateway
        .send(&Request::post("/v1/responses", asked))
        .await
        .json();
    assert_eq!(found["usage"]["cost"], json!(0.00002), "{found}");
    let asked = json!({"model": "chat", "input": "x", "stream": true}).to_string();
    let (_upstream, gateway) = scene(Script::stream_of(openai::stream(&["x"]))).await;
    let found = gateway.send(&Request::post("/v1/responses", asked)).await;
    let text = found.text();
    let last = text
        .lines()
        .filter_map(|it| it.strip_prefix("data: "))
        .next_back();
    let last: Value = serde_json::from_str(last.unwrap()).unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["usage"]["cost"], json!(0.00002), "{last}");
}

#[tokio::test]
async fn a_translated_answer_tells_it_and_callers_of_other_apis_are_not_told() {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "c",
        "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5}});
    let whole = Script::json("200 OK", &message);
    let (upstream, gateway) = elsewhere("anthropic", "claude-sonnet-4-5", whole).await;
    let mut asked = openai::chat();
    asked["max_tokens"] = json!(100);
    let found = gateway.chat(&asked).await.json();
    assert_eq!(found["usage"]["cost"], json!(0.00002), "{found}");
    let native = Request::post("/v1/messages", asked.to_string());
    assert_eq!(gateway.send(&native).await.text(), message.to_string());

    let event = |it: Value| format!("event: {}\ndata: {it}\n\n", it["type"].as_str().unwrap());
    let events = [
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "c", "content": [], "usage": {"input_tokens": 10, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let pieces: Vec<_> = events.into_iter().map(event).collect();
    upstream.always(Script::stream_of(&pieces));
    let mut asked = asking_for_usage();
    asked["max_tokens"] = json!(100);
    let told = gateway.chat(&asked).await.text();
    assert!(told.contains(TOLD), "{told}");
    let native = Request::post("/v1/messages", asked.to_string());
    assert!(!gateway.send(&native).await.text().contains("\"cost\""));
}
