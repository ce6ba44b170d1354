//! Rollups: that they say what the entries say, wherever a span begins and however it is split.

use std::collections::{BTreeMap, HashSet};

use super::budgets::{budget, charged, spent, window};
use super::{NOON, sample};
use crate::{
    Entry, KeyId, Location, NanoUsd, RequestId, RollupQuery, RollupRow, Spent, Split, Store, Sums,
    Whose, Width,
};

const HOUR: i64 = 3_600_000;

/// Entries over some hours, by a few keys, of requests that were tried one to three times; in no order.
fn entries(keys: &[KeyId]) -> Vec<Entry> {
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut entries = Vec::new();
    for _ in 0..400 {
        let at_ms = NOON + i64::try_from(next(50 * 60)).unwrap() * 60_000;
        let request = RequestId::new(at_ms);
        let key = keys.get(usize::try_from(next(4)).unwrap()).copied();
        let attempts = u32::try_from(1 + next(3)).unwrap();
        // Some attempts have no entry: they cost nothing.
        for attempt in (1..=attempts)
            .filter(|it| *it == attempts || next(3) > 0)
            .collect::<Vec<_>>()
        {
            let provider = next(2);
            entries.push(Entry {
                request,
                attempt,
                attempts,
                at_ms: at_ms + i64::from(attempt),
                key,
                operation: ["chat", "embeddings"][usize::try_from(next(2)).unwrap()].into(),
                model: format!("m{}", next(2)).into(),
                provider: format!("p{provider}").into(),
                deployment: format!("p{provider}/up{}", next(2)).into(),
                upstream_model: "up".into(),
                cost: (next(5) > 0).then_some(NanoUsd(i64::try_from(next(1_000)).unwrap())),
                estimated: next(4) == 0,
                status: if next(6) == 0 { 502 } else { 200 },
                ..sample(next(99))
            });
        }
    }
    entries.sort_by_key(|it| it.request.uuid().as_bytes()[15]);
    entries
}

/// What a query should find, counted entry by entry.
fn expected(all: &[Entry], query: &RollupQuery) -> Vec<RollupRow> {
    let split = query.split;
    let mut ordered: Vec<&Entry> = all.iter().collect();
    ordered.sort_by_key(|it| (it.request, it.attempt));
    let (mut seen, mut rows) = (HashSet::new(), BTreeMap::new());
    for entry in ordered {
        let place = match (split.deployment, split.provider) {
            (true, _) => &*entry.deployment,
            (false, true) => &*entry.provider,
            (false, false) => "",
        };
        let is_first = seen.insert((entry.request, place.to_owned()));
        let is_asked = query.whose.has(entry.key, &HashSet::new())
            && (query.operations.is_empty() || query.operations.contains(&&*entry.operation));
        if !(query.since_ms..query.until_ms).contains(&entry.at_ms) || !is_asked {
            continue;
        }
        let text = |is_split: bool, text: &str| {
            if is_split {
                text.to_owned()
            } else {
                String::new()
            }
        };
        let start_ms = query
            .width
            .map_or(0, |it| entry.at_ms / it.millis() * it.millis());
        let key = entry.key.filter(|_| split.key);
        let texts = [
            text(split.model, &entry.model),
            text(split.deployment, &entry.deployment),
            text(split.provider || split.deployment, &entry.provider),
            text(split.deployment, &entry.upstream_model),
            text(split.operation, &entry.operation),
        ];
        let sums: &mut Sums = rows.entry((start_ms, key, texts)).or_default();
        let one = Sums {
            requests: u64::from(is_first),
            ..Sums::of(entry)
        };
        *sums = sums.checked_add(&one).unwrap();
    }
    let row = |((start_ms, key, texts), sums)| {
        let [model, deployment, provider, upstream_model, operation] = texts;
        RollupRow {
            start_ms,
            key,
            model,
            provider,
            deployment,
            upstream_model,
            operation,
            sums,
        }
    };
    rows.into_iter().map(row).collect()
}

fn splits() -> [Split; 6] {
    let none = Split::default();
    [
        none,
        Split { key: true, ..none },
        Split {
            model: true,
            operation: true,
            ..none
        },
        Split {
            provider: true,
            ..none
        },
        Split {
            deployment: true,
            ..none
        },
        Split {
            key: true,
            model: true,
            provider: true,
            deployment: true,
            operation: true,
        },
    ]
}

pub(super) async fn rollups_say_what_the_entries_say(store: Store, _: Option<&Location>) {
    let keys = [KeyId::new(NOON), KeyId::new(NOON), KeyId::new(NOON)];
    let all = entries(&keys);
    for (index, entry) in all.iter().enumerate() {
        store.ledger.record(entry).unwrap();
        // Some are recorded again, within a batch or after it.
        if index % 7 == 0 {
            store.ledger.record(entry).unwrap();
        }
        if index % 50 == 0 {
            store.ledger.flush().await.unwrap();
            store.ledger.record(entry).unwrap();
        }
    }
    let spans = [
        (0, i64::MAX),
        (NOON, NOON + 24 * HOUR),
        (NOON + 90_000, NOON + 3 * HOUR - 1),
        (NOON + 90_000, NOON + 91_000_000),
        (NOON + 60_000, NOON + 70 * 60_000),
        (NOON + 5, NOON + 5),
    ];
    for (since_ms, until_ms) in spans {
        for width in [
            None,
            Some(Width::Minute),
            Some(Width::Hour),
            Some(Width::Day),
        ] {
            for split in splits() {
                let query = RollupQuery {
                    since_ms,
                    until_ms,
                    width,
                    split,
                    ..RollupQuery::default()
                };
                let found = store.ledger.rollup(&query).await.unwrap();
                assert_eq!(found, expected(&all, &query), "{query:?}");
            }
        }
    }
    assert_eq!(store.ledger.check_rollups().await.unwrap().differences, []);
}

pub(super) async fn rollups_are_narrowed_to_a_key_and_to_operations(
    store: Store,
    _: Option<&Location>,
) {
    let keys = [KeyId::new(NOON), KeyId::new(NOON), KeyId::new(NOON)];
    let all = entries(&keys);
    for entry in &all {
        store.ledger.record(entry).unwrap();
    }
    for operations in [
        vec![],
        vec!["chat"],
        vec!["chat", "embeddings"],
        vec!["speech"],
    ] {
        for whose in [
            Whose::All,
            Whose::Open,
            Whose::Key(keys[1]),
            Whose::Key(KeyId::new(1)),
        ] {
            let query = RollupQuery {
                since_ms: NOON + 1,
                until_ms: NOON + 30 * HOUR,
                width: Some(Width::Day),
                split: splits()[2],
                whose,
                operations: operations.clone(),
            };
            let found = store.ledger.rollup(&query).await.unwrap();
            assert_eq!(found, expected(&all, &query), "{query:?}");
        }
    }
}

// K-04
pub(super) async fn a_charge_that_is_recorded_twice_within_a_batch_is_booked_once(
    store: Store,
    _: Option<&Location>,
) {
    let team = store.budgets.create_budget(budget("team")).await.unwrap();
    let entry = charged(1, 99, &[&team]);
    for _ in 0..3 {
        store.ledger.record(&entry).unwrap();
    }
    let expected = Spent {
        window: window(&team),
        amount: NanoUsd(12_345),
    };
    assert_eq!(spent(&store).await, [expected]);
    assert_eq!(store.budgets.verify().await.unwrap().differences, []);
}
