//! How long a deployment takes to its first content, with the slowest lately counting most.
//!
//! A moving average that follows a slower answer at once and a faster one slowly, and that fades
//! while nothing is asked, so that a deployment that was slow is tried again some time later
//! (the peak-sensitive average of Finagle's load balancers).

use std::time::{Duration, Instant};

/// After so long about a third is left of an old value.
const FADES: Duration = Duration::from_secs(30);
/// Tokens of a prompt for which an answer is taken to begin as much later as for any prompt at all.
const PROMPT: u64 = 2_048;

/// One deployment's time to its first content.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// Microseconds for a prompt without a token, and when that was known.
    known: Option<(f64, Instant)>,
}

impl Latency {
    /// A call with `input` tokens had its first content after `time`.
    pub fn observe(&mut self, time: Duration, input: u64, now: Instant) {
        let sample = time.as_secs_f64() * 1e6 / weight(input);
        let value = match self.known {
            Some((value, since)) if sample < value => {
                let kept = fading(since, now);
                value * kept + sample * (1.0 - kept)
            }
            _ => sample,
        };
        self.known = Some((value, now));
    }

    /// A call with `input` tokens would have waited longer than `time` for its first content.
    pub fn exceeds(&mut self, time: Duration, input: u64, now: Instant) {
        let least = time.as_micros();
        let known = self.expected_us(input, now).unwrap_or(0);
        if least > u128::from(known) {
            self.observe(time, input, now);
        }
    }

    /// Microseconds that a call with `input` tokens will wait for its first content, about.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "microseconds of minutes fit, and none is negative"
    )]
    pub fn expected_us(&self, input: u64, now: Instant) -> Option<u64> {
        let (value, since) = self.known?;
        Some((value * fading(since, now) * weight(input)) as u64)
    }
}

/// What is left of a value after the time between.
fn fading(since: Instant, now: Instant) -> f64 {
    let passed = now.saturating_duration_since(since).as_secs_f64();
    (-passed / FADES.as_secs_f64()).exp()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "tokens of a prompt are far below 2⁵²"
)]
fn weight(input: u64) -> f64 {
    1.0 + input as f64 / PROMPT as f64
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::clock::mono;

    fn millis(latency: &Latency, now: Instant) -> u64 {
        latency.expected_us(0, now).unwrap() / 1_000
    }

    #[test]
    fn a_slower_answer_counts_at_once_and_a_faster_one_slowly() {
        let (mut latency, start) = (Latency::default(), mono());
        latency.observe(Duration::from_millis(200), 0, start);
        latency.observe(Duration::from_secs(2), 0, start);
        assert_eq!(millis(&latency, start), 2_000);
        let later = start + Duration::from_secs(1);
        latency.observe(Duration::from_millis(200), 0, later);
        assert!((1_900..2_000).contains(&millis(&latency, later)));
    }

    #[test]
    fn who_was_not_waited_for_is_slow_and_never_fast() {
        let (mut latency, start) = (Latency::default(), mono());
        latency.exceeds(Duration::from_secs(2), 0, start);
        assert_eq!(millis(&latency, start), 2_000);
        latency.exceeds(Duration::from_millis(1), 0, start);
        assert_eq!(millis(&latency, start), 2_000);
        latency.exceeds(Duration::from_secs(3), 0, start);
        assert_eq!(millis(&latency, start), 3_000);
    }

    #[test]
    fn what_was_not_asked_for_minutes_is_worth_a_try() {
        let (mut latency, start) = (Latency::default(), mono());
        latency.observe(Duration::from_secs(2), 0, start);
        let later = start + Duration::from_secs(120);
        assert!(millis(&latency, later) < 40);
        assert_eq!(Latency::default().expected_us(0, start), None);
    }

    #[test]
    fn long_prompts_do_not_make_a_deployment_look_slow() {
        let (mut latency, start) = (Latency::default(), mono());
        latency.observe(Duration::from_secs(2), 6 * 2_048 + 2_048, start);
        assert_eq!(millis(&latency, start), 250);
        assert_eq!(latency.expected_us(2_048, start), Some(500_000));
    }
}
