//! Embeddings, relayed and in vendors' own forms, and legacy completions.

use std::time::Duration;

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

/// A gateway before one vendor with an API of its own, 1 USD per million tokens.
async fn vendor(kind: &str, model: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::new(Script::new()).await;
    let gateway = Gateway::start(&Config::vendor(&upstream, kind, model)).await;
    (upstream, gateway)
}

fn embedding(input: &Value) -> Request {
    Request::post(
        "/v1/embeddings",
        json!({"model": "chat", "input": input}).to_string(),
    )
}

fn numbers(answer: &Value) -> Vec<Value> {
    let data = answer["data"].as_array().unwrap();
    data.iter().map(|it| it["embedding"].clone()).collect()
}

#[tokio::test]
async fn every_vendor_embeds_in_its_own_words_and_is_booked() {
    for (kind, model, path, answer) in [
        (
            "cohere",
            "embed-v4.0",
            "/v2/embed",
            json!({"id": "e", "embeddings": {"float": [[0.5], [-2]]}, "meta": {"billed_units": {"input_tokens": 7}}}),
        ),
        (
            "gemini",
            "gemini-embedding-2",
            "/v1beta/models/gemini-embedding-2:batchEmbedContents",
            json!({"embeddings": [{"values": [0.5]}, {"values": [-2]}], "usageMetadata": {"promptTokenCount": 7}}),
        ),
        (
            "bedrock",
            "cohere.embed-english-v3",
            "/model/cohere.embed-english-v3/invoke",
            json!({"embeddings": [[0.5], [-2]]}),
        ),
        (
            "ollama-native",
            "all-minilm",
            "/api/embed",
            json!({"embeddings": [[0.5], [-2]], "prompt_eval_count": 7}),
        ),
    ] {
        let (upstream, gateway) = vendor(kind, model).await;
        // Only Bedrock's own counts in the head, and only there is it looked at.
        let headers = [
            ("content-type", "application/json"),
            ("x-amzn-bedrock-input-token-count", "7"),
        ];
        upstream.always(Script::answer("200 OK", &headers, answer.to_string()));
        let response = gateway.send(&embedding(&json!(["a", "b"]))).await;
        let usage = json!({"prompt_tokens": 7, "total_tokens": 7});
        let mut body = response.json();
        // Some of the models have prices.
        let told = body["usage"].as_object_mut().unwrap();
        told.retain(|name, _| name.ends_with("tokens"));
        assert_eq!(
            (response.status, numbers(&body)),
            (200, vec![json!([0.5]), json!([-2.0])]),
            "{kind}"
        );
        assert_eq!(
            (&body["model"], &body["usage"]),
            (&json!("chat"), &usage),
            "{kind}"
        );
        assert_eq!(
            response.header("x-tollward-cost-usd"),
            Some("0.000007"),
            "{kind}"
        );
        assert_eq!(upstream.only().path(), path);
        let row = gateway.home.row().await;
        assert_eq!(
            (
                &row["operation"],
                &row["tokens"]["input"],
                &row["cost"],
                &row["estimated"]
            ),
            (
                &json!("embeddings"),
                &json!(7),
                &json!("0.000007"),
                &json!(false)
            ),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_vendor_that_takes_one_text_is_asked_several_times_in_one_attempt() {
    let (upstream, gateway) = vendor("bedrock", "amazon.titan-embed-text-v2:0").await;
    let texts: Vec<String> = (0..20).map(|it| format!("text {it}")).collect();
    for at in 0..texts.len() {
        let body = json!({"embedding": [at], "inputTextTokenCount": 2}).to_string();
        // The first are the slowest.
        let wait = Duration::from_millis(if at < 3 { 60 } else { 0 });
        let answer = Script::answer("200 OK", &[("content-type", "application/json")], body);
        upstream.then(Script(
            Script::new()
                .sleep(wait)
                .0
                .into_iter()
                .chain(answer.0)
                .collect(),
        ));
    }
    let response = gateway.send(&embedding(&json!(texts))).await;
    assert_eq!(
        (response.status, response.header("x-tollward-attempts")),
        (200, Some("1"))
    );
    let seen: Vec<Value> = upstream
        .seen()
        .iter()
        .map(|it| it.json()["inputText"].clone())
        .collect();
    let place = |text: &String| seen.iter().position(|it| it == text).unwrap();
    let expected: Vec<Value> = texts
        .iter()
        .map(|it| json!([f64::from(u32::try_from(place(it)).unwrap())]))
        .collect();
    assert_eq!(numbers(&response.json()), expected);
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["tokens"]["input"], &row["attempts"]),
        (&json!(40), &json!(1))
    );
}

/// What Titan says to one text; late answers come after the others.
fn titan(status: &str, headers: &[(&str, &str)], body: &Value, is_late: bool) -> Script {
    let wait = Duration::from_millis(if is_late { 100 } else { 0 });
    let json = [("content-type", "application/json")];
    let headers = [&json[..], headers].concat();
    let answer = Script::answer(status, &headers, body.to_string());
    let slow = Script::new().sleep(wait);
    Script(slow.0.into_iter().chain(answer.0).collect())
}

fn embedded(tokens: u64) -> Script {
    let body = json!({"embedding": [1], "inputTextTokenCount": tokens});
    titan("200 OK", &[], &body, false)
}

#[tokio::test]
async fn one_text_that_fails_fails_the_attempt_and_what_was_answered_is_booked() {
    let (upstream, gateway) = vendor("bedrock", "amazon.titan-embed-text-v1").await;
    upstream.then(embedded(3));
    let later = json!({"message": "try later"});
    upstream.always(titan(
        "503 Service Unavailable",
        &[("retry-after", "60")],
        &later,
        true,
    ));
    let response = gateway.send(&embedding(&json!(["first", "second"]))).await;
    assert!(response.status >= 500, "{}", response.status);
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["tokens"]["input"], &row["estimated"]),
        (&json!(3), &json!(false))
    );
}

