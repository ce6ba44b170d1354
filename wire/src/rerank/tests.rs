#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::answer::read_answer;
use crate::fault::Fault;
use crate::operation::Operation;
use crate::usage::{Things, Usage};

fn document(value: &Value) -> Document {
    Document::parse(Bytes::from(value.to_string())).unwrap()
}

fn asked() -> Value {
    json!({"model": "m", "query": "capital?", "documents": ["Carson City", {"text": "Washington"}],
        "top_n": 2, "return_documents": true})
}

fn searched(units: u64) -> Usage {
    Usage {
        things: Things {
            search_units: units,
            ..Things::default()
        },
        ..Usage::default()
    }
}

/// A vendor: how it is asked, what it answers, what the caller gets, what is booked.
struct Case {
    dialect: RerankDialect,
    model: &'static str,
    upstream: Value,
    answer: Value,
    caller: Value,
    usage: Option<Usage>,
}

/// Answers as recorded (Cohere 2026-08, Bedrock 2025-10), or as sglang 0.5.23 and
/// text-embeddings-inference at 0d124dc write them.
fn cases() -> [Case; 4] {
    let texts = json!(["Carson City", "Washington"]);
    let meta = json!({"api_version": {"version": "2"}, "billed_units": {"search_units": 1}});
    let results =
        json!([{"index": 1, "relevance_score": 0.86303}, {"index": 0, "relevance_score": 0.17279}]);
    let told = json!([
        {"index": 1, "relevance_score": 0.86303, "document": {"text": "Washington"}},
        {"index": 0, "relevance_score": 0.17279, "document": {"text": "Carson City"}},
    ]);
    let scored = json!([
        {"score": 0.86303, "index": 1, "meta_info": {"prompt_tokens": 9}},
        {"score": 0.17279, "index": 0, "meta_info": {"prompt_tokens": 8}},
    ]);
    [
        Case {
            dialect: RerankDialect::Cohere,
            model: "rerank-v3.5",
            upstream: json!({"query": "capital?", "documents": texts, "top_n": 2, "model": "rerank-v3.5"}),
            answer: json!({"id": "31337dd2", "results": results, "meta": meta}),
            caller: json!({"id": "31337dd2", "model": "public", "results": told, "meta": meta}),
            usage: Some(searched(1)),
        },
        Case {
            dialect: RerankDialect::Bedrock,
            model: "cohere.rerank-v3-5:0",
            upstream: json!({"query": "capital?", "documents": texts, "top_n": 2, "api_version": 2}),
            answer: json!({"results": results}),
            caller: json!({"id": "rerank-one", "model": "public", "results": told}),
            usage: Some(searched(1)),
        },
        Case {
            dialect: RerankDialect::Sglang,
            model: "bge",
            upstream: json!({"query": "capital?", "documents": texts, "top_n": 2, "model": "bge", "return_documents": false}),
            answer: scored,
            caller: json!({"id": "rerank-one", "model": "public", "results": told,
                "usage": {"prompt_tokens": 17, "total_tokens": 17}}),
            usage: Some(Usage {
                input: 17,
                ..Usage::default()
            }),
        },
        Case {
            dialect: RerankDialect::Tei,
            model: "bge",
            upstream: json!({"query": "capital?", "texts": texts}),
            answer: json!([{"index": 1, "score": 0.86303}, {"index": 0, "score": 0.17279}]),
            caller: json!({"id": "rerank-one", "model": "public", "results": told}),
            usage: None,
        },
    ]
}

#[test]
fn every_vendor_gets_its_own_form_and_the_caller_gets_the_common_one() {
    let document = document(&asked());
    let request = read(&document).unwrap();
    for case in cases() {
        let written = case.dialect.write(&request, case.model).unwrap();
        let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
        assert_eq!(body, case.upstream, "{:?}", case.dialect);
        let body = case.answer.to_string();
        let ranking = answer::read(case.dialect, &request, body.as_bytes()).unwrap();
        assert_eq!(
            ranking.usage.clone().and_then(Result::ok),
            case.usage,
            "{:?}",
            case.dialect
        );
        let written = answer::write(&request, ranking, "public", "one");
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written, case.caller, "{:?}", case.dialect);
    }
}

