#![expect(clippy::unwrap_used, reason = "tests")]

use clap::Parser;
use tollward_store::{Holder, Store};

use super::*;
use crate::cli::console::tests::capture;
use crate::registrar::Actor;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: LimitCommand,
}

async fn on(store: &Store, line: &[&str]) -> String {
    let command = Line::try_parse_from([&["limit"], line].concat())
        .unwrap()
        .command;
    let actor = Actor::at_the_machine(None);
    let registrar = Registrar {
        store,
        actor: &actor,
        now_ms: 1_795_521_900_000,
    };
    let ran = capture(async |console| run(&command, &registrar, console).await).await;
    let (result, _, notes) = ran;
    result.unwrap();
    notes
}

#[tokio::test]
async fn what_is_not_said_stays_limited_until_it_is_taken_back() {
    let store = Store::memory().unwrap();
    let set = async |more: &[&str]| on(&store, &[&["set", "--all"], more].concat()).await;
    assert_eq!(set(&["--rpm", "60"]).await, "Set: 60 calls a minute.\n");
    let both = set(&["--parallel", "3"]).await;
    assert_eq!(both, "Set: 60 calls a minute, 3 calls at once.\n");
    assert_eq!(set(&["--rpm", "0"]).await, "Set: 3 calls at once.\n");
    assert_eq!(
        set(&["--parallel", "0"]).await,
        "Set: nothing is limited.\n"
    );
    let (_, limits) = store
        .budgets
        .limits()
        .await
        .unwrap()
        .into_iter()
        .next()
        .unwrap_or((Holder::Gateway, RateLimits::default()));
    assert!(limits.is_nothing());
}
