//! What every ledger does not take, and what it takes in spite of its looks.

use super::{everything, sample};
use crate::{Entry, GroupBy, Store, StoreError, TokenCounts};

pub(super) async fn nul_in_names_does_not_poison_the_ledger(
    store: Store,
    _: Option<&crate::Location>,
) {
    // C-15
    store
        .ledger
        .record(&Entry {
            model: "a\0b".into(),
            ..sample(1)
        })
        .unwrap();
    store.ledger.record(&sample(2)).unwrap();
    let rows = store
        .ledger
        .usage(&everything(GroupBy::Model))
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|row| row.group == "a\\u0000b"), "{rows:?}");
}

pub(super) async fn entries_out_of_range_are_refused(store: Store, _: Option<&crate::Location>) {
    let tokens = TokenCounts {
        input: u64::MAX,
        ..TokenCounts::default()
    };
    for entry in [
        Entry {
            tokens,
            ..sample(1)
        },
        Entry {
            at_ms: i64::MIN,
            ..sample(1)
        },
    ] {
        let refused = store.ledger.record(&entry);
        assert!(matches!(refused, Err(StoreError::InvalidEntry { .. })));
    }
    assert_eq!(store.ledger.recent(9).await.unwrap(), []);
}

pub(super) async fn a_closed_ledger_refuses_entries_and_still_reports(
    store: Store,
    _: Option<&crate::Location>,
) {
    store.ledger.record(&sample(1)).unwrap();
    store.ledger.close().await.unwrap();
    store.ledger.close().await.unwrap();
    assert!(matches!(
        store.ledger.record(&sample(2)),
        Err(StoreError::Closed)
    ));
    assert_eq!(store.ledger.recent(9).await.unwrap().len(), 1);
    let rows = store.ledger.usage(&everything(GroupBy::Day)).await.unwrap();
    assert_eq!(rows[0].sums.attempts, 1);
}