#[test]
fn scores_keep_their_digits_and_documents_are_repeated_only_when_asked_for() {
    let document =
        document(&json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1}));
    let request = read(&document).unwrap();
    let body =
        br#"{"results":[{"index":0,"relevance_score":1.0e-5},{"index":1,"relevance_score":0}]}"#;
    let ranking = answer::read(RerankDialect::Bedrock, &request, body).unwrap();
    let written = answer::write(&request, ranking, "public", "one");
    let expected =
        r#"{"id":"rerank-one","model":"public","results":[{"index":0,"relevance_score":1.0e-5}]}"#;
    assert_eq!(String::from_utf8_lossy(&written), expected);
}

#[test]
fn what_cannot_be_understood_is_refused_by_name() {
    for (field, value, named) in [
        ("query", json!(7), "query"),
        ("query", json!(null), "query"),
        ("documents", json!([]), "documents"),
        ("documents", json!("a"), "documents"),
        ("documents", json!(["a", 7]), "documents[1]"),
        ("documents", json!([{"image": "x"}]), "documents[0].text"),
        (
            "documents",
            json!([{"text": "a", "title": "b"}]),
            "documents[0].title",
        ),
        ("top_n", json!("2"), "top_n"),
        ("return_documents", json!(1), "return_documents"),
    ] {
        let mut request = asked();
        request[field] = value;
        assert_eq!(read(&document(&request)).unwrap_err().field, named);
    }
}

#[test]
fn what_a_vendor_lacks_is_refused_or_named() {
    let mut asked = asked();
    asked["max_tokens_per_doc"] = json!(100);
    asked["rank_fields"] = json!(["text"]);
    let document = document(&asked);
    let request = read(&document).unwrap();
    let written = RerankDialect::Cohere.write(&request, "m").unwrap();
    assert_eq!(written.dropped, ["rank_fields"]);
    let refused = RerankDialect::Sglang.write(&request, "m").unwrap_err();
    assert_eq!(refused.param, "max_tokens_per_doc");
    assert!(RerankDialect::Bedrock.serves("eu.cohere.rerank-v3-5:0"));
    assert!(!RerankDialect::Bedrock.serves("amazon.rerank-v1:0"));
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let document = document(&asked());
    let request = read(&document).unwrap();
    for body in [
        "",
        "{}",
        "7",
        r#"{"results":[{"index":2,"relevance_score":1}]}"#,
        r#"{"results":[{"index":-1,"relevance_score":1}]}"#,
        r#"{"results":[{"index":0,"relevance_score":"1"}]}"#,
        r#"[{"index":0}]"#,
    ] {
        let read = answer::read(RerankDialect::Cohere, &request, body.as_bytes());
        assert_eq!(read, Err(Fault::Protocol), "{body}");
    }
}

