#![expect(clippy::unwrap_used, reason = "tests")]

use clap::Parser;
use serde_json::Value;
use tollward_store::Store;

use super::*;
use crate::cli::console::tests::capture;
use crate::registrar::Actor;

/// 2026-11-24T12:05:00Z.
const NOW: i64 = 1_795_521_900_000;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    budget: BudgetArgs,
}

async fn on(store: &Store, line: &[&str]) -> (anyhow::Result<()>, String, String) {
    let args = Line::try_parse_from([&["budget"], line].concat())
        .unwrap()
        .budget;
    let actor = Actor::at_the_machine(None);
    let registrar = Registrar {
        store,
        actor: &actor,
        now_ms: NOW,
    };
    capture(async |console| run(&args, &registrar, console).await).await
}

#[tokio::test]
async fn a_budget_is_made_listed_changed_raised_and_ended() {
    let store = Store::memory().unwrap();
    let creating = [
        "create",
        "all",
        "--all",
        "--limit",
        "0.5",
        "--per",
        "month",
        "--zone",
        "Asia/Seoul",
        "--models",
        "gpt-*,o3",
    ];
    let (made, _, notes) = on(&store, &creating).await;
    made.unwrap();
    assert!(
        notes.contains("Made budget `all`: $0.50 a month."),
        "{notes}"
    );
    let (_, out, _) = on(&store, &["list"]).await;
    for word in ["everybody", "$0.50", "a month", "2026-11-30 15:00"] {
        assert!(out.contains(word), "{word}: {out}");
    }
    on(&store, &["change", "all", "--limit", "2"])
        .await
        .0
        .unwrap();
    on(&store, &["raise", "all", "--by", "3", "--for", "1h"])
        .await
        .0
        .unwrap();
    let (_, out, _) = on(&store, &["list", "--json"]).await;
    let listed: Value = serde_json::from_str(&out).unwrap();
    let listed = listed.get(0).unwrap();
    for (field, value) in [
        ("limit", "2"),
        ("limit_now", "5"),
        ("spent", "0"),
        ("period", "month"),
    ] {
        assert_eq!(listed.get(field).unwrap(), value, "{listed}");
    }
    on(&store, &["end", "all"]).await.0.unwrap();
    let (_, _, notes) = on(&store, &["list"]).await;
    assert!(notes.contains("No budgets yet"), "{notes}");
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_the_command_that_lists_it() {
    let store = Store::memory().unwrap();
    for (line, told) in [
        (
            &["create", "b", "--team", "web", "--limit", "1"][..],
            "no team has the name or id `web`; see `tollward team list`",
        ),
        (
            &["create", "b", "--org", "acme", "--limit", "1"],
            "no organization has the name or id `acme`; see `tollward org list`",
        ),
        (
            &["create", "b", "--key", "ci", "--limit", "1"],
            "no key has the name or id `ci`; see `tollward key list`",
        ),
        (
            &["create", "b", "--all", "--limit", "1", "--zone", "Seoul"],
            "`Seoul` is no time zone; use a name such as Asia/Seoul or Europe/Berlin",
        ),
        (
            &["end", "b"],
            "no budget has the name or id `b`; see `tollward budget list`",
        ),
    ] {
        let (result, ..) = on(&store, line).await;
        assert_eq!(result.unwrap_err().to_string(), told);
    }
}

// S-28
#[test]
fn amounts_that_are_none_are_refused_where_they_are_written() {
    for amount in ["NaN", "1e30", "ten", "", "inf"] {
        let line = ["budget", "create", "b", "--all", "--limit", amount];
        assert!(Line::try_parse_from(line).is_err(), "{amount}");
    }
    let holders = ["budget", "create", "b", "--limit", "1"];
    assert!(Line::try_parse_from(holders).is_err());
    let both = [
        "budget", "create", "b", "--limit", "1", "--all", "--key", "k",
    ];
    assert!(Line::try_parse_from(both).is_err());
}
