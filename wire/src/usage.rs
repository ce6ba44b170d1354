//! Token counts of one answer, and how the classes nest.
//!
//! Vendors of the `OpenAI` family report `prompt_tokens` with cached tokens inside and
//! `completion_tokens` with reasoning inside; [`Usage`] keeps that nesting. A report that
//! cannot be true is an anomaly and is never turned into numbers: a negative or absurd
//! count must not become money. Prices live elsewhere.

#[cfg(test)]
mod tests;

use serde_json::value::RawValue;

/// Largest count that is believed, per class.
pub const MAX_TOKENS: u64 = 1_000_000_000;

/// Token counts of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens, those read from or written to a cache included.
    pub input: u64,
    /// Input tokens served from a cache; part of `input`.
    pub cache_read: u64,
    /// Input tokens written to a cache; part of `input`.
    pub cache_write: u64,
    /// Audio tokens; part of `input`.
    pub audio_input: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// Tokens the model thought with; part of `output`.
    pub reasoning: u64,
    /// Audio tokens; part of `output`.
    pub audio_output: u64,
    /// Searches, which vendors of rankings bill instead of tokens.
    pub search_units: u64,
    /// What the vendor says it charged: decimal US dollars, as written by the vendor.
    ///
    /// May have an exponent (`1.5e-05`). `None` if absent or not a non-negative number.
    pub reported_cost: Option<Box<str>>,
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
    /// Reads the `usage` object of an OpenAI-compatible answer.
    ///
    /// Also understood: `DeepSeek`'s `prompt_cache_hit_tokens`/`prompt_cache_miss_tokens`,
    /// `OpenRouter`'s `cost` and `cache_write_tokens`, xAI's reasoning beside the completion and
    /// cached tokens of its own preamble. An absent or `null` part counts as 0.
    ///
    /// # Errors
    /// [`UsageAnomaly`] if any count is negative, fractional, not a number, over
    /// [`MAX_TOKENS`], or a part exceeds its whole.
    pub fn from_openai(raw: &[u8]) -> Result<Usage, UsageAnomaly> {
        let report = serde_json::from_slice(raw).map_err(|_| UsageAnomaly::Missing)?;
        Self::read(&report)
    }

    /// Reads the same object of an answer that has no output, of embeddings or of a ranking.
    ///
    /// Voyage and vLLM's rankings say only the total there, which then is the input. `OpenRouter`
    /// adds the searches of a ranking, for which a model may count no tokens at all (openrouter
    /// 1.3.84 `operations/creatererank.py`, read 2026-11).
    ///
    /// # Errors
    /// As of [`Usage::from_openai`].
    pub fn from_openai_input(raw: &[u8]) -> Result<Usage, UsageAnomaly> {
        let report: Report = serde_json::from_slice(raw).map_err(|_| UsageAnomaly::Missing)?;
        let search_units = count("search_units", report.search_units)?;
        let usage = match Self::read(&report) {
            Err(UsageAnomaly::Missing) => Usage {
                input: match (count("total_tokens", report.total_tokens)?, search_units) {
                    (Some(total), _) => total,
                    (None, Some(_)) => 0,
                    (None, None) => return Err(UsageAnomaly::Missing),
                },
                reported_cost: report.cost.and_then(cost_text),
                ..Usage::default()
            },
            read => read?,
        };
        Ok(Usage {
            search_units: search_units.unwrap_or(0),
            ..usage
        })
    }

    /// A single count of input tokens under a vendor's own `name`.
    ///
    /// # Errors
    /// [`UsageAnomaly`] if it cannot be true.
    pub(crate) fn of_input(name: &'static str, text: &str) -> Result<Usage, UsageAnomaly> {
        Ok(Usage {
            input: whole(name, text)?,
            ..Usage::default()
        })
    }

    /// Cohere's `meta.billed_units` of a ranking: searches, or tokens. `None` if it counts neither.
    ///
    /// # Errors
    /// [`UsageAnomaly`] if a count cannot be true.
    pub(crate) fn from_billed_units(raw: &[u8]) -> Option<Result<Usage, UsageAnomaly>> {
        #[derive(serde::Deserialize)]
        struct Billed<'a> {
            #[serde(borrow, default)]
            input_tokens: Option<&'a RawValue>,
            #[serde(borrow, default)]
            search_units: Option<&'a RawValue>,
        }
        let billed: Billed<'_> = serde_json::from_slice(raw).ok()?;
        billed.input_tokens.or(billed.search_units)?;
        let usage = || {
            Ok(Usage {
                input: count("input_tokens", billed.input_tokens)?.unwrap_or(0),
                search_units: count("search_units", billed.search_units)?.unwrap_or(0),
                ..Usage::default()
            })
        };
        Some(usage())
    }

    /// This and `other` together, of a call that was several requests.
    #[must_use]
    pub fn plus_input(self, other: &Usage) -> Usage {
        Usage {
            input: self.input.saturating_add(other.input),
            ..self
        }
    }

    fn read(report: &Report<'_>) -> Result<Usage, UsageAnomaly> {
        let hit = count("prompt_cache_hit_tokens", report.prompt_cache_hit_tokens)?;
        let miss = count("prompt_cache_miss_tokens", report.prompt_cache_miss_tokens)?;
        let input = match (count("prompt_tokens", report.prompt_tokens)?, hit, miss) {
            (Some(input), _, _) => Some(input),
            (None, Some(hit), Some(miss)) => Some(hit + miss),
            _ => None,
        };
        let output = count("completion_tokens", report.completion_tokens)?;
        if input.is_none() && output.is_none() {
            return Err(UsageAnomaly::Missing);
        }
        let total = count("total_tokens", report.total_tokens).ok().flatten();
        let prompt = report.prompt_tokens_details.unwrap_or_default();
        let completion = report.completion_tokens_details.unwrap_or_default();
        let input = input.unwrap_or(0);
        let reasoning = count("reasoning_tokens", completion.reasoning)?.unwrap_or(0);
        let mut output = output.unwrap_or(0);
        // xAI counts reasoning beside the completion; the total gives it away.
        if total.is_some_and(|it| it == input + output + reasoning) {
            output += reasoning;
        }
        let mut cache_read = count("cached_tokens", prompt.cached)?.or(hit).unwrap_or(0);
        // Grok on Azure counts a preamble of its own, some 160 tokens, as cached but in no total
        // (recordings of 2026-08). How much of the rest was cached it does not say: none, for the price.
        if cache_read > input && prompt.adds_up_to(input) && total == Some(input + output) {
            cache_read = 0;
        }
        let usage = Usage {
            input,
            cache_read,
            cache_write: count("cache_write_tokens", prompt.cache_write)?.unwrap_or(0),
            audio_input: count("audio_tokens", prompt.audio)?.unwrap_or(0),
            output,
            reasoning,
            audio_output: count("audio_tokens", completion.audio)?.unwrap_or(0),
            search_units: 0,
            reported_cost: report.cost.and_then(cost_text),
        };
        usage.check_parts()
    }

    /// Input and output together.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Makes cache reads and writes disjoint.
    ///
    /// `OpenRouter` has reported tokens as read and as written at once (seen 2026-03 for
    /// Claude); a token that was written was not read.
    fn separate_cache(mut self) -> Usage {
        let unwritten = self.input.saturating_sub(self.cache_write);
        self.cache_read = self.cache_read.min(unwritten);
        self
    }

    fn check_parts(self) -> Result<Usage, UsageAnomaly> {
        let parts = [
            ("cached_tokens", self.cache_read, self.input),
            ("cache_write_tokens", self.cache_write, self.input),
            ("audio_tokens", self.audio_input, self.input),
            ("reasoning_tokens", self.reasoning, self.output),
            ("audio_tokens", self.audio_output, self.output),
        ];
        match parts.iter().find(|(_, part, whole)| part > whole) {
            Some((name, _, _)) => Err(UsageAnomaly::Part(name)),
            None => Ok(self.separate_cache()),
        }
    }
}

