//! What only gateways that share a server can do: spend from one budget, fence each other off, be forgotten.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed assumption is a failed test"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tempfile::TempDir;

use crate::conformance::{NOON, sample, server};
use crate::{
    Ask, Budget, BudgetTerms, Entry, Held, Holder, Location, Mode, NanoUsd, NewBudget, NodeId,
    Outcome, Share, Store, StoreError, Window,
};

/// A database, and a folder in which each gateway has one of its own.
struct Site {
    folder: TempDir,
    database: Location,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = server::database(folder.path()).await;
        Self { folder, database }
    }

    fn location(&self, gateway: &str) -> Location {
        Location {
            path: self.folder.path().join(gateway).join("tollward.db"),
            pepper: Some(SecretString::from(
                "the same for every gateway of this site",
            )),
            ..self.database.clone()
        }
    }

    async fn gateway(&self, name: &str) -> Store {
        Store::open(&self.location(name), Mode::Gateway)
            .await
            .unwrap()
    }
}

async fn budget(store: &Store, limit: i64) -> Budget {
    let new = NewBudget {
        name: format!("b{limit}"),
        holder: Holder::Gateway,
        limit: NanoUsd(limit),
        terms: BudgetTerms::default(),
        now_ms: NOON,
    };
    store.budgets.create_budget(new).await.unwrap()
}

fn window(budget: &Budget) -> Window {
    Window {
        budget: budget.id,
        start_ms: 0,
        subject: 0,
    }
}

async fn ask(store: &Store, budget: &Budget, used: i64, need: i64) -> Share {
    let ask = Ask {
        window: window(budget),
        used: NanoUsd(used),
        need: NanoUsd(need),
    };
    let shares = store.shares.as_ref().unwrap();
    shares.lease(&[ask], NOON).await.unwrap()[0]
}

fn entry(seed: u64, budget: &Budget, cost: i64) -> Entry {
    Entry {
        cost: Some(NanoUsd(cost)),
        held: Some(Held {
            amount: NanoUsd(cost),
            windows: Arc::from([window(budget)]),
        }),
        ..sample(seed)
    }
}

async fn sign(store: &Store, now_ms: i64) -> u64 {
    store.shares.as_ref().unwrap().sign(now_ms).await.unwrap()
}

