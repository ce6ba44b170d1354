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
    CostSource, Course, Entry, GroupBy, KeyId, Location, Mode, NanoUsd, NewKey, Outcome, Reach,
    RequestId, Store, ThingCounts, TokenCounts, UsageQuery,
};

mod admin;
mod answers;
mod budgets;
mod keys;
mod ledger;
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

use ledger::{
    an_entry_comes_back_whole, pages_have_every_entry_of_their_time_once_and_in_order,
    racing_records_are_booked_once_each, requests_are_counted_once_over_their_attempts,
    sums_beyond_64_bits_are_an_error, the_first_entry_of_an_attempt_wins,
    usage_honours_its_time_range, usage_sums_by_every_group,
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
