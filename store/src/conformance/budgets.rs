//! What every budget store does, and the charges that the ledger books to it.

use std::sync::Arc;

use super::{NOON, new_key, sample};
use crate::{
    AccountKind, Budget, BudgetId, BudgetTerms, Entry, Held, Holder, NanoUsd, NewAccount,
    NewBudget, NewKey, Period, Raise, RateLimits, Scope, Spent, Store, StoreError, Then, Window,
};

fn account(kind: AccountKind, name: &str) -> NewAccount {
    NewAccount {
        kind,
        parent: None,
        name: name.to_owned(),
        now_ms: NOON,
    }
}

pub(super) fn budget(name: &str) -> NewBudget {
    NewBudget {
        name: name.to_owned(),
        holder: Holder::Gateway,
        limit: NanoUsd(10_000_000_000),
        terms: BudgetTerms::default(),
        now_ms: NOON,
    }
}

pub(super) fn window(budget: &Budget) -> Window {
    Window {
        budget: budget.id,
        start_ms: NOON,
        subject: 0,
    }
}

/// An entry for which `held` was held on the windows of `budgets`.
pub(super) fn charged(seed: u64, held: i64, budgets: &[&Budget]) -> Entry {
    Entry {
        held: Some(Held {
            amount: NanoUsd(held),
            windows: budgets.iter().map(|it| window(it)).collect(),
        }),
        ..sample(seed)
    }
}

pub(super) async fn spent(store: &Store) -> Vec<Spent> {
    store.ledger.flush().await.unwrap();
    let budgets = store.budgets.budgets().await.unwrap();
    let windows: Vec<Window> = budgets.iter().map(window).collect();
    let mut spent = store.budgets.spent(&windows).await.unwrap();
    spent.sort_by_key(|it| it.window);
    spent
}

pub(super) async fn accounts_are_named_once_and_closed_for_good(
    store: Store,
    _: Option<&crate::Location>,
) {
    let open = |new| store.budgets.open_account(new);
    let acme = open(account(AccountKind::Organization, "acme"))
        .await
        .unwrap();
    let team = NewAccount {
        parent: Some(acme.id),
        now_ms: NOON + 1,
        ..account(AccountKind::Team, "acme")
    };
    let team = open(team).await.unwrap();
    let taken = open(account(AccountKind::Team, "acme")).await.unwrap_err();
    assert!(matches!(taken, StoreError::Taken { name } if name == "acme"));
    let key = NewKey {
        account: Some(team.id),
        ..new_key("ci")
    };
    let (key, _) = store.keys.create(key).await.unwrap();
    assert_eq!(key.account, Some(team.id));
    assert_eq!(store.keys.list().await.unwrap(), [key]);

    let close = |at| store.budgets.close_account(AccountKind::Team, "acme", at);
    let closed = close(NOON + 1).await.unwrap().unwrap();
    assert_eq!((closed.id, closed.closed_ms), (team.id, Some(NOON + 1)));
    assert_eq!(close(NOON + 2).await.unwrap(), None);
    let by_id = team.id.to_string();
    let again = store
        .budgets
        .close_account(AccountKind::Team, &by_id, NOON + 3);
    assert_eq!(again.await.unwrap().unwrap().closed_ms, Some(NOON + 1));
    let all = store.budgets.accounts().await.unwrap();
    assert_eq!(all, [acme, closed]);
    open(account(AccountKind::Team, "acme")).await.unwrap();
}

