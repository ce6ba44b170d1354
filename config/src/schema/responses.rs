//! Section `responses`: what is kept of answers so that callers can go on from them.

use std::time::Duration;

use crate::reader::{Reader, Table};

/// How long responses are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponsesConfig {
    /// How long a response of `/v1/responses` is kept after the last one that goes on from it.
    /// Default 30 d, at most ten years; nothing: none is kept, and those that were are deleted.
    /// Written as `30d`. Reload: applies to the next response.
    pub retention: Duration,
}

/// A day.
const DAY: Duration = Duration::from_hours(24);

impl Default for ResponsesConfig {
    fn default() -> Self {
        Self {
            retention: DAY * 30,
        }
    }
}

impl ResponsesConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let retention = table.field("retention");
        let responses = Self {
            retention: retention.span(reader, default.retention, DAY * 3650),
        };
        table.finish(reader);
        responses
    }
}
