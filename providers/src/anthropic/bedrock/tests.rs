//! A Messages request as Bedrock's `InvokeModel` gets it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tollward_wire::operation::Operation;
use tollward_wire::reader::Framing;
use tollward_wire::view::RequestView;

use super::*;
use crate::provider::{Call, Outbound, Provider};
use crate::shape::{Reading, shape};

const OLDER: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NEWEST: &str = "anthropic.claude-opus-4-8";
const HOST: &str = "https://bedrock-runtime.us-east-1.amazonaws.com";

fn provider(settings: Value) -> std::sync::Arc<dyn Provider> {
    let Value::Object(mut fields) = settings else {
        unreachable!()
    };
    fields.insert("api_key".to_owned(), "k".into());
    crate::build("bedrock", fields).unwrap()
}

fn shaped(settings: Value, model: &str, body: &str, betas: Option<&str>) -> (Outbound, bool) {
    let document = Document::parse(body.to_owned().into()).unwrap();
    let view = RequestView::read(Operation::Messages, &document).unwrap();
    let call = Call {
        operation: Operation::Messages,
        document: &document,
        form: None,
        betas,
        view: &view,
        upstream_model: model,
    };
    let shaped = shape(&*provider(settings), &call).unwrap();
    let is_relayed = matches!(shaped.reading, Reading::Relay);
    (shaped.outbound, is_relayed)
}

fn text(outbound: &Outbound) -> String {
    String::from_utf8(outbound.body.to_bytes().to_vec()).unwrap()
}

#[test]
fn the_callers_bytes_go_to_invoke_model_without_model_and_stream() {
    let body = r#"{"model":"chat","stream":true,"max_tokens":9,"temperature":1.00,"messages":[{"role":"user","content":"h\u0069"}]}"#;
    let (outbound, is_relayed) = shaped(json!({}), OLDER, body, None);
    assert!(is_relayed);
    let path = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream";
    assert_eq!(outbound.uri.to_string(), format!("{HOST}{path}"));
    assert_eq!(outbound.headers["accept"], STREAM);
    assert_eq!(outbound.framing, Framing::Frames);
    assert_eq!(
        text(&outbound),
        r#"{"max_tokens":9,"temperature":1.00,"messages":[{"role":"user","content":"h\u0069"}],"anthropic_version":"bedrock-2023-05-31"}"#
    );
    assert!(outbound.dropped.is_empty());
}

#[test]
fn a_whole_answer_is_asked_for_at_invoke_and_a_version_that_is_given_is_kept() {
    let body = r#"{"anthropic_version":"bedrock-x","model":"chat","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-a-v1:0";
    let (outbound, _) = shaped(json!({}), arn, body, None);
    let segment = crate::account::path_segment(arn);
    assert_eq!(
        outbound.uri.to_string(),
        format!("{HOST}/model/{segment}/invoke")
    );
    assert_eq!(outbound.framing, Framing::Events);
    let expected = r#"{"anthropic_version":"bedrock-x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(text(&outbound), expected);
}

#[test]
fn betas_that_bedrock_knows_are_put_into_the_body_and_others_are_named() {
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"context_management":{"edits":[]},"service_tier":"auto","anthropic_beta":["context-1m-2025-08-07"]}"#;
    let betas = "claude-code-20250219, interleaved-thinking-2025-05-14,compact-2026-01-12";
    let (outbound, _) = shaped(json!({}), OLDER, body, Some(betas));
    let sent: Value = serde_json::from_str(&text(&outbound)).unwrap();
    assert_eq!(
        sent["anthropic_beta"],
        json!([
            "interleaved-thinking-2025-05-14",
            "compact-2026-01-12",
            "context-1m-2025-08-07"
        ])
    );
    assert_eq!(sent["context_management"], json!({"edits": []}));
    assert_eq!(
        outbound.dropped,
        ["service_tier", "anthropic-beta:claude-code-20250219"]
    );
    assert!(!outbound.headers.contains_key("anthropic-beta"));

    let word = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"anthropic_beta":"context-1m-2025-08-07"}"#;
    let (outbound, _) = shaped(json!({}), OLDER, word, None);
    assert!(!text(&outbound).contains("context-1m"));
    assert_eq!(outbound.dropped, ["anthropic_beta"], "no list of words");

    let (outbound, _) = shaped(json!({}), NEWEST, body, Some("effort-2025-11-24"));
    let sent: Value = serde_json::from_str(&text(&outbound)).unwrap();
    let expected = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "anthropic_version": BEDROCK_VERSION});
    assert_eq!(sent, expected);
    assert_eq!(
        outbound.dropped,
        [
            "context_management",
            "service_tier",
            "anthropic-beta:effort-2025-11-24",
            "anthropic-beta:context-1m-2025-08-07",
        ]
    );
}

#[test]
fn what_invoke_model_refuses_and_what_a_guardrail_stands_before_goes_by_converse() {
    let plain = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let schema = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}"#;
    let guardrail = json!({"guardrail": "g1", "guardrail_version": "3"});
    for (settings, model, body) in [
        (json!({}), OLDER, schema),
        (guardrail, OLDER, plain),
        (json!({}), "meta.llama-v1:0", plain),
    ] {
        let (outbound, is_relayed) = shaped(settings, model, body, None);
        assert!(!is_relayed, "{model} {body}");
        assert!(
            outbound.uri.path().ends_with("/converse"),
            "{}",
            outbound.uri
        );
    }
}
