//! What is held for an attempt: the most that it can cost, or what such calls do cost.
//!
//! A bound is never passed by a vendor that keeps to the bound on output that it was sent: each token of
//! input has at least a byte, all of it may be written to a cache at the dearest price, and the
//! output is as long as it may be. What nobody can bound is not guessed.

use tollward_config::catalog::Capabilities;
use tollward_store::{Estimate, NanoUsd};
use tollward_wire::usage::{Things, Usage};
use tollward_wire::view::content::Wants;

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

/// Documents of a ranking that are billed as one search, and tokens of each with the query; a longer one counts as
/// several (Cohere's price list, read 2026-11).
const DOCUMENTS_PER_UNIT: u64 = 100;
const TOKENS_PER_DOCUMENT: u64 = 500;
/// Each class of an answer's tokens is rounded up once, and a bound knows of two.
const ROUNDING_NANO: i64 = 16;
/// What is held for a call of which nobody knows anything.
const LEAST_HOLD: NanoUsd = NanoUsd(1);
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
    /// What is counted by the piece and known before, such as characters to be read aloud.
    pub things: Things,
    /// Who knows how much it uses.
    pub measure: Measure,
    /// What may make it dearer than usual.
    pub wants: Wants,
}

/// How much of a call is known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The tokens that it may have, and what is counted by the piece.
    Tokens,
    /// What is counted by the piece, and no tokens.
    Pieces,
}

/// Why nothing can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCeiling {
    /// Nobody knows what the model costs.
    Unpriced,
    /// Nobody knows how much it reads.
    Unbounded,
    /// What it is priced by is not known before.
    Unmeasured,
}

/// A tier of service and a place; `None`: the usual one, and anywhere.
#[derive(Clone, Copy)]
struct Served<'p> {
    tier: Option<&'p str>,
    region: Option<&'p str>,
}

impl Served<'_> {
    fn of(self, usage: &Usage) -> Usage {
        Usage {
            service_tier: self.tier.map(Into::into),
            region: self.region.map(Into::into),
            ..usage.clone()
        }
    }
}

/// The searches that a ranking of so many documents is at most, in requests of so many tokens with so many in the query.
pub fn search_units(documents: u64, query: u64, tokens: u64) -> u64 {
    let whole = documents.saturating_mul(query).saturating_add(tokens);
    let pieces = documents.saturating_add(whole / TOKENS_PER_DOCUMENT);
    pieces.div_ceil(DOCUMENTS_PER_UNIT)
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
        if self.measure == Measure::Pieces {
            return self.pieces(prices, at_unix_s);
        }
        let plain = Usage {
            input,
            output: output.saturating_mul(self.choices),
            ..Usage::default()
        };
        let searched = Usage {
            things: self.things,
            ..plain.clone()
        };
        let counted = Usage {
            things: self.things,
            ..Usage::default()
        };
        let cost = |usage: &Usage| prices.cost(usage, at_unix_s).cost;
        // Rankings are priced by the search at some vendors and by tokens at others.
        let by_piece = || cost(&counted).filter(|_| self.things != Things::default());
        let least = cost(&searched).or_else(|| cost(&plain)).or_else(by_piece);
        let least = least.ok_or(NoCeiling::Unpriced)?;
        if least == NanoUsd::ZERO {
            return Ok(least);
        }
        // What has no price of its own is booked as what was held.
        let served = self.served(prices, at_unix_s);
        if self.estimate == Estimate::Learned {
            let costs = served.iter().filter_map(|it| cost(&it.of(&plain)));
            return Ok(costs.max().map_or(least, |it| it.max(least)));
        }
        // The hour may be a dearer one in the end.
        let later = at_unix_s.saturating_add(LATER_S);
        let costs = |usage: &Usage| cost(usage).max(prices.cost(usage, later).cost);
        let dear = self.dear(&plain);
        let kinds = dear.iter().chain([&plain]);
        let dearest =
            kinds.flat_map(|usage| served.iter().filter_map(move |it| costs(&it.of(usage))));
        let most = dearest.max().map_or(least, |it| it.max(least));
        Ok(NanoUsd(most.0.saturating_add(ROUNDING_NANO)))
    }

    /// What is to be held for pieces alone.
    fn pieces(&self, prices: &Prices, at_unix_s: i64) -> Result<NanoUsd, NoCeiling> {
        let of = |usage: Usage| prices.cost(&usage, at_unix_s).cost;
        let output = Usage {
            output: 1,
            ..Usage::default()
        };
        let things = Usage {
            things: self.things,
            ..Usage::default()
        };
        // Who has a price for tokens as well may count those.
        let is_by_piece = self.things != Things::default()
            && (of(output).is_none() || matches!(prices, Prices::Free));
        match of(things).filter(|_| is_by_piece) {
            Some(cost) => Ok(cost),
            None if !prices.are_known(at_unix_s) => Err(NoCeiling::Unpriced),
            None if self.estimate == Estimate::Bound => Err(NoCeiling::Unmeasured),
            None if prices.unmeasured(at_unix_s).cost == Some(NanoUsd::ZERO) => Ok(NanoUsd::ZERO),
            // It is charged when it ends, and wants a budget that is not used up.
            None => Ok(LEAST_HOLD),
        }
    }

    /// As what it may be served, the usual way first.
    fn served<'p>(&self, prices: &'p Prices, at_unix_s: i64) -> Vec<Served<'p>> {
        let tiers = prices.services(at_unix_s).filter(|_| self.wants.haste);
        let tiers: Vec<_> = std::iter::once(None).chain(tiers.map(Some)).collect();
        let regions = prices.regions(at_unix_s).filter(|_| self.wants.place);
        let regions: Vec<_> = std::iter::once(None).chain(regions.map(Some)).collect();
        let with = |tier| {
            let served = move |region| Served { tier, region };
            regions.iter().copied().map(served)
        };
        tiers.into_iter().flat_map(with).collect()
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
        // A model that makes pictures does so without being asked.
        let drawn = Usage {
            image_output: output,
            ..plain.clone()
        };
        let mut dear = vec![cached, kept, drawn];
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
