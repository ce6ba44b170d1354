//! Section `pricing`: prices that win over the catalog.

/// Contract prices and prices of models the catalog does not know.
///
/// Reload: applies to calls that end after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PricingConfig {
    /// One entry per provider and model. Default none.
    pub overrides: Vec<PriceOverride>,
}

/// The price of one model at one provider, in US dollars per million tokens.
///
/// Amounts are decimal text, exact to the pico-dollar per token (six places).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceOverride {
    /// Name of an entry in `providers`, or a built-in kind.
    pub provider: String,
    /// The model's name at that provider.
    pub model: String,
    /// Input tokens, such as `0.15`.
    pub input_per_mtok: String,
    /// Output tokens, reasoning included.
    pub output_per_mtok: String,
    /// Input tokens read from the provider's cache. `None`: billed as input.
    pub cache_read_per_mtok: Option<String>,
    /// Input tokens written to the provider's cache. `None`: billed as input.
    pub cache_write_per_mtok: Option<String>,
}
