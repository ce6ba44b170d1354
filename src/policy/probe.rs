//! After a failure, one try a second finds out whether things work again.
//!
//! Time is monotonic: a wall clock that is set back must not keep the door shut
//! (faults P-15).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whether something works, and who may find out.
pub struct Probe {
    since: Instant,
    /// Milliseconds after `since` of the last failure or try, counted from 1; 0 while all is well.
    failed_at_ms: AtomicU64,
}

impl Probe {
    /// The time between two tries.
    const INTERVAL: Duration = Duration::from_secs(1);

    /// All is well at `now`; later times are counted from there.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            failed_at_ms: AtomicU64::new(0),
        }
    }

    /// It worked.
    pub fn succeeded(&self) {
        // The common case only reads, so that the cores do not fight for the line.
        if self.failed_at_ms.load(Ordering::Relaxed) != 0 {
            self.failed_at_ms.store(0, Ordering::Relaxed);
        }
    }

    /// It failed at `now`; `true` when it had worked before.
    pub fn failed(&self, now: Instant) -> bool {
        self.failed_at_ms.swap(self.stamp(now), Ordering::Relaxed) == 0
    }

    /// Whether all is well.
    pub fn is_well(&self) -> bool {
        self.failed_at_ms.load(Ordering::Relaxed) == 0
    }

    /// Whether the caller may try at `now`: everybody while all is well, else one a second.
    pub fn may_try(&self, now: Instant) -> bool {
        let failed = self.failed_at_ms.load(Ordering::Relaxed);
        if failed == 0 {
            return true;
        }
        let stamp = self.stamp(now);
        let is_due = u128::from(stamp.saturating_sub(failed)) >= Self::INTERVAL.as_millis();
        is_due
            && self
                .failed_at_ms
                .compare_exchange(failed, stamp, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn stamp(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.since).as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::mono;

    // P-06
    #[test]
    fn after_a_failure_one_caller_a_second_may_try_until_it_works() {
        let start = mono();
        let probe = Probe::new(start);
        assert!(probe.may_try(start) && probe.is_well());
        assert!(probe.failed(start), "the first failure is news");
        let granted: Vec<u64> = (0..40)
            .map(|tick| tick * 100)
            .filter(|ms| {
                let now = start + Duration::from_millis(*ms);
                // Two callers come at the same time; one of them is let through.
                let both = [probe.may_try(now), probe.may_try(now)];
                assert_ne!(both, [true, true]);
                both.contains(&true)
            })
            .collect();
        assert_eq!(granted, [1_000, 2_000, 3_000]);
        assert!(!probe.failed(start), "the second failure is not");
        probe.succeeded();
        assert!(probe.may_try(start) && probe.may_try(start));
    }
}
