//! Claude behind Bedrock's `InvokeModel`: the body says neither which model nor whether to stream.
//!
//! Source: `_prepare_options` in `lib/bedrock/_client.py` of anthropic-python 2.14, the Bedrock user
//! guide's "Anthropic Claude Messages API", and litellm at `005f67bff3` for what is refused
//! (read 2026-11).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use tollward_wire::dialect::anthropic::invoke;
use tollward_wire::document::{Document, Edit};

use super::{VERSION, betas, models};

/// What a stream is asked for as.
pub(super) const STREAM: &str = "application/vnd.amazon.eventstream";
/// What stands for the header `anthropic-version`.
const BEDROCK_VERSION: &str = "bedrock-2023-05-31";
/// The field that stands for the header `anthropic-beta`.
const BETAS: &str = "anthropic_beta";
/// The field that only [`betas::COMPACTION`] brings.
const CONTEXT_MANAGEMENT: &str = "context_management";

/// What Bedrock's schema knows of a request.
const KNOWN: [&str; 14] = [
    VERSION,
    BETAS,
    "max_tokens",
    "messages",
    "metadata",
    "output_config",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];
/// Fields that only say how the API is spoken: Bedrock has other places for them.
const PASSING: [&str; 3] = ["model", "stream", "betas"];

/// Changes a request to `model` into what `InvokeModel` takes; returns what was left out, as paths.
/// `tried` is what the caller tries, by its header.
pub(super) fn adapt(
    document: &Document,
    edit: &mut Edit<'_>,
    model: &str,
    tried: Option<&str>,
) -> Vec<Cow<'static, str>> {
    let traits = models::traits(model);
    let is_newest = !traits.takes_sampling;
    let trimmed = invoke::trimmed(document, traits.takes_strict_tools && !is_newest);
    for (field, value) in trimmed.fields {
        edit.set_raw(field, value);
    }
    let mut dropped = trimmed.dropped;
    let mut named = Vec::new();
    for field in [BETAS, "betas"] {
        match document.get::<Vec<String>>(field) {
            Ok(words) => named.extend(words.unwrap_or_default()),
            Err(_) => dropped.push(field.into()),
        }
    }
    let by_header = tried.unwrap_or_default().split(',');
    let words = by_header.chain(named.iter().map(String::as_str));
    let mut refused = Vec::new();
    let is_taken = |it: &str| betas::at_bedrock(it, is_newest);
    let kept = betas::taken(words, is_taken, &mut refused);
    let compacts = kept.contains(&betas::COMPACTION);
    for field in document.fields() {
        let is_known = KNOWN.contains(&field) || (field == CONTEXT_MANAGEMENT && compacts);
        if is_known {
            continue;
        }
        edit.remove(field);
        if !PASSING.contains(&field) {
            dropped.push(field.to_owned().into());
        }
    }
    dropped.extend(refused);
    if kept.is_empty() {
        edit.remove(BETAS);
    } else {
        edit.set(BETAS, kept);
    }
    if !document.has(VERSION) {
        edit.set(VERSION, BEDROCK_VERSION);
    }
    dropped
}
