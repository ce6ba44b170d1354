//! Usage × prices → nano-dollars.
//!
//! The provider's own figure wins; else the price list of the day is applied to
//! the token classes, each class rounded up once. A price that is not known
//! makes the cost unknown, never zero.

use std::sync::Arc;

use tollward_config::catalog::{Catalog, Rates, Timeline};
use tollward_store::{CostSource, NanoUsd, PicoUsd, TokenCounts};
use tollward_wire::usage::Usage;

/// Where one deployment's prices come from.
#[derive(Clone, Debug)]
pub enum Prices {
    /// Nothing is owed: the model runs in this process or on the operator's own machine.
    Free,
    /// Nobody told: a server of somebody else's without a price list.
    Unknown,
    /// Written by the operator.
    Override(Arc<Rates>),
    /// The dated catalog.
    Listed(Arc<Timeline>),
}

/// A priced usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// What it costs; `None` when no price is known.
    pub cost: Option<NanoUsd>,
    /// Where the figure comes from.
    pub source: CostSource,
    /// The price that was applied.
    pub price_id: Option<Arc<str>>,
}

impl Priced {
    /// Nothing was owed.
    pub const NOTHING: Self = Self {
        cost: Some(NanoUsd::ZERO),
        source: CostSource::Zero,
        price_id: None,
    };
}

impl Prices {
    /// The catalog's prices of `model` at `provider`, if it lists them.
    pub fn listed(provider: &str, model: &str) -> Self {
        let timeline = Catalog::embedded().timeline(provider, model);
        timeline.map_or(Self::Unknown, |timeline| Self::Listed(Arc::new(timeline)))
    }

    /// What `usage` costs at `at_unix_s`.
    pub fn cost(&self, usage: &Usage, at_unix_s: i64) -> Priced {
        let unknown = Priced {
            cost: None,
            source: CostSource::Unknown,
            price_id: None,
        };
        if let Some(told) = usage
            .reported_cost
            .as_deref()
            .and_then(|text| text.parse().ok())
        {
            return Priced {
                cost: Some(told),
                source: CostSource::Provider,
                price_id: None,
            };
        }
        // Price lists are of tokens. What a search costs is known to nobody here.
        let computed = |rates: &Rates, price_id| match apply(rates, usage) {
            _ if usage.search_units > 0 => unknown.clone(),
            Some(cost) => Priced {
                cost: Some(cost),
                source: CostSource::Computed,
                price_id,
            },
            None => unknown.clone(),
        };
        match self {
            Self::Free => Priced::NOTHING,
            Self::Unknown => unknown,
            Self::Override(rates) => computed(rates, Some(Arc::from("override"))),
            Self::Listed(timeline) => match timeline.at(at_unix_s) {
                Some(price) => computed(price.rates_for(usage.input), Some(Arc::clone(&price.id))),
                None => unknown,
            },
        }
    }
}

/// Applies one price list; `None` when a class that was used has no price.
fn apply(rates: &Rates, usage: &Usage) -> Option<NanoUsd> {
    // A part that is larger than its whole was refused when the usage was read;
    // parts that overlap, as cached audio does, saturate.
    let special_input = usage
        .cache_read
        .saturating_add(usage.cache_write)
        .saturating_add(usage.audio_input);
    let special_output = usage.reasoning.saturating_add(usage.audio_output);
    let input = Some(rates.input);
    // The vendor's classes nest: cached tokens are input tokens, reasoning is output.
    let classes = [
        (usage.input.saturating_sub(special_input), input),
        (usage.cache_read, rates.cache_read.or(input)),
        (usage.cache_write, rates.cache_write.or(input)),
        (usage.audio_input, rates.audio_input.or(input)),
        (usage.output.saturating_sub(special_output), rates.output),
        (usage.reasoning, rates.reasoning.or(rates.output)),
        (usage.audio_output, rates.audio_output.or(rates.output)),
    ];
    let used = classes.into_iter().filter(|(quantity, _)| *quantity > 0);
    let parts: Vec<(u64, PicoUsd)> = used
        .map(|(quantity, rate)| Some((quantity, PicoUsd(rate?))))
        .collect::<Option<_>>()?;
    NanoUsd::cost(parts).ok()
}

/// The token classes of a usage, for the ledger.
pub fn token_counts(usage: &Usage) -> TokenCounts {
    TokenCounts {
        input: usage.input,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        audio_input: usage.audio_input,
        output: usage.output,
        reasoning: usage.reasoning,
        audio_output: usage.audio_output,
    }
}

#[cfg(test)]
mod tests;
