//! The price table: dated prices of models, with where each was read, and what the models can do.
//!
//! One ships in the binary; a newer one may be read from a file. Both are `prices.json`, generated from public data
//! (see `build.py` beside it) and parsed as far as it is asked. A price is found by the exact model id, an explicit alias, or the id
//! without its trailing date when only the undated one is listed; never by a prefix, which would
//! price a new model as its older cousin. What is not found is unknown, never free.
//!
//! Amounts are integers: pico-dollars per unit, so $1 per million tokens is 1 000 000. What is
//! used and what is owed is decided elsewhere.

mod capability;
mod format;
mod moment;
mod peak;
mod price;
mod table;
mod unit;

use std::sync::{Arc, LazyLock};

use table::Table;

pub use capability::{Ability, Capabilities};
pub use peak::Peak;
pub use price::{Applied, OffPeak, Price, Service, ServiceTerms, Tier, Timeline, When};
pub use table::{CatalogError, Input, Listing, Rival};
pub use unit::{Rates, Unit};

/// A dated price table.
pub struct Catalog {
    table: Table,
}

impl Catalog {
    /// The table in this binary, parsed on first use.
    pub fn embedded() -> Arc<Self> {
        static EMBEDDED: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            // The tests parse the same bytes, so an unreadable table cannot be shipped; if it
            // were, every price would be unknown, which is the honest answer.
            let table = Table::parse(include_str!("../catalog/prices.json")).unwrap_or_default();
            Arc::new(Catalog { table })
        });
        Arc::clone(&EMBEDDED)
    }

    /// Reads a table from the text of a file.
    ///
    /// # Errors
    /// It is not a table of this format, or its content is not what its fingerprint says.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        Table::parse(text).map(|table| Self { table })
    }

    /// The date of the table and a fingerprint of its content, such as `2026-11-24+9f3c5a1e`.
    pub fn id(&self) -> &str {
        self.table.id()
    }

    /// The day on which the table was made, in Unix seconds.
    pub fn built_unix_s(&self) -> i64 {
        self.table.built_unix_s()
    }

    /// The length of the table's text.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// What the table was made from.
    pub fn inputs(&self) -> &[Input] {
        self.table.inputs()
    }

    /// The name of a source, by its place in [`Catalog::inputs`].
    pub fn source(&self, index: usize) -> &str {
        self.inputs().get(index).map_or("", |input| &input.name)
    }

    /// Every dated price of `model` at `provider` (a price table's name, such as `openai`).
    /// `None`: the model is not listed there, which does not mean that it is free.
    pub fn timeline(&self, provider: &str, model: &str) -> Option<Timeline> {
        Some(self.listing(provider, model)?.timeline)
    }

    /// What `model` can do at `provider`, which is found as for its price.
    /// `None`: the model is not listed there, and nothing is known.
    pub fn capabilities(&self, provider: &str, model: &str) -> Option<Capabilities> {
        self.table.capabilities(provider, model)
    }

    /// Everything that is known of a model, for people.
    pub fn listing(&self, provider: &str, model: &str) -> Option<Listing> {
        self.table.listing(provider, model)
    }

    /// The providers that are listed, by name.
    pub fn providers(&self) -> Vec<&str> {
        self.table.providers()
    }

    /// Every model id that a provider lists, by name; aliases are not among them.
    pub fn models(&self, provider: &str) -> Vec<&str> {
        self.table.models(provider)
    }

    /// When a provider's peak is, if its prices depend on the hour.
    pub fn peak(&self, provider: &str) -> Option<Arc<Peak>> {
        self.table.peak(provider)
    }
}

#[cfg(test)]
mod tests;
