//! Bedrock's counts: what was read from and written to a cache is not in `inputTokens`, and
//! `outputTokens` holds thoughts without saying how many.

use crate::chat::ChatEvent;
use crate::json::Json;
use crate::usage::{MAX_TOKENS, Usage};

/// What a report says; a report that cannot be true says so.
pub(super) fn event(report: &Json<'_>) -> ChatEvent<'static> {
    usage(report).map_or(ChatEvent::BadUsage, ChatEvent::Usage)
}

fn usage(report: &Json<'_>) -> Option<Usage> {
    let is_empty = ["inputTokens", "outputTokens"]
        .iter()
        .all(|it| report.get(it).is_none());
    if is_empty {
        return None;
    }
    let cache_read = count(report, "cacheReadInputTokens")?;
    let cache_write = count(report, "cacheWriteInputTokens")?;
    Some(Usage {
        input: count(report, "inputTokens")? + cache_read + cache_write,
        cache_read,
        cache_write,
        output: count(report, "outputTokens")?,
        ..Usage::default()
    })
}

/// A count, 0 if it is absent; `None` for one that cannot be true.
fn count(report: &Json<'_>, name: &str) -> Option<u64> {
    match report.get(name) {
        None => Some(0),
        Some(value) => value.as_u64().filter(|it| *it <= MAX_TOKENS),
    }
}