#[test]
fn a_relayed_ranking_is_measured_by_whatever_it_counts() {
    let results = r#""results":[{"index":0,"relevance_score":0.5}]"#;
    let tokens = |input| Usage {
        input,
        ..Usage::default()
    };
    for (usage, expected) in [
        (r#","usage":{"total_tokens":43}"#, Some(tokens(43))),
        (
            r#","usage":{"prompt_tokens":5,"total_tokens":5}"#,
            Some(tokens(5)),
        ),
        (
            r#","meta":{"billed_units":{"search_units":2}}"#,
            Some(searched(2)),
        ),
        (r#","usage":{"search_units":1}"#, Some(searched(1))),
        ("", None),
    ] {
        let body = Bytes::from(format!("{{{results}{usage}}}"));
        let answer = read_answer(Operation::Rerank, &body).unwrap();
        assert_eq!(
            (answer.usage, answer.usage_anomaly),
            (expected, false),
            "{usage}"
        );
    }
    let priced = Bytes::from(format!(
        r#"{{{results},"usage":{{"search_units":1,"cost":0.001}}}}"#
    ));
    let usage = read_answer(Operation::Rerank, &priced)
        .unwrap()
        .usage
        .unwrap();
    assert_eq!(
        usage.reported_cost.as_ref().map(|it| &*it.charged),
        Some("0.001")
    );
    let absurd = Bytes::from(format!(r#"{{{results},"usage":{{"total_tokens":-1}}}}"#));
    let answer = read_answer(Operation::Rerank, &absurd).unwrap();
    assert_eq!((answer.usage, answer.usage_anomaly), (None, true));
    let empty = Bytes::from_static(br#"{"results":[]}"#);
    let fault = read_answer(Operation::Rerank, &empty)
        .unwrap_err()
        .found
        .fault;
    assert_eq!(fault, Fault::Empty);
}

#[test]
fn a_ranking_of_nothing_or_of_one_document_twice_is_no_answer() {
    let request = document(&asked());
    let request = read(&request).unwrap();
    let answer = |places: &[u64]| {
        let results: Vec<_> = places
            .iter()
            .map(|it| json!({"index": it, "relevance_score": 0.5}))
            .collect();
        let body = json!({"results": results}).to_string();
        answer::read(RerankDialect::Cohere, &request, body.as_bytes()).map(|it| it.ranked.len())
    };
    assert_eq!(answer(&[1, 0]), Ok(2));
    assert_eq!(answer(&[]), Err(Fault::Empty));
    assert_eq!(answer(&[1, 1]), Err(Fault::Protocol));
    assert_eq!(answer(&[2]), Err(Fault::Protocol));
}

#[test]
fn counts_of_a_ranking_that_cannot_be_true_are_anomalies() {
    let counted =
        |answer: &Value| answer::usage(&Json::parse(answer.to_string().as_bytes()).unwrap());
    let billed = |units: Value| json!({"meta": {"billed_units": units}});
    assert!(
        counted(&billed(json!({"input_tokens": u64::MAX})))
            .unwrap()
            .is_err()
    );
    assert!(
        counted(&billed(json!({"search_units": -1})))
            .unwrap()
            .is_err()
    );
    assert_eq!(counted(&billed(json!({}))), None);
    let scored = |tokens: u64| json!({"meta_info": {"prompt_tokens": tokens}});
    assert!(
        counted(&json!([scored(u64::MAX), scored(5)]))
            .unwrap()
            .is_err()
    );
    assert_eq!(
        counted(&json!([scored(2), scored(5)]))
            .unwrap()
            .unwrap()
            .input,
        7
    );
}

#[test]
fn what_only_one_vendor_knows_reaches_it_and_is_told_elsewhere() {
    let mut body = asked();
    body["priority"] = json!(3);
    let written = |dialect: RerankDialect, body: &Value| {
        let request = document(body);
        let request = read(&request).unwrap();
        let written = dialect
            .write(&request, "cohere.rerank")
            .map_err(|it| it.param.into_owned());
        written.map(|it| {
            (
                String::from_utf8(it.body.to_bytes().to_vec()).unwrap(),
                it.dropped.len(),
            )
        })
    };
    let (sent, dropped) = written(RerankDialect::Cohere, &body).unwrap();
    assert!(sent.contains("\"priority\":3") && dropped == 0);
    assert_eq!(written(RerankDialect::Bedrock, &body).unwrap().1, 1);
    body["instruct"] = json!("as a lawyer");
    assert_eq!(
        written(RerankDialect::Cohere, &body),
        Err("instruct".to_owned())
    );
    let (sent, _) = written(RerankDialect::Sglang, &body).unwrap();
    assert!(sent.contains("as a lawyer"));
    for (field, value) in [("relevant_spans", json!(true)), ("top_n", json!(0))] {
        let mut body = asked();
        body[field] = value;
        assert_eq!(read(&document(&body)).unwrap_err().field, field);
    }
}
