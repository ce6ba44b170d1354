//! How answers end: counts that never come, and answers that are empty or of the other form.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::Script;
use crate::support::until;
use crate::support::upstream::Upstream;

/// A model `chat` at an OpenAI-shaped server and a model `claude` at Anthropic, both the same one.
struct Scene {
    upstream: Upstream,
    gateway: Gateway,
}

impl Scene {
    async fn new(script: Script) -> Self {
        let upstream = Upstream::new(script).await;
        let anthropic = json!({"base_url": upstream.base_url(), "api_key": "sk-ant"});
        let config = Config::one(&upstream)
            .set("/providers/anthropic", anthropic)
            .model("claude", &["anthropic/claude-sonnet-4-5"]);
        let gateway = Gateway::start(&config).await;
        Self { upstream, gateway }
    }

    async fn messages(&self, model: &str, is_stream: bool) -> Response {
        let body = json!({"model": model, "max_tokens": 100, "stream": is_stream,
            "messages": [{"role": "user", "content": "hi"}]});
        let request = Request::post("/v1/messages", body.to_string());
        self.gateway.send(&request).await
    }

    async fn chat(&self, model: &str, is_stream: bool) -> Response {
        let mut body = if is_stream {
            openai::stream_chat()
        } else {
            openai::chat()
        };
        body["model"] = json!(model);
        self.gateway.chat(&body).await
    }
}

fn named(event: &Value) -> String {
    let name = event["type"].as_str().unwrap();
    format!("event: {name}\ndata: {event}\n\n")
}

/// Claude's stream, which counts one token at the beginning and `last` at the end.
fn claude_stream(last: Option<Value>) -> Vec<String> {
    let text = |text| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let mut delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}});
    if let Some(usage) = last {
        delta["usage"] = usage;
    }
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "c", "content": [], "stop_reason": null, "usage": {"input_tokens": 10, "output_tokens": 1}}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let events = [
        start,
        block,
        text("twelve "),
        text("bytes"),
        json!({"type": "content_block_stop", "index": 0}),
        delta,
        json!({"type": "message_stop"}),
    ];
    events.iter().map(named).collect()
}

// U-47, U-48, trap 29
#[tokio::test]
async fn a_count_from_before_the_first_word_is_not_the_last_one() {
    let counts = [
        (None, 4, true),
        (Some(json!({"output_tokens": -1})), 4, true),
        (Some(json!({"output_tokens": 7})), 7, false),
    ];
    for (last, output, estimated) in counts {
        for is_relayed in [true, false] {
            let scene = Scene::new(Script::stream_of(claude_stream(last.clone()))).await;
            let response = if is_relayed {
                scene.messages("claude", true).await
            } else {
                scene.chat("claude", true).await
            };
            assert!(response.text().contains("bytes"), "{}", response.text());
            let row = scene.gateway.home.row().await;
            let tokens = &row["tokens"];
            assert_eq!(
                (
                    &row["outcome"],
                    &tokens["input"],
                    &tokens["output"],
                    &row["estimated"]
                ),
                (
                    &json!("complete"),
                    &json!(10),
                    &json!(output),
                    &json!(estimated)
                ),
                "{last:?}"
            );
        }
    }
}

fn claude_answer(content: &Value) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "content": content,
        "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 10, "output_tokens": 5}})
}

/// One row says what the only answer used, told by the vendor.
async fn assert_booked_once(scene: &Scene) {
    let row = scene.gateway.home.row().await;
    let tokens = &row["tokens"];
    assert_eq!(
        (
            &row["outcome"],
            &tokens["input"],
            &tokens["output"],
            &row["estimated"]
        ),
        (&json!("complete"), &json!(10), &json!(5), &json!(false))
    );
    assert_eq!(scene.upstream.calls(), 1);
    scene.gateway.assert_idle().await;
}

