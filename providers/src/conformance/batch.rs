//! Embeddings and rankings in a vendor's own form: `embeddings.json` and `rerank.json`.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::{Value, json};
use tollward_wire::dialect::Echo;
use tollward_wire::dialect::timing::Timing;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

use super::{SEAL, SECRET, file, provider};
use crate::shape::batch::batch;
use crate::shape::shape;
use crate::{Call, EncodeError, Service, kinds};

/// A model that does all, as far as its name says.
const ANY: &str = "cohere.embed-rerank";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    upstream_model: String,
    request: Value,
    upstream: Vec<Sent>,
    dropped: Vec<String>,
    answers: Vec<Answered>,
    response: Value,
    /// Whether the vendor says what was used.
    #[serde(default = "yes")]
    is_counted: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize, PartialEq)]
struct Sent {
    uri: String,
    body: Value,
}

#[derive(Deserialize)]
struct Answered {
    headers: BTreeMap<String, String>,
    body: Value,
}

#[test]
fn embeddings_and_rankings_go_out_in_the_vendors_form_and_come_back_in_the_common_one() {
    let mut checked = 0;
    for row in kinds() {
        for operation in [Operation::Embeddings, Operation::Rerank] {
            let vendor = provider(row);
            let services = vendor.services(operation, ANY).map(|it| it.plain);
            if !matches!(services, Some(Service::Embed(_) | Service::Rerank(_))) {
                continue;
            }
            checked += 1;
            let text = file(row, &format!("{}.json", operation.name()));
            let case: Case = serde_json::from_slice(&text).unwrap();
            let document = Document::parse(Bytes::from(case.request.to_string())).unwrap();
            let view = RequestView::read(operation, &document).unwrap();
            let call = Call {
                operation,
                document: &document,
                form: None,
                betas: None,
                view: &view,
                upstream_model: &case.upstream_model,
            };
            let batch = batch(&*vendor, &call).unwrap().unwrap();
            let sent = batch.requests.iter().map(|it| Sent {
                uri: it.outbound.uri.to_string(),
                body: serde_json::from_slice(&it.outbound.body.to_bytes()).unwrap(),
            });
            assert_eq!(sent.collect::<Vec<_>>(), case.upstream, "{}", row.kind);
            assert_eq!(batch.dropped, case.dropped, "{}", row.kind);
            let headers = batch
                .requests
                .iter()
                .map(|it| it.outbound.headers.get("x-secret").unwrap());
            assert!(headers.clone().all(|it| it == SECRET), "{}", row.kind);
            assert!(!format!("{batch:?}").contains(SECRET), "{}", row.kind);

            let echo = Echo {
                model: &view.model,
                id: "id",
                created: 0,
                asks_usage: false,
                estimated_input: 1,
                timing: Timing::default(),
                request: &document,
                seal: &SEAL,
            };
            let mut joint = batch.join();
            for (at, answered) in case.answers.iter().enumerate() {
                let mut headers = HeaderMap::new();
                for (name, value) in &answered.headers {
                    let name: HeaderName = name.parse().unwrap();
                    headers.insert(name, value.parse().unwrap());
                }
                let body = answered.body.to_string();
                joint.take(at, &headers, body.as_bytes()).unwrap();
            }
            let (response, answer) = joint.write(&echo).unwrap();
            let response: Value = serde_json::from_slice(&response).unwrap();
            assert_eq!(response, case.response, "{} {operation}", row.kind);
            assert_eq!(answer.usage.is_some(), case.is_counted, "{}", row.kind);
        }
    }
    let testdata = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata")).unwrap();
    let written = testdata.flat_map(|kind| {
        let place = kind.unwrap().path();
        ["embeddings.json", "rerank.json"].map(|name| place.join(name))
    });
    assert_eq!(checked, written.filter(|it| it.exists()).count());
}

#[test]
fn an_answer_short_of_a_part_is_none() {
    let row = kinds().find(|it| it.kind == "bedrock").unwrap();
    let body = json!({"model": "m", "input": ["a", "b"]});
    let document = Document::parse(Bytes::from(body.to_string())).unwrap();
    let view = RequestView::read(Operation::Embeddings, &document).unwrap();
    let call = Call {
        operation: Operation::Embeddings,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: "amazon.titan-embed-text-v1",
    };
    let batch = batch(&*provider(row), &call).unwrap().unwrap();
    let none = HeaderMap::new();
    let mut joint = batch.join();
    assert!(joint.take(1, &none, b"{\"embedding\":[]}").is_err());
    assert_eq!(
        joint.spent(0, 10),
        (tollward_wire::usage::Usage::default(), false)
    );
    assert_eq!(joint.spent(1, 10).0.input, 5);
    joint
        .take(1, &none, b"{\"embedding\":[1],\"inputTextTokenCount\":2}")
        .unwrap();
    let (used, is_guess) = joint.spent(0, 10);
    assert_eq!((used.input, is_guess), (2, false));
    let (used, is_guess) = joint.spent(1, 10);
    assert_eq!((used.input, is_guess), (7, true));
    // As long as the others, or none of them.
    assert!(joint.take(0, &none, b"{\"embedding\":[1,2]}").is_err());
    joint.take(0, &none, b"{\"embedding\":[1]}").unwrap();
    let (used, is_guess) = joint.spent(0, 10);
    assert_eq!((used.input, is_guess), (7, true));
    // What is a batch cannot go out as one request.
    let refused = shape(&*provider(row), &call).unwrap_err();
    assert!(matches!(refused, EncodeError::Operation { .. }));
}
