//! Draws the next token from a row of logits.
//!
//! Order: bias, penalties, temperature, `top_k`, `top_p`, draw. Log-probabilities are
//! taken first, from the logits as the model gave them. Penalties count the tokens of
//! the answer, not of the prompt. The same seed and logits draw the same tokens.

use std::{cmp::Ordering, collections::HashMap};

use crate::request::Sampling;

/// A drawn token and, when asked for, how likely it and others were.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) token: u32,
    pub(crate) logprobs: Option<Logprobs>,
}

/// Natural logarithms of probabilities.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Logprobs {
    pub(crate) chosen: f32,
    /// Best first.
    pub(crate) top: Vec<(u32, f32)>,
}

#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    rng: Rng,
    /// How often each token of the answer occurred.
    counts: HashMap<u32, u16>,
}

impl Sampler {
    /// Choices of one request get different streams of the same seed.
    pub(crate) fn new(sampling: Sampling, seed: u64, choice: u32) -> Self {
        Self {
            sampling,
            rng: Rng::new(seed, choice),
            counts: HashMap::new(),
        }
    }

    pub(crate) fn draw(&mut self, logits: &[f32]) -> Drawn {
        let mut changed = logits.to_vec();
        self.bias(&mut changed);
        let token = if self.sampling.temperature > 0.0 {
            self.draw_from(&changed)
        } else {
            most_likely(&changed)
        };
        let logprobs = self
            .sampling
            .logprobs
            .map(|top| measure(logits, token, top));
        if self.sampling.presence_penalty != 0.0 || self.sampling.frequency_penalty != 0.0 {
            let count = self.counts.entry(token).or_insert(0);
            *count = count.saturating_add(1);
        }
        Drawn { token, logprobs }
    }

    fn bias(&self, logits: &mut [f32]) {
        for &(token, bias) in &self.sampling.logit_bias {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit += bias;
            }
        }
        for (&token, &count) in &self.counts {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit -= self.sampling.presence_penalty
                    + self.sampling.frequency_penalty * f32::from(count);
            }
        }
    }

    fn draw_from(&mut self, logits: &[f32]) -> u32 {
        let keep = match self.sampling.top_k {
            None | Some(0) => logits.len(),
            Some(k) => (k as usize).min(logits.len()),
        };
        let is_whole = keep == logits.len() && self.sampling.top_p >= 1.0;
        let mut candidates: Vec<(u32, f32)> = (0_u32..).zip(logits.iter().copied()).collect();
        if is_whole {
            self.weigh(&mut candidates);
            return self.pick(&candidates);
        }
        if keep < candidates.len() {
            candidates.select_nth_unstable_by(keep, best_first);
            candidates.truncate(keep);
        }
        self.weigh(&mut candidates);
        keep_share(&mut candidates, self.sampling.top_p);
        self.pick(&candidates)
    }

    /// Replaces logits by weights relative to the best candidate.
    fn weigh(&self, candidates: &mut [(u32, f32)]) {
        let best = candidates
            .iter()
            .map(|c| c.1)
            .fold(f32::NEG_INFINITY, f32::max);
        for (_, weight) in candidates {
            *weight = ((*weight - best) / self.sampling.temperature).exp();
        }
    }

    fn pick(&mut self, candidates: &[(u32, f32)]) -> u32 {
        let sum: f64 = candidates
            .iter()
            .map(|&(_, weight)| f64::from(weight))
            .sum();
        let mut left = self.rng.unit() * sum;
        for &(token, weight) in candidates {
            left -= f64::from(weight);
            if left < 0.0 {
                return token;
            }
        }
        // Rounding may leave a crumb after the last candidate.
        candidates.last().map_or(0, |&(token, _)| token)
    }
}

/// Keeps the smallest set of best candidates whose weights reach `share` of the sum.
fn keep_share(candidates: &mut Vec<(u32, f32)>, share: f32) {
    let sum: f64 = candidates
        .iter()
        .map(|&(_, weight)| f64::from(weight))
        .sum();
    let wanted = sum * f64::from(share);
    // Sorting a whole vocabulary costs more than the model's step on small models;
    // nearly always a few hundred candidates hold the share.
    let mut sorted = 256;
    loop {
        if sorted < candidates.len() {
            candidates.select_nth_unstable_by(sorted, best_first);
        }
        let end = sorted.min(candidates.len());
        let Some(head) = candidates.get_mut(..end) else {
            return;
        };
        head.sort_unstable_by(best_first);
        let mut reached = 0.0;
        let place = head.iter().position(|&(_, weight)| {
            reached += f64::from(weight);
            reached >= wanted
        });
        match place {
            Some(last) => return candidates.truncate(last + 1),
            None if end == candidates.len() => return,
            None => sorted *= 8,
        }
    }
}

/// Higher value first; equal values by lower id, so that a run can be repeated.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that sorting takes"
)]
fn best_first(left: &(u32, f32), right: &(u32, f32)) -> Ordering {
    right.1.total_cmp(&left.1).then(left.0.cmp(&right.0))
}

fn most_likely(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for candidate in (0_u32..).zip(logits.iter().copied()) {
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    best.0
}

fn measure(logits: &[f32], token: u32, top: u8) -> Logprobs {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits
        .iter()
        .map(|logit| f64::from(logit - best).exp())
        .sum();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a logarithm of a sum of at most 2^32"
    )]
    let offset = best + sum.ln() as f32;
    let mut candidates: Vec<(u32, f32)> = (0_u32..).zip(logits.iter().copied()).collect();
    let keep = usize::from(top).min(candidates.len());
    if keep < candidates.len() {
        candidates.select_nth_unstable_by(keep, best_first);
        candidates.truncate(keep);
    }
    candidates.sort_unstable_by(best_first);
    Logprobs {
        chosen: logits
            .get(token as usize)
            .map_or(f32::NEG_INFINITY, |logit| logit - offset),
        top: candidates
            .into_iter()
            .map(|(id, logit)| (id, logit - offset))
            .collect(),
    }
}

/// `SplitMix64`: small, seedable, and good enough to draw tokens.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Debug)]
struct Rng(u64);

impl Rng {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

    fn new(seed: u64, choice: u32) -> Self {
        let mut seeds = Self(seed ^ u64::from(choice).wrapping_mul(Self::STEP));
        Self(seeds.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
        let bits = (self.next() >> 11) as f64;
        // 2^53, the number of such values.
        bits / 9_007_199_254_740_992.0
    }
}

#[cfg(test)]
mod tests;