#[derive(serde::Deserialize)]
struct Report<'a> {
    #[serde(borrow, default)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    total_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_cache_hit_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_cache_miss_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_tokens_details: Option<Details<'a>>,
    #[serde(borrow, default)]
    completion_tokens_details: Option<Details<'a>>,
    #[serde(borrow, default)]
    search_units: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cost: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Default, serde::Deserialize)]
struct Details<'a> {
    #[serde(borrow, default, rename = "cached_tokens")]
    cached: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "cache_write_tokens")]
    cache_write: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "audio_tokens")]
    audio: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "reasoning_tokens")]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "text_tokens")]
    text: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "image_tokens")]
    image: Option<&'a RawValue>,
}

impl Details<'_> {
    /// Whether the kinds of input are counted one by one, and are `input` together.
    fn adds_up_to(&self, input: u64) -> bool {
        let kind = |raw| count("kind", raw).ok().flatten();
        let others = [self.image, self.audio].into_iter().filter_map(kind);
        kind(self.text).is_some_and(|text| text + others.sum::<u64>() == input)
    }
}

/// A count as written: an integer, or a number whose fraction is all zeros.
fn count(name: &'static str, raw: Option<&RawValue>) -> Result<Option<u64>, UsageAnomaly> {
    raw.map(|raw| whole(name, raw.get())).transpose()
}

fn whole(name: &'static str, text: &str) -> Result<u64, UsageAnomaly> {
    let digits = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|it| it == b'0') => whole,
        Some(_) => return Err(UsageAnomaly::Count(name)),
        None => text,
    };
    match digits.parse::<u64>() {
        Ok(count) if count <= MAX_TOKENS => Ok(count),
        _ => Err(UsageAnomaly::Count(name)),
    }
}

/// A cost as a number or as a string that holds one; anything else is no cost.
fn cost_text(raw: &RawValue) -> Option<Box<str>> {
    let text = raw.get().trim_matches('"');
    let is_number = text.starts_with(|it: char| it.is_ascii_digit())
        && text.len() <= 64
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+'))
        && text.parse::<f64>().is_ok_and(f64::is_finite);
    is_number.then(|| text.into())
}
