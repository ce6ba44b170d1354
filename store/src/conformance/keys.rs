//! What every key store does.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::{DAY, NOON, new_key, sample};
use crate::{KeyId, Mode, NewKey, Store, StoreError, is_well_formed_key};

pub(super) async fn a_created_key_is_found_by_the_hash_of_its_text_and_shown_nowhere(
    store: Store,
    _: Option<&crate::Location>,
) {
    let new = NewKey {
        allowed_models: vec!["gpt-*".to_owned(), "claude".to_owned()],
        expires_ms: Some(NOON + DAY),
        ..new_key("ci")
    };
    let (record, secret) = store.keys.create(new).await.unwrap();
    let text = secret.expose_secret();
    assert!(is_well_formed_key(text.as_bytes()));
    let active = store.keys.active().await.unwrap();
    assert_eq!(
        active,
        [(store.pepper.hash(text.as_bytes()), record.clone())]
    );
    assert_eq!(
        store.keys.list().await.unwrap(),
        std::slice::from_ref(&record)
    );
    assert!(record.allows("gpt-5") && !record.allows("claude-2"));
    assert!(record.is_active(NOON) && !record.is_active(NOON + DAY));
    assert!(!format!("{record:?}").contains(&text[3..46]));
    assert!(
        !serde_json::to_string(&record)
            .unwrap()
            .contains(&text[3..46])
    );
}

pub(super) async fn a_name_is_unique_among_keys_that_are_not_revoked(
    store: Store,
    _: Option<&crate::Location>,
) {
    let (first, _) = store.keys.create(new_key("ci")).await.unwrap();
    let taken = store.keys.create(new_key("ci")).await.unwrap_err();
    assert!(matches!(taken, StoreError::NameTaken { name } if name == "ci"));
    store.keys.revoke("ci", NOON).await.unwrap().unwrap();
    let (second, _) = store.keys.create(new_key("ci")).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(store.keys.list().await.unwrap().len(), 2);
}

pub(super) async fn revoking_works_by_name_and_id_and_keeps_the_first_time(
    store: Store,
    _: Option<&crate::Location>,
) {
    // K-07: once revoked, a key is in no list of active keys, whatever the clock says.
    let (key, _) = store.keys.create(new_key("ci")).await.unwrap();
    assert_eq!(store.keys.revoke("other", NOON).await.unwrap(), None);
    assert_eq!(
        store
            .keys
            .revoke(&KeyId::new(1).to_string(), NOON)
            .await
            .unwrap(),
        None
    );
    let revoked = store.keys.revoke("ci", NOON + 5).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_ms, Some(NOON + 5));
    assert_eq!(store.keys.revoke("ci", NOON + 6).await.unwrap(), None);
    let again = store
        .keys
        .revoke(&key.id.to_string(), NOON + 7)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again, revoked);
    assert_eq!(store.keys.active().await.unwrap(), []);
    assert!(!revoked.is_active(0));
}

pub(super) async fn the_version_moves_with_every_change_and_only_then(
    store: Store,
    place: Option<&crate::Location>,
) {
    let mut seen = vec![store.keys.version().await.unwrap()];
    store.keys.create(new_key("a")).await.unwrap();
    seen.push(store.keys.version().await.unwrap());
    store.keys.revoke("a", NOON).await.unwrap();
    seen.push(store.keys.version().await.unwrap());
    if let Some(place) = place {
        let tool = Store::open(place, Mode::Tool).await.unwrap();
        tool.keys.create(new_key("b")).await.unwrap();
        seen.push(store.keys.version().await.unwrap());
    }
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    let before = store.keys.version().await.unwrap();
    store.ledger.record(&sample(1)).unwrap();
    store.ledger.flush().await.unwrap();
    store.keys.revoke("a", NOON).await.unwrap();
    assert_eq!(store.keys.version().await.unwrap(), before);
}

pub(super) async fn invalid_keys_are_refused_and_nothing_is_stored(
    store: Store,
    _: Option<&crate::Location>,
) {
    for name in ["", "a\0b", "a\nb", &"x".repeat(129)] {
        let refused = store.keys.create(new_key(name)).await;
        assert!(
            matches!(refused, Err(StoreError::InvalidKey { .. })),
            "{name:?}"
        );
    }
    assert_eq!(store.keys.list().await.unwrap(), []);
}

#[expect(clippy::disallowed_methods, reason = "racers run beside the test")]
pub(super) async fn names_that_race_are_given_once(store: Store, _: Option<&crate::Location>) {
    let racers: Vec<_> = (0..8)
        .map(|_| {
            let keys = Arc::clone(&store.keys);
            tokio::spawn(async move { keys.create(new_key("ci")).await.is_ok() })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += u32::from(racer.await.unwrap());
    }
    assert_eq!((winners, store.keys.list().await.unwrap().len()), (1, 1));
}