#[tokio::test]
async fn a_text_that_is_turned_away_among_others_is_asked_again_by_itself() {
    let (upstream, gateway) = vendor("bedrock", "amazon.titan-embed-text-v1").await;
    let slower = json!({"message": "slower"});
    upstream.then(titan(
        "429 Too Many Requests",
        &[("retry-after", "0")],
        &slower,
        true,
    ));
    upstream.always(embedded(3));
    let response = gateway.send(&embedding(&json!(["a", "b", "c"]))).await;
    assert_eq!(
        (response.status, response.header("x-tollward-attempts")),
        (200, Some("1"))
    );
    assert_eq!(upstream.calls(), 4);
    assert_eq!(gateway.home.row().await["tokens"]["input"], 9);
}

#[tokio::test]
async fn what_a_vendor_had_begun_when_another_text_failed_is_estimated() {
    let (upstream, gateway) = vendor("bedrock", "amazon.titan-embed-text-v1").await;
    upstream.then(embedded(1000));
    let refused = json!({"message": "no"});
    upstream.then(titan("403 Forbidden", &[], &refused, true));
    upstream.always(Script::new().black_hole());
    let response = gateway.send(&embedding(&json!(["a", "b", "c"]))).await;
    assert!(response.status >= 400, "{}", response.status);
    let row = gateway.home.row().await;
    assert!(row["tokens"]["input"].as_u64() > Some(1000), "{row}");
    assert_eq!(row["estimated"], true);
}

// U-47
#[tokio::test]
async fn a_count_that_cannot_be_true_is_no_reason_to_stop_working() {
    let (upstream, gateway) = vendor("cohere", "rerank-v3.5").await;
    let billed = json!({"input_tokens": u64::MAX});
    let answer = json!({"results": [{"index": 0, "relevance_score": 0.5}], "meta": {"billed_units": billed}});
    upstream.always(Script::json("200 OK", &answer));
    let body = json!({"model": "chat", "query": "q", "documents": ["a"]}).to_string();
    for _ in 0..3 {
        let response = gateway
            .send(&Request::post("/v1/rerank", body.clone()))
            .await;
        assert_eq!(response.status, 200, "{}", response.text());
    }
    assert_eq!(gateway.home.rows(3).await.len(), 3);
}

#[tokio::test]
async fn vectors_of_another_length_than_was_asked_for_are_refused_by_name() {
    let (upstream, gateway) = vendor("ollama-native", "all-minilm").await;
    let answer = json!({"embeddings": [[0.5, 0.5]], "prompt_eval_count": 2});
    upstream.always(Script::json("200 OK", &answer));
    let body = json!({"model": "chat", "input": "a", "dimensions": 1024}).to_string();
    let response = gateway.send(&Request::post("/v1/embeddings", body)).await;
    assert_eq!(response.status, 400);
    assert_eq!(response.json()["error"]["param"], "dimensions");
}

#[tokio::test]
async fn python_asks_for_base64_and_gets_it_from_every_vendor() {
    let (upstream, gateway) = vendor("ollama-native", "all-minilm").await;
    upstream.always(Script::json(
        "200 OK",
        &json!({"embeddings": [[1.0, -0.5]]}),
    ));
    let body = json!({"model": "chat", "input": "a", "encoding_format": "base64", "user": "u"});
    let response = gateway
        .send(&Request::post("/v1/embeddings", body.to_string()))
        .await;
    let answer = response.json();
    // 0x3f800000 and 0xbf000000, little-endian.
    assert_eq!(numbers(&answer), [json!("AACAPwAAAL8=")]);
    assert_eq!(response.header("x-tollward-dropped"), Some("user"));
    // Nothing was counted: the answer has the estimate that is booked.
    let row = gateway.home.row().await;
    assert_eq!(
        (&answer["usage"]["prompt_tokens"], &row["estimated"]),
        (&row["tokens"]["input"], &json!(true))
    );
}

#[tokio::test]
async fn token_ids_are_refused_where_the_model_has_another_tokenizer() {
    let (upstream, gateway) = vendor("cohere", "embed-v4.0").await;
    for input in [json!([1, 2, 3]), json!([[1, 2], [3]])] {
        let error = gateway
            .send(&embedding(&input))
            .await
            .error(400, "unsupported_parameter");
        assert_eq!(error["param"], "input");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_upstream_error() {
    let (upstream, gateway) = vendor("gemini", "gemini-embedding-001").await;
    upstream.always(Script::json(
        "200 OK",
        &json!({"embeddings": [{"values": [1]}]}),
    ));
    let response = gateway.send(&embedding(&json!(["a", "b"]))).await;
    response.error(502, "upstream_protocol");
}

#[tokio::test]
async fn ollamas_clients_embed_with_anybodys_model() {
    let (upstream, gateway) = vendor("gemini", "gemini-embedding-2").await;
    let answer =
        json!({"embeddings": [{"values": [0.5, 1]}], "usageMetadata": {"promptTokenCount": 3}});
    upstream.always(Script::json("200 OK", &answer));
    let body = json!({"model": "chat", "input": "a"});
    let embedded = gateway
        .send(&Request::post("/api/embed", body.to_string()))
        .await
        .json();
    assert_eq!(
        (&embedded["embeddings"], &embedded["prompt_eval_count"]),
        (&json!([[0.5, 1.0]]), &json!(3))
    );
}
