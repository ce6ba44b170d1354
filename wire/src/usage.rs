//! Token counts of one answer, and how the classes nest.
//!
//! Vendors of the `OpenAI` family report `prompt_tokens` with cached tokens inside and
//! `completion_tokens` with reasoning inside; [`Usage`] keeps that nesting. A report that
//! cannot be true is an anomaly and is never turned into numbers: a negative or absurd
//! count must not become money. Prices live elsewhere.

pub mod extend;
mod openai;
#[cfg(test)]
mod tests;

use crate::operation::Operation;

/// Largest count that is believed, per class.
pub const MAX_TOKENS: u64 = 1_000_000_000;

/// What one answer used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens, those read from or written to a cache included.
    pub input: u64,
    /// Input tokens served from a cache; part of `input`.
    pub cache_read: u64,
    /// Input tokens written to a cache; part of `input`.
    pub cache_write: u64,
    /// Those written for the longer of the vendor's two times; part of `cache_write`.
    pub cache_write_long: u64,
    /// Audio tokens; part of `input`.
    pub audio_input: u64,
    /// Audio tokens served from a cache; part of `audio_input` and of `cache_read`.
    pub audio_cache_read: u64,
    /// Tokens of pictures; part of `input`.
    pub image_input: u64,
    /// Tokens of pictures served from a cache; part of `image_input` and of `cache_read`.
    pub image_cache_read: u64,
    /// Tokens of film; part of `input`.
    pub video_input: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// Tokens the model thought with; part of `output`.
    pub reasoning: u64,
    /// Audio tokens; part of `output`.
    pub audio_output: u64,
    /// Tokens of pictures; part of `output`.
    pub image_output: u64,
    /// Tokens of film; part of `output`.
    pub video_output: u64,
    /// What was used besides tokens.
    pub things: Things,
    /// The tier of service it was served in, in the vendor's word. `None`: the usual one, or it does not say.
    pub service_tier: Option<Box<str>>,
    /// The region it was served in, in the vendor's word. `None`: any, or it does not say.
    pub region: Option<Box<str>>,
    /// What the vendor says it charged.
    pub reported_cost: Option<ReportedCost>,
}

/// What vendors count that is not tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Things {
    /// Pictures made.
    pub images: u64,
    /// Milliseconds of sound sent.
    pub input_ms: u64,
    /// Milliseconds of sound or film made.
    pub output_ms: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Pages read.
    pub pages: u64,
    /// Searches, which vendors of rankings bill instead of tokens.
    pub search_units: u64,
    /// Searches of the web that the vendor made.
    pub web_searches: u64,
}

/// A vendor's own figure: decimal US dollars as it wrote them, maybe with an exponent (`1.5e-05`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedCost {
    /// What it charges itself.
    pub charged: Box<str>,
    /// What the vendor behind it charges to the caller's own account there. `None`: nothing.
    pub behind: Option<Box<str>>,
}

/// Why a usage report is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageAnomaly {
    /// Not a JSON object, or one without any count.
    #[error("usage has no token counts")]
    Missing,
    /// A count that is no integer from 0 to [`MAX_TOKENS`].
    #[error("`{0}` is not a plausible token count")]
    Count(&'static str),
    /// A part that is larger than the whole it belongs to.
    #[error("`{0}` is larger than the count it is part of")]
    Part(&'static str),
}

impl Usage {
    /// What an endpoint makes is of one kind: its output is pictures or sound where the vendor counts no kinds.
    #[must_use]
    pub fn of_operation(mut self, operation: Operation) -> Usage {
        match operation {
            Operation::Speech => self.audio_output = self.output,
            Operation::ImageGenerations | Operation::ImageEdits | Operation::ImageVariations
                if self.image_output == 0 =>
            {
                self.image_output = self.output;
            }
            _ => {}
        }
        self
    }

    /// Input and output together.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Makes cache reads and writes disjoint, and parts of parts no larger than these.
    ///
    /// `OpenRouter` has reported tokens as read and as written at once (seen 2026-03 for
    /// Claude); a token that was written was not read.
    fn separate_cache(mut self) -> Usage {
        let unwritten = self.input.saturating_sub(self.cache_write);
        self.cache_read = self.cache_read.min(unwritten);
        self.cache_write_long = self.cache_write_long.min(self.cache_write);
        self.audio_cache_read = self
            .audio_cache_read
            .min(self.audio_input)
            .min(self.cache_read);
        let silent = self.cache_read - self.audio_cache_read;
        self.image_cache_read = self.image_cache_read.min(self.image_input).min(silent);
        self
    }

    pub(crate) fn check_parts(self) -> Result<Usage, UsageAnomaly> {
        let parts = [
            ("cached_tokens", self.cache_read, self.input),
            ("cache_write_tokens", self.cache_write, self.input),
            ("audio_tokens", self.audio_input, self.input),
            ("image_tokens", self.image_input, self.input),
            ("video_tokens", self.video_input, self.input),
            ("reasoning_tokens", self.reasoning, self.output),
            ("audio_tokens", self.audio_output, self.output),
            ("image_tokens", self.image_output, self.output),
            ("video_tokens", self.video_output, self.output),
        ];
        match parts.iter().find(|(_, part, whole)| part > whole) {
            Some((name, _, _)) => Err(UsageAnomaly::Part(name)),
            None => Ok(self.separate_cache()),
        }
    }
}

/// The tier of service that a vendor's word stands for. `None`: the one that everybody gets who asks for nothing,
/// or has paid for in advance.
///
/// `auto` and `scale` are `OpenAI`'s (openai 3.57), `on_demand` is Groq's (groq 1.7), `reserved` Bedrock's
/// (botocore 1.44), `standard` that of the others.
pub(crate) fn tier(text: &str) -> Option<Box<str>> {
    let usual = [
        "default",
        "standard",
        "auto",
        "scale",
        "on_demand",
        "reserved",
    ];
    word(text).filter(|it| !usual.contains(&&**it))
}

/// A vendor's word for a tier or a region, in lower case. `None` for what is no short word.
pub(crate) fn word(text: &str) -> Option<Box<str>> {
    let is_word = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    let is_short = (1..=32).contains(&text.len()) && text.bytes().all(is_word);
    is_short.then(|| text.to_ascii_lowercase().into())
}
