//! What every store of admin tokens and every audit log does.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::json;

use super::{DAY, NOON, everything, new_key, sample};
use crate::{
    AccountId, AccountKind, AuditQuery, Author, AuthorKind, Change, ChangeId, Ending, Entry,
    GroupBy, KeyTerms, Made, Mode, NewAccount, NewKey, NewToken, Reach, Revocation, Role, Store,
    StoreError, TokenId, UsageQuery, is_well_formed_key, is_well_formed_token,
};

fn new_token(name: &str, role: Role, reach: Reach) -> NewToken {
    NewToken {
        name: name.to_owned(),
        role,
        reach,
        now_ms: NOON,
        expires_ms: None,
    }
}

pub(super) async fn a_token_is_found_by_the_hash_of_its_text_until_it_is_revoked(
    store: Store,
    place: Option<&crate::Location>,
) {
    let team = AccountId::new(NOON);
    let new = NewToken {
        expires_ms: Some(NOON + DAY),
        ..new_token("kim", Role::Member, Reach::Team(team))
    };
    let version = store.keys.version().await.unwrap();
    let (token, secret) = store.tokens.issue(new).await.unwrap();
    let text = secret.expose_secret();
    assert!(is_well_formed_token(text.as_bytes()) && !is_well_formed_key(text.as_bytes()));
    let hash = store.pepper.hash(text.as_bytes());
    let active = store.tokens.active_tokens().await.unwrap();
    assert_eq!(active, [(hash, token.clone())]);
    assert!(token.is_active(NOON) && !token.is_active(NOON + DAY));
    assert!(!format!("{token:?}").contains(&text[4..47]));
    let issued = store.keys.version().await.unwrap();
    assert_ne!(issued, version);

    let same = new_token("kim", Role::Viewer, Reach::Gateway);
    let refused = store.tokens.issue(same).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken { name } if name == "kim"));
    let empty = new_token("", Role::Viewer, Reach::Gateway);
    assert!(store.tokens.issue(empty).await.is_err());

    let revoked = store.tokens.revoke_token(token.id, NOON + 5).await.unwrap();
    let first = store.tokens.tokens().await.unwrap().remove(0);
    assert_eq!(revoked, Revocation::Revoked(first.clone()));
    assert_eq!(first.revoked_ms, Some(NOON + 5));
    assert_ne!(store.keys.version().await.unwrap(), issued);
    let again = store.tokens.revoke_token(token.id, NOON + 9).await.unwrap();
    assert_eq!(again, Revocation::Revoked(first.clone()));
    assert_eq!(store.tokens.active_tokens().await.unwrap(), []);
    assert_eq!(store.tokens.tokens().await.unwrap(), [first]);
    let unknown = store.tokens.revoke_token(TokenId::new(1), NOON).await;
    assert_eq!(unknown.unwrap(), Revocation::Unknown);
    if let Some(place) = place {
        // Who has the database alone has no token.
        if place.postgres.is_none() {
            let bytes = std::fs::read(&place.path).unwrap();
            let tail = &text.as_bytes()[4..47];
            assert!(!bytes.windows(tail.len()).any(|it| it == tail));
        }
        let tool = Store::open(place, Mode::Tool).await.unwrap();
        assert_eq!(tool.tokens.tokens().await.unwrap().len(), 1);
    }
}

