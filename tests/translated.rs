//! Translated answers that end early, badly or say their reason late: what is heard, and what is booked.

use serde_json::{Value, json};

use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::{Gate, Script};
use crate::support::upstream::Upstream;

async fn scene(kind: &str, model: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::new(Script::new()).await;
    let config = Config::empty()
        .set(
            "/providers/vendor",
            json!({"kind": kind, "base_url": upstream.base_url(), "api_key": "sk-vendor"}),
        )
        .model("chat", &[&format!("vendor/{model}")]);
    let gateway = Gateway::start(&config).await;
    (upstream, gateway)
}

fn named(event: &Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap()
    )
}

fn opening() -> String {
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "c",
        "content": [], "usage": {"input_tokens": 40, "output_tokens": 1}}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    named(&start) + &named(&block)
}

fn words(text: &str) -> String {
    named(
        &json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
    )
}

// The opening count of a stream says one token of output; whoever hangs up has heard more.
#[tokio::test]
async fn a_caller_who_hangs_up_pays_for_what_was_heard() {
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let (upstream, gateway) = scene("anthropic", "claude-sonnet-4-5").await;
        let gate = Gate::closed();
        let script = Script::stream()
            .chunk(opening())
            .chunk(words(&"word ".repeat(600)))
            .gate(&gate)
            .end();
        upstream.always(script);
        let mut body = openai::stream_chat();
        body["max_tokens"] = json!(1_000);
        let mut client = Client::connect(gateway.public).await;
        let mut answer = client.open(&Request::post(path, body.to_string())).await;
        answer.until("word word").await;
        drop(answer);
        client.abort();
        let row = gateway.home.row().await;
        assert_eq!(
            (&row["outcome"], &row["estimated"]),
            (&json!("client_gone"), &json!(true))
        );
        assert_eq!(row["tokens"]["input"], 40, "the vendor has counted it");
        assert_eq!(
            row["tokens"]["output"], 1_000,
            "3,000 bytes at three to a token"
        );
        gateway.assert_idle().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_all_reason_and_no_words_is_an_answer() {
    for (answer, reason, output) in [
        (
            json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}),
            "content_filter",
            0,
        ),
        (
            json!({"candidates": [{"index": 0, "finishReason": "MAX_TOKENS"}],
            "usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 50}}),
            "length",
            50,
        ),
    ] {
        let (upstream, gateway) = scene("gemini", "gemini-2.5-flash").await;
        upstream.always(Script::stream_of([format!("data: {answer}\r\n\r\n")]));
        let response = gateway.chat(&openai::stream_chat()).await;
        let text = response.text();
        assert_eq!(response.status, 200, "{text}");
        assert!(
            text.contains(&format!("\"finish_reason\":\"{reason}\"")),
            "{text}"
        );
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        assert_eq!(upstream.calls(), 1, "nothing is tried again");
        let row = gateway.home.row().await;
        assert_eq!(
            (&row["outcome"], &row["estimated"], &row["tokens"]["output"]),
            (&json!("complete"), &json!(false), &json!(output))
        );
        gateway.assert_idle().await;
    }
}

#[tokio::test]
async fn what_follows_the_end_of_an_answer_cannot_spoil_it() {
    let end = [
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "late"}}),
    ];
    let stream = opening() + &words("hi") + &end.iter().map(named).collect::<String>();
    for path in ["/v1/chat/completions", "/v1/messages"] {
        for size in [7, stream.len()] {
            let (upstream, gateway) = scene("anthropic", "claude-sonnet-4-5").await;
            upstream.always(Script::stream_of(stream.as_bytes().chunks(size)));
            let mut body = openai::stream_chat();
            body["max_tokens"] = json!(9);
            let response = gateway.send(&Request::post(path, body.to_string())).await;
            assert!(
                !response.text().contains("late"),
                "{path} {size}: {}",
                response.text()
            );
            assert_eq!(
                gateway.home.row().await["outcome"],
                "complete",
                "{path} {size}"
            );
        }
    }
}

#[tokio::test]
async fn a_whole_answer_that_failed_is_booked_as_its_vendor_counted() {
    let message = json!({"role": "assistant", "content": "Half an"});
    let choice = json!({"index": 0, "message": message, "finish_reason": "error"});
    let relayed = json!({"id": "c-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [choice], "usage": openai::usage(90, 7)});
    let candidate = json!({"index": 0, "finishReason": "MALFORMED_RESPONSE"});
    let translated = json!({"candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 90, "candidatesTokenCount": 7, "totalTokenCount": 97}});
    for (kind, model, answer) in [
        ("openai-compatible", "m", relayed),
        ("gemini", "gemini-2.5-flash", translated),
    ] {
        let (upstream, gateway) = scene(kind, model).await;
        upstream.always(Script::json("200 OK", &answer));
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(response.status, 502, "{kind}: {}", response.text());
        let row = gateway.home.row().await;
        let tokens = &row["tokens"];
        assert_eq!(
            (&row["estimated"], &tokens["input"], &tokens["output"]),
            (&json!(false), &json!(90), &json!(7)),
            "{kind}: {row}"
        );
    }
}
