//! Section `pricing`: prices that win over the catalog.
//!
//! Amounts stay decimal text from the file to the integer: no float touches money.

use std::sync::Arc;

use crate::catalog::{Rates, Unit};
use crate::node::ScalarKind;
use crate::reader::{Field, Reader, Table};
use crate::report::quote;

/// Contract prices and prices of models the catalog does not know.
///
/// Reload: applies to calls that end after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PricingConfig {
    /// One entry per provider and model. Default none.
    pub overrides: Vec<OverriddenPrice>,
    /// Where `tollward catalog update` finds a ready-made price table: a file or an HTTPS address.
    /// Default none: it makes one of public packages.
    pub update_from: Option<String>,
    /// Whether answers say in `usage.cost` what they cost. Default `on`.
    pub usage_cost: UsageCost,
}

/// Whether an answer of `OpenAI`'s APIs that tells its usage also tells its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageCost {
    /// Where the cost is known.
    #[default]
    On,
    /// What a vendor says itself is relayed all the same.
    Off,
}

/// How [`UsageCost`] is written.
const USAGE_COST: [(&str, UsageCost); 2] = [("on", UsageCost::On), ("off", UsageCost::Off)];

/// What one model costs at one provider: prices of its own, or a part of the catalog's.
///
/// Amounts are decimal text, exact to the pico-dollar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverriddenPrice {
    /// Name of an entry in `providers`, or a built-in kind.
    pub provider: String,
    /// The model's name at that provider.
    pub model: String,
    /// What is written.
    pub terms: OverrideTerms,
}

/// What an override says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideTerms {
    /// Pico-dollars per unit; what is not among them has no price.
    Rates(Arc<Rates>),
    /// The catalog's price times this many millionths: 850 000 for a discount of 15 %.
    Multiply(u64),
}

/// Keys of prices per million tokens, and of prices for one of something.
const PER_MTOK: &[(&str, Unit)] = &[
    ("input_per_mtok", Unit::Input),
    ("output_per_mtok", Unit::Output),
    ("cache_read_per_mtok", Unit::CacheRead),
    ("cache_write_per_mtok", Unit::CacheWrite),
    ("cache_write_long_per_mtok", Unit::CacheWriteLong),
    ("reasoning_per_mtok", Unit::Reasoning),
    ("audio_input_per_mtok", Unit::AudioInput),
    ("audio_output_per_mtok", Unit::AudioOutput),
    ("image_input_per_mtok", Unit::ImageInput),
    ("image_output_per_mtok", Unit::ImageOutput),
];
const PER_ONE: &[(&str, Unit)] = &[
    ("per_image", Unit::Image),
    ("per_second_input", Unit::SecondInput),
    ("per_second_output", Unit::SecondOutput),
    ("per_character", Unit::Character),
    ("per_page", Unit::Page),
    ("per_search_unit", Unit::SearchUnit),
    ("per_web_search", Unit::WebSearch),
    ("per_request", Unit::Request),
];

impl PricingConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let items = table.field("overrides").items(reader);
        let overrides = items
            .iter()
            .filter_map(|(path, node)| OverriddenPrice::read(&Field::at(path, node), reader))
            .collect::<Vec<_>>();
        report_repeated(&overrides, &items, reader);
        let update_from = table.field("update_from").optional_text(reader);
        let usage_cost = table.field("usage_cost");
        let usage_cost = usage_cost.choice(reader, UsageCost::default(), &USAGE_COST);
        table.finish(reader);
        Self {
            overrides,
            update_from,
            usage_cost,
        }
    }

    /// The override for a model at a provider. `None`: the catalog holds.
    pub fn find(&self, provider: &str, model: &str) -> Option<&OverriddenPrice> {
        self.overrides
            .iter()
            .find(|price| price.provider == provider && price.model == model)
    }
}

impl OverriddenPrice {
    fn read(field: &Field<'_>, reader: &mut Reader) -> Option<Self> {
        let mut table = field.table(reader);
        let provider = table.field("provider").required_text(reader);
        let model = table.field("model").required_text(reader);
        let mut prices = Vec::new();
        let mut shown = Vec::new();
        let mut is_written = false;
        for (keys, places) in [(PER_MTOK, 6), (PER_ONE, 12)] {
            for (key, unit) in keys {
                let amount = table.field(key);
                is_written |= amount.node.is_some();
                if let Some(pico) = amount.amount(places, reader) {
                    prices.push((*unit, pico));
                    shown.push(*key);
                }
            }
        }
        let multiply = table.field("multiply");
        is_written |= multiply.node.is_some();
        let multiply = multiply.amount(6, reader);
        table.finish(reader);
        let shown = if shown.is_empty() {
            String::from("a part of the catalog's price")
        } else {
            shown.join(", ")
        };
        reader
            .origins
            .record_value(field.path.clone(), shown, "default");
        let terms = match (prices.is_empty(), multiply) {
            (true, Some(factor)) => OverrideTerms::Multiply(factor),
            (false, None) => OverrideTerms::Rates(Arc::new(prices.into_iter().collect())),
            // A value that cannot be read was reported where it stands.
            (true, None) if is_written => return None,
            (is_empty, _) => {
                let message = if is_empty {
                    "has no price"
                } else {
                    "has prices and `multiply`, of which only one can hold"
                };
                let help = "write prices such as `input_per_mtok: \"0.15\"`, or `multiply: \"0.85\"` for a part of the catalog's";
                reader.report(&field.path, message, Some(help.to_owned()));
                return None;
            }
        };
        Some(Self {
            provider: provider?,
            model: model?,
            terms,
        })
    }
}

impl Field<'_> {
    /// A decimal amount of US dollars, as text or as a number, in units of its last possible place.
    pub(crate) fn amount(&self, places: usize, reader: &mut Reader) -> Option<u64> {
        let expected = format!("a number such as 0.15, with up to {places} decimals");
        self.read(reader, &expected, |scalar| {
            let may_be = !matches!(scalar.kind, ScalarKind::Bool | ScalarKind::Null);
            scaled(scalar.text.trim(), places).filter(|_| may_be)
        })
    }
}

/// Two prices for one model cannot both hold.
fn report_repeated(
    overrides: &[OverriddenPrice],
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

/// Decimal text with the point moved so many places: dollars per million tokens become
/// pico-dollars per token with six, dollars for one of something pico-dollars with twelve.
fn scaled(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = fraction.trim_end_matches('0');
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests;
