//! The `usage` object of OpenAI's family, with what its members add to it.

use serde_json::value::RawValue;

use super::{MAX_TOKENS, ReportedCost, Things, Usage, UsageAnomaly, tier};

/// Longest recording that is believed, in milliseconds: a week.
const MAX_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

impl Usage {
    /// Reads the `usage` object of an OpenAI-compatible answer.
    ///
    /// Also understood: `DeepSeek`'s `prompt_cache_hit_tokens`/`prompt_cache_miss_tokens`,
    /// `OpenRouter`'s `cost` and `cache_write_tokens`, xAI's reasoning beside the completion and
    /// cached tokens of its own preamble; costs as `OpenRouter`, xAI and Perplexity tell them; seconds of
    /// sound as Mistral does; and the names of `OpenAI`'s pictures and transcripts, `input_tokens`,
    /// `output_tokens` and `seconds`. An absent or `null` part counts as 0.
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
                reported_cost: report.reported_cost(),
                ..Usage::default()
            },
            read => read?,
        };
        Ok(Usage {
            things: Things {
                search_units: search_units.unwrap_or(0),
                ..usage.things
            },
            ..usage
        })
    }

    /// Reads the same object of an answer about pictures or recordings, which may say no more than the
    /// total or what was charged.
    ///
    /// # Errors
    /// As of [`Usage::from_openai`].
    pub(crate) fn from_media(raw: &[u8]) -> Result<Usage, UsageAnomaly> {
        let report: Report = serde_json::from_slice(raw).map_err(|_| UsageAnomaly::Missing)?;
        match Self::read(&report) {
            Err(UsageAnomaly::Missing) => {
                let total = count("total_tokens", report.total_tokens)?;
                let reported_cost = report.reported_cost();
                if total.is_none() && reported_cost.is_none() {
                    return Err(UsageAnomaly::Missing);
                }
                Ok(Usage {
                    input: total.unwrap_or(0),
                    reported_cost,
                    ..Usage::default()
                })
            }
            read => read,
        }
    }

    /// So many seconds of a recording, as JSON has them: a number, or a text that is one, as older models
    /// of `OpenAI` say. `None` if they cannot be true.
    pub(crate) fn of_seconds(raw: &[u8]) -> Option<Usage> {
        let text = std::str::from_utf8(raw).ok()?.trim_matches('"');
        Some(Usage {
            things: Things {
                input_ms: milliseconds(text).ok()?,
                ..Things::default()
            },
            ..Usage::default()
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
                things: Things {
                    search_units: count("search_units", billed.search_units)?.unwrap_or(0),
                    ..Things::default()
                },
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
        let prompt_tokens = report.prompt_tokens.or(report.input_tokens);
        let input = match (count("prompt_tokens", prompt_tokens)?, hit, miss) {
            (Some(input), _, _) => Some(input),
            (None, Some(hit), Some(miss)) => Some(hit + miss),
            _ => None,
        };
        let completion_tokens = report.completion_tokens.or(report.output_tokens);
        let output = count("completion_tokens", completion_tokens)?;
        let other = report.seconds.or(report.cost_in_usd_ticks);
        if input.is_none() && output.is_none() && other.is_none() {
            return Err(UsageAnomaly::Missing);
        }
        let total = count("total_tokens", report.total_tokens).ok().flatten();
        let prompt = report.prompt_details();
        let completion = report.completion_details();
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
        // Of what kinds the cached tokens are: a session's alone (openai-python 3.57
        // `types/realtime/realtime_response_usage_input_token_details.py`).
        let cached = prompt.cached_kinds.unwrap_or_default();
        let usage = Usage {
            input,
            cache_read,
            cache_write: count("cache_write_tokens", prompt.cache_write)?.unwrap_or(0),
            audio_input: count("audio_tokens", prompt.audio)?.unwrap_or(0),
            audio_cache_read: count("audio_tokens", cached.audio)?.unwrap_or(0),
            image_cache_read: count("image_tokens", cached.image)?.unwrap_or(0),
            output,
            reasoning,
            audio_output: count("audio_tokens", completion.audio)?.unwrap_or(0),
            image_input: count("image_tokens", prompt.image)?.unwrap_or(0),
            image_output: count("image_tokens", completion.image)?.unwrap_or(0),
            cache_write_long: report.cache_write_long()?,
            things: Things {
                input_ms: report.input_ms()?,
                ..Things::default()
            },
            service_tier: report
                .service_tier
                .and_then(|it| tier(it.get().trim_matches('"'))),
            reported_cost: report.reported_cost(),
            ..Usage::default()
        };
        usage.check_parts()
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
    #[serde(borrow, default)]
    cost_in_usd_ticks: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cost_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    is_byok: Option<&'a RawValue>,
    #[serde(borrow, default)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_audio_seconds: Option<&'a RawValue>,
    #[serde(borrow, default)]
    seconds: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input_tokens_details: Option<Details<'a>>,
    #[serde(borrow, default)]
    input_token_details: Option<Details<'a>>,
    #[serde(borrow, default)]
    output_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output_tokens_details: Option<Details<'a>>,
    #[serde(borrow, default)]
    output_token_details: Option<Details<'a>>,
}

impl<'a> Report<'a> {
    fn prompt_details(&self) -> Details<'a> {
        self.prompt_tokens_details
            .or(self.input_tokens_details)
            .or(self.input_token_details)
            .unwrap_or_default()
    }

    fn completion_details(&self) -> Details<'a> {
        self.completion_tokens_details
            .or(self.output_tokens_details)
            .or(self.output_token_details)
            .unwrap_or_default()
    }

    /// `OpenAI` writes to one of two caches (`ResponseUsage` of openai 3.57); the twelve hours are the longer one.
    fn cache_write_long(&self) -> Result<u64, UsageAnomaly> {
        let details = self.prompt_details().cache_write_times;
        let long = details.and_then(|it| it.twelve_hours);
        Ok(count("ttl_12h_tokens", long)?.unwrap_or(0))
    }

    /// Mistral's chats with sound say whole seconds (mistralai 3.7), `OpenAI`'s transcripts maybe a part.
    fn input_ms(&self) -> Result<u64, UsageAnomaly> {
        let given = self.prompt_audio_seconds.or(self.seconds);
        given.map_or(Ok(0), |it| milliseconds(it.get()))
    }

    /// `OpenRouter` says dollars, and beside them what the vendor behind it bills to a key of the caller's
    /// own (openrouter 1.3.84, `is_byok`); xAI says ticks of 10⁻¹⁰ dollars (xai-sdk 1.21); Perplexity an
    /// object of parts with their sum (perplexityai 0.46).
    fn reported_cost(&self) -> Option<ReportedCost> {
        if let Some(ticks) = self.cost_in_usd_ticks {
            let ticks = ticks.get().parse::<u64>().ok()?;
            return Some(ReportedCost {
                charged: format!("{ticks}e-10").into(),
                behind: None,
            });
        }
        let cost = self.cost?;
        let is_object = cost.get().starts_with('{');
        let charged = if is_object {
            cost_text(part(cost, |it| it.total_cost)?)?
        } else {
            cost_text(cost)?
        };
        let is_own_key = self.is_byok.is_some_and(|it| it.get() == "true");
        let behind = self.cost_details.filter(|_| is_own_key);
        Some(ReportedCost {
            charged,
            behind: behind
                .and_then(|it| part(it, |it| it.upstream_inference_cost))
                .and_then(cost_text),
        })
    }
}

