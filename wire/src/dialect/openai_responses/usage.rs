//! Counts under the names that Responses uses; they nest as a chat's do.

use crate::chat::ChatEvent;
use crate::json::{Json, Object};
use crate::usage::{Things, Usage, tier};

/// Reads the report of a response: input includes what was cached, output includes reasoning.
///
/// The response itself says in which tier it was served, and which searches of the web it made.
pub(super) fn read(report: &Json<'_>, response: &Json<'_>) -> ChatEvent<'static> {
    match usage(report) {
        Some(usage) => ChatEvent::Usage(Usage {
            service_tier: response.str("service_tier").and_then(tier),
            things: Things {
                web_searches: web_searches(response),
                ..usage.things
            },
            ..usage
        }),
        None => ChatEvent::BadUsage,
    }
}

/// The two counts must be there; parts and costs are those of a chat.
fn usage(report: &Json<'_>) -> Option<Usage> {
    let is_count = |name| report.get(name).is_some_and(|it| it.as_u64().is_some());
    let is_whole = is_count("input_tokens") && is_count("output_tokens");
    let usage = is_whole.then(|| Usage::from_openai(&report.to_bytes()));
    usage?.ok()
}

/// Searches that were billed: opening a page and looking into it are not (openai.com/api/pricing, read 2026-11).
fn web_searches(response: &Json<'_>) -> u64 {
    let output = response.get("output").and_then(Json::as_array);
    let is_search = |it: &&Json<'_>| {
        let action = it.get("action").and_then(|it| it.str("type"));
        it.str("type") == Some("web_search_call") && matches!(action, None | Some("search"))
    };
    let found = output.unwrap_or_default().iter().filter(is_search).count();
    u64::try_from(found).unwrap_or(0)
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
