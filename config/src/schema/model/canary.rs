//! A deployment on trial, and when the trial is over.

use crate::reader::{Field, Reader};

/// A deployment that is taken out once it fails too often, until it is put back by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanaryConfig {
    /// Percent of failed calls with which it is taken out. Default 10. Between 1 and 100.
    pub percent: u32,
    /// Of so many calls. Default 50. Between 5 and 10,000.
    pub calls: u32,
}

impl CanaryConfig {
    pub(super) fn read(field: &Field<'_>, reader: &mut Reader) -> Option<Self> {
        field.node?;
        let mut table = field.table(reader);
        let canary = Self {
            percent: table.field("percent").integer(reader, 10, 1..=100),
            calls: table.field("calls").integer(reader, 50, 5..=10_000),
        };
        table.finish(reader);
        Some(canary)
    }
}
