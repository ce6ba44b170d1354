//! The table's format: what is parsed when, and how a model is found.
//!
//! Only the outline is parsed up front: provider and model names borrowed from the binary, each
//! with its price list still as text. A price list is decoded when its model is asked for, which
//! keeps start-up in tens of microseconds and the heap at the size of the outline.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalog::{Price, Rates, Tier};

/// The outline of a price table.
#[derive(Deserialize, Default)]
pub(super) struct Table {
    id: Box<str>,
    #[serde(borrow)]
    providers: HashMap<&'static str, Provider>,
}

/// One provider's models.
#[derive(Deserialize, Default)]
struct Provider {
    #[serde(borrow)]
    models: HashMap<&'static str, &'static RawValue>,
    /// Other names to models.
    #[serde(default, borrow)]
    aliases: HashMap<&'static str, &'static str>,
}

/// A price as it is stored.
#[derive(Deserialize)]
struct Stored {
    /// Unix seconds; absent: since ever.
    #[serde(default)]
    from: Option<i64>,
    #[serde(flatten)]
    rates: StoredRates,
    #[serde(default)]
    tiers: Vec<StoredTier>,
}

#[derive(Deserialize)]
struct StoredTier {
    over: u64,
    #[serde(flatten)]
    rates: StoredRates,
}

#[derive(Deserialize)]
struct StoredRates {
    #[serde(rename = "i")]
    input: u64,
}

impl Table {
    pub(super) fn parse(text: &'static str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn price(&self, provider: &str, model: &str, at_unix_s: i64) -> Option<Price> {
        let _ = (provider, model, at_unix_s);
        None
    }
}
