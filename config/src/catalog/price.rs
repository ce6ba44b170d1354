//! What one model costs at one provider: from when, for how long a prompt, in which service, at which hour.

use std::sync::Arc;

use super::peak::Peak;
use super::unit::Rates;

/// Every price one model had at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// From when, by rising date, and the price; `None` where it was not sold or not known.
    pub(super) steps: Vec<(Option<i64>, Option<Price>)>,
}

/// What one model costs at one provider from a date on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Names this price in the ledger: `provider/model@date`.
    pub id: Arc<str>,
    /// When it came into force, in Unix seconds. `None`: since before records began.
    pub from_unix_s: Option<i64>,
    /// The page or the change where it was read.
    pub source: Option<Arc<str>>,
    /// What it costs when nothing else is said.
    pub terms: ServiceTerms,
    /// What it costs outside of the peak hours; `terms` then are those of the peak.
    pub off_peak: Option<OffPeak>,
    /// What it costs in other tiers of service, by name: `batch`, `flex`, `priority`, `fast`.
    pub services: Vec<Service>,
    /// Regions where it costs more, and how much: 1 100 000 stands for 1.1 times the price.
    pub regions: Vec<(Arc<str>, u64)>,
}

/// Rates of one tier of service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceTerms {
    /// What a unit costs.
    pub rates: Rates,
    /// Rates for longer prompts, by rising threshold.
    pub tiers: Vec<Tier>,
}

/// Another tier of service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// What it costs.
    pub terms: ServiceTerms,
}

/// Rates outside of the peak hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffPeak {
    /// What a unit costs then.
    pub rates: Rates,
    /// When the peak is.
    pub peak: Arc<Peak>,
}

/// Rates of a request whose whole prompt is longer than a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Applies when the prompt, cached part included, has more tokens than this.
    pub prompt_over: u64,
    /// The rates for the whole request.
    pub rates: Rates,
}

/// What decides which rates hold for an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct When<'a> {
    /// When the answer was complete, in Unix seconds.
    pub at_unix_s: i64,
    /// Tokens of the whole prompt, cached ones included.
    pub prompt_tokens: u64,
    /// The tier of service that the vendor says it was served in. `None`: the usual one.
    pub service: Option<&'a str>,
    /// The region that the vendor says it was served in. `None`: any.
    pub region: Option<&'a str>,
}

/// The rates that hold for one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied<'a> {
    /// What a unit costs.
    pub rates: &'a Rates,
    /// In millionths of these rates.
    pub factor_ppm: u64,
    /// The tier of service whose rates they are; `None`: the usual one.
    pub service: Option<&'a str>,
    /// The region whose factor it is.
    pub region: Option<&'a str>,
    /// Whether they are those outside of the peak hours.
    pub is_off_peak: bool,
    /// The prompt length above which they hold.
    pub prompt_over: Option<u64>,
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
    /// The rates for one answer. `None`: it was served in a tier whose price is not known.
    ///
    /// A tier that is never dearer than the usual one (`flex`, `batch`) costs what the usual one
    /// does where it has no price of its own. Any other tier without a price makes the cost
    /// unknown: the usual price would be too low.
    pub fn applied(&self, when: &When<'_>) -> Option<Applied<'_>> {
        let find = |name: &str| self.services.iter().find(|it| *it.name == *name);
        let service = when.service.and_then(find);
        let is_cheap = |name: &str| matches!(name, "flex" | "batch");
        if service.is_none() && when.service.is_some_and(|it| !is_cheap(it)) {
            return None;
        }
        let off_peak = self
            .off_peak
            .as_ref()
            .filter(|it| service.is_none() && !it.peak.contains(when.at_unix_s));
        let terms = service.map_or(&self.terms, |service| &service.terms);
        let tier = terms
            .tiers
            .iter()
            .rev()
            .find(|tier| when.prompt_tokens > tier.prompt_over);
        let rates = tier.map_or(&terms.rates, |tier| &tier.rates);
        let region = when
            .region
            .and_then(|name| self.regions.iter().find(|(it, _)| **it == *name));
        Some(Applied {
            rates: off_peak.map_or(rates, |it| &it.rates),
            factor_ppm: region.map_or(1_000_000, |(_, factor)| *factor),
            service: service.map(|it| &*it.name),
            region: region.map(|(name, _)| &**name),
            is_off_peak: off_peak.is_some(),
            prompt_over: tier.map(|tier| tier.prompt_over),
        })
    }
}
