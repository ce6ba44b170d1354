//! Gemini's counts: thoughts stand beside the candidates, cached tokens inside the prompt.

use crate::json::{Json, Object};
use crate::usage::{MAX_TOKENS, Usage};

/// The counts so far. A stream repeats them as totals: a report replaces what it repeats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    prompt: u64,
    /// What the vendor's own tools fed to the model; beside the prompt.
    tool_prompt: u64,
    cached: u64,
    candidates: u64,
    thoughts: u64,
    audio_input: u64,
    audio_output: u64,
    /// The sum of the last report, if it had one.
    total: Option<u64>,
    is_bad: bool,
}

impl Counts {
    /// Takes note of `usageMetadata`; whether there was a count in it.
    pub(super) fn note(&mut self, report: &Json<'_>) -> bool {
        self.total = None;
        let mut total = 0;
        let fields = [
            ("promptTokenCount", &mut self.prompt),
            ("toolUsePromptTokenCount", &mut self.tool_prompt),
            ("cachedContentTokenCount", &mut self.cached),
            ("candidatesTokenCount", &mut self.candidates),
            ("thoughtsTokenCount", &mut self.thoughts),
            ("totalTokenCount", &mut total),
        ];
        let mut has_any = false;
        let mut is_bad = false;
        for (field, place) in fields {
            match report.get(field).map(Json::as_u64) {
                None => continue,
                Some(Some(count)) if count <= MAX_TOKENS => *place = count,
                Some(_) => is_bad = true,
            }
            has_any = true;
        }
        for (field, place) in [
            ("promptTokensDetails", &mut self.audio_input),
            ("candidatesTokensDetails", &mut self.audio_output),
        ] {
            match audio(report.get(field)) {
                Ok(None) => {}
                Ok(Some(count)) => *place = count,
                Err(Implausible) => is_bad = true,
            }
        }
        if report.get("totalTokenCount").is_some() {
            self.total = Some(total);
        }
        if has_any {
            self.is_bad = is_bad;
        }
        has_any
    }

    /// The count in our nesting; `None` if it cannot be true.
    pub(super) fn usage(&self) -> Option<Usage> {
        let input = self.prompt + self.tool_prompt;
        let output = self.output();
        let is_part_too_large = self.cached > input
            || self.audio_input > input
            || self.thoughts > output
            || self.audio_output > output;
        if self.is_bad || is_part_too_large {
            return None;
        }
        Some(Usage {
            input,
            cache_read: self.cached,
            audio_input: self.audio_input,
            output,
            reasoning: self.thoughts,
            audio_output: self.audio_output,
            ..Usage::default()
        })
    }

    /// Thoughts are counted beside the candidates. Some models count them inside; the sum gives it away.
    fn output(&self) -> u64 {
        let without_thoughts = self.prompt + self.tool_prompt + self.candidates;
        let are_inside = self.total == Some(without_thoughts) && self.thoughts <= self.candidates;
        if are_inside {
            self.candidates
        } else {
            self.candidates + self.thoughts
        }
    }
}

/// A count in Google's nesting: thoughts stand beside the candidates.
pub(super) fn object(usage: &Usage) -> Object<'static> {
    let told = |count: u64| (count > 0).then_some(count);
    let audio = |count: u64| {
        let detail = Object::new()
            .with("modality", "AUDIO")
            .with("tokenCount", count);
        told(count).map(|_| vec![Json::from(detail)])
    };
    Object::new()
        .with("promptTokenCount", usage.input)
        .with(
            "candidatesTokenCount",
            usage.output.saturating_sub(usage.reasoning),
        )
        .with("totalTokenCount", usage.total())
        .with_some("cachedContentTokenCount", told(usage.cache_read))
        .with_some("thoughtsTokenCount", told(usage.reasoning))
        .with_some("promptTokensDetails", audio(usage.audio_input))
        .with_some("candidatesTokensDetails", audio(usage.audio_output))
}

/// A count that is no plausible number.
struct Implausible;

/// The audio tokens among the kinds; `None` if the kinds are not given.
fn audio(details: Option<&Json<'_>>) -> Result<Option<u64>, Implausible> {
    let Some(details) = details.and_then(Json::as_array) else {
        return Ok(None);
    };
    let mut sum = 0;
    for detail in details
        .iter()
        .filter(|it| it.str("modality") == Some("AUDIO"))
    {
        sum += match detail.get("tokenCount").map(Json::as_u64) {
            None => 0,
            Some(Some(count)) if count <= MAX_TOKENS => count,
            Some(_) => return Err(Implausible),
        };
    }
    Ok(Some(sum))
}
