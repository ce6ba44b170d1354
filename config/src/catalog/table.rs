//! The table as a whole: its outline, its providers, and how a model is found.
//!
//! Parsing goes three steps, each only when something asks for it: the list of providers, then
//! one provider's names, then one model's prices. A gateway that talks to two providers never
//! unfolds the others.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::format::StoredPrice;
use super::{Capabilities, Peak, Timeline, capability, moment};

/// The version of the format that is written, and the latest that is read.
const SCHEMA: u32 = 3;
/// The oldest that is read: prices alone, without what the models can do.
const OLDEST_SCHEMA: u32 = 2;

/// Why a table is not read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not JSON of the expected shape.
    #[error("it is not a price table: {0}")]
    Format(#[from] serde_json::Error),
    /// A table of another release.
    #[error("it has format {0}, and this release reads {OLDEST_SCHEMA} and {SCHEMA}")]
    Schema(u32),
    /// The fingerprint in its id is not that of its content.
    #[error("its content is not what its id says; it was changed or cut")]
    Fingerprint,
    /// Its id is no date and fingerprint.
    #[error("its id `{0}` is not a date and a fingerprint")]
    Id(String),
}

/// One of the packages that a table was made from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Input {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The licence of its data.
    pub licence: String,
    /// The day up to which its data is complete, if it says so.
    pub data_as_of: Option<String>,
    /// Checksum of the package, in hexadecimal.
    pub sha256: String,
}

/// What is known of one model, and who says what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The model's id in the table, which an alias leads to.
    pub id: String,
    /// Its prices.
    pub timeline: Timeline,
    /// Place of the source in [`super::Catalog::inputs`].
    pub source: usize,
    /// Places of the sources that gave the same price on the day the table was made.
    pub confirmed_by: Vec<usize>,
    /// Sources that gave another one.
    pub rivals: Vec<Rival>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// On which of its capabilities the sources did not agree, by the names of the fields.
    pub disputed: Vec<&'static str>,
}

/// What another source said on the day the table was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rival {
    /// Place of the source in [`super::Catalog::inputs`].
    pub source: usize,
    /// Pico-dollars per token of input.
    pub input: u64,
    /// Pico-dollars per token of output.
    pub output: u64,
}

/// The outline of a price table.
#[derive(Default)]
pub(super) struct Table {
    id: String,
    built_unix_s: i64,
    bytes: usize,
    inputs: Vec<Input>,
    providers: BTreeMap<String, Lazy>,
}

/// A provider that is unfolded on first use.
struct Lazy {
    raw: Box<RawValue>,
    parsed: OnceLock<Provider>,
}

/// One provider's models.
#[derive(Deserialize, Default)]
struct Provider {
    /// Whether ids are compared in lower case, as this provider does.
    fold: bool,
    #[serde(default)]
    peak: Option<Arc<Peak>>,
    models: HashMap<String, Box<RawValue>>,
    /// Other names of models.
    aliases: HashMap<String, String>,
}

#[derive(Deserialize)]
struct StoredTable {
    schema: u32,
    id: String,
    inputs: Vec<Input>,
    providers: BTreeMap<String, Box<RawValue>>,
}

/// A model as it is stored.
#[derive(Deserialize)]
struct StoredModel {
    /// Its source.
    s: usize,
    /// Its prices, by rising date.
    p: Vec<StoredPrice>,
    /// Sources that agree.
    #[serde(default)]
    c: Vec<usize>,
    /// Sources that do not: source, input, output.
    #[serde(default)]
    x: Vec<(usize, u64, u64)>,
    /// What it can do.
    #[serde(default)]
    a: capability::Stored,
}

/// Of a model as it is stored, what it can do.
#[derive(Deserialize)]
struct StoredAbilities {
    #[serde(default)]
    a: capability::Stored,
}

