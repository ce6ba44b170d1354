//! The table's format: what is parsed when, and how a model is found.
//!
//! Parsing goes three steps, each only when something asks for it: the list of providers, then
//! one provider's names, borrowed from the binary, then one model's prices. A gateway that talks
//! to two providers never unfolds the other six.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Price, Rates, Tier, Timeline, moment};

/// The outline of a price table.
#[derive(Default)]
pub(super) struct Table {
    id: &'static str,
    providers: HashMap<&'static str, Lazy>,
}

/// A provider that is unfolded on first use.
struct Lazy {
    raw: &'static RawValue,
    parsed: OnceLock<Provider>,
}

/// One provider's models.
#[derive(Deserialize, Default)]
struct Provider {
    /// Whether ids are compared in lower case, as this provider does.
    fold: bool,
    #[serde(borrow)]
    models: HashMap<&'static str, &'static RawValue>,
    /// Other names of models.
    #[serde(borrow)]
    aliases: HashMap<&'static str, &'static str>,
}

#[derive(Deserialize)]
struct StoredTable {
    id: &'static str,
    #[serde(borrow)]
    providers: HashMap<&'static str, &'static RawValue>,
}

/// A model as it is stored.
#[derive(Deserialize)]
struct StoredModel {
    /// Its prices, by rising date.
    p: Vec<StoredPrice>,
}

/// A price as it is stored; pico-dollars per token. No `i`: it was not sold then.
#[derive(Deserialize)]
struct StoredPrice {
    /// From when, as a date or a moment. Absent: since before records began.
    f: Option<String>,
    i: Option<u64>,
    o: Option<u64>,
    r: Option<u64>,
    w: Option<u64>,
    ai: Option<u64>,
    ao: Option<u64>,
    re: Option<u64>,
    #[serde(default)]
    t: Vec<StoredTier>,
}

/// A tier as it is stored: complete rates, not differences.
#[derive(Deserialize)]
struct StoredTier {
    over: u64,
    i: u64,
    o: Option<u64>,
    r: Option<u64>,
    w: Option<u64>,
    ai: Option<u64>,
    ao: Option<u64>,
    re: Option<u64>,
}

impl Table {
    pub(super) fn parse(text: &'static str) -> Result<Self, serde_json::Error> {
        let stored: StoredTable = serde_json::from_str(text)?;
        let lazy = |raw| Lazy {
            raw,
            parsed: OnceLock::new(),
        };
        Ok(Self {
            id: stored.id,
            providers: stored
                .providers
                .into_iter()
                .map(|(name, raw)| (name, lazy(raw)))
                .collect(),
        })
    }

    pub(super) fn id(&self) -> &'static str {
        self.id
    }

    pub(super) fn timeline(&self, provider: &str, model: &str) -> Option<Timeline> {
        let (name, lazy) = self.providers.get_key_value(provider)?;
        let (id, raw) = lazy.get().find(model)?;
        let stored: StoredModel = serde_json::from_str(raw.get()).ok()?;
        let steps = stored
            .p
            .into_iter()
            .map(|price| price.read(name, id))
            .collect::<Option<_>>()?;
        Some(Timeline { steps })
    }

    /// Every provider with the ids it lists.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.providers
            .iter()
            .flat_map(|(name, lazy)| lazy.get().models.keys().map(|id| (*name, *id)))
    }
}

impl Lazy {
    fn get(&self) -> &Provider {
        self.parsed
            .get_or_init(|| serde_json::from_str(self.raw.get()).unwrap_or_default())
    }
}

impl Provider {
    /// The model of that name: exact, or by alias, or without a trailing date when nothing else
    /// has the name.
    fn find(&self, model: &str) -> Option<(&'static str, &'static RawValue)> {
        let folded = if self.fold {
            model.to_lowercase()
        } else {
            model.to_owned()
        };
        self.find_exact(&folded)
            .or_else(|| self.find_exact(undated(&folded)?))
    }

    fn find_exact(&self, model: &str) -> Option<(&'static str, &'static RawValue)> {
        let id = self.aliases.get(model).copied().unwrap_or(model);
        self.models.get_key_value(id).map(|(id, raw)| (*id, *raw))
    }
}

impl StoredPrice {
    /// The start of this price, and the price if there was one.
    fn read(self, provider: &str, model: &str) -> Option<(Option<i64>, Option<Price>)> {
        let from_unix_s = match &self.f {
            Some(text) => Some(moment::parse(text)?),
            None => None,
        };
        let Some(input) = self.i else {
            return Some((from_unix_s, None));
        };
        let tiers = self.t.iter().map(StoredTier::read).collect();
        let since = self.f.as_deref().unwrap_or("start");
        let price = Price {
            id: format!("{provider}/{model}@{since}").into(),
            from_unix_s,
            rates: Rates {
                input,
                output: self.o,
                cache_read: self.r,
                cache_write: self.w,
                audio_input: self.ai,
                audio_output: self.ao,
                reasoning: self.re,
            },
            tiers,
        };
        Some((from_unix_s, Some(price)))
    }
}

impl StoredTier {
    fn read(&self) -> Tier {
        Tier {
            prompt_over: self.over,
            rates: Rates {
                input: self.i,
                output: self.o,
                cache_read: self.r,
                cache_write: self.w,
                audio_input: self.ai,
                audio_output: self.ao,
                reasoning: self.re,
            },
        }
    }
}

/// The id without `-YYYYMMDD` or `-YYYY-MM-DD` at its end. `None`: it has no such end.
fn undated(id: &str) -> Option<&str> {
    let is_date = |text: &str| {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let shape: Vec<usize> = text.split('-').map(str::len).collect();
        let is_shaped = shape == [8] || shape == [4, 2, 2];
        is_shaped
            && digits.len() == 8
            && digits.starts_with("20")
            && moment::parse_date(&digits).is_some()
    };
    [9, 11].into_iter().find_map(|length| {
        let (stem, tail) = id.split_at_checked(id.len().checked_sub(length)?)?;
        let date = tail.strip_prefix('-')?;
        (!stem.is_empty() && is_date(date)).then_some(stem)
    })
}
