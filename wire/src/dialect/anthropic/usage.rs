//! Anthropic's counts: what was read from and written to a cache is not in `input_tokens`.

use crate::json::{Json, Object};
use crate::usage::{MAX_TOKENS, Things, Usage, word};

/// The counts so far; each report replaces what it repeats.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_long: u64,
    web_searches: u64,
    service_tier: Option<Box<str>>,
    region: Option<Box<str>>,
    output: u64,
    reasoning: u64,
    is_bad: bool,
}

impl Counts {
    /// Takes note of a report: the counts are totals, not additions.
    pub(super) fn note(&mut self, usage: &Json<'_>) {
        let details = usage.get("output_tokens_details");
        let written = usage.get("cache_creation");
        let tools = usage.get("server_tool_use");
        let fields = [
            (usage.get("input_tokens"), &mut self.input),
            (usage.get("cache_read_input_tokens"), &mut self.cache_read),
            (
                usage.get("cache_creation_input_tokens"),
                &mut self.cache_write,
            ),
            (
                written.and_then(|it| it.get("ephemeral_1h_input_tokens")),
                &mut self.cache_write_long,
            ),
            (
                tools.and_then(|it| it.get("web_search_requests")),
                &mut self.web_searches,
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
        // `usage` of anthropic 2.14. What was paid for in advance (`priority`) costs beyond that as usual.
        self.service_tier = match (usage.str("speed"), usage.str("service_tier")) {
            (Some("fast"), _) => Some("fast".into()),
            (_, Some("batch")) => Some("batch".into()),
            (None, None) => self.service_tier.take(),
            _ => None,
        };
        if let Some(place) = usage.str("inference_geo") {
            self.region = word(place).filter(|it| !matches!(&**it, "global" | "not_available"));
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
            cache_write_long: self.cache_write_long.min(self.cache_write),
            things: Things {
                web_searches: self.web_searches,
                ..Things::default()
            },
            service_tier: self.service_tier.clone(),
            region: self.region.clone(),
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
