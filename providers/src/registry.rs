//! The table of kinds, and the way from settings to a provider.
//!
//! Every kind is one row of `compatible`; there is no other list. Order is that of the
//! documentation: hosted vendors, servers people run themselves, the generic row.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::compatible::Compatible;
use crate::compatible::row::Row;
use crate::compatible::rows::ROWS;
use crate::provider::Provider;
use crate::settings::BuildError;

/// Every kind of provider.
pub fn kinds() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
}

/// The row of a kind; `None` if there is no such kind.
pub fn row(kind: &str) -> Option<&'static Row> {
    kinds().find(|it| it.kind == kind)
}

/// Builds a provider of `kind` from its settings.
///
/// # Errors
/// [`BuildError`] naming the kind or the setting at fault.
pub fn build(kind: &str, settings: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    let row = row(kind).ok_or_else(|| BuildError::UnknownKind {
        kind: kind.to_owned(),
        known: kinds().map(|it| it.kind).collect(),
    })?;
    Ok(Arc::new(Compatible::new(row, settings)?))
}
