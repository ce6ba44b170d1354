#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::Value;
use tollward_store::{AccountKind, Store};

use super::*;
use crate::cli::console::tests::capture;
use crate::registrar::Actor;
use crate::registrar::directory::HolderName;
use crate::registrar::terms::TermsChange;

#[tokio::test]
async fn changes_are_listed_newest_first_with_who_made_them_and_without_secrets() {
    let store = Store::memory().unwrap();
    let actor = Actor::at_the_machine(Some("kim"));
    let at = |now_ms| Registrar {
        store: &store,
        actor: &actor,
        now_ms,
    };
    let opened = at(1_000).open_account(AccountKind::Team, None, "web").await;
    opened.unwrap();
    let again = at(2_000).open_account(AccountKind::Team, None, "web").await;
    again.unwrap_err();
    let terms = TermsChange {
        webhook: Some("https://user:pass@hooks.example.com/T0/B1/secret".to_owned()),
        ..TermsChange::default()
    };
    let team = HolderName::Team("web".to_owned());
    at(3_000).create_budget("b", &team, terms).await.unwrap();

    let list = async |is_json| {
        let args = AuditArgs {
            limit: 9,
            json: is_json,
        };
        let registrar = at(4_000);
        capture(async |console| run(&args, &registrar, console).await).await
    };
    let (_, out, _) = list(false).await;
    let rows: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{out}");
    for (row, words) in rows.iter().zip([
        ["budget.create", "b", "done", "kim", "cli"],
        [
            "team.create",
            "web",
            "failed: the name `web` is taken",
            "kim",
            "cli",
        ],
        ["team.create", "web", "done", "kim", "cli"],
    ]) {
        assert!(words.iter().all(|it| row.contains(it)), "{row}");
    }
    let (_, out, _) = list(true).await;
    assert!(!out.contains("secret") && !out.contains("pass"), "{out}");
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed[0]["after"]["webhook"], "hooks.example.com");
    assert_eq!(listed[0]["author"]["kind"], "command");
}
