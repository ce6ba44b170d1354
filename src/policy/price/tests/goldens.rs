//! What vendors really said was used, read and priced the way a call is, to the nano-dollar.
//!
//! `goldens.json` has one a line: the report as it was recorded or published and where, and what it
//! costs by hand, in tokens × dollars per million. Those that nobody has recorded yet, such as tiers of service,
//! say that they were made here.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use serde_json::{Value, json};
use tollward_wire::answer::read_answer;
use tollward_wire::chat::ChatEvent;
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;

use super::*;

#[derive(serde::Deserialize)]
struct Golden {
    /// The provider's name in the price table.
    table: String,
    model: String,
    /// In whose words the answer is.
    api: String,
    /// When the answer was complete.
    at: String,
    /// What of the answer matters here.
    body: Value,
    by_hand: String,
    nano: i64,
    source: String,
    /// Who recorded or published it.
    from: String,
}

fn goldens() -> Vec<Golden> {
    serde_json::from_str(include_str!("../goldens.json")).unwrap()
}

/// The report inside of the smallest answer that can hold it.
fn answer(golden: &Golden) -> Value {
    let message = json!({"role": "assistant", "content": "yes"});
    let text = json!([{"type": "text", "text": "yes"}]);
    let mut answer = match golden.api.as_str() {
        "chat" => json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}),
        "responses" => {
            json!({"object": "response", "id": "r", "status": "completed", "output": [{"type": "message", "id": "m",
                "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "yes"}]}]})
        }
        "messages" => {
            json!({"type": "message", "role": "assistant", "content": text, "stop_reason": "end_turn"})
        }
        "gemini" => {
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "yes"}]}, "finishReason": "STOP"}]})
        }
        "converse" => {
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "yes"}]}}, "stopReason": "end_turn"})
        }
        "embeddings" => json!({"data": [{"index": 0, "embedding": [0.5]}]}),
        "rerank" => json!({"results": [{"index": 0, "relevance_score": 0.5}]}),
        other => panic!("{other} is no API"),
    };
    for (key, value) in golden.body.as_object().unwrap() {
        match (answer.get_mut(key).and_then(Value::as_array_mut), value) {
            (Some(items), Value::Array(more)) => items.extend(more.iter().cloned()),
            _ => {
                answer
                    .as_object_mut()
                    .unwrap()
                    .insert(key.clone(), value.clone());
            }
        }
    }
    answer
}

fn usage(golden: &Golden) -> Usage {
    if golden.api == "usage" {
        let report = golden.body.get("usage").unwrap().to_string();
        return Usage::from_openai(report.as_bytes()).unwrap();
    }
    let body = Bytes::from(answer(golden).to_string());
    let operation = match golden.api.as_str() {
        "chat" => Operation::Chat,
        "responses" => Operation::Responses,
        "messages" => Operation::Messages,
        "gemini" => Operation::GenerateContent,
        "embeddings" => Operation::Embeddings,
        "rerank" => Operation::Rerank,
        _ => {
            let mut counted = None;
            let mut sink = |event: ChatEvent<'_>| {
                if let ChatEvent::Usage(usage) = event {
                    counted = Some(usage);
                }
            };
            Dialect::Converse.read_answer(&body, &mut sink);
            return counted.unwrap();
        }
    };
    read_answer(operation, &body).unwrap().usage.unwrap()
}

#[test]
fn what_vendors_said_was_used_costs_what_it_does_by_hand() {
    let catalog = Catalog::embedded();
    let goldens = goldens();
    let mut wrong = Vec::new();
    for golden in &goldens {
        let list = Prices::listed(&catalog, &golden.table, &golden.model);
        let priced = list.cost(
            &usage(golden),
            golden.at.parse::<jiff::Timestamp>().unwrap().as_second(),
        );
        let got = (priced.cost.map(|it| it.0), priced.source.name());
        if got != (Some(golden.nano), golden.source.as_str()) {
            wrong.push(format!(
                "{}/{} ({}):\n  expected {} n$ {} = {}\n  got {got:?} by {:?}",
                golden.table,
                golden.model,
                golden.from,
                golden.nano,
                golden.source,
                golden.by_hand,
                priced.price_id,
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        goldens.len(),
        wrong.join("\n")
    );
    assert!(goldens.len() >= 80, "{} goldens", goldens.len());
}
