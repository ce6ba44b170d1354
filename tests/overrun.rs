//! Providers that do not stop: at the caller's bound on output, or when nobody listens any more.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::{Script, chunk, head};
use crate::support::upstream::Upstream;

/// Bytes of each event's text.
const PIECE: usize = 512;

fn piece() -> String {
    openai::text(&"word ".repeat(PIECE / 5))
}

/// Says so much at once and then nothing more, and does not end.
fn endless(pieces: impl IntoIterator<Item = String>) -> Script {
    let stream = pieces
        .into_iter()
        .fold(Script::stream().chunk(openai::role()), Script::chunk);
    stream.black_hole()
}

async fn gateway(script: Script) -> (Upstream, Gateway) {
    let upstream = Upstream::new(script).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    (upstream, gateway)
}

fn bounded(tokens: u64) -> Value {
    let mut body = openai::stream_chat();
    body["max_tokens"] = json!(tokens);
    body
}

fn last_chunk(response: &Response) -> Value {
    let events = openai::events(&response.body);
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    serde_json::from_str(&events[events.len() - 2]).unwrap()
}

/// The call is over for everybody, and the deployment is known for it.
async fn assert_cut(upstream: &Upstream, gateway: &Gateway, is_estimated: bool) {
    upstream.closed_after(0, upstream.only().at).await;
    let row = gateway.home.row().await;
    let facts = (&row["outcome"], &row["status"], &row["estimated"]);
    assert_eq!(
        facts,
        (&json!("complete"), &json!(200), &json!(is_estimated))
    );
    assert!(row["tokens"]["output"].as_u64() > Some(10), "{row}");
    let deployment = ["deployment=\"alpha/upstream-name\""];
    gateway
        .until_metric("tollward_overruns_total", &deployment, 1.0)
        .await;
    gateway.assert_idle().await;
}

