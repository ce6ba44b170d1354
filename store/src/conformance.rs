//! One suite that every backend passes, and the sample entry that tests build on.
//!
//! Each check gets a fresh store. What only a file can do (crashes, locks,
//! damage) is tested in `sql/sqlite/tests.rs`, `sql/postgres/tests.rs` and `tests/`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed assumption is a failed test"
)]

use std::borrow::Cow;

use crate::{
    CostSource, Course, Entry, GroupBy, KeyId, Location, Mode, NanoUsd, NewKey, Outcome, PageQuery,
    Reach, RequestId, Store, StoreError, ThingCounts, TokenCounts, UsageQuery, UsageRow,
};

mod admin;
mod answers;
mod budgets;
mod keys;
mod refusals;
mod responses;
mod rollups;
pub(crate) mod server;

use admin::{
    a_change_is_on_record_before_it_is_made_and_says_what_became_of_it,
    a_token_is_found_by_the_hash_of_its_text_until_it_is_revoked,
    keys_and_accounts_are_changed_under_the_identity_that_they_have,
    the_last_owner_of_the_gateway_is_not_revoked, usage_is_summed_up_of_the_keys_of_a_place_alone,
};
use budgets::{
    a_budget_is_changed_and_ended_by_its_name,
    a_charge_is_booked_once_however_often_it_is_recorded,
    a_release_ends_a_reservation_without_a_charge, accounts_are_named_once_and_closed_for_good,
    an_attempt_without_a_known_cost_is_charged_what_was_held, invalid_budgets_are_refused,
    limits_are_set_for_a_holder_and_taken_back, the_version_moves_with_accounts_and_budgets,
};

use keys::{
    a_created_key_is_found_by_the_hash_of_its_text_and_shown_nowhere,
    a_name_is_unique_among_keys_that_are_not_revoked,
    invalid_keys_are_refused_and_nothing_is_stored, names_that_race_are_given_once,
    revoking_works_by_name_and_id_and_keeps_the_first_time,
    the_version_moves_with_every_change_and_only_then,
};

use answers::{
    a_keeper_that_holds_too_much_loses_its_oldest_answers,
    an_answer_comes_back_whole_until_its_time_is_up, an_answer_that_is_too_large_is_refused,
    the_first_answer_of_a_name_wins_while_it_lives, what_answers_given_again_saved_is_summed_up,
};

use refusals::{
    a_closed_ledger_refuses_entries_and_still_reports, entries_out_of_range_are_refused,
    nul_in_names_does_not_poison_the_ledger,
};

use responses::{
    a_conversation_beyond_its_bounds_is_not_read, a_deleted_response_is_gone_with_its_words,
    a_key_that_holds_too_much_loses_its_oldest, a_response_comes_back_whole_to_its_key_alone,
    a_response_that_is_too_large_is_refused, a_turn_keeps_those_before_it_alive,
    a_vendors_response_is_forgotten_by_its_key_or_when_its_time_is_up,
    a_vendors_response_is_found_by_its_id_and_those_of_its_items,
    a_vendors_response_stays_with_its_first_key, responses_form_a_conversation_oldest_first,
    the_first_response_of_an_id_wins, what_expired_is_not_there_and_is_swept,
};

/// 2026-11-24T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_521_600_000;
const DAY: i64 = 86_400_000;

/// A plausible entry; the seed moves its time, model, provider and token counts.
pub(crate) fn sample(seed: u64) -> Entry {
    let at_ms = NOON + i64::try_from(seed).unwrap();
    let (model, provider) = (seed % 3, seed % 2);
    Entry {
        request: RequestId::new(at_ms - 1_234),
        attempt: 1,
        at_ms,
        key: Some(KeyId::new(at_ms)),
        operation: Cow::Borrowed("chat"),
        model: format!("model-{model}").into(),
        provider: format!("provider-{provider}").into(),
        deployment: format!("provider-{provider}/up-{model}").into(),
        upstream_model: format!("up-{model}").into(),
        status: 200,
        outcome: Outcome::Complete,
        streamed: seed.is_multiple_of(2),
        tokens: TokenCounts {
            input: 1_000 + seed,
            cache_read: 300,
            output: 200,
            reasoning: seed,
            ..TokenCounts::default()
        },
        things: ThingCounts::default(),
        cost: Some(NanoUsd(12_345)),
        cost_source: CostSource::Computed,
        saved: None,
        estimated: false,
        price_id: Some("catalog-2026-11-24/x".into()),
        credential: None,
        course: Course::default(),
        held: None,
        attempts: 1,
        first_content_ms: Some(321),
        duration_ms: 1_234,
    }
}

fn new_key(name: &str) -> NewKey {
    NewKey {
        name: name.to_owned(),
        allowed_models: Vec::new(),
        account: None,
        now_ms: NOON,
        expires_ms: None,
    }
}

