//! The wait before the same deployment is tried again.

use std::time::Duration;

/// Bounds of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait; doubles with every further one.
    pub base: Duration,
    /// No computed wait is longer.
    pub cap: Duration,
}

/// A vendor's `Retry-After` is waited for on the same deployment up to this long.
///
/// Beyond it the caller is better served by the error: an upstream must not be
/// able to park our callers.
pub const LONGEST_HONOURED: Duration = Duration::from_secs(5);

impl Backoff {
    /// The wait before attempt `n` (1 = the first retry), full jitter: uniform in `[0, min(cap, base·2ⁿ⁻¹)]`.
    ///
    /// `dice` is a uniform draw from `[0, 1)`. A vendor's `retry_after` wins
    /// when it is longer; whether it is short enough to wait for is decided
    /// before, against [`LONGEST_HONOURED`].
    pub fn delay(&self, n: u32, retry_after: Option<Duration>, dice: f64) -> Duration {
        let doubled = self
            .base
            .saturating_mul(1_u32.checked_shl(n.saturating_sub(1)).unwrap_or(u32::MAX));
        let jittered = doubled.min(self.cap).mul_f64(dice.clamp(0.0, 1.0));
        jittered.max(retry_after.unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Backoff = Backoff {
        base: Duration::from_millis(250),
        cap: Duration::from_secs(4),
    };

    #[test]
    fn the_wait_doubles_up_to_the_cap() {
        let ceilings: Vec<_> = (1..=6)
            .map(|n| POLICY.delay(n, None, 1.0).as_millis())
            .collect();
        assert_eq!(ceilings, [250, 500, 1_000, 2_000, 4_000, 4_000]);
        assert_eq!(POLICY.delay(60, None, 1.0), POLICY.cap);
    }

    #[test]
    fn jitter_spreads_the_wait_down_to_zero() {
        assert_eq!(POLICY.delay(3, None, 0.0), Duration::ZERO);
        assert_eq!(POLICY.delay(3, None, 0.5), Duration::from_millis(500));
    }

    #[test]
    fn a_vendors_wait_wins_when_it_is_longer() {
        let asked = Duration::from_secs(3);
        assert_eq!(POLICY.delay(1, Some(asked), 1.0), asked);
        assert_eq!(
            POLICY.delay(3, Some(Duration::from_millis(10)), 1.0),
            Duration::from_secs(1)
        );
    }
}
