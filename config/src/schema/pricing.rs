//! Section `pricing`: prices that win over the catalog.
//!
//! Amounts stay decimal text from the file to the integer: no float touches money.

use crate::catalog::Rates;
use crate::node::ScalarKind;
use crate::reader::{Field, Reader, Table};
use crate::report::quote;

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

impl PricingConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let items = table.field("overrides").items(reader);
        let overrides = items
            .iter()
            .filter_map(|(path, node)| PriceOverride::read(&Field::at(path, node), reader))
            .collect::<Vec<_>>();
        report_repeated(&overrides, &items, reader);
        table.finish(reader);
        Self { overrides }
    }

    /// The override for a model at a provider. `None`: the catalog holds.
    pub fn find(&self, provider: &str, model: &str) -> Option<&PriceOverride> {
        self.overrides
            .iter()
            .find(|price| price.provider == provider && price.model == model)
    }
}

impl PriceOverride {
    /// The same in pico-dollars per token. Amounts that were not loaded through
    /// [`load`](crate::load) and are no decimals count as absent; `None` then.
    pub fn rates(&self) -> Option<Rates> {
        let optional = |text: &Option<String>| text.as_deref().and_then(pico_per_token);
        Some(Rates {
            input: pico_per_token(&self.input_per_mtok)?,
            output: Some(pico_per_token(&self.output_per_mtok)?),
            cache_read: optional(&self.cache_read_per_mtok),
            cache_write: optional(&self.cache_write_per_mtok),
            ..Rates::default()
        })
    }

    fn read(field: &Field<'_>, reader: &mut Reader) -> Option<Self> {
        let mut table = field.table(reader);
        let provider = table.field("provider").required_text(reader);
        let model = table.field("model").required_text(reader);
        let input = required_amount(&table.field("input_per_mtok"), reader);
        let output = required_amount(&table.field("output_per_mtok"), reader);
        let price = Self {
            cache_read_per_mtok: table.field("cache_read_per_mtok").amount(reader),
            cache_write_per_mtok: table.field("cache_write_per_mtok").amount(reader),
            provider: provider.unwrap_or_default(),
            model: model.unwrap_or_default(),
            input_per_mtok: input?,
            output_per_mtok: output?,
        };
        let shown = format!(
            "{} in, {} out per Mtok",
            price.input_per_mtok, price.output_per_mtok
        );
        reader
            .origins
            .record_value(field.path.clone(), shown, "default");
        table.finish(reader);
        Some(price)
    }
}

fn required_amount(field: &Field<'_>, reader: &mut Reader) -> Option<String> {
    if field.node.is_none() {
        field.required_text(reader);
    }
    field.amount(reader)
}

impl Field<'_> {
    /// US dollars per million tokens, as text or as a number, exact.
    fn amount(&self, reader: &mut Reader) -> Option<String> {
        let expected = "US dollars per million tokens such as 0.15, with up to six decimals";
        self.read(reader, expected, |scalar| {
            let may_be = !matches!(scalar.kind, ScalarKind::Bool | ScalarKind::Null);
            let text = scalar.text.trim();
            (may_be && pico_per_token(text).is_some()).then(|| text.to_owned())
        })
    }
}

/// Two prices for one model cannot both hold.
fn report_repeated(
    overrides: &[PriceOverride],
    items: &[(String, crate::node::Node)],
    reader: &mut Reader,
) {
    if overrides.len() != items.len() {
        return;
    }
    for (index, (price, (path, _))) in overrides.iter().zip(items).enumerate() {
        let is_repeated = overrides
            .iter()
            .take(index)
            .any(|earlier| earlier.provider == price.provider && earlier.model == price.model);
        if is_repeated {
            let name = format!("{}/{}", price.provider, price.model);
            reader.report(path, format!("{} has a price already", quote(&name)), None);
        }
    }
}

/// Decimal dollars per million tokens as pico-dollars per token: the point moves six places.
fn pico_per_token(text: &str) -> Option<u64> {
    const PLACES: usize = 6;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = fraction.trim_end_matches('0');
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > PLACES {
        return None;
    }
    format!("{whole}{fraction:0<PLACES$}").parse().ok()
}

#[cfg(test)]
mod tests;
