//! Signs of life in streams that have begun and are silent. Real time is the subject here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// A vendor that says a word, nothing for a while, and the rest.
fn pausing() -> Script {
    Script::stream()
        .chunk([openai::role(), openai::text("a")].concat())
        .sleep(Duration::from_millis(700))
        .chunk(
            [
                openai::text("b"),
                openai::finish(),
                openai::usage_only(10, 5),
            ]
            .concat(),
        )
        .chunk(openai::DONE)
        .end()
}

async fn gateway(keep_alive: &str, script: Script) -> (Upstream, Gateway) {
    let upstream = Upstream::new(script).await;
    let config = Config::one(&upstream).set("/server/keep_alive", json!(keep_alive));
    let gateway = Gateway::start(&config).await;
    (upstream, gateway)
}

async fn ask(gateway: &Gateway, path: &str, body: &Value) -> Response {
    gateway.send(&Request::post(path, body.to_string())).await
}

// U-35
#[tokio::test]
async fn a_silent_stream_says_that_it_is_alive_in_its_callers_words() {
    let (_upstream, gateway) = gateway("200ms", pausing()).await;
    let relayed = gateway.chat(&openai::stream_chat()).await.text();
    let beats = relayed.matches(": keep-alive\n\n").count();
    assert!((2..=4).contains(&beats), "{relayed}");
    assert_eq!(
        relayed.replace(": keep-alive\n\n", ""),
        openai::stream_without_usage(&["a", "b"])
    );
    let turns = json!([{"role": "user", "content": "hi"}]);
    let message = json!({"model": "chat", "max_tokens": 9, "stream": true, "messages": turns});
    let text = ask(&gateway, "/v1/messages", &message).await.text();
    // The first one is at the beginning of every stream.
    let pings = text
        .matches("event: ping\ndata: {\"type\":\"ping\"}\n\n")
        .count();
    assert!((3..=5).contains(&pings), "{text}");
    let text = ask(
        &gateway,
        "/api/chat",
        &json!({"model": "chat", "messages": turns}),
    )
    .await
    .text();
    let lines: Vec<Value> = text
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let words: Vec<&str> = lines
        .iter()
        .filter_map(|it| it["message"]["content"].as_str())
        .collect();
    assert_eq!(words.concat(), "ab");
    assert!((5..=7).contains(&lines.len()), "{text}");
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let path = "/v1beta/models/chat:streamGenerateContent?alt=sse";
    let text = ask(&gateway, path, &contents).await.text();
    assert!(text.contains("\r\n\r\n\r\n\r\n"), "{text}");
    for row in gateway.home.rows(4).await {
        assert_eq!(
            (&row["outcome"], &row["tokens"]["output"]),
            (&json!("complete"), &json!(5))
        );
    }
}

#[tokio::test]
async fn signs_of_life_are_not_for_streams_that_speak_nor_for_operators_who_want_none() {
    let (_upstream, silent) = gateway("0s", pausing()).await;
    let text = silent.chat(&openai::stream_chat()).await.text();
    assert_eq!(text, openai::stream_without_usage(&["a", "b"]));
    let mut script = Script::stream().chunk(openai::role());
    for _ in 0..8 {
        script = script
            .chunk(openai::text("a"))
            .sleep(Duration::from_millis(100));
    }
    let script = script
        .chunk([openai::finish(), openai::DONE.to_owned()].concat())
        .end();
    let (_upstream, busy) = gateway("500ms", script).await;
    let text = busy.chat(&openai::stream_chat()).await.text();
    assert!(!text.contains("keep-alive"), "{text}");
}

// The upstream's silence is not shortened by what we say ourselves.
#[tokio::test]
async fn signs_of_life_do_not_move_the_idle_limit() {
    let script = Script::stream()
        .chunk([openai::role(), openai::text("a")].concat())
        .black_hole();
    let upstream = Upstream::new(script).await;
    let config = Config::one(&upstream)
        .set("/server/keep_alive", json!("100ms"))
        .set("/timeouts/idle", json!("400ms"));
    let gateway = Gateway::start(&config).await;
    let response = gateway.chat(&openai::stream_chat()).await;
    assert!(
        response.text().contains("upstream_timeout"),
        "{}",
        response.text()
    );
    assert!(
        response.took < Duration::from_millis(1_300),
        "{:?}",
        response.took
    );
    assert_eq!(gateway.home.row().await["outcome"], "idle_timeout");
}
