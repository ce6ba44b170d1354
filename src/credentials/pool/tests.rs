//! Which credential is taken, what a failure does to it, and what a reload leaves.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use http::StatusCode;
use tollward_providers::Origin;

use super::*;

fn credential(name: &str, key: &str) -> Credential {
    Credential {
        name: name.into(),
        origin: Origin::Written(Key::bearer(key).unwrap()),
    }
}

fn pool(credentials: &[Credential], before: Option<&Pool>) -> Pool {
    let environment = Environment::from([]);
    Pool::new("p", credentials, before, &environment, &Metrics::new())
}

fn two() -> [Credential; 2] {
    [credential("a", "key-a"), credential("b", "key-b")]
}

fn failure(fault: Fault, status: u16, after: Option<u64>) -> AttemptFailure {
    AttemptFailure {
        status: StatusCode::from_u16(status).ok(),
        retry_after: after.map(Duration::from_secs),
        ..AttemptFailure::of(fault, "")
    }
}

fn unsigned() -> Signer {
    Signer::new(None, &Skew::default())
}

/// The names that an attempt goes through when each fails the same way.
fn names(pool: &Pool, model: &str, fault: Fault, now: Instant) -> Vec<Arc<str>> {
    let mut turn = pool.turn(model);
    let mut names = Vec::new();
    while let Some(holder) = turn.next(now) {
        names.push(Arc::clone(holder.name()));
        if !turn.failed(&unsigned(), failure(fault, 401, None), now) {
            break;
        }
    }
    names
}

fn first(pool: &Pool, model: &str, now: Instant) -> Arc<str> {
    Arc::clone(pool.turn(model).next(now).unwrap().name())
}

// faults U-18
#[test]
fn a_refused_credential_makes_way_for_the_next_and_rests() {
    let (pool, now) = (pool(&two(), None), clock::mono());
    let mut turn = pool.turn("m");
    assert_eq!(&**turn.next(now).unwrap().name(), "a");
    assert!(turn.failed(&unsigned(), failure(Fault::Auth, 401, None), now));
    assert_eq!(&**turn.next(now).unwrap().name(), "b");
    assert_eq!(&*first(&pool, "another", now), "b");
    let later = now + Duration::from_secs(600);
    assert_eq!(&*first(&pool, "m", later), "a");
}

#[test]
fn all_are_gone_through_once_and_then_only_the_soonest_is_asked() {
    let (pool, now) = (pool(&two(), None), clock::mono());
    assert_eq!(
        names(&pool, "m", Fault::Quota, now),
        [Arc::from("a"), "b".into()]
    );
    assert_eq!(names(&pool, "m", Fault::Quota, now), [Arc::from("a")]);
}

#[test]
fn a_failure_of_the_vendor_is_not_taken_to_another_credential() {
    let (pool, now) = (pool(&two(), None), clock::mono());
    assert_eq!(names(&pool, "m", Fault::Server, now), [Arc::from("a")]);
    assert_eq!(&*first(&pool, "m", now), "a");
}

// faults U-09
#[test]
fn a_limited_rate_is_that_of_one_model() {
    let (pool, now) = (pool(&two(), None), clock::mono());
    let mut turn = pool.turn("m");
    turn.next(now);
    assert!(turn.failed(&unsigned(), failure(Fault::RateLimited, 429, Some(7)), now));
    assert_eq!(&*first(&pool, "m", now), "b");
    assert_eq!(&*first(&pool, "n", now), "a");
    assert_eq!(&*first(&pool, "m", now + Duration::from_secs(7)), "a");
}

#[test]
fn the_failure_that_leaves_most_hope_is_the_one_that_counts() {
    let (pool, now) = (pool(&two(), None), clock::mono());
    let mut turn = pool.turn("m");
    turn.next(now);
    turn.failed(&unsigned(), failure(Fault::RateLimited, 429, Some(2)), now);
    turn.next(now);
    turn.failed(&unsigned(), failure(Fault::Auth, 401, None), now);
    assert!(turn.next(now).is_none());
    assert_eq!(turn.into_failure().fault, Fault::RateLimited);
}

#[test]
fn a_credential_that_is_accepted_rests_no_more() {
    let (pool, now) = (pool(&two(), None), clock::mono());
    names(&pool, "m", Fault::Auth, now);
    let mut turn = pool.turn("m");
    let holder = turn.next(now).unwrap();
    let later = now + Duration::from_secs(1);
    names(&pool, "m", Fault::Auth, later);
    // A call that began before the refusal proves nothing.
    holder.accepted("m", now, later);
    assert!(holder.wait("m", later) > Duration::ZERO);
    holder.accepted("m", later, later);
    assert_eq!(&*first(&pool, "m", now), "a");
}

#[test]
fn a_server_that_asks_for_no_proof_has_nothing_to_rest() {
    let (pool, now) = (pool(&[], None), clock::mono());
    assert_eq!(names(&pool, "m", Fault::Auth, now), [Arc::from("")]);
    assert_eq!(names(&pool, "m", Fault::Auth, now), [Arc::from("")]);
}

#[test]
fn a_reload_keeps_what_is_known_of_the_credentials_that_stay() {
    let (pool_before, now) = (pool(&two(), None), clock::mono());
    let mut turn = pool_before.turn("m");
    turn.next(now);
    turn.failed(&unsigned(), failure(Fault::Auth, 401, None), now);
    let [a, b] = two();
    let after = pool(
        &[a.clone(), credential("c", "key-c"), b.clone()],
        Some(&pool_before),
    );
    assert_eq!(&*first(&after, "m", now), "c");
    let changed = pool(&[credential("a", "key-new"), b], Some(&pool_before));
    assert_eq!(&*first(&changed, "m", now), "a");
    assert!(pool_before.holds(&two()) && !pool_before.holds(&[a]));
}

#[test]
fn no_more_models_are_remembered_than_there_is_room_for() {
    let (pool, now) = (pool(&two()[..1], None), clock::mono());
    for index in 0..2 * MAX_MODELS {
        let model = format!("m{index}");
        let mut turn = pool.turn(&model);
        let holder = Arc::clone(turn.next(now).unwrap());
        turn.failed(&unsigned(), failure(Fault::RateLimited, 429, None), now);
        assert!(holder.rests.lock().models.len() <= MAX_MODELS);
    }
}
