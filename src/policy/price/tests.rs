use tollward_config::catalog::{Price, Tier};

use super::*;

/// Pico-dollars per token, all different, so that a class at the wrong rate shows.
const RATES: Rates = Rates {
    input: 2_000_000,
    output: Some(8_000_000),
    cache_read: Some(500_000),
    cache_write: Some(2_500_000),
    audio_input: Some(40_000_000),
    audio_output: Some(80_000_000),
    reasoning: Some(9_000_000),
};

fn used(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

fn nano(rates: &Rates, usage: &Usage) -> Option<i64> {
    apply(rates, usage).map(|cost| cost.0)
}

#[test]
fn every_class_of_token_has_its_own_rate_and_is_taken_out_of_its_whole() {
    let table = [
        ("text", used(1_000, 100), 2_000_000 + 800_000),
        (
            "cache",
            Usage {
                cache_read: 600,
                cache_write: 300,
                ..used(1_000, 0)
            },
            100 * 2_000 + 600 * 500 + 300 * 2_500,
        ),
        (
            "audio",
            Usage {
                audio_input: 10,
                audio_output: 5,
                ..used(1_000, 100)
            },
            990 * 2_000 + 10 * 40_000 + 95 * 8_000 + 5 * 80_000,
        ),
        (
            "reasoning",
            Usage {
                reasoning: 90,
                ..used(0, 100)
            },
            10 * 8_000 + 90 * 9_000,
        ),
        (
            "parts that overlap",
            Usage {
                cache_read: 80,
                audio_input: 80,
                ..used(100, 0)
            },
            80 * 500 + 80 * 40_000,
        ),
        ("nothing", used(0, 0), 0),
    ];
    for (what, usage, cost) in table {
        assert_eq!(nano(&RATES, &usage), Some(cost), "{what}");
    }
}

#[test]
fn a_class_without_a_rate_costs_what_its_whole_costs() {
    let plain = Rates {
        input: 2_000_000,
        output: Some(8_000_000),
        ..Rates::default()
    };
    let usage = Usage {
        cache_read: 500,
        cache_write: 100,
        audio_input: 100,
        reasoning: 40,
        audio_output: 10,
        ..used(1_000, 100)
    };
    assert_eq!(nano(&plain, &usage), nano(&plain, &used(1_000, 100)));
}

#[test]
fn output_of_a_model_that_has_no_price_for_it_makes_the_cost_unknown() {
    let embeddings = Rates {
        input: 20_000,
        ..Rates::default()
    };
    assert_eq!(nano(&embeddings, &used(1_000, 0)), Some(20_000));
    assert_eq!(nano(&embeddings, &used(1_000, 1)), None);
}

#[test]
fn each_class_is_rounded_up_to_a_nano_dollar_once() {
    let fine = Rates {
        input: 1,
        output: Some(1),
        ..Rates::default()
    };
    assert_eq!(nano(&fine, &used(1, 1)), Some(2));
    assert_eq!(nano(&fine, &used(1_000, 1_001)), Some(1 + 2));
}

// U-47
#[test]
fn absurd_counts_neither_overflow_nor_wrap() {
    let absurd = Usage {
        input: u64::MAX,
        cache_read: u64::MAX,
        cache_write: u64::MAX,
        audio_input: u64::MAX,
        output: u64::MAX,
        reasoning: u64::MAX,
        audio_output: u64::MAX,
        search_units: 0,
        reported_cost: None,
    };
    assert_eq!(nano(&RATES, &absurd), None);
}

// S-26
#[test]
fn a_prompt_over_the_threshold_is_priced_by_the_dearer_tier_as_a_whole() {
    let dear = Rates {
        input: 4_000_000,
        ..RATES
    };
    let price = Price {
        id: "vendor/model@2026-01-01".into(),
        from_unix_s: None,
        rates: RATES,
        tiers: vec![Tier {
            prompt_over: 1_000,
            rates: dear,
        }],
    };
    let of = |input| {
        let usage = Usage {
            cache_read: 400,
            ..used(input, 0)
        };
        nano(price.rates_for(usage.input), &usage)
    };
    assert_eq!(of(1_000), Some(600 * 2_000 + 400 * 500));
    assert_eq!(of(1_001), Some(601 * 4_000 + 400 * 500));
}

#[test]
fn the_vendors_own_figure_wins_over_every_list() {
    let told = |cost: &str| Usage {
        reported_cost: Some(cost.into()),
        ..used(1_000, 100)
    };
    let sources = [
        Prices::Free,
        Prices::Unknown,
        Prices::Override(Arc::new(RATES)),
    ];
    for prices in sources {
        let priced = prices.cost(&told("1.5e-05"), 0);
        assert_eq!(
            (priced.cost, priced.source),
            (Some(NanoUsd(15_000)), CostSource::Provider)
        );
        assert_eq!(priced.price_id, None);
    }
    let nonsense = Prices::Override(Arc::new(RATES)).cost(&told("-1"), 0);
    assert_eq!(
        (nonsense.cost, nonsense.source),
        (Some(NanoUsd(2_800_000)), CostSource::Computed)
    );
}

// P-27
#[test]
fn an_unknown_price_is_not_zero_and_a_free_model_is() {
    let unknown = Prices::Unknown.cost(&used(1, 1), 0);
    assert_eq!((unknown.cost, unknown.source), (None, CostSource::Unknown));
    assert_eq!(Prices::Free.cost(&used(1, 1), 0), Priced::NOTHING);
    let written = Prices::Override(Arc::new(RATES)).cost(&used(1, 0), 0);
    assert_eq!(written.price_id.as_deref(), Some("override"));
    assert!(matches!(
        Prices::listed("openai", "no-such-model"),
        Prices::Unknown
    ));
}

#[test]
fn a_search_has_no_price_in_a_list_of_tokens_unless_the_vendor_tells_it() {
    let searched = Usage {
        search_units: 1,
        ..used(1_000, 0)
    };
    let listed = Prices::Override(Arc::new(RATES));
    let unknown = listed.cost(&searched, 0);
    assert_eq!((unknown.cost, unknown.source), (None, CostSource::Unknown));
    let told = Usage {
        reported_cost: Some("0.001".into()),
        ..searched.clone()
    };
    assert_eq!(listed.cost(&told, 0).cost, Some(NanoUsd(1_000_000)));
    assert_eq!(Prices::Free.cost(&searched, 0), Priced::NOTHING);
}
