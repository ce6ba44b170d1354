//! Bedrock's counts: what was read from and written to a cache is not in `inputTokens`, and
//! `outputTokens` holds thoughts without saying how many.

use crate::chat::ChatEvent;
use crate::json::Json;
use crate::usage::{MAX_TOKENS, Usage, tier};

/// What a report says; a report that cannot be true says so.
///
/// `holder` is the answer, or the last event of a stream, which says the tier beside the report
/// (`ConverseResponse` of botocore 1.44).
pub(super) fn event(report: &Json<'_>, holder: &Json<'_>) -> ChatEvent<'static> {
    let word = holder.get("serviceTier").and_then(|it| it.str("type"));
    let service_tier = word.and_then(tier);
    usage(report).map_or(ChatEvent::BadUsage, |usage| {
        ChatEvent::Usage(Usage {
            service_tier,
            ..usage
        })
    })
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
        cache_write_long: written_for_an_hour(report)?.min(cache_write),
        output: count(report, "outputTokens")?,
        ..Usage::default()
    })
}

/// What was written to a cache is told by time to live: `5m` or `1h`.
fn written_for_an_hour(report: &Json<'_>) -> Option<u64> {
    let details = report.get("cacheDetails").and_then(Json::as_array);
    let long = details
        .unwrap_or_default()
        .iter()
        .filter(|it| it.str("ttl") == Some("1h"));
    long.map(|it| count(it, "inputTokens")).sum()
}

/// A count, 0 if it is absent; `None` for one that cannot be true.
fn count(report: &Json<'_>, name: &str) -> Option<u64> {
    match report.get(name) {
        None => Some(0),
        Some(value) => value.as_u64().filter(|it| *it <= MAX_TOKENS),
    }
}
