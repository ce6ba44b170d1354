//! A usage as parts that are priced apart: what nests in the vendor's counts is disjoint here.

use tollward_config::catalog::{Rates, Unit};
use tollward_store::{NanoUsd, Part, PicoUsd};
use tollward_wire::usage::Usage;

use super::WHOLE_PPM;

/// Milliseconds are priced by the second.
const MS_PPM: u64 = WHOLE_PPM / 1_000;

/// Applies one price list; `None` when something that was used has no price.
pub(super) fn cost(rates: &Rates, usage: &Usage, factor_ppm: u64) -> Option<NanoUsd> {
    let part = |unit: Unit, quantity: u64, factor_ppm: u64| {
        let price = PicoUsd(rates.price(unit)?);
        Some(Part {
            quantity,
            price,
            factor_ppm,
        })
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
    let parts = used
        .chain(request)
        .filter(|(_, quantity, _)| *quantity > 0)
        .map(|(unit, quantity, factor_ppm)| part(unit, quantity, factor_ppm));
    NanoUsd::cost(parts.collect::<Option<Vec<_>>>()?).ok()
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