// trap 8
#[tokio::test]
async fn a_whole_answer_becomes_the_stream_that_was_asked_for() {
    let text = [json!({"type": "text", "text": "hello"})];
    let claude = Script::json("200 OK", &claude_answer(&json!(text)));
    let gpt = Script::json("200 OK", &openai::answer("hello"));
    for (script, model) in [(claude, "claude"), (gpt, "chat")] {
        let scene = Scene::new(script.clone()).await;
        let response = scene.chat(model, true).await;
        assert_eq!(response.header("content-type"), Some("text/event-stream"));
        let events = openai::events(&response.body);
        assert_eq!(
            events.last().map(String::as_str),
            Some("[DONE]"),
            "{events:?}"
        );
        let chunk = |at: usize| serde_json::from_str::<Value>(&events[at]).unwrap();
        assert_eq!(chunk(1)["choices"][0]["delta"], json!({"content": "hello"}));
        assert_eq!(chunk(2)["choices"][0]["finish_reason"], "stop");
        assert_booked_once(&scene).await;

        let scene = Scene::new(script).await;
        let text = scene.messages(model, true).await.text();
        assert!(text.contains("\"text_delta\",\"text\":\"hello\""), "{text}");
        assert!(
            text.ends_with("data: {\"type\":\"message_stop\"}\n\n"),
            "{text}"
        );
        assert_booked_once(&scene).await;
    }
}

// trap 8
#[tokio::test]
async fn a_stream_becomes_the_whole_answer_that_was_asked_for() {
    let claude = claude_stream(Some(json!({"output_tokens": 5})));
    let gpt = openai::stream(&["twelve ", "bytes"]);
    for (events, model) in [(claude, "claude"), (gpt, "chat")] {
        let wrong = [("content-type", "application/json")];
        let mislabelled = Script::answer("200 OK", &wrong, events.concat());
        for script in [Script::stream_of(&events), mislabelled] {
            let scene = Scene::new(script.clone()).await;
            let answer = scene.chat(model, false).await.json();
            let choice = &answer["choices"][0];
            assert_eq!(choice["message"]["content"], "twelve bytes");
            assert_eq!(choice["finish_reason"], "stop");
            assert_eq!(answer["usage"]["completion_tokens"], 5);
            assert_booked_once(&scene).await;

            let scene = Scene::new(script).await;
            let answer = scene.messages(model, false).await.json();
            let text = [json!({"type": "text", "text": "twelve bytes"})];
            assert_eq!(answer["content"], json!(text));
            assert_eq!(answer["stop_reason"], "end_turn");
            assert_booked_once(&scene).await;
        }
    }
}

// trap 8
#[tokio::test]
async fn an_older_completion_of_the_other_form_is_read_as_its_text() {
    let body = |stream: bool| json!({"model": "chat", "prompt": "hi", "stream": stream});
    let ask = async |scene: &Scene, is_stream: bool| {
        let request = Request::post("/v1/completions", body(is_stream).to_string());
        scene.gateway.send(&request).await
    };
    let choice =
        |text: &str, reason: Value| json!({"index": 0, "text": text, "finish_reason": reason});
    let whole = json!({"id": "cmpl-1", "object": "text_completion", "choices": [choice("hello", json!("stop"))],
        "usage": openai::usage(10, 5)});
    let scene = Scene::new(Script::json("200 OK", &whole)).await;
    let response = ask(&scene, true).await;
    assert!(
        response.text().contains("\"text\":\"hello\""),
        "{}",
        response.text()
    );
    assert!(response.text().ends_with(openai::DONE));
    assert_booked_once(&scene).await;

    let chunk =
        |choices: Value| openai::event(&json!({"object": "text_completion", "choices": choices}));
    let mut last = json!({"object": "text_completion", "choices": []});
    last["usage"] = openai::usage(10, 5);
    let stream = [
        chunk(json!([choice("hel", Value::Null)])),
        chunk(json!([choice("lo", json!("stop"))])),
        openai::event(&last),
        openai::DONE.to_owned(),
    ];
    let scene = Scene::new(Script::stream_of(&stream)).await;
    assert_eq!(
        ask(&scene, false).await.json()["choices"][0]["text"],
        "hello"
    );
    assert_booked_once(&scene).await;
}

