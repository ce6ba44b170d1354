//! Anthropic's counts: what was read from and written to a cache is not in `input_tokens`.

use crate::json::{Json, Object};
use crate::usage::{MAX_TOKENS, Usage};

/// The counts so far; each report replaces what it repeats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
    is_bad: bool,
}

impl Counts {
    /// Takes note of a report: the counts are totals, not additions.
    pub(super) fn note(&mut self, usage: &Json<'_>) {
        let details = usage.get("output_tokens_details");
        let fields = [
            (usage.get("input_tokens"), &mut self.input),
            (usage.get("cache_read_input_tokens"), &mut self.cache_read),
            (
                usage.get("cache_creation_input_tokens"),
                &mut self.cache_write,
            ),
            (usage.get("output_tokens"), &mut self.output),
            (
                details.and_then(|it| it.get("thinking_tokens")),
                &mut self.reasoning,
            ),
        ];
        for (value, place) in fields {
            match value.map(Json::as_u64) {
                None => {}
                Some(Some(count)) if count <= MAX_TOKENS => *place = count,
                Some(_) => self.is_bad = true,
            }
        }
    }

    /// The count in our nesting; `None` if it cannot be true.
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.is_bad || self.reasoning > self.output {
            return None;
        }
        Some(Usage {
            input: self.input + self.cache_read + self.cache_write,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            output: self.output,
            reasoning: self.reasoning,
            ..Usage::default()
        })
    }
}

/// What stands for a count that no vendor gave (yet): clients show the size of the context, and
/// take 0 for the truth.
pub(super) fn guessed(estimated_input: u64) -> Usage {
    Usage {
        input: estimated_input,
        output: 1,
        ..Usage::default()
    }
}

/// A count in Anthropic's nesting.
pub(super) fn object(usage: &Usage) -> Object<'static> {
    let cached = usage.cache_read + usage.cache_write;
    Object::new()
        .with("input_tokens", usage.input.saturating_sub(cached))
        .with("cache_creation_input_tokens", usage.cache_write)
        .with("cache_read_input_tokens", usage.cache_read)
        .with("output_tokens", usage.output)
        .with(
            "output_tokens_details",
            Object::new().with("thinking_tokens", usage.reasoning),
        )
}
