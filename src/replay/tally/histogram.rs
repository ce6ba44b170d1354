//! Many times in little memory, each kept to about three percent.

use std::collections::BTreeMap;

/// Times up to this one are kept exactly; above it, so many steps lie between a time and its double.
const STEPS: u64 = 32;

/// How often each time was seen, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// Weights of steps, by the least time in them. Counts are multiplied when histograms are mixed.
    steps: BTreeMap<u64, u128>,
    count: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, millis: u32) {
        *self.steps.entry(floor(millis.into())).or_default() += 1;
        self.count += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Adds so many times that are spread as in `other`.
    pub(super) fn add_scaled(&mut self, other: &Self, times: u64) {
        /// What one time weighs, so that hardly anything is lost in the division.
        const ONE: u128 = 1 << 32;
        for (step, weight) in &other.steps {
            let weight = weight * u128::from(times) * ONE / u128::from(other.count.max(1));
            *self.steps.entry(*step).or_default() += weight;
        }
        self.count += times;
    }

    /// The time that so many percent do not exceed; `None` if there is none at all.
    pub(super) fn percentile(&self, percent: u32) -> Option<u64> {
        let all: u128 = self.steps.values().sum();
        let wanted = (all * u128::from(percent)).div_ceil(100);
        let mut passed = 0;
        let mut steps = self.steps.iter().filter(|(_, weight)| **weight > 0);
        steps.find_map(|(step, weight)| {
            passed += weight;
            (passed >= wanted).then_some(*step)
        })
    }
}

/// The least time of the step that a time falls into.
fn floor(millis: u64) -> u64 {
    match millis.checked_ilog2() {
        Some(log) if millis >= STEPS => {
            let shift = log - STEPS.ilog2();
            millis >> shift << shift
        }
        Some(_) | None => millis,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_step_of_the_truth() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for millis in 1..=10_000 {
            histogram.add(millis);
        }
        for (percent, truth) in [(1, 100), (50, 5_000), (95, 9_500), (100, 10_000)] {
            let found = histogram.percentile(percent).unwrap_or_default();
            assert!(
                found <= truth && truth - found <= truth / STEPS + 1,
                "{found} for {truth}"
            );
        }
    }

    #[test]
    fn a_mixture_has_each_part_as_often_as_it_is_wanted() {
        let (mut fast, mut slow) = (Histogram::default(), Histogram::default());
        (0..7).for_each(|_| fast.add(10));
        (0..3).for_each(|_| slow.add(30));
        let mut mixed = Histogram::default();
        mixed.add_scaled(&fast, 60);
        mixed.add_scaled(&slow, 40);
        assert_eq!(mixed.count(), 100);
        assert_eq!(
            (mixed.percentile(59), mixed.percentile(61)),
            (Some(10), Some(30))
        );
    }
}
