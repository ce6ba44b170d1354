//! Section `retry`: how often a failed attempt is repeated, and what that may cost upstream.

use std::time::Duration;

use crate::reader::{Reader, Table};

/// Retries over all deployments of one request, and the budget that stops retry storms.
///
/// Reload: applies to the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// Extra attempts per request, over all deployments and fallbacks. Default 2; 0 turns
    /// retries off. At most 10.
    pub attempts: u32,
    /// Upper bound of the first pause; doubles with each retry. Default 250 ms.
    pub base_delay: Duration,
    /// Longest pause, unless a provider asks for one of up to 5 s. Default 4 s.
    pub max_delay: Duration,
    /// Retries allowed per 100 requests. Default 10 %. Between 0 and 100.
    pub budget_percent: u32,
    /// Retries per second that are always allowed, so that quiet gateways can retry. Default 1.
    pub budget_min_per_second: u32,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: 2,
            base_delay: Duration::from_millis(250),
            max_delay: Duration::from_secs(4),
            budget_percent: 10,
            budget_min_per_second: 1,
        }
    }
}

impl RetryConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let retry = Self {
            attempts: table
                .field("attempts")
                .integer(reader, default.attempts, 0..=10),
            base_delay: table
                .field("base_delay")
                .duration(reader, default.base_delay),
            max_delay: table.field("max_delay").duration(reader, default.max_delay),
            budget_percent: table.field("budget_percent").integer(
                reader,
                default.budget_percent,
                0..=100,
            ),
            budget_min_per_second: table.field("budget_min_per_second").integer(
                reader,
                default.budget_min_per_second,
                0..=1_000,
            ),
        };
        if retry.base_delay > retry.max_delay {
            let help = Some(String::from(
                "`max_delay` is the longest pause, `base_delay` the first",
            ));
            reader.report(
                "retry.max_delay",
                "`max_delay` is shorter than `base_delay`",
                help,
            );
        }
        table.finish(reader);
        retry
    }
}
