//! The ledger: that entries come back as they were booked, once, and are summed up.

use super::{DAY, NOON, everything, new_key, sample};
use crate::{
    CostSource, Course, Entry, GroupBy, KeyId, Location, NanoUsd, Outcome, PageQuery, RequestId,
    Store, StoreError, ThingCounts, TokenCounts, UsageQuery, UsageRow,
};

pub(super) async fn an_entry_comes_back_whole(store: Store, _: Option<&Location>) {
    let bare = Entry {
        key: None,
        cost: None,
        cost_source: CostSource::Unknown,
        price_id: None,
        first_content_ms: None,
        estimated: true,
        ..sample(2)
    };
    let extreme = Entry {
        attempt: u32::MAX,
        status: u16::MAX,
        outcome: Outcome::Abandoned,
        cost: Some(NanoUsd(i64::MIN)),
        tokens: TokenCounts::from_array([i64::MAX.unsigned_abs(); 7]),
        things: ThingCounts {
            characters: 5_000_000_000,
            ..ThingCounts::default()
        },
        credential: Some("spare".into()),
        course: Course {
            rule: Some("nightly".into()),
            tried: Some("a/x:timeout,b/x:ok".into()),
            decision: Some(r#"{"tokens":12}"#.into()),
        },
        attempts: u32::MAX,
        first_content_ms: Some(u32::MAX),
        duration_ms: u32::MAX,
        model: "모델 'x'; --".into(),
        ..sample(30_000)
    };
    for entry in [&sample(1), &bare, &extreme] {
        store.ledger.record(entry).unwrap();
    }
    assert_eq!(
        store.ledger.recent(2).await.unwrap(),
        [extreme.clone(), bare.clone()]
    );
    assert_eq!(store.ledger.recent(9).await.unwrap().len(), 3);
}

pub(super) async fn the_first_entry_of_an_attempt_wins(store: Store, _: Option<&Location>) {
    // K-04: a repeat is accepted and changes nothing, before and after it is applied.
    let first = sample(1);
    let repeat = Entry {
        cost: Some(NanoUsd(99)),
        status: 500,
        ..first.clone()
    };
    store.ledger.record(&first).unwrap();
    store.ledger.record(&repeat).unwrap();
    store.ledger.flush().await.unwrap();
    store.ledger.record(&repeat).unwrap();
    assert_eq!(store.ledger.recent(9).await.unwrap(), [first]);
}

pub(super) async fn pages_have_every_entry_of_their_time_once_and_in_order(
    store: Store,
    _: Option<&Location>,
) {
    let mut entries: Vec<Entry> = (0..9).map(|seed| sample(seed * 1_000)).collect();
    // Of one request there may be several.
    entries.insert(
        5,
        Entry {
            attempt: 2,
            ..entries[4].clone()
        },
    );
    for entry in entries.iter().rev() {
        store.ledger.record(entry).unwrap();
    }
    let came = |seed: i64| NOON + seed * 1_000 - 1_234;
    let mut query = PageQuery {
        since_ms: came(1),
        until_ms: came(8),
        after: None,
        limit: 4,
    };
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = store.ledger.page(&query).await.unwrap();
        sizes.push(page.len());
        let Some(last) = page.last() else { break };
        query.after = Some((last.request, last.attempt));
        found.extend(page);
    }
    assert_eq!((found, sizes), (entries[1..9].to_vec(), vec![4, 4, 0]));
    let all = PageQuery {
        since_ms: 0,
        until_ms: i64::MAX,
        after: None,
        limit: u32::MAX,
    };
    assert_eq!(store.ledger.page(&all).await.unwrap(), entries);
}

pub(super) async fn racing_records_are_booked_once_each(store: Store, _: Option<&Location>) {
    // Eight threads each record the same 300 attempts and 100 of their own.
    let shared: Vec<Entry> = (0..300).map(sample).collect();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (ledger, shared) = (&store.ledger, &shared);
            scope.spawn(move || {
                for entry in shared {
                    ledger.record(entry).unwrap();
                }
                for seed in 0..100 {
                    ledger.record(&sample(1_000 * (thread + 1) + seed)).unwrap();
                }
            });
        }
    });
    let rows = store.ledger.usage(&everything(GroupBy::Day)).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].sums.attempts, rows[0].sums.requests),
        (1_100, 1_100)
    );
    assert_eq!(rows[0].sums.cost, NanoUsd(1_100 * 12_345));
}

