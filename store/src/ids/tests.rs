use std::collections::HashSet;
use std::thread;

use super::{IdError, KeyId, RequestId};

const NOW_MS: i64 = 1_795_521_600_123;

#[test]
fn ids_carry_their_time_and_sort_by_it() {
    let (early, late) = (RequestId::new(NOW_MS), RequestId::new(NOW_MS + 1));
    assert_eq!(early.time_ms(), NOW_MS);
    assert!(early < late);
    assert!(RequestId::floor(NOW_MS) <= early && early < RequestId::floor(NOW_MS + 1));
    assert_eq!(early.uuid().get_version_num(), 7);
}

#[test]
fn times_outside_48_bits_are_clamped() {
    assert_eq!(RequestId::new(-5).time_ms(), 0);
    assert_eq!(RequestId::floor(i64::MIN).time_ms(), 0);
    assert_eq!(RequestId::floor(i64::MAX).time_ms(), (1 << 48) - 1);
}

#[test]
fn ids_made_in_one_millisecond_by_many_threads_differ() {
    let made: Vec<Vec<RequestId>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..1_000).map(|_| RequestId::new(NOW_MS)).collect()))
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    let distinct: HashSet<RequestId> = made.into_iter().flatten().collect();
    assert_eq!(distinct.len(), 4_000);
}

#[test]
fn text_reads_back_and_other_text_is_refused() {
    let id = KeyId::new(NOW_MS);
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!("ci".parse::<KeyId>(), Err(IdError));
}
