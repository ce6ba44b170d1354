#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use clap::Parser;
use serde_json::Value;
use tollward_store::{CostSource, Course, Entry, Outcome, RequestId, ThingCounts, TokenCounts};

use super::*;
use crate::cli::console::tests::capture;

/// 2026-11-24T12:05:00Z.
const NOW: i64 = 1_795_521_900_000;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    reconcile: ReconcileArgs,
}

fn entry(model: &str, cost: Option<NanoUsd>) -> Entry {
    Entry {
        request: RequestId::new(NOW),
        attempt: 1,
        at_ms: NOW,
        key: None,
        operation: "chat".into(),
        model: "chat".into(),
        provider: "claude".into(),
        deployment: format!("claude/{model}").into(),
        upstream_model: model.into(),
        status: 200,
        outcome: Outcome::Complete,
        streamed: true,
        tokens: TokenCounts::default(),
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
        first_content_ms: None,
        duration_ms: 20,
    }
}

async fn on(
    bill: &str,
    entries: &[Entry],
    line: &[&str],
) -> (anyhow::Result<ExitCode>, String, String) {
    let store = Store::memory().unwrap();
    for entry in entries {
        store.ledger.record(entry).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.csv");
    std::fs::write(&path, bill).unwrap();
    let path = path.display().to_string();
    let fixed = ["reconcile", "--provider", "claude", "--csv", &path];
    let args = Line::try_parse_from([&fixed, line].concat()).unwrap();
    capture(async |console| run(&args.reconcile, &store, console).await).await
}

const BILL: &str = "usage_date_utc,model,cost_usd\n2026-11-24,Claude Haiku 4.5,1.00\n2026-11-24,Claude Opus 4.5,2.00\n";

fn entries() -> [Entry; 3] {
    [
        entry("claude-haiku-4-5-20251001", Some(NanoUsd(1_004_000_000))),
        entry("claude-opus-4-5", Some(NanoUsd(1_500_000_000))),
        entry("claude-opus-4-5", None),
    ]
}

#[tokio::test]
async fn drift_is_told_by_day_and_model_and_fails_beyond_the_threshold() {
    let (code, out, notes) = on(BILL, &entries(), &[]).await;
    assert_eq!(code.unwrap(), ExitCode::FAILURE);
    let words: Vec<Vec<&str>> = out
        .lines()
        .map(|it| it.split_whitespace().collect())
        .collect();
    let expected = [
        vec![
            "2026-11-24",
            "claude-haiku-4-5",
            "$1.00",
            "$1.004",
            "+$0.004",
            "+0.4",
        ],
        vec![
            "2026-11-24",
            "claude-opus-4-5",
            "$2.00",
            "$1.50",
            "-$0.50",
            "-25",
            "beyond",
        ],
        vec!["total", "$3.00", "$2.504", "-$0.496", "-16.533", "beyond"],
    ];
    assert_eq!(words[1..], expected);
    assert_eq!(
        notes,
        "2 of 3 are further apart than 1 %.\n1 attempts have no known cost and are missing from what is booked.\n"
    );
    let (code, ..) = on(BILL, &entries(), &["--threshold", "25"]).await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn json_has_amounts_as_decimal_strings() {
    let (_, out, _) = on(BILL, &entries(), &["--json"]).await;
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows[0]["difference"], "0.004");
    assert_eq!(
        (&rows[1]["percent"], &rows[1]["is_beyond"]),
        (&"-25".into(), &true.into())
    );
}

#[tokio::test]
async fn what_is_no_bill_and_whom_the_ledger_does_not_know_are_errors() {
    let (error, ..) = on("a,b\n1,2\n", &entries(), &[]).await;
    let error = format!("{:#}", error.unwrap_err());
    assert!(
        error.contains("bill.csv is no bill: its columns (a, b) are those of no bill"),
        "{error}"
    );
    let (error, ..) = on(BILL, &[], &[]).await;
    let error = format!("{:#}", error.unwrap_err());
    assert_eq!(
        error,
        "the ledger has no calls of any provider on the days of the bill"
    );
    let other = Entry {
        provider: "openai".into(),
        ..entry("m", None)
    };
    let (error, ..) = on(BILL, &[other], &[]).await;
    let error = format!("{:#}", error.unwrap_err());
    assert_eq!(
        error,
        "the ledger has no calls of `claude`; it has some of openai on the days of the bill"
    );
}

#[test]
fn a_threshold_is_a_percentage() {
    for (text, expected) in [
        ("1", Some(1_000)),
        ("0.5", Some(500)),
        ("0", Some(0)),
        ("100.125", Some(100_125)),
    ] {
        assert_eq!(parse_percent(text).ok(), expected, "{text}");
    }
    for text in ["", "-1", "1%", "1.2345", "NaN", "1e3", "9999999"] {
        assert!(parse_percent(text).is_err(), "{text}");
    }
}
