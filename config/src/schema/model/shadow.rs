//! Calls of a model that another model is asked as well, to see how it does.

use crate::reader::{Field, Reader};

/// Copies of a share of the requests go to another model; nobody gets their answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowConfig {
    /// The model that is asked as well.
    pub model: String,
    /// Of 100 requests so many. Default 1. Between 1 and 100.
    pub percent: u32,
}

impl ShadowConfig {
    pub(super) fn read(field: &Field<'_>, reader: &mut Reader) -> Option<Self> {
        field.node?;
        let mut table = field.table(reader);
        let model = table.field("use").required_text(reader);
        let percent = table.field("percent").integer(reader, 1, 1..=100);
        table.finish(reader);
        Some(Self {
            model: model?,
            percent,
        })
    }
}