fn everything(by: GroupBy) -> UsageQuery {
    UsageQuery {
        by,
        since_ms: None,
        until_ms: None,
        within: Reach::Gateway,
    }
}

use rollups::{
    a_charge_that_is_recorded_twice_within_a_batch_is_booked_once,
    rollups_are_narrowed_to_a_key_and_to_operations, rollups_say_what_the_entries_say,
};

/// Runs every check against memory, against a file and against a server.
macro_rules! conformance {
    ($($check:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $check() {
                super::$check(super::Store::memory().unwrap(), None).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let folder = tempfile::tempdir().unwrap();
                let place = super::Location::file(folder.path().join("tollward.db"));
                let store = super::Store::open(&place, super::Mode::Gateway).await.unwrap();
                super::$check(store, Some(&place)).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let folder = tempfile::tempdir().unwrap();
                let place = super::server::database(&folder.path().join("tollward.db")).await;
                let store = super::Store::open(&place, super::Mode::Gateway).await.unwrap();
                super::$check(store, Some(&place)).await;
            })+
        }
    };
}

conformance!(
    a_created_key_is_found_by_the_hash_of_its_text_and_shown_nowhere,
    a_name_is_unique_among_keys_that_are_not_revoked,
    revoking_works_by_name_and_id_and_keeps_the_first_time,
    the_version_moves_with_every_change_and_only_then,
    invalid_keys_are_refused_and_nothing_is_stored,
    names_that_race_are_given_once,
    an_entry_comes_back_whole,
    the_first_entry_of_an_attempt_wins,
    pages_have_every_entry_of_their_time_once_and_in_order,
    racing_records_are_booked_once_each,
    usage_sums_by_every_group,
    usage_honours_its_time_range,
    requests_are_counted_once_over_their_attempts,
    sums_beyond_64_bits_are_an_error,
    nul_in_names_does_not_poison_the_ledger,
    entries_out_of_range_are_refused,
    a_closed_ledger_refuses_entries_and_still_reports,
    accounts_are_named_once_and_closed_for_good,
    a_budget_is_changed_and_ended_by_its_name,
    invalid_budgets_are_refused,
    limits_are_set_for_a_holder_and_taken_back,
    the_version_moves_with_accounts_and_budgets,
    a_charge_is_booked_once_however_often_it_is_recorded,
    an_attempt_without_a_known_cost_is_charged_what_was_held,
    a_release_ends_a_reservation_without_a_charge,
    a_response_comes_back_whole_to_its_key_alone,
    the_first_response_of_an_id_wins,
    responses_form_a_conversation_oldest_first,
    a_conversation_beyond_its_bounds_is_not_read,
    a_turn_keeps_those_before_it_alive,
    what_expired_is_not_there_and_is_swept,
    a_key_that_holds_too_much_loses_its_oldest,
    a_deleted_response_is_gone_with_its_words,
    a_response_that_is_too_large_is_refused,
    a_vendors_response_is_found_by_its_id_and_those_of_its_items,
    a_vendors_response_stays_with_its_first_key,
    a_vendors_response_is_forgotten_by_its_key_or_when_its_time_is_up,
    what_answers_given_again_saved_is_summed_up,
    an_answer_comes_back_whole_until_its_time_is_up,
    the_first_answer_of_a_name_wins_while_it_lives,
    a_keeper_that_holds_too_much_loses_its_oldest_answers,
    an_answer_that_is_too_large_is_refused,
    rollups_say_what_the_entries_say,
    rollups_are_narrowed_to_a_key_and_to_operations,
    a_charge_that_is_recorded_twice_within_a_batch_is_booked_once,
    a_token_is_found_by_the_hash_of_its_text_until_it_is_revoked,
    the_last_owner_of_the_gateway_is_not_revoked,
    a_change_is_on_record_before_it_is_made_and_says_what_became_of_it,
    keys_and_accounts_are_changed_under_the_identity_that_they_have,
    usage_is_summed_up_of_the_keys_of_a_place_alone,
);

async fn an_entry_comes_back_whole(store: Store, _: Option<&Location>) {
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

async fn the_first_entry_of_an_attempt_wins(store: Store, _: Option<&Location>) {
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

async fn pages_have_every_entry_of_their_time_once_and_in_order(
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

async fn racing_records_are_booked_once_each(store: Store, _: Option<&Location>) {
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

async fn usage_sums_by_every_group(store: Store, _: Option<&Location>) {
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

async fn usage_honours_its_time_range(store: Store, _: Option<&Location>) {
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

async fn requests_are_counted_once_over_their_attempts(store: Store, _: Option<&Location>) {
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

async fn sums_beyond_64_bits_are_an_error(store: Store, _: Option<&Location>) {
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
