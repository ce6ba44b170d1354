//! Section `server.idempotency`: answers that are given again to who repeats a call.

use std::time::Duration;

use crate::reader::{Reader, Table};

/// What is kept of answers whose callers named their calls by an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyConfig {
    /// How long such an answer is given again. Default 24 h, at most 30 d; nothing: the header means
    /// nothing, and what was kept is deleted. Reload: applies to the next request.
    pub keep: Duration,
    /// Longest answer that is kept, in bytes, 1 KiB to 64 MiB. Default 8 MiB.
    /// Reload: applies to the next request.
    pub max_answer_bytes: u64,
    /// Bytes of answers that a virtual key may hold, 1 MiB to 1 TiB; its oldest are deleted beyond
    /// that. Default 64 MiB. Reload: applies within a minute.
    pub max_bytes_per_key: u64,
    /// Bytes of answers of all keys together, 1 MiB to 1 TiB; the oldest are deleted beyond that.
    /// Default 1 GiB. Reload: applies within a minute.
    pub max_bytes: u64,
}

/// A day.
const DAY: Duration = Duration::from_hours(24);

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self {
            keep: DAY,
            max_answer_bytes: 8 << 20,
            max_bytes_per_key: 64 << 20,
            max_bytes: 1 << 30,
        }
    }
}

impl IdempotencyConfig {
    pub(super) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let all = 1 << 20..=1 << 40;
        let idempotency = Self {
            keep: table.field("keep").span(reader, default.keep, DAY * 30),
            max_answer_bytes: table.field("max_answer_bytes").size(
                reader,
                default.max_answer_bytes,
                1 << 10..=64 << 20,
            ),
            max_bytes_per_key: table.field("max_bytes_per_key").size(
                reader,
                default.max_bytes_per_key,
                all.clone(),
            ),
            max_bytes: table
                .field("max_bytes")
                .size(reader, default.max_bytes, all),
        };
        table.finish(reader);
        idempotency
    }
}
