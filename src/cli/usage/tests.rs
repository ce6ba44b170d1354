#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use clap::Parser;
use serde_json::Value;
use tollward_store::{CostSource, Course, Outcome, RequestId, Store};

use super::*;
use crate::cli::console::tests::capture;

const NOW: i64 = 1_795_521_900_000;
const DAY: i64 = 86_400_000;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    usage: UsageArgs,
}

fn entry(model: &str, at_ms: i64, cost: Option<NanoUsd>) -> Entry {
    Entry {
        request: RequestId::new(at_ms),
        attempt: 1,
        at_ms,
        key: None,
        operation: "chat".into(),
        model: model.into(),
        provider: "openai".into(),
        deployment: "openai/up".into(),
        upstream_model: "up".into(),
        status: 200,
        outcome: Outcome::Complete,
        streamed: true,
        tokens: TokenCounts {
            input: 10,
            cache_read: 4,
            output: 5,
            ..TokenCounts::default()
        },
        things: ThingCounts::default(),
        cost,
        cost_source: CostSource::Computed,
        saved: None,
        estimated: false,
        price_id: None,
        credential: None,
        course: Course::default(),
        held: None,
        attempts: 1,
        first_content_ms: Some(3),
        duration_ms: 20,
    }
}

async fn on(entries: &[Entry], line: &[&str]) -> (String, String) {
    let store = Store::memory().unwrap();
    for entry in entries {
        store.ledger.record(entry).unwrap();
    }
    let args = Line::try_parse_from([&["usage"], line].concat())
        .unwrap()
        .usage;
    let (result, out, notes) =
        capture(async |console| run(&args, &store, NOW, console).await).await;
    result.unwrap();
    (out, notes)
}

fn words(out: &str) -> Vec<Vec<&str>> {
    out.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[tokio::test]
async fn sums_come_with_a_total_and_say_what_is_missing_from_them() {
    let entries = [
        entry("a", NOW, Some(NanoUsd(1_500_000))),
        entry("a", NOW, Some(NanoUsd(500_000))),
        Entry {
            status: 502,
            outcome: Outcome::UpstreamError,
            estimated: true,
            ..entry("b", NOW, None)
        },
    ];
    let (out, notes) = on(&entries, &[]).await;
    let expected = [
        vec![
            "MODEL", "CALLS", "ERRORS", "INPUT", "CACHED", "OUTPUT", "COST",
        ],
        vec!["a", "2", "0", "20", "8", "10", "$0.002"],
        vec!["b", "1", "1", "10", "4", "5", "unknown"],
        vec!["total", "3", "1", "30", "12", "15", "≥$0.002"],
    ];
    assert_eq!(words(&out), expected);
    assert!(notes.contains("1 attempts have no known cost"), "{notes}");
    assert!(
        notes.contains("1 attempts were booked with estimated tokens"),
        "{notes}"
    );
}

#[tokio::test]
async fn what_was_saved_has_a_column_where_something_was() {
    let again = Entry {
        cost_source: CostSource::Replayed,
        saved: Some(NanoUsd(1_000_000)),
        ..entry("a", NOW, Some(NanoUsd::ZERO))
    };
    let entries = [entry("a", NOW, Some(NanoUsd(1_000_000))), again];
    let (out, _) = on(&entries, &[]).await;
    let expected = [
        vec![
            "MODEL", "CALLS", "ERRORS", "INPUT", "CACHED", "OUTPUT", "COST", "SAVED",
        ],
        vec!["a", "2", "0", "20", "8", "10", "$0.001", "$0.001"],
    ];
    assert_eq!(words(&out), expected);
}

#[tokio::test]
async fn since_leaves_older_calls_out() {
    let entries = [
        entry("old", NOW - 8 * DAY, None),
        entry("new", NOW - 6 * DAY, None),
    ];
    let (out, _) = on(&entries, &["--since", "7d", "--json"]).await;
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["group"], "new");
}

#[tokio::test]
async fn calls_without_a_key_have_a_row_that_says_so() {
    let (out, _) = on(&[entry("a", NOW, None)], &["--by", "key"]).await;
    assert!(out.contains("(no key)"), "{out}");
}

#[tokio::test]
async fn recent_calls_are_single_newest_first() {
    let entries = [
        entry("a", NOW - 1, Some(NanoUsd(1))),
        Entry {
            estimated: true,
            ..entry("b", NOW, None)
        },
    ];
    let (out, _) = on(&entries, &["--recent", "5"]).await;
    let rows = words(&out);
    assert_eq!(
        rows[1],
        [
            "2026-11-24",
            "12:05:00",
            "b",
            "openai/up",
            "200",
            "complete",
            "~10",
            "~5",
            "unknown",
            "20",
            "ms"
        ]
    );
    assert_eq!(rows[2][2], "a");
    let (out, _) = on(&entries, &["--recent", "1", "--json"]).await;
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(
        (&rows[0]["model"], &rows[0]["outcome"]),
        (&"b".into(), &"complete".into())
    );
}

