//! The other two relayed operations: embeddings and legacy completions.

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::Script;
use crate::support::upstream::Upstream;

fn vectors() -> Value {
    json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1, -2.5e-3]}], "model": "e", "usage": {"prompt_tokens": 8, "total_tokens": 8}})
}

#[tokio::test]
async fn embeddings_are_relayed_and_booked() {
    let upstream = Upstream::new(Script::json("200 OK", &vectors())).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let inputs = ["\"text\"", "[\"a\",\"b\"]", "[1,2,3]", "[[1,2],[3]]"];
    for (index, input) in inputs.into_iter().enumerate() {
        let body = format!(r#"{{"input":{input},"encoding_format":"float", "model":"chat"}}"#);
        let response = gateway
            .send(&Request::post("/v1/embeddings", body.clone()))
            .await;
        assert_eq!((response.status, response.json()), (200, vectors()));
        let seen = upstream.request(index).await;
        assert_eq!(seen.path(), "/v1/embeddings");
        assert_eq!(
            String::from_utf8_lossy(&seen.body),
            body.replace("\"chat\"", "\"upstream-name\"")
        );
    }
    for row in gateway.home.rows(inputs.len()).await {
        let facts = (
            &row["operation"],
            &row["tokens"]["input"],
            &row["tokens"]["output"],
            &row["cost"],
            &row["estimated"],
        );
        assert_eq!(
            facts,
            (
                &json!("embeddings"),
                &json!(8),
                &json!(0),
                &json!("0.000008"),
                &json!(false)
            )
        );
    }
}

// C-19
#[tokio::test]
async fn embeddings_and_completions_need_their_input() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    for (path, param) in [("/v1/embeddings", "input"), ("/v1/completions", "prompt")] {
        for value in [
            "",
            ",\"FIELD\":null",
            ",\"FIELD\":[]",
            ",\"FIELD\":{}",
            ",\"FIELD\":7",
        ] {
            let body = format!("{{\"model\":\"chat\"{}}}", value.replace("FIELD", param));
            let error = gateway
                .send(&Request::post(path, body))
                .await
                .error(400, "invalid_value");
            assert_eq!(error["param"], param);
        }
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn legacy_completions_are_relayed_whole_and_streamed() {
    let whole = json!({"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}], "usage": openai::usage(4, 2)});
    let upstream = Upstream::new(Script::json("200 OK", &whole)).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let body = json!({"model": "chat", "prompt": "say", "max_tokens": 5});
    let response = gateway
        .send(&Request::post("/v1/completions", body.to_string()))
        .await;
    assert_eq!((response.status, response.json()), (200, whole));
    assert_eq!(upstream.only().path(), "/v1/completions");

    let piece = |text: &str, finish: Option<&str>| {
        openai::event(&json!({"choices": [{"index": 0, "text": text, "finish_reason": finish}]}))
    };
    let usage = openai::event(&json!({"choices": [], "usage": openai::usage(4, 2)}));
    upstream.then(Script::stream_of([
        piece("h", None),
        piece("i", Some("stop")),
        usage,
        DONE.to_owned(),
    ]));
    let mut body = body;
    body["stream"] = json!(true);
    let response = gateway
        .send(&Request::post("/v1/completions", body.to_string()))
        .await;
    assert_eq!(
        response.text(),
        [piece("h", None), piece("i", Some("stop")), DONE.to_owned()].concat()
    );
    for row in gateway.home.rows(2).await {
        let facts = (
            &row["operation"],
            &row["tokens"]["input"],
            &row["tokens"]["output"],
            &row["cost"],
        );
        assert_eq!(
            facts,
            (
                &json!("completions"),
                &json!(4),
                &json!(2),
                &json!("0.000008")
            )
        );
    }
}

#[tokio::test]
async fn an_embedding_that_fails_falls_back() {
    let first = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let second = Upstream::new(Script::json("200 OK", &vectors())).await;
    let gateway = Gateway::start(&Config::two(&first, &second)).await;
    let response = gateway
        .send(&Request::post(
            "/v1/embeddings",
            r#"{"model":"chat","input":"x"}"#,
        ))
        .await;
    assert_eq!(
        (response.status, response.header("x-tollward-deployment")),
        (200, Some("beta/spare-name"))
    );
}