#[expect(clippy::disallowed_methods, reason = "racers run beside the test")]
pub(super) async fn the_last_owner_of_the_gateway_is_not_revoked(
    store: Store,
    _: Option<&crate::Location>,
) {
    // S-29
    let organization = Reach::Organization(AccountId::new(NOON));
    for (name, role, reach, expires_ms) in [
        ("of one organisation", Role::Owner, organization, None),
        ("an admin", Role::Admin, Reach::Gateway, None),
        ("expired", Role::Owner, Reach::Gateway, Some(NOON)),
    ] {
        let new = NewToken {
            expires_ms,
            ..new_token(name, role, reach)
        };
        store.tokens.issue(new).await.unwrap();
    }
    let owner = |name| new_token(name, Role::Owner, Reach::Gateway);
    let (first, _) = store.tokens.issue(owner("first")).await.unwrap();
    let refused = store.tokens.revoke_token(first.id, NOON + 1).await.unwrap();
    assert_eq!(refused, Revocation::LastOwner);
    let (second, _) = store.tokens.issue(owner("second")).await.unwrap();
    // Two who revoke each other do not both succeed.
    let racers: Vec<_> = [first.id, second.id]
        .map(|id| {
            let tokens = Arc::clone(&store.tokens);
            tokio::spawn(async move { tokens.revoke_token(id, NOON + 2).await.unwrap() })
        })
        .into();
    let mut kept = 0;
    for racer in racers {
        kept += u32::from(racer.await.unwrap() == Revocation::LastOwner);
    }
    assert_eq!(kept, 1);
}

pub(super) async fn a_change_is_on_record_before_it_is_made_and_says_what_became_of_it(
    store: Store,
    _: Option<&crate::Location>,
) {
    let (acme, web) = (AccountId::new(1), AccountId::new(2));
    let change = |second: i64, organization, team| Change {
        id: ChangeId::new(NOON + second * 1_000),
        at_ms: NOON + second * 1_000,
        author: Author {
            kind: AuthorKind::Token,
            id: Some(TokenId::new(NOON)),
            name: "kim".to_owned(),
            origin: "10.0.0.7".to_owned(),
        },
        action: "key.create",
        target: "ci".to_owned(),
        organization,
        team,
        before: Some(json!({"name": "ci"})),
    };
    let changes = [
        change(1, None, None),
        change(2, Some(acme), None),
        change(3, Some(acme), Some(web)),
    ];
    for it in &changes {
        store.audit.begin(it).await.unwrap();
    }
    let done = Ending::Done {
        target: "an id".to_owned(),
        after: json!({"name": "모델", "limit": "1.5"}),
    };
    store.audit.end(changes[0].id, &done).await.unwrap();
    let failed = Ending::Failed("the name\0is taken".to_owned());
    store.audit.end(changes[1].id, &failed).await.unwrap();

    let query = |reach, before, limit| AuditQuery {
        reach,
        before,
        limit,
    };
    let all = query(Reach::Gateway, None, 9);
    let all = store.audit.changes(&all).await.unwrap();
    let told: Vec<_> = all.iter().map(|it| (it.id, it.outcome)).collect();
    let ids = [changes[2].id, changes[1].id, changes[0].id];
    let outcomes = [Made::Unknown, Made::Failed, Made::Done];
    assert_eq!(told, ids.into_iter().zip(outcomes).collect::<Vec<_>>());
    assert_eq!(all[2].target, "an id");
    assert_eq!(all[2].after, Some(json!({"name": "모델", "limit": "1.5"})));
    assert_eq!(all[2].before, Some(json!({"name": "ci"})));
    assert_eq!(all[2].author, changes[0].author);
    assert!(
        all[1]
            .failure
            .as_ref()
            .is_some_and(|it| it.contains("is taken"))
    );
    assert_eq!((&*all[1].target, &all[1].after), ("ci", &None));

    let page = query(Reach::Gateway, Some(ids[0]), 1);
    assert_eq!(store.audit.changes(&page).await.unwrap(), all[1..2]);
    let of_acme = query(Reach::Organization(acme), None, 9);
    assert_eq!(store.audit.changes(&of_acme).await.unwrap(), all[..2]);
    let of_web = query(Reach::Team(web), None, 9);
    assert_eq!(store.audit.changes(&of_web).await.unwrap(), all[..1]);
    let of_none = query(Reach::Team(acme), None, 9);
    assert_eq!(store.audit.changes(&of_none).await.unwrap(), []);
}

