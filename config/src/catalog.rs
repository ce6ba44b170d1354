//! The price table that ships in the binary.
//!
//! `config/catalog/prices.json` is generated from pinned public data (see `build.py` beside it)
//! and parsed as far as it is asked. A price is found by the exact model id, an explicit alias, or the id
//! without its trailing date when only the undated one is listed; never by a prefix, which would
//! price a new model as its older cousin. What is not found is unknown, never free.
//!
//! A price that depends on the time of day is listed at its dearer rate (today that is
//! `DeepSeek`'s peak price), so that a limit on spending errs on the safe side.
//!
//! Amounts are integers: pico-dollars per token, so $1 per million tokens is 1 000 000.

mod format;
mod moment;

use std::sync::{Arc, LazyLock};

use format::Table;

/// A dated price table.
pub struct Catalog {
    table: Table,
}

/// Every price one model had at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// From when, by rising date, and the price; `None` where it was not sold or not known.
    steps: Vec<(Option<i64>, Option<Price>)>,
}

/// What one model costs at one provider from a date on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Names this price in the ledger: `provider/model@date`.
    pub id: Arc<str>,
    /// When it came into force, in Unix seconds. `None`: since before records began.
    pub from_unix_s: Option<i64>,
    /// What a token costs.
    pub rates: Rates,
    /// Rates for longer prompts, by rising threshold.
    pub tiers: Vec<Tier>,
}

/// Pico-dollars per token, by class of token. `None`: the class has no price of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Text sent.
    pub input: u64,
    /// Text received. `None`: the model writes none, as embedding models.
    pub output: Option<u64>,
    /// Input read from the provider's cache. `None`: billed as input.
    pub cache_read: Option<u64>,
    /// Input written to the provider's cache. `None`: billed as input.
    pub cache_write: Option<u64>,
    /// Audio sent. `None`: billed as input.
    pub audio_input: Option<u64>,
    /// Audio received. `None`: billed as output.
    pub audio_output: Option<u64>,
    /// Reasoning received. `None`: billed as output.
    pub reasoning: Option<u64>,
}

/// Rates of a request whose whole prompt is longer than a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Applies when the prompt, cached part included, has more tokens than this.
    pub prompt_over: u64,
    /// The rates for the whole request.
    pub rates: Rates,
}

impl Catalog {
    /// The table in this binary, parsed on first use.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Catalog> = LazyLock::new(|| Catalog {
            // The tests parse the same bytes, so an unreadable table cannot be shipped; if it
            // were, every price would be unknown, which is the honest answer.
            table: Table::parse(include_str!("../catalog/prices.json")).unwrap_or_default(),
        });
        &EMBEDDED
    }

    /// The date of the table and a fingerprint of its content, such as `2026-11-24+9f3c5a1e`.
    pub fn id(&self) -> &str {
        self.table.id()
    }

    /// The price of `model` at `provider` (a price table's name, such as `openai`) at a moment in
    /// Unix seconds. `None`: unknown, which is not zero.
    ///
    /// Decodes the model's entry each time; whoever asks often keeps its [`Catalog::timeline`].
    pub fn price(&self, provider: &str, model: &str, at_unix_s: i64) -> Option<Price> {
        self.timeline(provider, model)?.at(at_unix_s).cloned()
    }

    /// Every dated price of `model` at `provider`. `None`: the model is not listed there.
    pub fn timeline(&self, provider: &str, model: &str) -> Option<Timeline> {
        self.table.timeline(provider, model)
    }

    /// Every provider and model id that is listed, in no order.
    pub fn ids(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.table.ids()
    }
}

impl Timeline {
    /// The price in force at a moment in Unix seconds. `None`: not known for that time.
    pub fn at(&self, at_unix_s: i64) -> Option<&Price> {
        self.steps
            .iter()
            .rev()
            .find(|(from, _)| from.is_none_or(|from| from <= at_unix_s))
            .and_then(|(_, price)| price.as_ref())
    }

    /// Every price, by rising date.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        self.steps.iter().filter_map(|(_, price)| price.as_ref())
    }
}

impl Price {
    /// The rates for a request with that many prompt tokens, cached ones included.
    pub fn rates_for(&self, prompt_tokens: u64) -> &Rates {
        self.tiers
            .iter()
            .rev()
            .find(|tier| prompt_tokens > tier.prompt_over)
            .map_or(&self.rates, |tier| &tier.rates)
    }
}

#[cfg(test)]
mod tests;