pub(super) async fn a_budget_is_changed_and_ended_by_its_name(
    store: Store,
    _: Option<&crate::Location>,
) {
    let team = store
        .budgets
        .open_account(account(AccountKind::Team, "web"));
    let team = team.await.unwrap();
    let terms = BudgetTerms {
        period: Period::Month,
        zone: "Asia/Seoul".to_owned(),
        scope: Scope {
            models: vec!["gpt-*".to_owned()],
            ..Scope::default()
        },
        then: Then::Model("local".to_owned()),
        warn_at: vec![80, 100],
        ..BudgetTerms::default()
    };
    let new = NewBudget {
        holder: Holder::Team(team.id),
        terms: terms.clone(),
        ..budget("web")
    };
    let made = store.budgets.create_budget(new).await.unwrap();
    assert_eq!(
        store.budgets.budgets().await.unwrap(),
        std::slice::from_ref(&made)
    );
    let taken = store
        .budgets
        .create_budget(budget("web"))
        .await
        .unwrap_err();
    assert!(matches!(taken, StoreError::Taken { name } if name == "web"));

    let raise = Raise {
        by_nano: 5,
        until_ms: NOON + 10,
    };
    let terms = BudgetTerms {
        raise: Some(raise),
        ..terms
    };
    let changed = store.budgets.change_budget(made.id, NanoUsd(7), terms);
    let changed = changed.await.unwrap().unwrap();
    assert_eq!(changed.limit_at(NOON), NanoUsd(12));
    assert_eq!(changed.limit_at(NOON + 10), NanoUsd(7));
    let unknown = BudgetId::new(NOON);
    let nothing = store
        .budgets
        .change_budget(unknown, NanoUsd(7), BudgetTerms::default());
    assert_eq!(nothing.await.unwrap(), None);

    let ended = store
        .budgets
        .end_budget("web", NOON + 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((ended.id, ended.ended_ms), (made.id, Some(NOON + 1)));
    assert_eq!(
        store.budgets.end_budget("web", NOON + 2).await.unwrap(),
        None
    );
    store.budgets.create_budget(budget("web")).await.unwrap();
}

// S-28
pub(super) async fn invalid_budgets_are_refused(store: Store, _: Option<&crate::Location>) {
    let with = |terms| NewBudget {
        terms,
        ..budget("x")
    };
    let raise = |by_nano| {
        with(BudgetTerms {
            raise: Some(Raise {
                by_nano,
                until_ms: 1,
            }),
            ..BudgetTerms::default()
        })
    };
    let scope = |models| {
        with(BudgetTerms {
            scope: Scope {
                models,
                ..Scope::default()
            },
            ..BudgetTerms::default()
        })
    };
    let bad = [
        budget(""),
        budget("a\u{0}b"),
        budget(&"x".repeat(129)),
        NewBudget {
            limit: NanoUsd(-1),
            ..budget("x")
        },
        NewBudget {
            limit: NanoUsd(i64::MAX),
            ..raise(1)
        },
        raise(0),
        raise(-5),
        scope(vec![String::new()]),
        scope(vec!["m".to_owned(); 65]),
        with(BudgetTerms {
            warn_at: vec![101],
            ..BudgetTerms::default()
        }),
        with(BudgetTerms {
            then: Then::Model(String::new()),
            ..BudgetTerms::default()
        }),
    ];
    for new in bad {
        let refused = store.budgets.create_budget(new.clone()).await;
        assert!(
            matches!(refused, Err(StoreError::InvalidBudget { .. })),
            "{new:?}"
        );
    }
    assert_eq!(store.budgets.budgets().await.unwrap(), []);
}

pub(super) async fn the_version_moves_with_accounts_and_budgets(
    store: Store,
    _: Option<&crate::Location>,
) {
    let mut last = store.keys.version().await.unwrap();
    let mut moved = async || {
        let version = store.keys.version().await.unwrap();
        std::mem::replace(&mut last, version) != version
    };
    store
        .budgets
        .open_account(account(AccountKind::Team, "a"))
        .await
        .unwrap();
    assert!(moved().await);
    let made = store.budgets.create_budget(budget("b")).await.unwrap();
    assert!(moved().await);
    let change = store
        .budgets
        .change_budget(made.id, NanoUsd(1), BudgetTerms::default());
    change.await.unwrap();
    assert!(moved().await);
    store.budgets.end_budget("b", NOON).await.unwrap();
    assert!(moved().await);
    store
        .budgets
        .close_account(AccountKind::Team, "a", NOON)
        .await
        .unwrap();
    assert!(moved().await);
    store.budgets.end_budget("b", NOON).await.unwrap();
    assert!(!moved().await);
}

// K-04
pub(super) async fn a_charge_is_booked_once_however_often_it_is_recorded(
    store: Store,
    _: Option<&crate::Location>,
) {
    let team = store.budgets.create_budget(budget("team")).await.unwrap();
    let key = store.budgets.create_budget(budget("key")).await.unwrap();
    let both = charged(1, 99, &[&team, &key]);
    let one = charged(2, 99, &[&team]);
    store.ledger.hold(&both).unwrap();
    for _ in 0..3 {
        store.ledger.record(&both).unwrap();
        store.ledger.record(&one).unwrap();
        store.ledger.flush().await.unwrap();
    }
    // A reservation that comes after the end of its attempt is none.
    store.ledger.hold(&both).unwrap();
    store.ledger.record(&sample(3)).unwrap();
    let sum = |budget: &Budget, amount| Spent {
        window: window(budget),
        amount: NanoUsd(amount),
    };
    let expected = [sum(&team, 2 * 12_345), sum(&key, 12_345)];
    let mut expected = expected.to_vec();
    expected.sort_by_key(|it| it.window);
    assert_eq!(spent(&store).await, expected);
    let verified = store.budgets.verify().await.unwrap();
    assert_eq!((verified.entries, verified.windows), (2, 2));
    assert_eq!((verified.open_holds, verified.differences), (0, Vec::new()));
}

pub(super) async fn an_attempt_without_a_known_cost_is_charged_what_was_held(
    store: Store,
    _: Option<&crate::Location>,
) {
    let budget = store.budgets.create_budget(budget("b")).await.unwrap();
    let entry = Entry {
        cost: None,
        ..charged(1, 99, &[&budget])
    };
    store.ledger.record(&entry).unwrap();
    let expected = Spent {
        window: window(&budget),
        amount: NanoUsd(99),
    };
    assert_eq!(spent(&store).await, [expected]);
    assert_eq!(store.budgets.verify().await.unwrap().differences, []);
}

pub(super) async fn a_release_ends_a_reservation_without_a_charge(
    store: Store,
    _: Option<&crate::Location>,
) {
    let budget = store.budgets.create_budget(budget("b")).await.unwrap();
    let entry = charged(1, 99, &[&budget]);
    store.ledger.hold(&entry).unwrap();
    store.ledger.flush().await.unwrap();
    assert_eq!(store.budgets.verify().await.unwrap().open_holds, 1);
    store.ledger.release(entry.request, entry.attempt).unwrap();
    assert_eq!(spent(&store).await, []);
    assert_eq!(store.budgets.verify().await.unwrap().open_holds, 0);
    let nothing = Entry {
        held: Some(Held {
            amount: NanoUsd(1),
            windows: Arc::from([]),
        }),
        ..sample(2)
    };
    let refused = store.ledger.hold(&nothing);
    assert!(matches!(
        refused,
        Err(StoreError::InvalidEntry { field: "held" })
    ));
}

pub(super) async fn limits_are_set_for_a_holder_and_taken_back(
    store: Store,
    _: Option<&crate::Location>,
) {
    let limits = |requests| RateLimits {
        requests_per_minute: requests,
        ..RateLimits::default()
    };
    let team = store
        .budgets
        .open_account(account(AccountKind::Team, "web"));
    let team = Holder::of(&team.await.unwrap());
    let version = store.keys.version().await.unwrap();
    for (holder, requests) in [(Holder::Gateway, 5), (team, 6), (team, 7)] {
        let set = store.budgets.set_limits(holder, limits(Some(requests)));
        set.await.unwrap();
    }
    assert!(store.keys.version().await.unwrap() > version);
    let mut all = store.budgets.limits().await.unwrap();
    all.sort_by_key(|(_, it)| it.requests_per_minute);
    let expected = [(Holder::Gateway, limits(Some(5))), (team, limits(Some(7)))];
    assert_eq!(all, expected);
    store.budgets.set_limits(team, limits(None)).await.unwrap();
    assert_eq!(store.budgets.limits().await.unwrap(), expected[..1]);
    let refused = store.budgets.set_limits(team, limits(Some(0))).await;
    assert!(matches!(refused, Err(StoreError::InvalidBudget { .. })));
}