pub(super) async fn usage_sums_by_every_group(store: Store, _: Option<&Location>) {
    let (named, _) = store.keys.create(new_key("ci")).await.unwrap();
    let stranger = KeyId::new(7);
    let entries = [
        Entry {
            key: Some(named.id),
            ..sample(0)
        },
        Entry {
            key: None,
            cost: None,
            estimated: true,
            ..sample(1)
        },
        Entry {
            key: Some(named.id),
            outcome: Outcome::Deadline,
            ..sample(3)
        },
        Entry {
            key: Some(stranger),
            status: 429,
            cost: Some(NanoUsd(-5)),
            ..sample(6)
        },
    ];
    for entry in &entries {
        store.ledger.record(entry).unwrap();
    }
    let rows = store.ledger.usage(&everything(GroupBy::Key)).await.unwrap();
    let brief = |row: &UsageRow| {
        (
            row.group.clone(),
            row.key,
            row.sums.attempts,
            row.sums.errors,
            row.sums.cost.0,
            row.sums.unpriced,
            row.sums.estimated,
        )
    };
    assert_eq!(
        rows.iter().map(brief).collect::<Vec<_>>(),
        [
            ("ci".to_owned(), Some(named.id), 2, 1, 24_690, 0, 0),
            (String::new(), None, 1, 0, 0, 1, 1),
            (stranger.to_string(), Some(stranger), 1, 1, -5, 0, 0),
        ]
    );
    assert_eq!(
        rows[0].sums.tokens.to_array(),
        [2_003, 600, 0, 0, 400, 3, 0]
    );
    for (by, groups) in [
        (GroupBy::Model, vec!["model-0", "model-1"]),
        (
            GroupBy::Deployment,
            vec!["provider-0/up-0", "provider-1/up-0", "provider-1/up-1"],
        ),
        (GroupBy::Provider, vec!["provider-0", "provider-1"]),
        (GroupBy::Day, vec!["2026-11-24"]),
    ] {
        let rows = store.ledger.usage(&everything(by)).await.unwrap();
        let mut found: Vec<_> = rows.iter().map(|row| row.group.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, groups);
        assert_eq!(rows.iter().map(|row| row.sums.attempts).sum::<u64>(), 4);
        assert!(
            rows.windows(2)
                .all(|pair| pair[0].sums.cost >= pair[1].sums.cost)
        );
    }
}

pub(super) async fn usage_honours_its_time_range(store: Store, _: Option<&Location>) {
    let midnight = NOON - DAY / 2;
    // The last one belongs to a request that began three days before it ended, by a clock that jumped.
    for (at_ms, request_ms) in [
        (midnight - 1, midnight - 900_000),
        (midnight, midnight - 900_000),
        (midnight + DAY - 1, midnight + DAY - 1),
        (midnight + DAY, midnight + 5),
        (midnight + 2 * DAY, midnight - DAY),
    ] {
        let request = RequestId::new(request_ms);
        store
            .ledger
            .record(&Entry {
                request,
                at_ms,
                ..sample(1)
            })
            .unwrap();
    }
    let days = async |since_ms, until_ms| {
        let query = UsageQuery {
            since_ms,
            until_ms,
            ..everything(GroupBy::Day)
        };
        let rows = store.ledger.usage(&query).await.unwrap();
        rows.into_iter()
            .map(|row| (row.group, row.sums.attempts))
            .collect::<Vec<_>>()
    };
    let named = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter()
            .map(|(day, attempts)| ((*day).to_owned(), *attempts))
            .collect()
    };
    let all = [
        ("2026-11-23", 1),
        ("2026-11-24", 2),
        ("2026-11-25", 1),
        ("2026-11-26", 1),
    ];
    assert_eq!(days(None, None).await, named(&all));
    assert_eq!(
        days(Some(midnight), Some(midnight + DAY)).await,
        named(&all[1..2])
    );
    assert_eq!(days(Some(midnight + DAY), None).await, named(&all[2..]));
    assert_eq!(days(None, Some(midnight)).await, named(&all[..1]));
    assert_eq!(days(Some(i64::MIN), Some(i64::MAX)).await, named(&all));
    assert_eq!(days(Some(i64::MAX), Some(i64::MIN)).await, []);
}

pub(super) async fn requests_are_counted_once_over_their_attempts(
    store: Store,
    _: Option<&Location>,
) {
    let first = Entry {
        outcome: Outcome::UpstreamError,
        ..sample(3)
    };
    let second = Entry {
        attempt: 2,
        attempts: 2,
        ..first.clone()
    };
    for entry in [&first, &second, &sample(6)] {
        store.ledger.record(entry).unwrap();
    }
    let rows = store
        .ledger
        .usage(&everything(GroupBy::Model))
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (
            rows[0].sums.requests,
            rows[0].sums.attempts,
            rows[0].sums.errors
        ),
        (2, 3, 2)
    );
}

pub(super) async fn sums_beyond_64_bits_are_an_error(store: Store, _: Option<&Location>) {
    for seed in 0..2 {
        store
            .ledger
            .record(&Entry {
                cost: Some(NanoUsd(i64::MAX)),
                ..sample(seed * 6)
            })
            .unwrap();
    }
    let overflow = store.ledger.usage(&everything(GroupBy::Day)).await;
    assert!(
        matches!(overflow, Err(StoreError::Overflow)),
        "{overflow:?}"
    );
    let query = UsageQuery {
        until_ms: Some(NOON + 1),
        ..everything(GroupBy::Day)
    };
    assert_eq!(
        store.ledger.usage(&query).await.unwrap()[0].sums.cost,
        NanoUsd(i64::MAX)
    );
}
