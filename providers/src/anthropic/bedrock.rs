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

use super::{VERSION, models};

/// What a stream is asked for as.
pub(super) const STREAM: &str = "application/vnd.amazon.eventstream";
/// What stands for the header `anthropic-version`.
const BEDROCK_VERSION: &str = "bedrock-2023-05-31";
/// The field that stands for the header `anthropic-beta`.
const BETAS: &str = "anthropic_beta";
/// Without this one, Bedrock does not know the field that it is about.
const COMPACTION: &str = "compact-2026-01-12";
/// The field that only [`COMPACTION`] brings.
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

/// What Bedrock lets be tried; it refuses a request that names anything else.
const TRIED: [&str; 8] = [
    "computer-use-2025-01-24",
    "context-1m-2025-08-07",
    "dev-full-thinking-2025-05-14",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "token-efficient-tools-2025-02-19",
];
/// The same for all models, those from 4.7 on included, which refuse most others.
const TRIED_EVERYWHERE: [&str; 2] = [COMPACTION, "computer-use-2025-11-24"];

/// Changes a request to `model` into what `InvokeModel` takes; returns what was left out, as paths.
/// `betas` is what the caller tries, by its header.
pub(super) fn adapt(
    document: &Document,
    edit: &mut Edit<'_>,
    model: &str,
    betas: Option<&str>,
) -> Vec<Cow<'static, str>> {
    let traits = models::traits(model);
    let is_newest = !traits.takes_sampling;
    let trimmed = invoke::trimmed(document, traits.takes_strict_tools && !is_newest);
    for (field, value) in trimmed.fields {
        edit.set_raw(field, value);
    }
    let mut dropped = trimmed.dropped;
    let (kept, refused): (Vec<String>, Vec<String>) = tried(document, betas).partition(|it| {
        let it = it.as_str();
        TRIED_EVERYWHERE.contains(&it) || (!is_newest && TRIED.contains(&it))
    });
    let compacts = kept.iter().any(|it| it == COMPACTION);
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
    dropped.extend(
        refused
            .iter()
            .map(|it| format!("anthropic-beta:{it}").into()),
    );
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

/// What the caller tries, by its header and in its body, each once.
fn tried(document: &Document, betas: Option<&str>) -> impl Iterator<Item = String> {
    let list = |field| document.get::<Vec<String>>(field).ok().flatten();
    let mut all: Vec<String> = betas
        .unwrap_or_default()
        .split(',')
        .map(|it| it.trim().to_owned())
        .collect();
    all.extend(list(BETAS).unwrap_or_default());
    all.extend(list("betas").unwrap_or_default());
    all.retain(|it| !it.is_empty());
    let mut unique: Vec<String> = Vec::new();
    for word in all {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    unique.into_iter()
}
