//! Usage × prices → nano-dollars.
//!
//! What the operator wrote wins, then the vendor's own figure where it can be believed, then the
//! price list of the day in the tier of service that the vendor names. Each class is rounded up once.
//! A price that is not known makes the cost unknown, never zero.

mod parts;

use std::sync::Arc;

use tollward_config::catalog::{Applied, Catalog, Price, Rates, Timeline, Unit, When};
use tollward_store::{CostSource, NanoUsd, ThingCounts, TokenCounts};
use tollward_wire::usage::{ReportedCost, Things, Usage};

pub use self::parts::Details;

/// A whole, in the millionths that factors are in.
pub const WHOLE_PPM: u64 = 1_000_000;

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
    Listed {
        /// The model's prices.
        timeline: Arc<Timeline>,
        /// The operator's part of them, in millionths: less than a whole is a discount.
        factor_ppm: u64,
    },
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

    /// Nobody knows what was owed.
    const UNKNOWN: Self = Self {
        cost: None,
        source: CostSource::Unknown,
        price_id: None,
    };

    /// Nobody knows how much it was.
    const UNMEASURED: Self = Self {
        source: CostSource::Unmeasured,
        ..Self::UNKNOWN
    };

    /// Nobody heard how much it was: all that was held for it.
    pub fn held(amount: NanoUsd) -> Self {
        Self {
            cost: Some(amount),
            source: CostSource::Computed,
            price_id: None,
        }
    }

    fn computed(cost: Option<NanoUsd>, price_id: Arc<str>) -> Self {
        cost.map_or(Self::UNKNOWN, |cost| Self {
            cost: Some(cost),
            source: CostSource::Computed,
            price_id: Some(price_id),
        })
    }
}

impl Prices {
    /// The catalog's prices of `model` at `provider`, if it lists them.
    pub fn listed(catalog: &Catalog, provider: &str, model: &str) -> Self {
        let timeline = catalog.timeline(provider, model);
        timeline.map_or(Self::Unknown, |timeline| Self::Listed {
            timeline: Arc::new(timeline),
            factor_ppm: WHOLE_PPM,
        })
    }

    /// What something costs of which nobody says how much it was: nothing where nothing costs anything.
    pub fn unmeasured(&self, at_unix_s: i64) -> Priced {
        let is_free = match self {
            Self::Free => true,
            Self::Unknown => false,
            Self::Override(rates) => costs_nothing(rates),
            Self::Listed { timeline, .. } => {
                let price = timeline.at(at_unix_s);
                price.is_some_and(|it| costs_nothing(&it.terms.rates))
            }
        };
        if is_free {
            Priced::NOTHING
        } else {
            Priced::UNMEASURED
        }
    }

    /// The same at the operator's part of the catalog's price.
    #[must_use]
    pub fn times(self, factor_ppm: u64) -> Self {
        match self {
            Self::Listed { timeline, .. } => Self::Listed {
                timeline,
                factor_ppm,
            },
            other => other,
        }
    }

    /// Whether anybody knows any.
    pub fn are_known(&self, at_unix_s: i64) -> bool {
        match self {
            Self::Free | Self::Override(_) => true,
            Self::Unknown => false,
            Self::Listed { .. } => self.listing(at_unix_s).is_some(),
        }
    }

    /// The tiers of service that have prices of their own.
    pub fn services(&self, at_unix_s: i64) -> impl Iterator<Item = &str> {
        let services = self.listing(at_unix_s).map(|it| &it.services);
        services.into_iter().flatten().map(|it| &*it.name)
    }

    /// The regions that have factors of their own.
    pub fn regions(&self, at_unix_s: i64) -> impl Iterator<Item = &str> {
        let regions = self.listing(at_unix_s).map(|it| &it.regions);
        regions.into_iter().flatten().map(|(name, _)| &**name)
    }

    fn listing(&self, at_unix_s: i64) -> Option<&Price> {
        match self {
            Self::Listed { timeline, .. } => timeline.at(at_unix_s),
            Self::Free | Self::Unknown | Self::Override(_) => None,
        }
    }

    /// Pico-dollars for one `unit` of a short call in the usual tier; `None` if that is not known.
    pub fn of_one(&self, unit: Unit, at_unix_s: i64) -> Option<u64> {
        let part = |pico: u64, factor_ppm: u64| {
            let pico = u128::from(pico) * u128::from(factor_ppm) / u128::from(WHOLE_PPM);
            u64::try_from(pico).ok()
        };
        match self {
            Self::Free => Some(0),
            Self::Unknown => None,
            Self::Override(rates) => rates.price(unit),
            Self::Listed {
                timeline,
                factor_ppm,
            } => {
                let when = When {
                    at_unix_s,
                    ..When::default()
                };
                let applied = timeline.at(at_unix_s)?.applied(&when)?;
                part(applied.rates.price(unit)?, *factor_ppm)
            }
        }
    }

