//! The retry allowance: retries as a share of calls, so that an outage is not multiplied.
//!
//! Every first attempt earns a tenth of a retry (by default); a second in which
//! they earn less than one earns one. A retry spends a whole one. A provider that is down for a minute
//! at 200 calls a second therefore sees at most about 1.1 calls for each of
//! ours, while a single hiccup is always retried.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Balance is kept in thousandths of a retry.
const WHOLE: u64 = 1_000;

/// Earnings of an [`Allowance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceTerms {
    /// Percent of a retry earned by each first attempt.
    pub percent: u32,
    /// Retries earned per second at the least.
    pub per_second: u32,
}

/// One provider's balance of retries.
pub struct Allowance {
    state: Mutex<State>,
}

struct State {
    balance: u64,
    counted_until: Instant,
    /// What first attempts have earned beyond the least, of the last second's worth.
    earned: u64,
}

impl Allowance {
    /// Most that can be saved up, in retries.
    const SAVINGS: u64 = 10;

    /// A full balance at `now`.
    pub fn new(now: Instant) -> Self {
        Self::with(Self::SAVINGS * WHOLE, now)
    }

    /// Nothing saved at `now`.
    pub fn empty(now: Instant) -> Self {
        Self::with(0, now)
    }

    fn with(balance: u64, now: Instant) -> Self {
        Self {
            state: Mutex::new(State {
                balance,
                counted_until: now,
                earned: 0,
            }),
        }
    }

    /// Counts the first attempt of a call on this provider.
    pub fn earn(&self, terms: AllowanceTerms) {
        let mut state = self.state.lock();
        let earned = u64::from(terms.percent) * WHOLE / 100;
        state.balance = (state.balance + earned).min(Self::SAVINGS * WHOLE);
        state.earned = state.earned.saturating_add(earned);
    }

    /// Spends one retry at `now`; `false` when there is none.
    pub fn spend(&self, terms: AllowanceTerms, now: Instant) -> bool {
        let mut state = self.state.lock();
        let elapsed = now.saturating_duration_since(state.counted_until);
        if let Some(least) = by_time(terms, elapsed) {
            let missing = least.saturating_sub(state.earned);
            state.balance = (state.balance + missing).min(Self::SAVINGS * WHOLE);
            state.counted_until = now;
            let second = u64::from(terms.per_second) * WHOLE;
            state.earned = state.earned.saturating_sub(least).min(second);
        }
        let affordable = state.balance >= WHOLE;
        if affordable {
            state.balance -= WHOLE;
        }
        affordable
    }

    /// Spends one on a retry after `delay`, if that is before the call's `deadline`.
    pub fn pays(
        &self,
        terms: AllowanceTerms,
        delay: Duration,
        now: Instant,
        deadline: Instant,
    ) -> bool {
        now + delay < deadline && self.spend(terms, now)
    }
}

/// What `elapsed` earned, or `None` when it is too short to count, so that frequent calls lose no fraction.
fn by_time(terms: AllowanceTerms, elapsed: Duration) -> Option<u64> {
    let earned = elapsed
        .as_millis()
        .saturating_mul(u128::from(terms.per_second));
    u64::try_from(earned).ok().filter(|earned| *earned > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::mono;

    const TERMS: AllowanceTerms = AllowanceTerms {
        percent: 10,
        per_second: 1,
    };

    #[test]
    fn a_total_outage_costs_at_most_a_tenth_more_calls() {
        let start = mono();
        let allowance = Allowance::new(start);
        let (mut calls, mut retries) = (0_u32, 0_u32);
        for tick in 0..60 * 200_u64 {
            let now = start + Duration::from_millis(tick * 5);
            calls += 1;
            allowance.earn(TERMS);
            if allowance.spend(TERMS, now) {
                retries += 1;
            }
        }
        assert_eq!(calls, 12_000);
        assert!((1_200..=1_212).contains(&retries), "{retries} retries");
    }

    #[test]
    fn who_asks_more_often_than_calls_come_is_given_no_more() {
        let start = mono();
        let allowance = Allowance::new(start);
        let mut retries = 0_u32;
        for tick in 0..60 * 200_u64 {
            if tick % 5 == 0 {
                allowance.earn(TERMS);
            }
            let now = start + Duration::from_millis(tick * 5);
            retries += u32::from(allowance.spend(TERMS, now));
        }
        assert!((240..=251).contains(&retries), "{retries} of 2400 calls");
    }

    #[test]
    fn an_idle_provider_saves_up_ten_retries_and_no_more() {
        let start = mono();
        let allowance = Allowance::new(start);
        let later = start + Duration::from_secs(3_600);
        let granted = (0..20).filter(|_| allowance.spend(TERMS, later)).count();
        assert_eq!(granted, 10);
    }
}
