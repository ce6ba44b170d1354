#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use proptest::prelude::*;

use super::{MAX_PAYLOAD, Record, decode, encode, encode_hold, encode_release};
use crate::budget::MAX_CHARGES;
use crate::conformance::sample;
use crate::{
    BudgetId, CostSource, Course, Entry, Held, KeyId, NanoUsd, Outcome, StoreError, Window,
};

fn round_trip(entry: &Entry) -> Entry {
    let mut payload = Vec::new();
    encode(entry, &mut payload).unwrap();
    assert!(payload.len() <= MAX_PAYLOAD, "{}", payload.len());
    let Some(Record::Entry(row)) = decode(&payload) else {
        panic!("no entry");
    };
    row.to_entry().unwrap()
}

fn held(windows: usize) -> Held {
    let window = |number: usize| Window {
        budget: BudgetId::new(i64::try_from(number).unwrap()),
        start_ms: i64::MIN + i64::try_from(number).unwrap(),
        subject: u64::MAX,
    };
    Held {
        amount: NanoUsd(i64::MAX),
        windows: (0..windows).map(window).collect(),
    }
}

#[test]
fn what_was_held_and_where_comes_back_with_an_entry_and_before_it() {
    let entry = Entry {
        held: Some(held(3)),
        ..sample(1)
    };
    assert_eq!(round_trip(&entry), entry);
    let mut payload = Vec::new();
    encode_hold(&entry, &mut payload).unwrap();
    let Some(Record::Hold(row)) = decode(&payload) else {
        panic!("no reservation");
    };
    assert_eq!(row.to_entry(), Some(entry.clone()));
    let mut payload = Vec::new();
    encode_release(entry.request, 7, &mut payload);
    assert_eq!(decode(&payload), Some(Record::Release(entry.request, 7)));
}

#[test]
fn a_reservation_on_nothing_or_on_too_much_is_refused() {
    for (windows, record) in [(0, true), (MAX_CHARGES + 1, true), (0, false)] {
        let held = record.then(|| held(windows));
        let entry = Entry { held, ..sample(1) };
        let refused = encode_hold(&entry, &mut Vec::new());
        assert!(matches!(refused, Err(StoreError::InvalidEntry { .. })));
    }
}

#[test]
fn every_outcome_and_cost_source_comes_back() {
    for outcome in Outcome::ALL {
        for cost_source in CostSource::ALL {
            let entry = Entry {
                outcome,
                cost_source,
                ..sample(1)
            };
            assert_eq!(round_trip(&entry), entry);
        }
    }
}

#[test]
fn what_was_saved_comes_back_with_an_answer_that_was_given_again() {
    for saved in [None, Some(NanoUsd(0)), Some(NanoUsd(i64::MAX))] {
        let entry = Entry {
            cost: Some(NanoUsd::ZERO),
            cost_source: CostSource::Replayed,
            saved,
            ..sample(1)
        };
        assert_eq!(round_trip(&entry), entry);
    }
}

#[test]
fn extremes_come_back() {
    let entry = Entry {
        attempt: u32::MAX,
        at_ms: i64::MAX,
        status: u16::MAX,
        cost: Some(NanoUsd(i64::MIN)),
        attempts: u32::MAX,
        duration_ms: u32::MAX,
        first_content_ms: Some(u32::MAX),
        tokens: crate::TokenCounts::from_array([i64::MAX.unsigned_abs(); 7]),
        things: crate::ThingCounts::from_array([i64::MAX.unsigned_abs(); 3]),
        ..sample(2)
    };
    assert_eq!(round_trip(&entry), entry);
    let bare = Entry {
        key: None,
        cost: None,
        first_content_ms: None,
        price_id: None,
        ..sample(3)
    };
    assert_eq!(round_trip(&bare), bare);
}

#[test]
fn numbers_the_database_cannot_hold_are_refused() {
    let mut tokens = sample(1).tokens;
    tokens.reasoning = 1 << 63;
    let things = crate::ThingCounts {
        images: u64::MAX,
        ..crate::ThingCounts::default()
    };
    for entry in [
        Entry {
            things,
            ..sample(1)
        },
        Entry {
            tokens,
            ..sample(1)
        },
        Entry {
            at_ms: -1,
            ..sample(1)
        },
    ] {
        let refused = encode(&entry, &mut Vec::new());
        assert!(matches!(refused, Err(StoreError::InvalidEntry { .. })));
    }
}

#[test]
fn nul_is_escaped_and_long_text_is_cut_at_a_character() {
    // C-15: Postgres refuses NUL in text; one such row must not stop the ledger.
    let entry = Entry {
        model: "a\0b".into(),
        deployment: "é".repeat(300).into(),
        ..sample(1)
    };
    let stored = round_trip(&entry);
    assert_eq!(&*stored.model, "a\\u0000b");
    assert_eq!(&*stored.deployment, "é".repeat(128));
    let longest: Arc<str> = "\0".repeat(5_000).into();
    round_trip(&Entry {
        model: longest.clone(),
        provider: longest.clone(),
        deployment: longest.clone(),
        upstream_model: longest.clone(),
        price_id: Some(Arc::clone(&longest)),
        credential: Some(longest.clone()),
        course: Course {
            rule: Some(longest.clone()),
            tried: Some(longest.clone()),
            decision: Some(longest),
        },
        things: crate::ThingCounts::from_array([i64::MAX.unsigned_abs(); 3]),
        tokens: crate::TokenCounts::from_array([i64::MAX.unsigned_abs(); 7]),
        held: Some(held(MAX_CHARGES)),
        ..sample(1)
    });
}

proptest! {
    #[test]
    fn any_entry_comes_back(seed in 0_u64..1000, text in "[^\0]{0,60}", cost in any::<Option<i64>>(), with_key: bool, tokens in any::<[u32; 7]>()) {
        let entry = Entry {
            model: text.as_str().into(),
            cost: cost.map(NanoUsd),
            key: with_key.then(|| KeyId::new(5)),
            tokens: crate::TokenCounts::from_array(tokens.map(u64::from)),
            ..sample(seed)
        };
        prop_assert_eq!(round_trip(&entry), entry);
    }

    #[test]
    fn no_payload_panics(payload in prop::collection::vec(any::<u8>(), 0..200), seed in 0_u64..10, cut in 0_usize..200) {
        let _ = decode(&payload);
        let mut valid = Vec::new();
        encode(&Entry { held: Some(held(2)), ..sample(seed) }, &mut valid).unwrap();
        valid.truncate(cut);
        let _ = decode(&valid);
    }
}
