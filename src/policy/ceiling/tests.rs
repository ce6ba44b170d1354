#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use proptest::prelude::*;
use tollward_config::catalog::{Catalog, Rates, Unit};

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
        things: Things::default(),
        measure: Measure::Tokens,
        wants: Wants::default(),
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

// S-26
#[test]
fn what_may_be_served_in_a_dearer_way_is_held_as_that() {
    let catalog = Catalog::embedded();
    let models = catalog.models("anthropic");
    let listed = models
        .iter()
        .map(|it| Prices::listed(&catalog, "anthropic", it));
    let is_both = |it: &Prices| {
        it.services(NOW).any(|it| it == "fast") && it.regions(NOW).any(|it| it == "us")
    };
    let prices = listed.into_iter().find(is_both).unwrap();
    let can = Capabilities::default();
    let hold = |wants, estimate| {
        let demand = Demand {
            estimate,
            wants,
            ..demand()
        };
        demand.hold(&prices, &can, 1_000, NOW).unwrap()
    };
    let wants = |haste, place| Wants {
        haste,
        place,
        tools: false,
    };
    for (haste, place) in [(false, false), (true, false), (false, true), (true, true)] {
        let usage = Usage {
            input: 1_000,
            output: 1_000,
            cache_write: 1_000,
            cache_write_long: 1_000,
            service_tier: haste.then(|| "fast".into()),
            region: place.then(|| "us".into()),
            ..Usage::default()
        };
        let cost = prices.cost(&usage, NOW).cost.unwrap();
        let bound = hold(wants(haste, place), Estimate::Bound);
        assert!(
            cost <= bound && bound.0 < cost.0 + 100,
            "{haste} {place}: {cost} of {bound}"
        );
        let learned = hold(wants(haste, place), Estimate::Learned);
        let usual = hold(wants(false, false), Estimate::Learned);
        assert_eq!(learned > usual, haste || place);
    }
}

#[test]
fn what_is_priced_by_the_piece_is_held_where_the_pieces_are_known() {
    let can = Capabilities::default();
    let of = |unit, pico| Prices::Override(Arc::new(Rates::default().with(unit, pico)));
    let hold = |demand: &Demand, prices: &Prices| demand.hold(prices, &can, 0, NOW).map(|it| it.0);
    let spoken = Demand {
        measure: Measure::Pieces,
        things: Things {
            characters: 100,
            ..Things::default()
        },
        ..demand()
    };
    let by_character = of(Unit::Character, 15_000_000);
    assert_eq!(hold(&spoken, &by_character), Ok(1_500_000));
    // Who is paid for tokens counts them when it has spoken.
    assert_eq!(hold(&spoken, &prices()), Err(NoCeiling::Unmeasured));
    assert_eq!(hold(&spoken, &Prices::Unknown), Err(NoCeiling::Unpriced));
    let learned = Demand {
        estimate: Estimate::Learned,
        ..spoken
    };
    assert_eq!(hold(&learned, &by_character), Ok(1_500_000));
    assert_eq!(hold(&learned, &prices()), Ok(LEAST_HOLD.0));
    assert_eq!(hold(&learned, &Prices::Free), Ok(0));
    let ranked = Demand {
        things: Things {
            search_units: search_units(100, 10, 100 * 1_000),
            ..Things::default()
        },
        ..demand()
    };
    // A hundred documents of a thousand tokens are three times a hundred pieces and a bit.
    let by_search = of(Unit::SearchUnit, 2_000_000_000);
    assert_eq!(hold(&ranked, &by_search), Ok(4 * 2_000_000 + ROUNDING_NANO));
}
