//! One model's price as it is stored: short keys, whole rates and no differences.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::price::{OffPeak, Price, Service, ServiceTerms, Tier};
use super::unit::{Rates, Unit};
use super::{Peak, moment};

/// A price as it is stored, in pico-dollars per unit. No rate at all: it was not sold then.
#[derive(Deserialize)]
pub(super) struct StoredPrice {
    /// From when, as a date or a moment. Absent: since before records began.
    f: Option<String>,
    /// Where it was read.
    u: Option<String>,
    /// Outside of the peak.
    #[serde(default)]
    k: Option<BTreeMap<String, u64>>,
    /// Tiers of service.
    #[serde(default)]
    v: BTreeMap<String, StoredTerms>,
    /// Regions, in millionths of the price.
    #[serde(default)]
    g: BTreeMap<String, u64>,
    #[serde(flatten)]
    terms: StoredTerms,
}

#[derive(Deserialize)]
struct StoredTerms {
    #[serde(default)]
    t: Vec<StoredTier>,
    #[serde(flatten)]
    rates: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct StoredTier {
    over: u64,
    #[serde(flatten)]
    rates: BTreeMap<String, u64>,
}

impl StoredPrice {
    /// The start of this price, and the price if there was one. `None`: it cannot be read.
    pub(super) fn read(
        self,
        name: &str,
        peak: Option<&Arc<Peak>>,
    ) -> Option<(Option<i64>, Option<Price>)> {
        let from_unix_s = match &self.f {
            Some(text) => Some(moment::parse(text)?),
            None => None,
        };
        let terms = self.terms.read()?;
        if terms.rates.is_empty() {
            return Some((from_unix_s, None));
        }
        let off_peak = match self.k {
            Some(stored) => Some(OffPeak {
                rates: rates(&stored)?,
                peak: Arc::clone(peak?),
            }),
            None => None,
        };
        let service = |(name, stored): (String, StoredTerms)| {
            Some(Service {
                name: name.into(),
                terms: stored.read()?,
            })
        };
        let since = self.f.as_deref().unwrap_or("start");
        let price = Price {
            id: format!("{name}@{since}").into(),
            from_unix_s,
            source: self.u.map(Into::into),
            terms,
            off_peak,
            services: self.v.into_iter().map(service).collect::<Option<_>>()?,
            regions: self
                .g
                .into_iter()
                .map(|(name, factor)| (name.into(), factor))
                .collect(),
        };
        Some((from_unix_s, Some(price)))
    }
}

impl StoredTerms {
    fn read(&self) -> Option<ServiceTerms> {
        let tier = |stored: &StoredTier| {
            Some(Tier {
                prompt_over: stored.over,
                rates: rates(&stored.rates)?,
            })
        };
        Some(ServiceTerms {
            rates: rates(&self.rates)?,
            tiers: self.t.iter().map(tier).collect::<Option<_>>()?,
        })
    }
}

/// `None`: there is a price for something unknown, and what it means cannot be guessed.
fn rates(stored: &BTreeMap<String, u64>) -> Option<Rates> {
    let unit = |key: &str| Unit::ALL.into_iter().find(|unit| unit.key() == key);
    stored
        .iter()
        .map(|(key, pico)| Some((unit(key)?, *pico)))
        .collect()
}