pub(super) async fn keys_and_accounts_are_changed_under_the_identity_that_they_have(
    store: Store,
    _: Option<&crate::Location>,
) {
    let (key, _) = store.keys.create(new_key("ci")).await.unwrap();
    store.keys.create(new_key("taken")).await.unwrap();
    let version = store.keys.version().await.unwrap();
    let terms = KeyTerms {
        name: "build".to_owned(),
        allowed_models: vec!["gpt-*".to_owned()],
        account: Some(AccountId::new(NOON)),
        expires_ms: Some(NOON + DAY),
    };
    let changed = store.keys.change(key.id, terms.clone()).await.unwrap();
    let changed = changed.unwrap();
    assert_eq!((changed.id, &changed.hint), (key.id, &key.hint));
    assert_eq!(changed.terms(), terms);
    assert_ne!(store.keys.version().await.unwrap(), version);
    let active = store.keys.active().await.unwrap();
    assert!(active.iter().any(|(_, it)| *it == changed));
    for (name, models) in [("taken", "x"), ("", "x"), ("ok", "a*b")] {
        let wrong = KeyTerms {
            name: name.to_owned(),
            allowed_models: vec![models.to_owned()],
            ..terms.clone()
        };
        assert!(store.keys.change(key.id, wrong).await.is_err(), "{name}");
    }
    store.keys.revoke("build", NOON).await.unwrap().unwrap();
    let late = store.keys.change(key.id, terms).await.unwrap();
    assert_eq!(late, None);

    let open = async |name: &str| {
        let new = NewAccount {
            kind: AccountKind::Team,
            parent: None,
            name: name.to_owned(),
            now_ms: NOON,
        };
        store.budgets.open_account(new).await.unwrap()
    };
    let (web, ops) = (open("web").await, open("ops").await);
    let rename = async |name| store.budgets.rename_account(web.id, name).await;
    let renamed = rename("site").await.unwrap().unwrap();
    assert_eq!((renamed.id, &*renamed.name), (web.id, "site"));
    assert!(rename("ops").await.is_err());
    assert!(rename("").await.is_err());
    assert_eq!(rename("site").await.unwrap(), Some(renamed));
    let closed = store.budgets.close_account(AccountKind::Team, "ops", NOON);
    closed.await.unwrap().unwrap();
    let late = store.budgets.rename_account(ops.id, "late").await.unwrap();
    assert_eq!(late, None);
}

pub(super) async fn usage_is_summed_up_of_the_keys_of_a_place_alone(
    store: Store,
    _: Option<&crate::Location>,
) {
    let open = async |kind, parent, name: &str| {
        let new = NewAccount {
            kind,
            parent,
            name: name.to_owned(),
            now_ms: NOON,
        };
        store.budgets.open_account(new).await.unwrap().id
    };
    let acme = open(AccountKind::Organization, None, "acme").await;
    let web = open(AccountKind::Team, Some(acme), "web").await;
    let other = open(AccountKind::Team, None, "other").await;
    let owners = [Some(acme), Some(web), Some(web), Some(other), None];
    for (seed, account) in (0..).zip(owners) {
        let new = NewKey {
            account,
            ..new_key(&format!("key {seed}"))
        };
        let (key, _) = store.keys.create(new).await.unwrap();
        let entry = Entry {
            key: Some(key.id),
            ..sample(seed)
        };
        store.ledger.record(&entry).unwrap();
    }
    let open_call = Entry {
        key: None,
        ..sample(99)
    };
    store.ledger.record(&open_call).unwrap();
    for (within, calls) in [
        (Reach::Gateway, 6),
        (Reach::Organization(acme), 3),
        (Reach::Team(web), 2),
        (Reach::Team(other), 1),
        (Reach::Organization(AccountId::new(7)), 0),
    ] {
        for by in [GroupBy::Model, GroupBy::Key, GroupBy::Day] {
            let query = UsageQuery {
                within,
                ..everything(by)
            };
            let rows = store.ledger.usage(&query).await.unwrap();
            let summed: u64 = rows.iter().map(|it| it.sums.attempts).sum();
            assert_eq!(summed, calls, "{within:?} {by:?}");
        }
    }
}
