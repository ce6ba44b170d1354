#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use tollward_store::{AccountKind, NanoUsd, RateLimits};

use super::directory::{HolderName, PlaceName};
use super::keys::KeyWish;
use super::terms::TermsChange;
use super::tokens::TokenWish;
use super::*;
use crate::policy::access::reaches;

const NOW: i64 = 1_795_521_900_000;

/// Something that somebody tries; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Attempt {
    Issue(Role, u8),
    RevokeToken(u8),
    CreateKey(u8),
    RevokeKey(u8),
    Open(u8),
    Close(u8),
    Budget(u8, u8),
    Limit(u8),
    Raise(u8),
    End(u8),
}

fn attempts() -> impl Strategy<Value = Vec<(u8, Attempt)>> {
    let role = || prop::sample::select(Role::ALL.to_vec());
    let any = any::<u8>;
    let attempt = prop_oneof![
        4 => (role(), any()).prop_map(|(a, b)| Attempt::Issue(a, b)),
        2 => any().prop_map(Attempt::RevokeToken),
        1 => any().prop_map(Attempt::CreateKey),
        1 => any().prop_map(Attempt::RevokeKey),
        1 => any().prop_map(Attempt::Open),
        1 => any().prop_map(Attempt::Close),
        1 => (any(), any()).prop_map(|(a, b)| Attempt::Budget(a, b)),
        1 => any().prop_map(Attempt::Limit),
        1 => any().prop_map(Attempt::Raise),
        1 => any().prop_map(Attempt::End),
    ];
    prop::collection::vec((any(), attempt), 1..40)
}

/// A gateway with two organisations, a team and a key in each, a team of nobody's, and an owner.
async fn world() -> Store {
    let store = Store::memory().unwrap();
    let actor = Actor::at_the_machine(None);
    let registrar = Registrar {
        store: &store,
        actor: &actor,
        now_ms: NOW,
    };
    for (org, team) in [
        (Some("acme"), "web"),
        (Some("other"), "ops"),
        (None, "lone"),
    ] {
        if let Some(org) = org {
            let kind = AccountKind::Organization;
            registrar.open_account(kind, None, org).await.unwrap();
        }
        let opened = registrar.open_account(AccountKind::Team, org, team);
        opened.await.unwrap();
        let wish = key(format!("of {team}"), PlaceName::Team(team.to_owned()));
        registrar.create_key(wish).await.unwrap();
        let terms = TermsChange {
            limit: Some(NanoUsd(5)),
            ..TermsChange::default()
        };
        let holder = HolderName::Team(team.to_owned());
        registrar.create_budget(team, &holder, terms).await.unwrap();
    }
    let root = token("root".to_owned(), Role::Owner, PlaceName::Gateway);
    registrar.issue_token(root).await.unwrap();
    store
}

fn key(name: String, place: PlaceName) -> KeyWish {
    KeyWish {
        name,
        models: Vec::new(),
        place,
        expires_ms: None,
    }
}

fn token(name: String, role: Role, place: PlaceName) -> TokenWish {
    TokenWish {
        name,
        role,
        place,
        expires_ms: None,
    }
}

fn pick<T>(from: &[T], number: u8) -> &T {
    from.get(usize::from(number) % from.len()).unwrap()
}

fn place(number: u8) -> PlaceName {
    let places = [
        PlaceName::Gateway,
        PlaceName::Organization("acme".to_owned()),
        PlaceName::Organization("other".to_owned()),
        PlaceName::Team("web".to_owned()),
        PlaceName::Team("ops".to_owned()),
        PlaceName::Team("lone".to_owned()),
    ];
    pick(&places, number).clone()
}

fn holder(number: u8) -> HolderName {
    match place(number) {
        PlaceName::Gateway => HolderName::Gateway,
        PlaceName::Organization(name) => HolderName::Organization(name),
        PlaceName::Team(name) if number > 127 => HolderName::Key(format!("of {name}")),
        PlaceName::Team(name) => HolderName::Team(name),
    }
}

