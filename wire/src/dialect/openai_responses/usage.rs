//! Counts under the names that Responses uses; they nest as a chat's do.

use crate::chat::ChatEvent;
use crate::json::{Json, Object};
use crate::usage::{MAX_TOKENS, Usage};

/// Reads a report: input includes what was cached, output includes reasoning.
pub(super) fn read(report: &Json<'_>) -> ChatEvent<'static> {
    match usage(report) {
        Some(usage) => ChatEvent::Usage(usage),
        None => ChatEvent::BadUsage,
    }
}

fn usage(report: &Json<'_>) -> Option<Usage> {
    let input_details = report.get("input_tokens_details");
    let output_details = report.get("output_tokens_details");
    let usage = Usage {
        input: count(report, "input_tokens")?,
        cache_read: part(input_details, "cached_tokens")?,
        cache_write: part(input_details, "cache_write_tokens")?,
        audio_input: part(input_details, "audio_tokens")?,
        output: count(report, "output_tokens")?,
        reasoning: part(output_details, "reasoning_tokens")?,
        audio_output: part(output_details, "audio_tokens")?,
        ..Usage::default()
    };
    let cached = usage.cache_read.max(usage.cache_write);
    let is_true = cached.max(usage.audio_input) <= usage.input
        && usage.reasoning.max(usage.audio_output) <= usage.output;
    // A token that was written to a cache was not read from it.
    let unwritten = usage.input.saturating_sub(usage.cache_write);
    is_true.then(|| Usage {
        cache_read: usage.cache_read.min(unwritten),
        ..usage
    })
}

fn part(details: Option<&Json<'_>>, name: &str) -> Option<u64> {
    match details {
        Some(details) if details.get(name).is_some() => count(details, name),
        _ => Some(0),
    }
}

fn count(holder: &Json<'_>, name: &str) -> Option<u64> {
    holder.get(name)?.as_u64().filter(|it| *it <= MAX_TOKENS)
}

/// A count as callers know it. Both objects of details must be there.
pub(super) fn object(usage: &Usage) -> Object<'static> {
    let input = Object::new()
        .with("cached_tokens", usage.cache_read)
        .with("cache_write_tokens", usage.cache_write);
    let output = Object::new().with("reasoning_tokens", usage.reasoning);
    Object::new()
        .with("input_tokens", usage.input)
        .with("input_tokens_details", input)
        .with("output_tokens", usage.output)
        .with("output_tokens_details", output)
        .with("total_tokens", usage.total())
}
