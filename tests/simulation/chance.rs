//! Chance that can be played again: the same seed gives the same draws on every machine.

use std::time::Duration;

use tollward::policy::routing::mix;

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A uniform draw from `[0, 1)`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are a fraction's own")]
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of the numbers below `many`.
    pub(crate) fn below(&mut self, many: u64) -> u64 {
        self.bits() % many
    }

    /// True for so many of a thousand.
    pub(crate) fn happens(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        let many = among.len() as u64;
        &among[usize::try_from(self.below(many)).unwrap()]
    }

    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least + (most - least).mul_f64(self.uniform())
    }

    /// A time between two of many things that happen independently of one another.
    pub(crate) fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.uniform()).ln())
    }

    /// A time around `median`, with the long tail that answers have: a log-normal one.
    pub(crate) fn around(&mut self, median: Duration, sigma: f64) -> Duration {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.uniform()).cos();
        median.mul_f64((sigma * normal).exp())
    }
}