#[tokio::test]
async fn pictures_seconds_and_characters_have_columns_where_there_are_any() {
    let spoken = Entry {
        things: ThingCounts {
            input_ms: 9_001,
            characters: 0,
            images: 2,
        },
        credential: Some("spare".into()),
        ..entry("heard", NOW + 1, Some(NanoUsd(1)))
    };
    let entries = [entry("chat", NOW, None), spoken];
    let (out, _) = on(&entries, &[]).await;
    let rows = words(&out);
    assert_eq!(rows[0][6..], ["IMAGES", "SECONDS", "COST"]);
    assert_eq!(rows[1][6..8], ["2", "10"]);
    assert_eq!(rows[2][6..8], ["0", "0"]);
    let (out, _) = on(&entries, &["--recent", "2", "--json"]).await;
    let rows: Value = serde_json::from_str(&out).unwrap();
    let things = serde_json::json!({"images": 2, "input_ms": 9_001, "characters": 0});
    let heard = (&rows[0]["things"], &rows[0]["credential"]);
    assert_eq!(heard, (&things, &"spare".into()));
    assert!(rows[1].get("things").is_none() && rows[1].get("credential").is_none());
}

#[tokio::test]
async fn an_empty_ledger_is_no_error() {
    let (out, notes) = on(&[], &[]).await;
    assert_eq!(
        (out.as_str(), notes.as_str()),
        ("", "No calls are booked for this time.\n")
    );
    assert_eq!(on(&[], &["--json"]).await.0, "[]\n");
}

#[test]
fn sums_and_single_calls_are_not_asked_for_at_once() {
    assert!(Line::try_parse_from(["usage", "--recent", "5", "--by", "day"]).is_err());
    assert!(Line::try_parse_from(["usage", "--recent", "0"]).is_err());
}

#[tokio::test]
async fn recent_calls_tell_of_rules_and_tries_where_there_are_any() {
    let told = Entry {
        course: Course {
            rule: Some("batch".into()),
            tried: Some("a/m:timeout,b/m:ok".into()),
            decision: Some(r#"{"tokens":12}"#.into()),
        },
        ..entry("b", NOW, None)
    };
    let (out, _) = on(&[entry("a", NOW - 1, None)], &["--recent", "5"]).await;
    assert!(!out.contains("TRIED"), "{out}");
    let entries = [entry("a", NOW - 1, None), told];
    let (out, _) = on(&entries, &["--recent", "5"]).await;
    let ends: Vec<Vec<&str>> = words(&out)
        .iter()
        .map(|line| line[line.len() - 2..].to_vec())
        .collect();
    let expected = [
        ["RULE", "TRIED"],
        ["batch", "a/m:timeout,b/m:ok"],
        ["-", "-"],
    ];
    assert_eq!(ends, expected);
    let (out, _) = on(&entries, &["--recent", "1", "--json"]).await;
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows[0]["decision"]["tokens"], 12);
}

#[tokio::test]
async fn sums_are_written_for_spreadsheets_without_a_loss() {
    let entries = [
        entry("a", NOW, Some(NanoUsd(1_234_567_890_123_456_789))),
        entry("=1+1", NOW - DAY, None),
    ];
    let (out, _) = on(&entries, &["--format", "csv"]).await;
    let expected = "model,requests,attempts,errors,input,cache_read,cache_write,audio_input,output,reasoning,\
        audio_output,images,input_ms,characters,cost_usd,saved_usd,unpriced,estimated,key_id\r\n\
        a,1,1,0,10,4,0,0,5,0,0,0,0,0,1234567890.123456789,0,0,0,\r\n\
        '=1+1,1,1,0,10,4,0,0,5,0,0,0,0,0,0,0,1,0,\r\n";
    assert_eq!(out, expected);
    let (out, _) = on(&entries, &["--format", "csv", "--until", "2026-11-24"]).await;
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(Line::try_parse_from(["usage", "--format", "csv", "--json"]).is_err());
    assert!(Line::try_parse_from(["usage", "--recent", "5", "--format", "csv"]).is_err());
}

#[tokio::test]
async fn charges_are_exported_by_day_key_and_deployment() {
    let entries = [
        entry("a", NOW, Some(NanoUsd(5))),
        entry("a", NOW - 60_000, Some(NanoUsd(6))),
        entry("a", NOW - DAY, Some(NanoUsd(7))),
        entry("a", NOW - 40 * DAY, Some(NanoUsd(8))),
        Entry {
            provider: "".into(),
            deployment: "".into(),
            ..entry("b", NOW, None)
        },
    ];
    let (out, notes) = on(&entries, &["export", "--since", "2026-11-01"]).await;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert!(lines[0].starts_with("AvailabilityZone,BilledCost,"));
    assert!(lines[1].starts_with(",0.000000007,openai,openai,Provider,USD,2026-12-01T00:00:00Z"));
    assert!(lines[2].starts_with(",0.000000011,openai,"), "{out}");
    assert_eq!(notes, "2 charges of FOCUS 1.2.\n");
    let (out, notes) = on(&entries, &["export", "--until", "1970-01-02"]).await;
    assert_eq!(
        (out.lines().count(), notes.as_str()),
        (1, "0 charges of FOCUS 1.2.\n")
    );
}
