//! What calls of a deployment use: learned, to tell in advance what one will cost.

use tollward_wire::usage::Usage;

/// The part of an old average that a new call replaces.
const SHARE: f64 = 0.05;
/// Output tokens taken for a call before anything is known.
const OUTPUT: f64 = 300.0;

/// What calls of one deployment use, on average over the last few dozen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learned {
    /// Output tokens of a call.
    output: f64,
    /// The part of the input that was read from the vendor's cache, from 0 to 1.
    cached: f64,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            output: OUTPUT,
            cached: 0.0,
        }
    }
}

impl Learned {
    /// A call used that.
    #[expect(
        clippy::cast_precision_loss,
        reason = "tokens of a call are far below 2⁵²"
    )]
    pub fn observe(&mut self, usage: &Usage) {
        if usage.input == 0 {
            return;
        }
        let cached = usage.cache_read as f64 / usage.input as f64;
        self.output += (usage.output as f64 - self.output) * SHARE;
        self.cached += (cached.min(1.0) - self.cached) * SHARE;
    }

    /// What a call with `input` tokens will use, of which the caller allows `max_output`.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "tokens of a call are far below 2⁵², and none are negative"
    )]
    pub fn expected(&self, input: u64, max_output: Option<u64>, choices: u32) -> Usage {
        let output = (self.output as u64).min(max_output.unwrap_or(u64::MAX));
        Usage {
            input,
            cache_read: (input as f64 * self.cached) as u64,
            output: output.saturating_mul(u64::from(choices)),
            ..Usage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calls_used_is_what_the_next_one_is_expected_to() {
        let mut learned = Learned::default();
        assert_eq!(learned.expected(100, None, 1).output, 300);
        let usage = Usage {
            input: 1_000,
            cache_read: 900,
            output: 50,
            ..Usage::default()
        };
        for _ in 0..200 {
            learned.observe(&usage);
        }
        let expected = learned.expected(2_000, None, 2);
        assert_eq!((expected.output, expected.cache_read), (100, 1_799));
        assert_eq!(learned.expected(2_000, Some(10), 1).output, 10);
    }

    #[test]
    fn a_call_that_told_nothing_teaches_nothing() {
        let mut learned = Learned::default();
        learned.observe(&Usage::default());
        assert_eq!(learned, Learned::default());
    }
}
