use std::borrow::Cow;

use serde_json::{Value, json};
use tollward_store::{CostSource, Course, NanoUsd, ThingCounts, TokenCounts};

use super::*;

fn entry() -> Entry {
    Entry {
        request: RequestId::from_parts(1_700_000_000_000, [7; 10]),
        attempt: 2,
        at_ms: 1_700_000_000_000,
        key: None,
        operation: Cow::Borrowed("chat"),
        model: "fast".into(),
        provider: "alpha".into(),
        deployment: "alpha/large".into(),
        upstream_model: "large".into(),
        status: 200,
        outcome: Outcome::Complete,
        streamed: true,
        tokens: TokenCounts {
            input: 12,
            output: 3,
            ..TokenCounts::default()
        },
        things: ThingCounts::default(),
        cost: Some(NanoUsd(1_500)),
        cost_source: CostSource::Computed,
        saved: None,
        estimated: false,
        price_id: None,
        credential: None,
        course: Course {
            rule: Some("batch".into()),
            tried: Some("beta/large:timeout,alpha/large:ok".into()),
            decision: Some(r#"{"tokens":12}"#.into()),
        },
        held: None,
        attempts: 2,
        first_content_ms: Some(80),
        duration_ms: 95,
    }
}

fn written(access: &AccessLine<'_>) -> Value {
    serde_json::to_value(line(access)).unwrap_or_default()
}

#[test]
fn a_line_holds_what_operators_search_by_and_nothing_else() {
    let entry = entry();
    let theirs = HeaderValue::from_static("abc");
    let told = written(&AccessLine {
        entry: &entry,
        caller: &Caller::Open,
        credential: "spare",
        client_request_id: Some(&theirs),
        fault: Some("upstream_error"),
        overhead: Duration::from_micros(250),
    });
    assert_eq!(
        told,
        json!({
            "request.id": entry.request, "client_request.id": "abc",
            "at_ms": 1_700_000_000_000_u64, "operation": "chat", "model": "fast",
            "deployment.id": "alpha/large", "credential": "spare", "status": 200, "outcome": "complete",
            "fault": "upstream_error", "attempts": 2,
            "rule": "batch", "tried": "beta/large:timeout,alpha/large:ok", "stream": true,
            "input_tokens": 12, "output_tokens": 3, "cost_nano_usd": 1_500,
            "estimated": false, "first_content_ms": 80, "duration_ms": 95, "overhead_us": 250,
        })
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let entry = Entry {
        cost: None,
        first_content_ms: None,
        course: Course::default(),
        ..entry()
    };
    let told = written(&AccessLine {
        entry: &entry,
        caller: &Caller::Open,
        credential: "",
        client_request_id: None,
        fault: None,
        overhead: Duration::ZERO,
    });
    for name in [
        "client_request.id",
        "key.id",
        "key.name",
        "credential",
        "fault",
        "rule",
        "tried",
        "cost_nano_usd",
        "first_content_ms",
    ] {
        assert_eq!(told.get(name), None, "{name}");
    }
}

fn refusal() -> Refusal<'static> {
    Refusal {
        request: RequestId::from_parts(1, [0; 10]),
        at_ms: 1,
        operation: Operation::Chat,
        status: StatusCode::UNAUTHORIZED,
        code: "invalid_api_key",
    }
}

#[test]
fn closing_writes_what_waits_one_line_per_call() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("access.log");
    let log = AccessLog::open(Some(&path), Counter::default())?;
    log.refuse(&refusal());
    log.refuse(&refusal());
    log.close();
    let text = std::fs::read_to_string(path)?;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_default())
        .collect();
    let one = json!({
        "request.id": refusal().request, "at_ms": 1, "operation": "chat",
        "status": 401, "outcome": "refused", "code": "invalid_api_key",
    });
    assert_eq!(lines, [one.clone(), one]);
    Ok(())
}
