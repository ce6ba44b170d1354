//! What is held for an attempt: the most that it can cost, or what such calls do cost.
//!
//! A bound is never passed by a vendor that keeps to the bound on output that it was sent: each token of
//! input has at least a byte, all of it may be written to a cache at the dearest price, and the
//! output is as long as it may be. What nobody can bound is not guessed.

use tollward_config::catalog::Capabilities;
use tollward_store::{Estimate, NanoUsd};
use tollward_wire::usage::{Things, Usage};

use crate::policy::price::Prices;

/// Output tokens that a call is allowed which does not say how many it wants, for each choice.
pub const DEFAULT_OUTPUT: u64 = 16_384;
/// The fewest with which an answer is worth its price.
pub const LEAST_OUTPUT: u64 = 256;
/// Output tokens that are held for a call of which nothing is learned, for each choice.
pub const UNKNOWN_OUTPUT: u64 = 2_048;
/// The steps in which more is held for a stream that goes on beyond what was learned, in tokens of all choices.
pub const STEP_OUTPUT: u64 = 1_024;
/// What learned estimates of input are raised by, in percent: they are off by that much.
const MARGIN_PERCENT: u64 = 10;

/// Documents of a ranking that are billed as one search (Cohere's price list, read 2026-11).
const DOCUMENTS_PER_UNIT: u64 = 100;
/// Each class of an answer's tokens is rounded up once, and a bound knows of two.
const ROUNDING_NANO: i64 = 16;
/// The longest that a call takes by default, in seconds: its price is that of the hour at which it is complete.
const LATER_S: i64 = 600;

/// What a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// How much is to be held.
    pub estimate: Estimate,
    /// Input tokens: the most that there can be, or about.
    pub input: u64,
    /// The vendor reads more than was sent, up to what its model takes.
    pub is_input_open: bool,
    /// Output tokens of each choice; `None`: as many as the model writes.
    pub output: Option<u64>,
    /// Choices that are written, whether or not all are returned.
    pub choices: u64,
    /// There is sound or there are pictures in what is sent or asked for, which are priced apart.
    pub has_media: bool,
    /// Documents that are ranked.
    pub documents: u64,
    /// The tier of service that is asked for.
    pub is_priority: bool,
}

/// Why nothing can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCeiling {
    /// Nobody knows what the model costs.
    Unpriced,
    /// Nobody knows how much it reads.
    Unbounded,
}

impl Demand {
    /// Output tokens that an attempt at a model is allowed for each choice.
    pub fn allowed(&self, can: &Capabilities) -> u64 {
        let wanted = self.output.unwrap_or(DEFAULT_OUTPUT);
        can.max_output.map_or(wanted, |most| wanted.min(most))
    }

    /// What is to be held for an attempt with `output` tokens for each choice.
    ///
    /// # Errors
    /// [`NoCeiling`].
    pub fn hold(
        &self,
        prices: &Prices,
        can: &Capabilities,
        output: u64,
        at_unix_s: i64,
    ) -> Result<NanoUsd, NoCeiling> {
        let input = match (self.estimate, self.is_input_open, can.context) {
            (Estimate::Bound, true, Some(context)) => context,
            (Estimate::Bound, true, None) => return Err(NoCeiling::Unbounded),
            (Estimate::Bound, false, Some(context)) => self.input.min(context),
            (Estimate::Bound, false, None) => self.input,
            (Estimate::Learned, ..) => self.input + self.input * MARGIN_PERCENT / 100,
        };
        let plain = Usage {
            input,
            output: output.saturating_mul(self.choices),
            service_tier: self.is_priority.then(|| "priority".into()),
            ..Usage::default()
        };
        let searched = Usage {
            things: Things {
                search_units: self.documents.div_ceil(DOCUMENTS_PER_UNIT),
                ..Things::default()
            },
            ..plain.clone()
        };
        let cost = |usage: &Usage| prices.cost(usage, at_unix_s).cost;
        // Rankings are priced by the search at some vendors and by tokens at others.
        let least = cost(&searched).or_else(|| cost(&plain));
        let least = least.ok_or(NoCeiling::Unpriced)?;
        if self.estimate == Estimate::Learned || least == NanoUsd::ZERO {
            return Ok(least);
        }
        // What has no price of its own is booked as what was held. The hour may be a dearer one in the end.
        let later = at_unix_s.saturating_add(LATER_S);
        let costs = |usage: &Usage| cost(usage).max(prices.cost(usage, later).cost);
        let dear = self.dear(&plain);
        let dearest = dear.iter().chain([&plain]).filter_map(costs).max();
        let most = dearest.map_or(least, |it| it.max(least));
        Ok(NanoUsd(most.0.saturating_add(ROUNDING_NANO)))
    }

    /// The same tokens as what is priced apart.
    fn dear(&self, plain: &Usage) -> Vec<Usage> {
        let (input, output) = (plain.input, plain.output);
        let cached = Usage {
            cache_write: input,
            reasoning: output,
            ..plain.clone()
        };
        let kept = Usage {
            cache_write_long: input,
            ..cached.clone()
        };
        let mut dear = vec![cached, kept];
        if self.has_media {
            dear.push(Usage {
                audio_input: input,
                audio_output: output,
                ..plain.clone()
            });
            dear.push(Usage {
                image_input: input,
                image_output: output,
                ..plain.clone()
            });
            dear.push(Usage {
                video_input: input,
                video_output: output,
                ..plain.clone()
            });
        }
        dear
    }

    /// The output tokens for each choice that `room` pays for: all that are wanted, or of who says nothing as
    /// many as there is room for, if those are enough for an answer.
    pub fn affordable(
        &self,
        room: NanoUsd,
        prices: &Prices,
        can: &Capabilities,
        at_unix_s: i64,
    ) -> Option<u64> {
        let hold = |output| self.hold(prices, can, output, at_unix_s).ok();
        let most = self.allowed(can);
        let fits = |output| hold(output).is_some_and(|it| it <= room);
        if fits(most) {
            return Some(most);
        }
        // The cost grows with the output, by steps of price at most.
        let (mut least, mut most) = (LEAST_OUTPUT, most);
        if self.output.is_some() || least > most || !fits(least) {
            return None;
        }
        while most - least > 1 {
            let between = least.midpoint(most);
            if fits(between) {
                least = between;
            } else {
                most = between;
            }
        }
        Some(least)
    }
}

#[cfg(test)]
mod tests;