impl Table {
    pub(super) fn parse(text: &str) -> Result<Self, CatalogError> {
        let stored: StoredTable = serde_json::from_str(text)?;
        if !(OLDEST_SCHEMA..=SCHEMA).contains(&stored.schema) {
            return Err(CatalogError::Schema(stored.schema));
        }
        let id = stored
            .id
            .split_once('+')
            .and_then(|(day, fingerprint)| Some((moment::parse(day)?, fingerprint)));
        let Some((built_unix_s, fingerprint)) = id else {
            return Err(CatalogError::Id(stored.id));
        };
        if !is_content_of(text, fingerprint) {
            return Err(CatalogError::Fingerprint);
        }
        let lazy = |raw| Lazy {
            raw,
            parsed: OnceLock::new(),
        };
        let providers = stored.providers.into_iter();
        Ok(Self {
            id: stored.id,
            built_unix_s,
            bytes: text.len(),
            inputs: stored.inputs,
            providers: providers.map(|(name, raw)| (name, lazy(raw))).collect(),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn built_unix_s(&self) -> i64 {
        self.built_unix_s
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    pub(super) fn providers(&self) -> Vec<&str> {
        self.providers.keys().map(String::as_str).collect()
    }

    pub(super) fn models(&self, provider: &str) -> Vec<&str> {
        let lazy = self.providers.get(provider);
        let ids = lazy.map(|lazy| lazy.get().models.keys().map(String::as_str));
        let mut ids: Vec<&str> = ids.into_iter().flatten().collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn peak(&self, provider: &str) -> Option<Arc<Peak>> {
        self.providers.get(provider)?.get().peak.clone()
    }

    pub(super) fn capabilities(&self, provider: &str, model: &str) -> Option<Capabilities> {
        let (_, raw) = self.providers.get(provider)?.get().find(model)?;
        let stored: StoredAbilities = serde_json::from_str(raw.get()).ok()?;
        stored.a.read()
    }

    pub(super) fn listing(&self, provider: &str, model: &str) -> Option<Listing> {
        let found = self.providers.get(provider)?.get();
        let (id, raw) = found.find(model)?;
        let stored: StoredModel = serde_json::from_str(raw.get()).ok()?;
        let name = format!("{provider}/{id}");
        let steps = stored.p.into_iter();
        let steps = steps
            .map(|price| price.read(&name, found.peak.as_ref()))
            .collect::<Option<_>>()?;
        let rival = |(source, input, output)| Rival {
            source,
            input,
            output,
        };
        Some(Listing {
            id: id.to_owned(),
            timeline: Timeline { steps },
            source: stored.s,
            confirmed_by: stored.c,
            rivals: stored.x.into_iter().map(rival).collect(),
            // What cannot be read of these makes no price unknown.
            capabilities: stored.a.read().unwrap_or_default(),
            disputed: stored.a.disputed(),
        })
    }
}

/// Whether the providers' part of the text, to its end, has that fingerprint.
fn is_content_of(text: &str, fingerprint: &str) -> bool {
    let Some(at) = text.find("\"providers\":") else {
        return false;
    };
    let content = text.get(at..).unwrap_or_default();
    let digest = Sha256::digest(content.as_bytes());
    let mut hex = String::new();
    for byte in digest {
        let _ = write!(hex, "{byte:02x}");
    }
    // Eight bytes at least: shorter ones say nothing about an accident.
    fingerprint.len() >= 16 && hex.starts_with(fingerprint)
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
    fn find(&self, model: &str) -> Option<(&str, &RawValue)> {
        let folded = if self.fold {
            model.to_lowercase()
        } else {
            model.to_owned()
        };
        self.find_exact(&folded)
            .or_else(|| self.find_exact(undated(&folded)?))
    }

    fn find_exact(&self, model: &str) -> Option<(&str, &RawValue)> {
        let id = self.aliases.get(model).map_or(model, String::as_str);
        self.models
            .get_key_value(id)
            .map(|(id, raw)| (id.as_str(), &**raw))
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