/// The costs that a vendor lists one by one; those that are the sum of others.
#[derive(serde::Deserialize)]
struct Costs<'a> {
    #[serde(borrow, default)]
    total_cost: Option<&'a RawValue>,
    #[serde(borrow, default)]
    upstream_inference_cost: Option<&'a RawValue>,
}

fn part<'a>(
    raw: &'a RawValue,
    which: impl Fn(Costs<'a>) -> Option<&'a RawValue>,
) -> Option<&'a RawValue> {
    which(serde_json::from_str(raw.get()).ok()?)
}

#[derive(Clone, Copy, Default, serde::Deserialize)]
struct Details<'a> {
    #[serde(borrow, default, rename = "cached_tokens")]
    cached: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "cache_write_tokens")]
    cache_write: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "cache_write_tokens_details")]
    cache_write_times: Option<WriteTimes<'a>>,
    #[serde(borrow, default, rename = "audio_tokens")]
    audio: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "reasoning_tokens")]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "text_tokens")]
    text: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "image_tokens")]
    image: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "cached_tokens_details")]
    cached_kinds: Option<Kinds<'a>>,
}

#[derive(Clone, Copy, Default, serde::Deserialize)]
struct Kinds<'a> {
    #[serde(borrow, default, rename = "audio_tokens")]
    audio: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "image_tokens")]
    image: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Default, serde::Deserialize)]
struct WriteTimes<'a> {
    #[serde(borrow, default, rename = "ttl_12h_tokens")]
    twelve_hours: Option<&'a RawValue>,
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

/// Seconds with up to three decimals that count; what is finer rounds up.
fn milliseconds(text: &str) -> Result<u64, UsageAnomaly> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let anomaly = || UsageAnomaly::Count("seconds");
    if !fraction.bytes().all(|it| it.is_ascii_digit()) || seconds.len() > 9 {
        return Err(anomaly());
    }
    let (kept, finer) = fraction.split_at_checked(3).unwrap_or((fraction, ""));
    let ms: u64 = format!("{seconds}{kept:0<3}")
        .parse()
        .map_err(|_| anomaly())?;
    let ms = ms + u64::from(finer.bytes().any(|it| it != b'0'));
    Some(ms).filter(|it| *it <= MAX_MS).ok_or_else(anomaly)
}
