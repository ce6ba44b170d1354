//! How much of its limits a vendor says is left, in one form for all of them.
//!
//! Vendors name what they count, the window and the number in one header, in two orders:
//! `x-ratelimit-remaining-tokens-minute`, `anthropic-ratelimit-input-tokens-remaining`. Of several
//! windows the tightest is told. What is not known is passed over. Bedrock and Google send nothing.
//!
//! Names are those of recorded answers (`OpenAI`, Mistral, Together AI) and of Fireworks' page on
//! rate limits (read 2026-11); the forms of Anthropic, Groq, Azure, Cerebras and `OpenRouter` are
//! taken on their word that these are the names, and were not seen in an answer here.

use http::HeaderMap;

use crate::failure::RetryAfter;
use crate::moment::{go_duration, rfc3339};

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Calls.
    Requests,
    /// Tokens of either kind.
    Tokens,
    /// Tokens of the request.
    InputTokens,
    /// Tokens of the answer.
    OutputTokens,
}

impl Measure {
    /// All of them, in the order in which a [`Headroom`] keeps their limits.
    pub const ALL: [Self; 4] = [
        Self::Requests,
        Self::Tokens,
        Self::InputTokens,
        Self::OutputTokens,
    ];

    /// The word used in documents: `requests`, `input_tokens`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
        }
    }
}

/// One limit, as far as a vendor tells of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// How many there may be within its window.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// When all of them are there again.
    pub reset: Option<RetryAfter>,
}

/// What the head of an answer says about the limits of its account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headroom {
    /// The tightest limit of each [`Measure`], in their order.
    pub(crate) limits: [Option<Limit>; Measure::ALL.len()],
}

/// What stands before the rest of a header's name, and what is counted where the rest does not say.
const FAMILIES: [(&str, Measure); 6] = [
    ("x-ratelimit-", Measure::Requests),
    ("anthropic-ratelimit-", Measure::Requests),
    ("ratelimit-", Measure::Requests),
    ("x-tokenlimit-", Measure::Tokens),
    ("x-ratelimitbysize-", Measure::Tokens),
    ("ratelimitbysize-", Measure::Tokens),
];

/// The windows that are named; a name without one is a window of its own.
const WINDOWS: [&str; 5] = ["-second", "-minute", "-hour", "-day", "-month"];

/// Above this a number is no count of seconds but a time: 2001 as seconds since 1970.
const EPOCH: u64 = 1_000_000_000;
/// And above this one in milliseconds.
const EPOCH_MS: u64 = 1_000_000_000_000;

#[derive(Clone, Copy)]
enum Part {
    Limit,
    Remaining,
    Reset,
}

impl Headroom {
    /// Reads the headers of an answer, good or not; `None` if they tell of no limit.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut found = [[Limit::default(); WINDOWS.len() + 1]; Measure::ALL.len()];
        let mut is_any = false;
        for (name, value) in headers {
            let Some((measure, window, part)) = named(name.as_str()) else {
                continue;
            };
            let Some(text) = value.to_str().ok().map(str::trim) else {
                continue;
            };
            let windows = found.get_mut(measure as usize);
            if let Some(limit) = windows.and_then(|it| it.get_mut(window)) {
                is_any |= limit.note(part, text);
            }
        }
        is_any.then(|| Self {
            limits: found
                .map(|windows| windows.into_iter().reduce(Limit::tighter))
                .map(|limit| limit.filter(|it| *it != Limit::default())),
        })
    }

    /// The limit of `measure`, if the vendor told of one.
    pub fn of(&self, measure: Measure) -> Option<Limit> {
        self.limits.get(measure as usize).copied().flatten()
    }
}

impl Limit {
    /// Takes what one header says; `false` if it says nothing.
    fn note(&mut self, part: Part, text: &str) -> bool {
        match part {
            Part::Limit => self.limit = text.parse().ok(),
            Part::Remaining => self.remaining = text.parse().ok(),
            Part::Reset => self.reset = reset(text),
        }
        *self != Self::default()
    }

    /// The one of which a smaller share is left; one whose share is not known is no match for one
    /// that has it.
    fn tighter(self, other: Self) -> Self {
        let share = |it: Self| Some((u128::from(it.remaining?), u128::from(it.limit?)));
        let is_tighter = match (share(self), share(other)) {
            (Some((left, of)), Some((other_left, of_other))) => left * of_other <= other_left * of,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => self != Self::default(),
        };
        if is_tighter { self } else { other }
    }
}

/// What a header is about, and the place of its window; `None` for any other header.
fn named(name: &str) -> Option<(Measure, usize, Part)> {
    let (rest, usual) = FAMILIES
        .iter()
        .find_map(|(family, measure)| Some((name.strip_prefix(family)?, *measure)))?;
    let parts = [
        ("limit", Part::Limit),
        ("remaining", Part::Remaining),
        ("reset", Part::Reset),
    ];
    let (counted, part) = parts.iter().find_map(|(word, part)| {
        let first = rest.strip_prefix(word);
        let first = first.filter(|it| it.is_empty() || it.starts_with('-'));
        let counted = first.or_else(|| rest.strip_suffix(word)?.strip_suffix('-'))?;
        Some((counted, *part))
    })?;
    let mut windows = WINDOWS.iter().enumerate();
    let (counted, window) = windows
        .find_map(|(place, window)| Some((counted.strip_suffix(window)?, place)))
        .unwrap_or((counted, WINDOWS.len()));
    let measure = match counted.trim_start_matches('-') {
        "" => usual,
        "requests" | "req" => Measure::Requests,
        "tokens" => Measure::Tokens,
        "input-tokens" | "tokens-prompt" => Measure::InputTokens,
        "output-tokens" | "tokens-generated" => Measure::OutputTokens,
        _ => return None,
    };
    Some((measure, window, part))
}

/// A time or a length of any kind; none of them is zero or below, which vendors send for "not known".
fn reset(text: &str) -> Option<RetryAfter> {
    if let Some(at) = rfc3339(text) {
        return Some(RetryAfter::At(at));
    }
    if let Some(number) = text.parse::<u64>().ok().filter(|it| *it > EPOCH) {
        let seconds = if number > EPOCH_MS {
            number / 1_000
        } else {
            number
        };
        return i64::try_from(seconds).ok().map(RetryAfter::At);
    }
    let delay = go_duration(text).filter(|it| !it.is_zero());
    delay.map(RetryAfter::After)
}

#[cfg(test)]
mod tests;
