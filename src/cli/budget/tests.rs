#![expect(clippy::unwrap_used, reason = "tests")]

use clap::Parser;
use serde_json::Value;
use tollward_store::{MAX_CHARGES, Store};

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

#[tokio::test]
async fn all_that_was_decided_is_shown_and_a_raise_can_be_taken_back() {
    let store = Store::memory().unwrap();
    let creating = [
        "create",
        "web",
        "--all",
        "--limit",
        "5",
        "--per",
        "day",
        "--models",
        "gpt-*,o3",
        "--tags",
        "nightly",
        "--estimate",
        "learned",
        "--then",
        "local",
        "--webhook",
        "https://x.example/secret",
    ];
    on(&store, &creating).await.0.unwrap();
    let raise = async |line: &[&str]| on(&store, &[&["raise", "web"], line].concat()).await;
    let (_, _, notes) = raise(&["--by", "3", "--for", "1h"]).await;
    assert_eq!(
        notes,
        "Raised budget `web` to $8.00 until 2026-11-24 13:05 UTC.\n"
    );
    let (_, _, notes) = raise(&["--by", "4", "--for", "2h"]).await;
    assert!(
        notes.ends_with("in place of $3.00 more until 2026-11-24 13:05 UTC.\n"),
        "{notes}"
    );
    let (_, out, _) = on(&store, &["list"]).await;
    assert!(
        out.contains("$9.00 (raised)") && out.contains("models gpt-*,o3; tags nightly"),
        "{out}"
    );
    let (_, out, _) = on(&store, &["show", "web"]).await;
    for told in [
        "everybody",
        "$5.00 a day",
        "by $4.00 until 2026-11-24 14:05 UTC",
        "models gpt-*,o3; tags nightly",
        "learned",
        "to local",
        "100%, and tells x.example",
        "UTC",
    ] {
        assert!(out.contains(told), "{told}: {out}");
    }
    assert!(!out.contains("secret"), "{out}");
    let (_, _, notes) = raise(&["--by", "0"]).await;
    assert_eq!(notes, "Budget `web` is not raised: $5.00.\n");
    let (refused, ..) = raise(&["--by", "1"]).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .starts_with("--for is missing")
    );
}

#[test]
fn an_amount_below_nothing_is_refused_in_words() {
    for line in [
        &["create", "b", "--all", "--limit", "-1"][..],
        &["change", "b", "--limit", "-0.5"],
        &["raise", "b", "--by", "-1", "--for", "1h"],
    ] {
        let refused = Line::try_parse_from([&["budget"], line].concat());
        let told = refused.err().unwrap().to_string();
        assert!(told.contains("negative"), "{told}");
    }
}

#[tokio::test]
async fn a_budget_that_no_call_could_be_charged_to_any_more_is_not_made() {
    let store = Store::memory().unwrap();
    for number in 0..MAX_CHARGES {
        let name = format!("b{number}");
        on(&store, &["create", &name, "--all", "--limit", "1"])
            .await
            .0
            .unwrap();
    }
    let (refused, ..) = on(&store, &["create", "more", "--all", "--limit", "1"]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("count towards 32 budgets already"),
        "{refused}"
    );
    let of_a_model = ["create", "more", "--all", "--limit", "1", "--models", "m"];
    on(&store, &of_a_model).await.0.unwrap();
}