/// Tries something; where it happened, if it was done, by that actor's own leave.
async fn tried(registrar: Registrar<'_>, attempt: &Attempt, turn: usize) -> bool {
    let name = format!("n{turn}");
    let store = registrar.store;
    match attempt {
        Attempt::Issue(role, at) => {
            let wish = token(name, *role, place(*at));
            registrar.issue_token(wish).await.is_ok()
        }
        Attempt::RevokeToken(number) => {
            let tokens = store.tokens.tokens().await.unwrap();
            let id = pick(&tokens, *number).id.to_string();
            registrar.revoke_token(&id).await.is_ok()
        }
        Attempt::CreateKey(at) => registrar.create_key(key(name, place(*at))).await.is_ok(),
        Attempt::RevokeKey(number) => {
            let keys = store.keys.list().await.unwrap();
            let id = pick(&keys, *number).id.to_string();
            registrar.revoke_key(&id).await.is_ok()
        }
        Attempt::Open(at) => {
            let parent = match place(*at) {
                PlaceName::Organization(name) => Some(name),
                PlaceName::Gateway | PlaceName::Team(_) => None,
            };
            let opened = registrar.open_account(AccountKind::Team, parent.as_deref(), &name);
            opened.await.is_ok()
        }
        Attempt::Close(at) => match place(*at) {
            PlaceName::Gateway => false,
            PlaceName::Organization(name) => {
                let closed = registrar.close_account(AccountKind::Organization, &name);
                closed.await.is_ok()
            }
            PlaceName::Team(name) => {
                let closed = registrar.close_account(AccountKind::Team, &name);
                closed.await.is_ok()
            }
        },
        Attempt::Budget(at, limit) => {
            let terms = TermsChange {
                limit: Some(NanoUsd(i64::from(*limit))),
                ..TermsChange::default()
            };
            let whose = holder(*at);
            let made = registrar.create_budget(&name, &whose, terms).await;
            made.is_ok()
        }
        Attempt::Limit(at) => {
            let limits = RateLimits {
                parallel: Some(1),
                ..RateLimits::default()
            };
            registrar.set_limits(&holder(*at), limits).await.is_ok()
        }
        Attempt::Raise(number) => {
            let budgets = store.budgets.budgets().await.unwrap();
            let id = pick(&budgets, *number).id.to_string();
            let raised = registrar.raise_budget(&id, NanoUsd(1), NOW + 1_000);
            raised.await.is_ok()
        }
        Attempt::End(number) => {
            let budgets = store.budgets.budgets().await.unwrap();
            let id = pick(&budgets, *number).id.to_string();
            registrar.end_budget(&id).await.is_ok()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // S-27, S-28, S-29
    #[test]
    fn whatever_is_tried_nobody_gains_what_they_lack(attempts in attempts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = world().await;
            for (turn, (who, attempt)) in attempts.iter().enumerate() {
                let before = store.tokens.tokens().await.unwrap();
                let budgets = store.budgets.budgets().await.unwrap();
                let limits = store.budgets.limits().await.unwrap().len();
                let version = store.keys.version().await.unwrap();
                let mine = pick(&before, *who).clone();
                if !mine.is_active(NOW) {
                    continue;
                }
                let actor = Actor::with_token(&mine, IpAddr::from([127, 0, 0, 1]));
                let registrar = Registrar { store: &store, actor: &actor, now_ms: NOW };
                let is_done = tried(registrar, attempt, turn).await;
                let moved = store.keys.version().await.unwrap() != version;
                let directory = registrar.directory().await.unwrap();

                // What is refused changes nothing; who only looks changes nothing at all.
                prop_assert!(is_done || !moved, "{attempt:?} was refused and done");
                prop_assert!(mine.role > Role::Viewer || !is_done, "a viewer did {attempt:?}");
                let after = store.tokens.tokens().await.unwrap();
                for token in after.iter().skip(before.len()) {
                    let place = directory.place_of_reach(token.reach);
                    prop_assert!(token.role <= mine.role && reaches(mine.reach, place));
                }
                for (old, new) in before.iter().zip(&after) {
                    if old != new {
                        let place = directory.place_of_reach(old.reach);
                        prop_assert!(old.role <= mine.role && reaches(mine.reach, place));
                    }
                }
                let owners = after.iter().filter(|it| it.is_owner() && it.is_active(NOW));
                prop_assert!(owners.count() > 0, "nobody owns the gateway any more");
                // What binds a place is changed from above it alone.
                let now = store.budgets.budgets().await.unwrap();
                let changed = now.iter().filter(|it| !budgets.contains(it));
                for budget in changed {
                    let above = directory.place_above(budget.holder);
                    prop_assert!(reaches(mine.reach, above), "{mine:?} bound {budget:?}");
                }
                if store.budgets.limits().await.unwrap().len() > limits {
                    prop_assert!(mine.role >= Role::Admin);
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_written_down_is_not_made() {
    struct Full;

    #[async_trait::async_trait]
    impl tollward_store::AuditLog for Full {
        async fn begin(
            &self,
            _: &tollward_store::Change,
        ) -> Result<(), tollward_store::StoreError> {
            Err(tollward_store::StoreError::Closed)
        }

        async fn end(
            &self,
            _: tollward_store::ChangeId,
            _: &tollward_store::Ending,
        ) -> Result<(), tollward_store::StoreError> {
            Err(tollward_store::StoreError::Closed)
        }

        async fn changes(
            &self,
            _: &tollward_store::AuditQuery,
        ) -> Result<Vec<tollward_store::Recorded>, tollward_store::StoreError> {
            Ok(Vec::new())
        }
    }

    let store = Store {
        audit: std::sync::Arc::new(Full),
        ..Store::memory().unwrap()
    };
    let actor = Actor::at_the_machine(None);
    let registrar = Registrar {
        store: &store,
        actor: &actor,
        now_ms: NOW,
    };
    let refused = registrar.create_key(key("ci".to_owned(), PlaceName::Gateway));
    assert!(refused.await.is_err());
    assert_eq!(store.keys.list().await.unwrap(), []);
}
