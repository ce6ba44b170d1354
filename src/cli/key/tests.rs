#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use clap::Parser;
use serde_json::Value;
use tollward_store::{AccountKind, Store};

use super::*;
use crate::cli::console::tests::capture;
use crate::registrar::Actor;

const NOW: i64 = 1_795_521_900_000;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    key: KeyArgs,
}

async fn on(store: &Store, line: &[&str], now_ms: i64) -> (anyhow::Result<()>, String, String) {
    let args = Line::try_parse_from([&["key"], line].concat()).unwrap().key;
    let actor = Actor::at_the_machine(None);
    let registrar = Registrar {
        store,
        actor: &actor,
        now_ms,
    };
    capture(async |console| run(&args, &registrar, console).await).await
}

#[tokio::test]
async fn a_new_key_is_alone_on_standard_output_and_said_to_be_shown_once() {
    let store = Store::memory().unwrap();
    let (result, out, notes) = on(
        &store,
        &[
            "create",
            "ci",
            "--models",
            "gpt-*, local",
            "--expires",
            "30d",
        ],
        NOW,
    )
    .await;
    result.unwrap();
    assert!(
        tollward_store::is_well_formed_key(out.trim_end().as_bytes()),
        "{out}"
    );
    assert_eq!(out.lines().count(), 1);
    assert!(
        notes.contains("models: gpt-*, local; expires: 2026-12-24 12:05 UTC."),
        "{notes}"
    );
    assert!(notes.contains("cannot be shown again"), "{notes}");
    let record = store.keys.list().await.unwrap().remove(0);
    assert_eq!(record.allowed_models, ["gpt-*", "local"]);
    assert_eq!(record.expires_ms, Some(NOW + 30 * 86_400_000));
}

#[tokio::test]
async fn json_carries_the_key_only_when_it_is_created() {
    let store = Store::memory().unwrap();
    let (_, out, _) = on(&store, &["create", "ci", "--json"], NOW).await;
    let created: Value = serde_json::from_str(&out).unwrap();
    assert!(tollward_store::is_well_formed_key(
        created["key"].as_str().unwrap().as_bytes()
    ));
    assert_eq!(
        (created["name"].as_str(), created["state"].as_str()),
        (Some("ci"), Some("active"))
    );
    let (_, out, _) = on(&store, &["list", "--json"], NOW).await;
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed[0]["id"], created["id"]);
    assert_eq!(listed[0].get("key"), None);
}

#[tokio::test]
async fn a_list_names_the_state_of_every_key() {
    let store = Store::memory().unwrap();
    for line in [
        &["create", "old", "--expires", "1d"][..],
        &["create", "gone"],
        &["create", "live"],
        &["revoke", "gone"],
    ] {
        on(&store, line, NOW).await.0.unwrap();
    }
    let (_, out, _) = on(&store, &["list"], NOW + 2 * 86_400_000).await;
    let states: Vec<_> = out
        .lines()
        .skip(1)
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.nth(1).unwrap())
        })
        .collect();
    assert_eq!(
        states,
        [("old", "expired"), ("gone", "revoked"), ("live", "active")]
    );
}

#[tokio::test]
async fn an_empty_list_says_how_to_create_a_key() {
    let (_, out, notes) = on(&Store::memory().unwrap(), &["list"], NOW).await;
    assert_eq!(
        (out.as_str(), notes.as_str()),
        ("", "No keys yet. Create one: tollward key create NAME\n")
    );
}

#[tokio::test]
async fn revoking_what_is_not_there_is_an_error() {
    let (result, ..) = on(&Store::memory().unwrap(), &["revoke", "nobody"], NOW).await;
    assert_eq!(
        result.unwrap_err().to_string(),
        "no key has the name or id `nobody`; see `tollward key list`"
    );
}

#[tokio::test]
async fn an_empty_list_of_models_does_not_become_all_of_them() {
    let store = Store::memory().unwrap();
    for models in [",", "", " , "] {
        let (result, ..) = on(&store, &["create", "x", "--models", models], NOW).await;
        assert!(result.is_err(), "{models:?}");
    }
    assert!(store.keys.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_list_says_whose_a_key_is_and_that_it_is_closed_with_its_team() {
    let store = Store::memory().unwrap();
    let new = tollward_store::NewAccount {
        kind: AccountKind::Team,
        parent: None,
        name: "web".to_owned(),
        now_ms: NOW,
    };
    store.budgets.open_account(new).await.unwrap();
    on(&store, &["create", "app", "--team", "web"], NOW)
        .await
        .0
        .unwrap();
    let (_, out, _) = on(&store, &["list"], NOW).await;
    assert!(out.contains("team web") && out.contains("active"), "{out}");
    let closed = store.budgets.close_account(AccountKind::Team, "web", NOW);
    closed.await.unwrap();
    let (_, out, _) = on(&store, &["list"], NOW).await;
    assert!(out.contains("team web") && out.contains("closed"), "{out}");
}
