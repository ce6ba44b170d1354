//! A usage as parts that are priced apart: what nests in the vendor's counts is disjoint here.

use tollward_config::catalog::{Rates, Unit};
use tollward_store::{NanoUsd, Part, PicoUsd};
use tollward_wire::usage::Usage;

use super::WHOLE_PPM;

/// Milliseconds are priced by the second.
const MS_PPM: u64 = WHOLE_PPM / 1_000;

/// What a cost is made of. Each class is rounded up by itself, so they add up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Input that no cache had or keeps, of every kind.
    pub input: NanoUsd,
    /// Input that was read from a cache.
    pub cache_read: NanoUsd,
    /// Input that was written to a cache.
    pub cache_write: NanoUsd,
    /// Output of every kind, thoughts included.
    pub output: NanoUsd,
    /// What is not counted in tokens.
    pub other: NanoUsd,
}

impl Details {
    /// The classes with their names.
    pub fn parts(&self) -> [(&'static str, NanoUsd); 5] {
        [
            ("input", self.input),
            ("cache_read", self.cache_read),
            ("cache_write", self.cache_write),
            ("output", self.output),
            ("other", self.other),
        ]
    }

    fn class(&mut self, unit: Unit) -> &mut NanoUsd {
        match unit {
            Unit::Input | Unit::AudioInput | Unit::ImageInput | Unit::VideoInput => &mut self.input,
            Unit::CacheRead | Unit::AudioCacheRead | Unit::ImageCacheRead => &mut self.cache_read,
            Unit::CacheWrite | Unit::CacheWriteLong => &mut self.cache_write,
            Unit::Output
            | Unit::Reasoning
            | Unit::AudioOutput
            | Unit::ImageOutput
            | Unit::VideoOutput => &mut self.output,
            Unit::Image
            | Unit::SecondInput
            | Unit::SecondOutput
            | Unit::Character
            | Unit::Page
            | Unit::SearchUnit
            | Unit::WebSearch
            | Unit::Request => &mut self.other,
        }
    }
}

/// Applies one price list; `None` when something that was used has no price.
pub(super) fn cost(rates: &Rates, usage: &Usage, factor_ppm: u64) -> Option<NanoUsd> {
    let parts = parts(rates, usage, factor_ppm)?;
    NanoUsd::cost(parts.into_iter().map(|(_, part)| part)).ok()
}

/// The same by class.
pub(super) fn details(rates: &Rates, usage: &Usage, factor_ppm: u64) -> Option<Details> {
    let mut details = Details::default();
    for (unit, part) in parts(rates, usage, factor_ppm)? {
        let class = details.class(unit);
        *class = class.checked_add(NanoUsd::cost([part]).ok()?)?;
    }
    Some(details)
}

/// What was used, with its prices; `None` when some of it has none.
fn parts(rates: &Rates, usage: &Usage, factor_ppm: u64) -> Option<Vec<(Unit, Part)>> {
    let part = |unit: Unit, quantity: u64, factor_ppm: u64| {
        let price = PicoUsd(rates.price(unit)?);
        let part = Part {
            quantity,
            price,
            factor_ppm,
        };
        Some((unit, part))
    };
    let tokens = tokens(usage).map(|(unit, quantity)| (unit, quantity, factor_ppm));
    let factor_of = |unit| match unit {
        Unit::SecondInput | Unit::SecondOutput => {
            factor_ppm / WHOLE_PPM * MS_PPM + factor_ppm % WHOLE_PPM * MS_PPM / WHOLE_PPM
        }
        _ => factor_ppm,
    };
    let things = things(usage).map(|(unit, quantity)| (unit, quantity, factor_of(unit)));
    let used = tokens.into_iter().chain(things);
    // A request costs something in itself at few vendors; elsewhere that is no missing price.
    let request = rates
        .get(Unit::Request)
        .map(|_| (Unit::Request, 1, factor_ppm));
    used.chain(request)
        .filter(|(_, quantity, _)| *quantity > 0)
        .map(|(unit, quantity, factor_ppm)| part(unit, quantity, factor_ppm))
        .collect()
}

/// Tokens by class, none twice.
///
/// A part that is larger than its whole was refused when the usage was read; parts that overlap
/// without a word about how much, as sound that was cached, saturate.
fn tokens(usage: &Usage) -> [(Unit, u64); 14] {
    let audio = usage.audio_input.saturating_sub(usage.audio_cache_read);
    let image = usage.image_input.saturating_sub(usage.image_cache_read);
    let special_input = [
        usage.cache_read,
        usage.cache_write,
        audio,
        image,
        usage.video_input,
    ];
    let special_output = [
        usage.reasoning,
        usage.audio_output,
        usage.image_output,
        usage.video_output,
    ];
    let cached_media = usage
        .audio_cache_read
        .saturating_add(usage.image_cache_read);
    let without = |whole: u64, parts: &[u64]| {
        let parts = parts
            .iter()
            .fold(0, |sum: u64, part| sum.saturating_add(*part));
        whole.saturating_sub(parts)
    };
    [
        (Unit::Input, without(usage.input, &special_input)),
        (
            Unit::CacheRead,
            usage.cache_read.saturating_sub(cached_media),
        ),
        (
            Unit::CacheWrite,
            usage.cache_write.saturating_sub(usage.cache_write_long),
        ),
        (Unit::CacheWriteLong, usage.cache_write_long),
        (Unit::AudioInput, audio),
        (Unit::AudioCacheRead, usage.audio_cache_read),
        (Unit::ImageInput, image),
        (Unit::ImageCacheRead, usage.image_cache_read),
        (Unit::VideoInput, usage.video_input),
        (Unit::Output, without(usage.output, &special_output)),
        (Unit::Reasoning, usage.reasoning),
        (Unit::AudioOutput, usage.audio_output),
        (Unit::ImageOutput, usage.image_output),
        (Unit::VideoOutput, usage.video_output),
    ]
}

/// What is not tokens; seconds in thousandths.
fn things(usage: &Usage) -> [(Unit, u64); 7] {
    let things = &usage.things;
    [
        (Unit::Image, things.images),
        (Unit::SecondInput, things.input_ms),
        (Unit::SecondOutput, things.output_ms),
        (Unit::Character, things.characters),
        (Unit::Page, things.pages),
        (Unit::SearchUnit, things.search_units),
        (Unit::WebSearch, things.web_searches),
    ]
}