    /// What `usage` costs when it was complete at `at_unix_s`.
    pub fn cost(&self, usage: &Usage, at_unix_s: i64) -> Priced {
        match self {
            Self::Override(rates) => {
                let cost = parts::cost(rates, usage, WHOLE_PPM);
                Priced::computed(cost, Arc::from("override"))
            }
            Self::Free => self.told(usage, None).unwrap_or(Priced::NOTHING),
            Self::Unknown => self.told(usage, None).unwrap_or(Priced::UNKNOWN),
            Self::Listed {
                timeline,
                factor_ppm,
            } => {
                let price = timeline.at(at_unix_s);
                let told = self.told(usage, price).filter(|_| *factor_ppm == WHOLE_PPM);
                let listed = || listed(price?, usage, at_unix_s, *factor_ppm);
                told.or_else(listed).unwrap_or(Priced::UNKNOWN)
            }
        }
    }

    /// What a computed cost is made of; `None` where it was not computed.
    pub fn details(&self, usage: &Usage, at_unix_s: i64) -> Option<Details> {
        match self {
            Self::Free | Self::Unknown => None,
            Self::Override(rates) => parts::details(rates, usage, WHOLE_PPM),
            Self::Listed {
                timeline,
                factor_ppm,
            } => {
                let price = timeline.at(at_unix_s)?;
                let applied = price.applied(&when(usage, at_unix_s))?;
                let factor = applied.factor_ppm.checked_mul(*factor_ppm)? / WHOLE_PPM;
                parts::details(applied.rates, usage, factor)
            }
        }
    }

    /// The vendor's own figure, if it can be believed.
    ///
    /// Nothing charged for something used is believed of models that are listed as free only: gateways and
    /// routers say 0 when they do not know, and no budget would ever be reached.
    fn told(&self, usage: &Usage, price: Option<&Price>) -> Option<Priced> {
        let cost = sum(usage.reported_cost.as_ref()?)?;
        let is_free = match self {
            Self::Free => true,
            _ => price.is_some_and(|it| it.terms.rates.get(Unit::Input) == Some(0)),
        };
        let is_used = usage.total() > 0 || usage.things != Things::default();
        if cost == NanoUsd::ZERO && is_used && !is_free {
            return None;
        }
        Some(Priced {
            cost: Some(cost),
            source: CostSource::Provider,
            price_id: None,
        })
    }
}

/// Whether there are prices, and all of them are nothing.
fn costs_nothing(rates: &Rates) -> bool {
    !rates.is_empty() && rates.iter().all(|(_, price)| price == 0)
}

/// What the vendor charges and what the one behind it does.
fn sum(told: &ReportedCost) -> Option<NanoUsd> {
    let charged: NanoUsd = told.charged.parse().ok()?;
    match &told.behind {
        Some(behind) => charged.checked_add(behind.parse().ok()?),
        None => Some(charged),
    }
}

/// What decides which of a model's prices holds.
fn when(usage: &Usage, at_unix_s: i64) -> When<'_> {
    When {
        at_unix_s,
        prompt_tokens: usage.input,
        service: usage.service_tier.as_deref(),
        region: usage.region.as_deref(),
    }
}

fn listed(price: &Price, usage: &Usage, at_unix_s: i64, factor_ppm: u64) -> Option<Priced> {
    let applied = price.applied(&when(usage, at_unix_s))?;
    let factor = applied.factor_ppm.checked_mul(factor_ppm)? / WHOLE_PPM;
    let cost = parts::cost(applied.rates, usage, factor);
    Some(Priced::computed(
        cost,
        price_id(price, &applied, factor_ppm),
    ))
}

/// Names the rates in the ledger: `openai/gpt-5.6@2026-08-21+priority`.
fn price_id(price: &Price, applied: &Applied<'_>, factor_ppm: u64) -> Arc<str> {
    let off_peak = applied.is_off_peak.then_some("off-peak");
    let discount = (factor_ppm != WHOLE_PPM).then_some("override");
    let words = [applied.service, applied.region, off_peak, discount];
    let mut named = words.into_iter().flatten().peekable();
    if named.peek().is_none() {
        return Arc::clone(&price.id);
    }
    let named = named.map(|word| format!("+{word}"));
    format!("{}{}", price.id, named.collect::<String>()).into()
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

/// What a usage has besides tokens, for the ledger.
pub fn thing_counts(usage: &Usage) -> ThingCounts {
    ThingCounts {
        images: usage.things.images,
        input_ms: usage.things.input_ms,
        characters: usage.things.characters,
    }
}

#[cfg(test)]
mod tests;
