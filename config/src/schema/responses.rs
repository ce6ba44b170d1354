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
    /// Bytes of responses that a virtual key may hold, 1 MiB to 1 TiB; its oldest are deleted
    /// beyond that. Default 1 GiB. Reload: applies within a minute.
    pub max_bytes_per_key: u64,
}

/// A day.
const DAY: Duration = Duration::from_hours(24);

impl Default for ResponsesConfig {
    fn default() -> Self {
        Self {
            retention: DAY * 30,
            max_bytes_per_key: 1 << 30,
        }
    }
}

impl ResponsesConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let retention = table.field("retention");
        let max_bytes = table.field("max_bytes_per_key");
        let responses = Self {
            retention: retention.span(reader, default.retention, DAY * 3650),
            max_bytes_per_key: max_bytes.size(reader, default.max_bytes_per_key, 1 << 20..=1 << 40),
        };
        table.finish(reader);
        responses
    }
}