// trap 8
#[tokio::test]
async fn what_is_wrong_with_an_answer_of_the_other_form_is_told() {
    let error = openai::error(
        "slow down",
        "rate_limit_error",
        None,
        Some("rate_limit_exceeded"),
    );
    let scene = Scene::new(Script::json("200 OK", &error)).await;
    scene
        .chat("chat", true)
        .await
        .error(429, "rate_limit_exceeded");
    let cut = [openai::role(), openai::text("a")];
    let scene = Scene::new(Script::stream_of(&cut)).await;
    scene
        .chat("chat", false)
        .await
        .error(502, "upstream_incomplete");
    let scene = Scene::new(Script::stream_of(&cut)).await;
    scene.messages("chat", false).await;
    let row = scene.gateway.home.row().await;
    assert_eq!(
        (&row["status"], &row["outcome"]),
        (&json!(502), &json!("upstream_error"))
    );
}

// U-54
#[tokio::test]
async fn an_answer_with_nothing_in_it_is_none_whoever_reads_it() {
    let of = |message: Value, reason: &str| json!({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": openai::usage(10, 5)});
    let lost = of(json!({"role": "assistant", "content": null}), "stop");
    let silent = of(json!({"role": "assistant", "content": ""}), "stop");
    let cut = of(json!({"role": "assistant", "content": null}), "length");
    for (answer, status) in [(lost, 502), (silent, 200), (cut, 200)] {
        let scene = Scene::new(Script::json("200 OK", &answer)).await;
        let relayed = scene.chat("chat", false).await;
        let translated = scene.messages("chat", false).await;
        assert_eq!(
            (relayed.status, translated.status),
            (status, status),
            "{answer}"
        );
    }
    // Claude may well have nothing to add.
    let scene = Scene::new(Script::json("200 OK", &claude_answer(&json!([])))).await;
    let relayed = scene.messages("claude", false).await;
    let translated = scene.chat("claude", false).await;
    assert_eq!((relayed.status, translated.status), (200, 200));
}

// U-27, U-47
#[tokio::test]
async fn a_stream_that_breaks_off_on_its_way_to_a_whole_answer_is_booked_as_far_as_it_came() {
    let words = "word ".repeat(200);
    let claude = claude_stream(None)
        .into_iter()
        .take(3)
        .map(|it| it.replace("twelve ", &words))
        .collect::<String>();
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    let text = openai::text(&words);
    let cases = [
        ("claude", format!("{claude}{}", named(&error))),
        ("chat", [openai::role(), text].concat()),
    ];
    for (model, stream) in cases {
        let script = Script::answer("200 OK", &[("content-type", "text/event-stream")], stream);
        let scene = Scene::new(script).await;
        let response = scene.messages(model, false).await;
        assert!(response.status >= 500, "{model}: {}", response.text());
        let rows = until("an attempt is booked", async || {
            let rows = scene.gateway.home.recent(10).await;
            (!rows.is_empty()).then_some(rows)
        });
        for row in rows.await {
            let output = row["tokens"]["output"].as_u64().unwrap();
            assert!(output > 100, "{model}: {row}");
            assert_eq!(row["estimated"], true, "{model}");
        }
    }
}

// U-49
#[tokio::test]
async fn the_last_count_is_waited_for_where_the_first_was_too_early() {
    let stream = [
        openai::role(),
        openai::text("one "),
        openai::usage_only(10, 1),
        openai::text("two"),
        openai::finish(),
        DONE.to_owned(),
        openai::usage_only(10, 5),
    ];
    let scene = Scene::new(Script::stream_of(&stream)).await;
    assert_eq!(scene.chat("chat", true).await.status, 200);
    let row = scene.gateway.home.row().await;
    assert_eq!(
        (&row["tokens"]["output"], &row["estimated"]),
        (&json!(5), &json!(false))
    );
}
