//! Rankings: relayed where the server takes the common words, translated elsewhere.

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

fn asked() -> Value {
    json!({"model": "chat", "query": "capital?", "documents": ["Carson City", "Washington"], "top_n": 1,
        "return_documents": true})
}

async fn vendor(kind: &str, model: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::new(Script::new()).await;
    let gateway = Gateway::start(&Config::vendor(&upstream, kind, model)).await;
    (upstream, gateway)
}

#[tokio::test]
async fn a_ranking_is_relayed_byte_for_byte_and_booked() {
    let answer = json!({"id": "r", "model": "m", "usage": {"total_tokens": 9},
        "results": [{"index": 1, "document": {"text": "Washington"}, "relevance_score": 0.9}]});
    let upstream = Upstream::new(Script::json("200 OK", &answer)).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    for (at, path) in ["/v1/rerank", "/v2/rerank"].into_iter().enumerate() {
        let body = r#"{"model":"chat", "query":"capital?","documents":["a",{"text":"b"}],"truncate_prompt_tokens":5}"#;
        let response = gateway.send(&Request::post(path, body)).await;
        assert_eq!((response.status, response.json()), (200, answer.clone()));
        let seen = upstream.request(at).await;
        assert_eq!(seen.path(), "/v1/rerank");
        let expected = body.replace("\"chat\"", "\"upstream-name\"");
        assert_eq!(String::from_utf8_lossy(&seen.body), expected);
    }
    for row in gateway.home.rows(2).await {
        assert_eq!(
            (
                &row["operation"],
                &row["tokens"]["input"],
                &row["tokens"]["output"],
                &row["cost"]
            ),
            (&json!("rerank"), &json!(9), &json!(0), &json!("0.000009"))
        );
    }
}

#[tokio::test]
async fn a_search_has_no_price_and_is_not_free() {
    let results = json!([{"index": 1, "relevance_score": 0.86303}]);
    let meta = json!({"api_version": {"version": "2"}, "billed_units": {"search_units": 1}});
    for (kind, model, path, answer) in [
        (
            "cohere",
            "rerank-v3.5",
            "/v2/rerank",
            json!({"id": "x", "results": results, "meta": meta}),
        ),
        (
            "bedrock",
            "cohere.rerank-v3-5:0",
            "/model/cohere.rerank-v3-5%3A0/invoke",
            json!({"results": results}),
        ),
    ] {
        let (upstream, gateway) = vendor(kind, model).await;
        upstream.always(Script::json("200 OK", &answer));
        let response = gateway
            .send(&Request::post("/v2/rerank", asked().to_string()))
            .await;
        let expected =
            json!([{"index": 1, "relevance_score": 0.86303, "document": {"text": "Washington"}}]);
        assert_eq!(
            (response.status, &response.json()["results"]),
            (200, &expected),
            "{kind}"
        );
        assert_eq!(
            (
                response.header("x-tollward-cost-source"),
                response.header("x-tollward-cost-usd")
            ),
            (Some("unknown"), None)
        );
        let seen = upstream.only();
        assert_eq!(
            (seen.path(), &seen.json()["documents"]),
            (path, &json!(["Carson City", "Washington"]))
        );
        let row = gateway.home.row().await;
        assert_eq!(
            (
                &row["operation"],
                &row["tokens"]["input"],
                &row["cost"],
                &row["estimated"]
            ),
            (&json!("rerank"), &json!(0), &Value::Null, &json!(false)),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn sglangs_bare_list_becomes_what_clients_read() {
    let (upstream, gateway) = vendor("sglang", "bge").await;
    let scores = json!([{"score": 0.9, "index": 1, "meta_info": {"prompt_tokens": 4}}, {"score": 0.1, "index": 0, "meta_info": {"prompt_tokens": 3}}]);
    upstream.always(Script::json("200 OK", &scores));
    let response = gateway
        .send(&Request::post("/v1/rerank", asked().to_string()))
        .await;
    let body = response.json();
    let best = json!([{"index": 1, "relevance_score": 0.9, "document": {"text": "Washington"}}]);
    assert_eq!(
        (&body["results"], &body["usage"]["total_tokens"]),
        (&best, &json!(7))
    );
    assert_eq!(upstream.only().path(), "/v1/rerank");
}

#[tokio::test]
async fn a_ranking_needs_its_query_and_its_documents() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    for field in ["query", "documents"] {
        for value in [json!(null), json!([]), json!({}), json!(7)] {
            let mut body = asked();
            body[field] = value;
            let response = gateway
                .send(&Request::post("/v1/rerank", body.to_string()))
                .await;
            assert_eq!(response.error(400, "invalid_value")["param"], field);
        }
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_model_that_does_not_rank_is_not_asked() {
    let (upstream, gateway) = vendor("gemini", "gemini-2.5-pro").await;
    let response = gateway
        .send(&Request::post("/v1/rerank", asked().to_string()))
        .await;
    response.error(400, "unsupported_operation");
    assert_eq!(upstream.connections(), 0);
    let listed = gateway.send(&Request::get("/v1/capabilities")).await.json();
    let operations = &listed["data"][0]["deployments"][0]["operations"];
    assert_eq!(
        (&operations["/v1/rerank"], &operations["/v1/embeddings"]),
        (&json!("none"), &json!("gemini"))
    );
}