// U-59
#[tokio::test]
async fn a_stream_far_beyond_its_bound_is_cut_with_length_and_its_upstream_let_go() {
    let (upstream, gateway) = gateway(endless((0..200).map(|_| piece()))).await;
    let response = gateway.chat(&bounded(10)).await;
    assert!(response.is_whole);
    let last = last_chunk(&response);
    assert_eq!(
        (&last["choices"], &last["model"], &last["object"]),
        (
            &json!([{"index": 0, "delta": {}, "finish_reason": "length"}]),
            &json!("chat"),
            &json!("chat.completion.chunk")
        )
    );
    assert!(last["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let text = openai::streamed_text(&response.body);
    // What came in one read is passed on whole.
    let most = 10 * 16 + 8 * 1024;
    assert!(
        (most..most + 64 * 1024).contains(&text.len()),
        "{}",
        text.len()
    );
    assert_cut(&upstream, &gateway, true).await;
}

// U-59
#[tokio::test]
async fn a_vendors_own_count_beyond_the_bound_cuts_a_stream_at_once() {
    let counted = |tokens: u64| {
        let mut chunk: Value = json!({"choices": [{"index": 0, "delta": {"content": "a"}}]});
        chunk["usage"] = openai::usage(10, tokens);
        openai::event(&chunk)
    };
    let (upstream, gateway) = gateway(endless([10, 26, 27].map(counted))).await;
    let response = gateway.chat(&bounded(10)).await;
    assert_eq!(openai::streamed_text(&response.body), "aaa");
    assert_eq!(
        last_chunk(&response)["choices"][0]["finish_reason"],
        "length"
    );
    assert_cut(&upstream, &gateway, false).await;
}

// U-59
#[tokio::test]
async fn only_choices_that_are_open_are_cut() {
    let choice = |index: u32, text: &str, reason: Value| {
        openai::event(
            &json!({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": reason}]}),
        )
    };
    let long = "x".repeat(16 * 1024);
    let events = [
        choice(0, "short", json!("stop")),
        choice(1, &long, Value::Null),
        choice(2, "x", Value::Null),
    ];
    let (upstream, gateway) = gateway(endless([events.concat()])).await;
    let mut body = bounded(10);
    body["n"] = json!(3);
    let response = gateway.chat(&body).await;
    let ended = |index: u32| json!({"index": index, "delta": {}, "finish_reason": "length"});
    assert_eq!(
        last_chunk(&response)["choices"],
        json!([ended(1), ended(2)])
    );
    assert_cut(&upstream, &gateway, true).await;
}

// U-59
#[tokio::test]
async fn a_translated_stream_is_cut_in_its_callers_words() {
    let (upstream, gateway) = gateway(endless((0..40).map(|_| piece()))).await;
    let turns = json!([{"role": "user", "content": "hi"}]);
    let body = json!({"model": "chat", "max_tokens": 10, "stream": true, "messages": turns});
    let response = gateway
        .send(&Request::post("/v1/messages", body.to_string()))
        .await;
    let text = response.text();
    let stop = text.find("\"stop_reason\":\"max_tokens\"");
    assert!(stop.is_some(), "{text}");
    assert!(text.contains("event: content_block_stop"), "{text}");
    assert!(
        text.trim_end()
            .ends_with("data: {\"type\":\"message_stop\"}"),
        "{text}"
    );
    assert_cut(&upstream, &gateway, true).await;
}

// U-59: what a tokenizer could make of so few tokens, thoughts, and an echo are not cut.
#[tokio::test]
async fn what_may_be_within_the_bound_is_left_alone() {
    let thought = openai::event(
        &json!({"choices": [{"index": 0, "delta": {"reasoning_content": "hm ".repeat(9_000)}}]}),
    );
    let rest = [openai::finish(), openai::usage_only(10, 5), DONE.to_owned()].concat();
    let (upstream, gateway) = gateway(Script::new()).await;
    for begun in [openai::text(&"-".repeat(8 * 1024)), thought] {
        upstream.then(Script::stream_of([&openai::role(), &begun, &rest]));
        let response = gateway.chat(&bounded(1)).await;
        let expected = [openai::role(), begun, openai::finish(), DONE.to_owned()];
        assert_eq!(response.text(), expected.concat());
    }
    let echo =
        json!({"model": "chat", "prompt": "x", "max_tokens": 1, "echo": true, "stream": true});
    let chunk = |text: &str, reason: Value| {
        openai::event(&json!({"choices": [{"index": 0, "text": text, "finish_reason": reason}]}))
    };
    let long = chunk(&"x".repeat(20_000), Value::Null);
    let stream = [&long, &chunk("y", json!("length")), DONE].concat();
    upstream.then(Script::stream_of([&long, &stream[long.len()..]]));
    let response = gateway
        .send(&Request::post("/v1/completions", echo.to_string()))
        .await;
    assert_eq!(response.text(), stream);
    assert_eq!(gateway.metric("tollward_overruns_total", &[]).await, 0.0);
}

/// A provider that hears nothing of a connection that is closed: it goes on until it is dropped.
async fn deaf() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 64 * 1024];
                let _ = socket.read(&mut request).await;
                let headers = [
                    ("content-type", "text/event-stream"),
                    ("transfer-encoding", "chunked"),
                ];
                let begun = format!("{}\r\n", head("200 OK", &headers));
                let _ = socket.write_all(begun.as_bytes()).await;
                loop {
                    let _ = socket
                        .write_all(&chunk(openai::text("word ").as_bytes()))
                        .await;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        }
    });
    addr
}

// U-60
#[tokio::test]
async fn a_provider_that_goes_on_after_it_was_let_go_is_not_waited_for() {
    let config = Config::empty()
        .provider("alpha", deaf().await)
        .model("chat", &["alpha/upstream-name"])
        .priced();
    let gateway = Gateway::start(&config).await;
    let mut client = gateway.connect().await;
    let mut stream = client.open(&Request::chat(&openai::stream_chat())).await;
    stream.until("word").await;
    drop(client);
    let left = Instant::now();
    let row = gateway.home.row().await;
    assert!(
        left.elapsed() < Duration::from_secs(2),
        "{:?}",
        left.elapsed()
    );
    let facts = (&row["outcome"], &row["estimated"], &row["tokens"]["input"]);
    let input = json!(openai::STREAM_ESTIMATED);
    assert_eq!(facts, (&json!("client_gone"), &json!(true), &input));
    assert!(row["tokens"]["output"].as_u64() > Some(0), "{row}");
    gateway.assert_idle().await;
}
