//! What the price table says of a deployment's model: its prices, unless the operator wrote others,
//! and what it can do.

use std::sync::Arc;

use tollward_config::catalog::{Capabilities, Catalog};
use tollward_config::{OverriddenPrice, OverrideTerms};

use crate::policy::price::Prices;

/// What `model` costs at a provider of `kind`, given what the operator wrote about it.
pub(super) fn prices(
    catalog: &Catalog,
    written: Option<&OverriddenPrice>,
    kind: &str,
    model: &str,
) -> Prices {
    match written.map(|it| &it.terms) {
        Some(OverrideTerms::Rates(rates)) => Prices::Override(Arc::clone(rates)),
        Some(OverrideTerms::Multiply(factor_ppm)) => {
            listed(catalog, kind, model).times(*factor_ppm)
        }
        None => listed(catalog, kind, model),
    }
}

/// What `model` can do at a provider of `kind`, as far as the table says so.
pub(super) fn capabilities(catalog: &Catalog, kind: &str, model: &str) -> Capabilities {
    let name = tollward_providers::kind(kind).and_then(|row| row.price_provider);
    let listed = name.and_then(|name| catalog.capabilities(name, model));
    listed.unwrap_or_default()
}

/// What `model` costs at a provider of `kind` when the operator wrote nothing about it.
fn listed(catalog: &Catalog, kind: &str, model: &str) -> Prices {
    match tollward_providers::kind(kind).map(|row| (row.price_provider, row.default_port)) {
        // So OpenRouter names what it gives away; no table lists these.
        Some((Some("openrouter"), _)) if model.ends_with(":free") => Prices::Free,
        // Free models, says <https://developers.openai.com/api/docs/models/omni-moderation-latest>
        // (read 2026-11); no table lists them.
        Some((Some("openai"), _)) if is_judge(model) => Prices::Free,
        Some((Some(name), _)) => Prices::listed(catalog, name, model),
        Some((None, None)) => Prices::Unknown,
        // The operator's own server, or the engine in this process: nobody sends a bill.
        Some((None, Some(_))) | None => Prices::Free,
    }
}

/// Whether a model of `OpenAI`'s only judges texts and pictures.
fn is_judge(model: &str) -> bool {
    model.starts_with("omni-moderation-") || model.starts_with("text-moderation-")
}
