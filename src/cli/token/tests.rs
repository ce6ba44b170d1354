#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use clap::Parser;
use serde_json::Value;
use tollward_store::Store;

use super::*;
use crate::cli::console::tests::capture;
use crate::registrar::Actor;

const NOW: i64 = 1_795_521_900_000;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: TokenCommand,
}

async fn on(store: &Store, line: &[&str]) -> (anyhow::Result<()>, String, String) {
    let args = Line::try_parse_from([&["token"], line].concat()).unwrap();
    let actor = Actor::at_the_machine(Some("kim"));
    let registrar = Registrar {
        store,
        actor: &actor,
        now_ms: NOW,
    };
    capture(async |console| run(&args.command, &registrar, console).await).await
}

#[tokio::test]
async fn a_new_token_is_alone_on_standard_output_and_in_no_list() {
    let store = Store::memory().unwrap();
    let (result, out, notes) = on(&store, &["create", "kim", "--role", "owner"]).await;
    result.unwrap();
    assert!(tollward_store::is_well_formed_token(
        out.trim_end().as_bytes()
    ));
    assert!(notes.contains("role: owner; expires: never."), "{notes}");
    let (_, listed, _) = on(&store, &["list"]).await;
    for word in ["kim", "twa-…", "active", "owner", "the gateway", "never"] {
        assert!(listed.contains(word), "{word}: {listed}");
    }
    let (_, listed, _) = on(&store, &["list", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["role"], "owner");
    assert_eq!(listed[0].get("token"), None);
}

#[tokio::test]
async fn the_last_owner_is_not_revoked_and_others_are() {
    let store = Store::memory().unwrap();
    for line in [
        ["create", "kim", "--role", "owner"],
        ["create", "lee", "--role", "admin"],
    ] {
        on(&store, &line).await.0.unwrap();
    }
    let (refused, ..) = on(&store, &["revoke", "kim"]).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "`kim` is the last owner of the gateway; issue another owner's token first"
    );
    on(&store, &["revoke", "lee"]).await.0.unwrap();
    let (unknown, ..) = on(&store, &["revoke", "lee"]).await;
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "no token has the name or id `lee`; see `tollward token list`"
    );
}
