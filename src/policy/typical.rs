//! How long the answers of a key's calls to a model are: learned, to hold as much for the next one.

/// Bounds grow by a third from one to the next.
const BUCKETS: usize = 36;
/// The first bound, in tokens.
const FIRST: u64 = 16;
/// The part of what was learned that a new answer leaves of the old ones.
const KEPT: f32 = 0.99;
/// Of so many answers in a hundred the bound is not passed.
const PERCENT: f32 = 95.0;
/// Answers after which what was learned is believed.
const ENOUGH: f32 = 5.0;

/// The lengths of the last hundred answers or so, in tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Typical {
    weights: [f32; BUCKETS],
}

impl Default for Typical {
    fn default() -> Self {
        Self {
            weights: [0.0; BUCKETS],
        }
    }
}

impl Typical {
    /// An answer had so many tokens.
    pub fn observe(&mut self, tokens: u64) {
        let place = bounds().position(|bound| tokens <= bound);
        for weight in &mut self.weights {
            *weight *= KEPT;
        }
        let place = place.unwrap_or(BUCKETS - 1);
        if let Some(weight) = self.weights.get_mut(place) {
            *weight += 1.0;
        }
    }

    /// The tokens that 95 of 100 answers do not pass, up to a third more; `None` while too few are known.
    pub fn bound(&self) -> Option<u64> {
        let all: f32 = self.weights.iter().sum();
        if all < ENOUGH * KEPT.powf(ENOUGH) {
            return None;
        }
        let wanted = all * PERCENT / 100.0;
        let mut sum = 0.0;
        let mut both = self.weights.iter().zip(bounds());
        let found = both.find(|(weight, _)| {
            sum += **weight;
            sum >= wanted
        });
        found.map(|(_, bound)| bound)
    }
}

/// The bounds in order.
fn bounds() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(FIRST), |it| Some(it + it / 3)).take(BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_nearly_all_answers_once_there_are_some() {
        let mut typical = Typical::default();
        for _ in 0..4 {
            typical.observe(800);
        }
        assert_eq!(typical.bound(), None);
        for _ in 0..100 {
            typical.observe(800);
        }
        let bound = typical.bound().unwrap_or_default();
        assert!((800..1_067).contains(&bound), "{bound}");
        // One in fifty is long, and does not count; one in ten does.
        for call in 0..500 {
            typical.observe(if call % 50 == 0 { 60_000 } else { 800 });
        }
        assert_eq!(typical.bound(), Some(bound));
        for call in 0..500 {
            typical.observe(if call % 10 == 0 { 60_000 } else { 800 });
        }
        assert!(typical.bound().is_some_and(|it| it >= 60_000));
    }

    #[test]
    fn what_answers_were_like_is_forgotten() {
        let mut typical = Typical::default();
        for _ in 0..1_000 {
            typical.observe(100_000);
        }
        for _ in 0..400 {
            typical.observe(10);
        }
        assert_eq!(typical.bound(), Some(FIRST));
    }
}