async fn nodes(store: &Store) -> Vec<crate::NodeRecord> {
    store.shares.as_ref().unwrap().nodes().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_was_granted_no_other_gets() {
    let site = Site::new().await;
    let (a, b) = (site.gateway("a").await, site.gateway("b").await);
    let budget = budget(&a, 1_000).await;
    assert_eq!((sign(&a, NOON).await, sign(&b, NOON).await), (1, 2));
    let of_a = ask(&a, &budget, 0, 100).await;
    // Half of its even part of what is left.
    assert_eq!(of_a.granted, NanoUsd(300));
    let of_b = ask(&b, &budget, 0, 600).await;
    assert_eq!(
        (of_b.granted, of_b.left_to_others),
        (NanoUsd(600), NanoUsd(300))
    );
    assert_eq!(ask(&b, &budget, 600, 101).await.granted, NanoUsd(600));
    // What the first gives back the second may have.
    assert_eq!(ask(&a, &budget, 100, 0).await.granted, NanoUsd(100));
    assert_eq!(ask(&b, &budget, 600, 300).await.granted, NanoUsd(900));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_spent_is_counted_for_all_and_once() {
    let site = Site::new().await;
    let (a, b) = (site.gateway("a").await, site.gateway("b").await);
    let budget = budget(&a, 1_000).await;
    assert_eq!(ask(&a, &budget, 0, 900).await.granted, NanoUsd(900));
    let entry = entry(1, &budget, 900);
    for _ in 0..2 {
        a.ledger.record(&entry).unwrap();
        a.ledger.flush().await.unwrap();
    }
    let share = ask(&b, &budget, 0, 50).await;
    assert_eq!(
        (share.granted, share.spent_by_others, share.left_to_others),
        (NanoUsd(50), NanoUsd(900), NanoUsd(0))
    );
    let spent = b.budgets.spent(&[window(&budget)]).await.unwrap();
    assert_eq!(spent[0].amount, NanoUsd(900));
    assert_eq!(b.budgets.verify().await.unwrap().differences, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_spends_more_than_it_was_granted_takes_it_from_the_rest() {
    let site = Site::new().await;
    let (a, b) = (site.gateway("a").await, site.gateway("b").await);
    let budget = budget(&a, 1_000).await;
    ask(&a, &budget, 0, 100).await;
    ask(&a, &budget, 100, 0).await;
    a.ledger.record(&entry(1, &budget, 400)).unwrap();
    a.ledger.flush().await.unwrap();
    assert_eq!(ask(&b, &budget, 0, 601).await.granted, NanoUsd(0));
    assert_eq!(ask(&b, &budget, 0, 600).await.granted, NanoUsd(600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_at_once_from_many_gateways_grants_no_more_than_there_is() {
    let site = Site::new().await;
    let [a, b, c, d] = [
        site.gateway("a").await,
        site.gateway("b").await,
        site.gateway("c").await,
        site.gateway("d").await,
    ];
    let budget = budget(&a, 100_000).await;
    let grab = async |gateway: &Store| {
        let mut granted = 0;
        for need in 1..200 {
            granted = ask(gateway, &budget, granted, need).await.granted.0;
        }
        granted
    };
    let granted = tokio::join!(grab(&a), grab(&b), grab(&c), grab(&d));
    let all = granted.0 + granted.1 + granted.2 + granted.3;
    assert!((99_600..=100_000).contains(&all), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_starts_again_goes_on_with_what_it_left() {
    let site = Site::new().await;
    let first = site.gateway("a").await;
    let budget = budget(&first, 1_000).await;
    first.ledger.record(&entry(1, &budget, 300)).unwrap();
    first.ledger.hold(&held(2, &budget, 200)).unwrap();
    first.ledger.close().await.unwrap();
    drop(first);
    let second = site.gateway("a").await;
    assert_eq!(nodes(&second).await.len(), 1);
    let open = second.budgets.open_holds().await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].cost, Some(NanoUsd(200)));
    let spent = second.budgets.spent(&[window(&budget)]).await.unwrap();
    assert_eq!(spent[0].amount, NanoUsd(300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_holds_another_does_not_recover() {
    let site = Site::new().await;
    let (a, b) = (site.gateway("a").await, site.gateway("b").await);
    let budget = budget(&a, 1_000).await;
    a.ledger.hold(&held(1, &budget, 200)).unwrap();
    a.ledger.flush().await.unwrap();
    assert_eq!(b.budgets.open_holds().await.unwrap(), []);
    assert_eq!(a.budgets.open_holds().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_gateways_files_fences_the_original_off_and_an_old_one_is_refused() {
    let site = Site::new().await;
    let original = site.gateway("a").await;
    let budget = budget(&original, 1_000).await;
    let copied = site.folder.path().join("copy");
    fs::create_dir(&copied).unwrap();
    let file = "tollward.db.node";
    fs::copy(site.folder.path().join("a").join(file), copied.join(file)).unwrap();
    let copy = site.gateway("copy").await;
    original.ledger.record(&entry(1, &budget, 300)).unwrap();
    let error = original.ledger.flush().await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
    let shares = original.shares.as_ref().unwrap();
    assert!(matches!(shares.sign(NOON).await, Err(StoreError::Fenced)));
    copy.ledger.close().await.unwrap();
    // The copy has gone on twice since the original's files were written.
    drop(copy);
    drop(site.gateway("copy").await);
    drop(original);
    let Err(error) = Store::open(&site.location("a"), Mode::Gateway).await else {
        panic!("an outdated gateway was let in");
    };
    assert!(matches!(error, StoreError::OutdatedNode { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_gone_for_good_is_charged_what_it_held_and_gives_back_the_rest() {
    let site = Site::new().await;
    let (a, b) = (site.gateway("a").await, site.gateway("b").await);
    let budget = budget(&a, 1_000).await;
    sign(&a, NOON).await;
    assert_eq!(ask(&a, &budget, 0, 800).await.granted, NanoUsd(800));
    a.ledger.hold(&held(1, &budget, 250)).unwrap();
    a.ledger.flush().await.unwrap();
    let later = NOON + 60_000;
    sign(&b, later).await;
    let shares = b.shares.as_ref().unwrap();
    let all = nodes(&b).await;
    let gone = all.iter().find(|it| !it.is_alive(later)).unwrap();
    assert_eq!((gone.open_holds, gone.unspent_nano), (1, 800));
    // It may be forgotten only when it gives no sign.
    assert_eq!(shares.forget(gone.id, NOON + 1).await.unwrap(), None);
    let booked = shares.forget(gone.id, later).await.unwrap().unwrap();
    assert_eq!(booked.len(), 1);
    assert_eq!(booked[0].outcome, Outcome::Recovered);
    let spent = b.budgets.spent(&[window(&budget)]).await.unwrap();
    assert_eq!(spent[0].amount, NanoUsd(250));
    assert_eq!(ask(&b, &budget, 0, 750).await.granted, NanoUsd(750));
    assert_eq!(b.budgets.verify().await.unwrap().open_holds, 0);
    assert_eq!(shares.forget(gone.id, later).await.unwrap(), None);
    let nobody = NodeId::from_uuid(uuid::Uuid::nil());
    assert_eq!(shares.forget(nobody, later).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_with_another_pepper_is_told_to_take_the_same() {
    let site = Site::new().await;
    drop(site.gateway("a").await);
    let own = Location {
        pepper: None,
        ..site.location("b")
    };
    let Err(error) = Store::open(&own, Mode::Gateway).await else {
        panic!("another pepper was let in");
    };
    assert!(error.to_string().contains("store.pepper"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_repeated() {
    for address in [
        "postgres//u:hunter2@h/d",
        "mysql://u:hunter2@h/d",
        "hunter2",
    ] {
        let location = Location {
            postgres: Some(SecretString::from(address)),
            ..Location::file(Path::new("nowhere"))
        };
        let Err(error) = Store::open(&location, Mode::Tool).await else {
            panic!("{address} was taken");
        };
        assert!(matches!(error, StoreError::BadAddress), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

/// An attempt that was sent and of which nothing is heard.
fn held(seed: u64, budget: &Budget, amount: i64) -> Entry {
    Entry {
        outcome: Outcome::Recovered,
        ..entry(seed, budget, amount)
    }
}
