//! Gemini's counts: thoughts stand beside the candidates, cached tokens inside the prompt.

use crate::json::{Json, Object};
use crate::usage::{MAX_TOKENS, Usage};

/// The counts so far. A stream repeats them as totals: a report replaces what it repeats.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    prompt: u64,
    /// What the vendor's own tools fed to the model; beside the prompt.
    tool_prompt: u64,
    cached: u64,
    candidates: u64,
    thoughts: u64,
    /// Sound, pictures and film among them.
    sent: Media,
    read: Media,
    made: Media,
    service_tier: Option<Box<str>>,
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
            ("promptTokensDetails", &mut self.sent),
            ("cacheTokensDetails", &mut self.read),
            ("candidatesTokensDetails", &mut self.made),
        ] {
            match media(report.get(field)) {
                Ok(None) => {}
                Ok(Some(counts)) => *place = counts,
                Err(Implausible) => is_bad = true,
            }
        }
        if let Some(tier) = report.str("serviceTier").or(report.str("trafficType")) {
            self.service_tier = tier_of(tier);
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
        if self.is_bad || self.thoughts > output {
            return None;
        }
        let usage = Usage {
            input,
            cache_read: self.cached,
            audio_input: self.sent.audio,
            audio_cache_read: self.read.audio,
            image_input: self.sent.image,
            image_cache_read: self.read.image,
            video_input: self.sent.video,
            output,
            reasoning: self.thoughts,
            audio_output: self.made.audio,
            image_output: self.made.image,
            video_output: self.made.video,
            service_tier: self.service_tier.clone(),
            ..Usage::default()
        };
        usage.check_parts().ok()
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
    let kinds = |counts: [(&'static str, u64); 3]| {
        let detail = |(kind, count)| {
            let detail = Object::new().with("modality", kind);
            told(count).map(|count| Json::from(detail.with("tokenCount", count)))
        };
        let details: Vec<_> = counts.into_iter().filter_map(detail).collect();
        (!details.is_empty()).then_some(details)
    };
    let sent = [
        ("AUDIO", usage.audio_input),
        ("IMAGE", usage.image_input),
        ("VIDEO", usage.video_input),
    ];
    let made = [
        ("AUDIO", usage.audio_output),
        ("IMAGE", usage.image_output),
        ("VIDEO", usage.video_output),
    ];
    Object::new()
        .with("promptTokenCount", usage.input)
        .with(
            "candidatesTokenCount",
            usage.output.saturating_sub(usage.reasoning),
        )
        .with("totalTokenCount", usage.total())
        .with_some("cachedContentTokenCount", told(usage.cache_read))
        .with_some("thoughtsTokenCount", told(usage.reasoning))
        .with_some("promptTokensDetails", kinds(sent))
        .with_some("candidatesTokensDetails", kinds(made))
}

/// A count that is no plausible number.
struct Implausible;

/// Tokens that are not of text.
#[derive(Clone, Copy, Debug, Default)]
struct Media {
    audio: u64,
    image: u64,
    video: u64,
}

/// The tokens by kind; `None` if the kinds are not given.
fn media(details: Option<&Json<'_>>) -> Result<Option<Media>, Implausible> {
    let Some(details) = details.and_then(Json::as_array) else {
        return Ok(None);
    };
    let mut found = Media::default();
    for detail in details {
        let place = match detail.str("modality") {
            Some("AUDIO") => &mut found.audio,
            Some("IMAGE") => &mut found.image,
            Some("VIDEO") => &mut found.video,
            _ => continue,
        };
        *place += match detail.get("tokenCount").map(Json::as_u64) {
            None => 0,
            Some(Some(count)) if count <= MAX_TOKENS => count,
            Some(_) => return Err(Implausible),
        };
    }
    Ok(Some(found))
}

/// The Gemini API says a tier, Vertex AI a kind of traffic (`UsageMetadata` of google-genai 3.6). Off-peak
/// traffic and what was paid for in advance count as usual.
fn tier_of(word: &str) -> Option<Box<str>> {
    match word.to_ascii_lowercase().as_str() {
        "priority" | "on_demand_priority" => Some("priority".into()),
        "flex" | "on_demand_flex" => Some("flex".into()),
        _ => None,
    }
}
