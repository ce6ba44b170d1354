//! Which prices hold for a deployment: the operator's, the price table's, or none.

use std::sync::Arc;

use tollward_config::catalog::Catalog;
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

/// What `model` costs at a provider of `kind` when the operator wrote nothing about it.
fn listed(catalog: &Catalog, kind: &str, model: &str) -> Prices {
    match tollward_providers::kind(kind).map(|row| (row.price_provider, row.default_port)) {
        // So OpenRouter names what it gives away; no table lists these.
        Some((Some("openrouter"), _)) if model.ends_with(":free") => Prices::Free,
        Some((Some(name), _)) => Prices::listed(catalog, name, model),
        Some((None, None)) => Prices::Unknown,
        // The operator's own server, or the engine in this process: nobody sends a bill.
        Some((None, Some(_))) | None => Prices::Free,
    }
}
