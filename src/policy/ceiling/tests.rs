#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use proptest::prelude::*;
use tollward_config::catalog::{Rates, Unit};

use super::*;

const NOW: i64 = 1_795_521_600;

fn rates() -> Rates {
    Rates::default()
        .with(Unit::Input, 2_000_000)
        .with(Unit::Output, 8_000_000)
        .with(Unit::CacheRead, 500_000)
        .with(Unit::CacheWrite, 2_500_000)
        .with(Unit::CacheWriteLong, 4_000_000)
        .with(Unit::Reasoning, 9_000_000)
        .with(Unit::AudioInput, 40_000_000)
        .with(Unit::AudioOutput, 80_000_000)
}

fn prices() -> Prices {
    Prices::Override(Arc::new(rates()))
}

fn demand() -> Demand {
    Demand {
        estimate: Estimate::Bound,
        input: 1_000,
        is_input_open: false,
        output: None,
        choices: 1,
        has_media: false,
        documents: 0,
        is_priority: false,
    }
}

fn held(demand: &Demand, can: &Capabilities, output: u64) -> Result<i64, NoCeiling> {
    demand.hold(&prices(), can, output, NOW).map(|it| it.0)
}

#[test]
fn a_bound_is_the_dearest_that_can_be_and_an_estimate_what_is_usual() {
    let can = Capabilities::default();
    // 1,000 tokens written to the longer cache, 100 of thoughts.
    let dearest = 1_000 * 4_000 + 100 * 9_000 + ROUNDING_NANO;
    assert_eq!(held(&demand(), &can, 100), Ok(dearest));
    let learned = Demand {
        estimate: Estimate::Learned,
        ..demand()
    };
    assert_eq!(held(&learned, &can, 100), Ok(1_100 * 2_000 + 100 * 8_000));
    let spoken = Demand {
        has_media: true,
        choices: 2,
        ..demand()
    };
    let dearest = 1_000 * 40_000 + 200 * 80_000 + ROUNDING_NANO;
    assert_eq!(held(&spoken, &can, 100), Ok(dearest));
}

// S-26
#[test]
fn what_the_vendor_reads_besides_is_as_much_as_its_model_takes() {
    let open = Demand {
        is_input_open: true,
        ..demand()
    };
    let small = Capabilities {
        context: Some(500),
        ..Capabilities::default()
    };
    assert_eq!(
        held(&open, &Capabilities::default(), 0),
        Err(NoCeiling::Unbounded)
    );
    assert_eq!(held(&open, &small, 0), Ok(500 * 4_000 + ROUNDING_NANO));
    assert_eq!(held(&demand(), &small, 0), held(&open, &small, 0));
}

#[test]
fn what_has_no_price_has_no_bound_and_what_is_free_needs_none() {
    let can = Capabilities::default();
    let hold = |prices: &Prices| demand().hold(prices, &can, 100, NOW);
    assert_eq!(hold(&Prices::Unknown), Err(NoCeiling::Unpriced));
    assert_eq!(hold(&Prices::Free), Ok(NanoUsd::ZERO));
}

#[test]
fn who_says_nothing_is_allowed_what_is_left_if_that_is_an_answer() {
    let can = Capabilities {
        max_output: Some(10_000),
        ..Capabilities::default()
    };
    let affordable = |room| demand().affordable(NanoUsd(room), &prices(), &can, NOW);
    assert_eq!(affordable(i64::MAX), Some(10_000));
    let input = 1_000 * 4_000 + ROUNDING_NANO;
    assert_eq!(affordable(input + 300 * 9_000), Some(300));
    assert_eq!(affordable(input + 300 * 9_000 - 1), Some(299));
    assert_eq!(affordable(input + 255 * 9_000), None);
    let modest = Demand {
        output: Some(100),
        ..demand()
    };
    let afforded = |room| modest.affordable(NanoUsd(room), &prices(), &can, NOW);
    assert_eq!(afforded(input + 100 * 9_000), Some(100));
    assert_eq!(afforded(input + 99 * 9_000), None);
}

proptest! {
    // K-01
    #[test]
    fn no_answer_within_its_bounds_costs_more_than_was_held(
        input in 0..2_000_u64, output in 0..2_000_u64, parts in prop::array::uniform6(0..1_000_u64), media: bool,
    ) {
        let demand = Demand { input, has_media: media, ..demand() };
        let hold = demand.hold(&prices(), &Capabilities::default(), output, NOW).unwrap();
        let part = |whole: u64, share: u64| whole * share / 1_000;
        let [cached, kept, read, thought, heard, spoken] = parts;
        let cache_write = part(input, cached);
        let rest = input - cache_write;
        let heard = if media { part(rest, heard) } else { 0 };
        let thoughts = part(output, thought);
        let usage = Usage {
            input,
            cache_write,
            cache_write_long: part(cache_write, kept),
            cache_read: part(rest - heard, read),
            audio_input: heard,
            output,
            reasoning: thoughts,
            audio_output: if media { part(output - thoughts, spoken) } else { 0 },
            ..Usage::default()
        };
        let cost = prices().cost(&usage, NOW).cost.unwrap();
        prop_assert!(cost <= hold, "{cost} of {hold}");
    }
}
