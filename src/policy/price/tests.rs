#![expect(clippy::unwrap_used, reason = "tests")]

use tollward_config::catalog::{ServiceTerms, Tier};

use super::*;
use crate::shelf::tests::table;

mod goldens;

/// Pico-dollars per token, all different, so that a class at the wrong rate shows.
fn rates() -> Rates {
    Rates::default()
        .with(Unit::Input, 2_000_000)
        .with(Unit::Output, 8_000_000)
        .with(Unit::CacheRead, 500_000)
        .with(Unit::CacheWrite, 2_500_000)
        .with(Unit::CacheWriteLong, 4_000_000)
        .with(Unit::AudioInput, 40_000_000)
        .with(Unit::AudioCacheRead, 3_000_000)
        .with(Unit::AudioOutput, 80_000_000)
        .with(Unit::ImageInput, 5_000_000)
        .with(Unit::ImageOutput, 30_000_000)
        .with(Unit::VideoInput, 7_000_000)
        .with(Unit::Reasoning, 9_000_000)
}

/// 2026-11-24, 12 o'clock.
const NOW: i64 = 1_795_521_600;

fn used(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

fn nano(rates: &Rates, usage: &Usage) -> Option<i64> {
    parts::cost(rates, usage, WHOLE_PPM).map(|cost| cost.0)
}

#[test]
fn one_token_costs_what_is_written_or_the_operators_part_of_what_is_listed() {
    let one = |prices: &Prices, unit| prices.of_one(unit, NOW);
    let written = Prices::Override(Arc::new(rates()));
    assert_eq!(one(&written, Unit::Output), Some(8_000_000));
    assert_eq!(one(&Prices::Free, Unit::Output), Some(0));
    assert_eq!(one(&Prices::Unknown, Unit::Output), None);
    let catalog = Catalog::embedded();
    let listed = |model: &&str| Prices::listed(&catalog, "openai", model);
    let models = catalog.models("openai");
    let mut all = models.iter().map(listed);
    let found = all.find(|it| one(it, Unit::Input).is_some_and(|pico| pico > 0));
    let found = found.unwrap();
    let whole = one(&found, Unit::Input).unwrap();
    let half = one(&found.times(WHOLE_PPM / 2), Unit::Input);
    assert_eq!(half, Some(whole / 2));
}

#[test]
fn what_nobody_measured_costs_nothing_where_every_price_is_nothing() {
    let listed = |pico: &str| {
        let (from, to) = (
            r#""whisper-1":{"s":1,"p":[{"si":100000000"#,
            r#""whisper-1":{"s":1,"p":[{"si":"#,
        );
        let table = table("2026-11-24", from, &format!("{to}{pico}"));
        Prices::listed(&Catalog::parse(&table).unwrap(), "openai", "whisper-1")
    };
    let free = Rates::default().with(Unit::Input, 0);
    let dear = free.with(Unit::SecondInput, 1);
    let source = |prices: &Prices| prices.unmeasured(NOW).source;
    for prices in [Prices::Free, Prices::Override(Arc::new(free)), listed("0")] {
        assert_eq!(source(&prices), CostSource::Zero, "{prices:?}");
    }
    for prices in [
        Prices::Unknown,
        Prices::Override(Arc::new(dear)),
        Prices::Override(Arc::default()),
        listed("1"),
    ] {
        assert_eq!(source(&prices), CostSource::Unmeasured, "{prices:?}");
    }
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
            "a cache of two times",
            Usage {
                cache_write: 300,
                cache_write_long: 200,
                ..used(1_000, 0)
            },
            700 * 2_000 + 100 * 2_500 + 200 * 4_000,
        ),
        (
            "sound that was cached",
            Usage {
                cache_read: 80,
                audio_input: 100,
                audio_cache_read: 60,
                ..used(200, 0)
            },
            80 * 2_000 + 20 * 500 + 40 * 40_000 + 60 * 3_000,
        ),
        (
            "pictures and film",
            Usage {
                image_input: 10,
                video_input: 20,
                image_output: 50,
                ..used(100, 60)
            },
            70 * 2_000 + 10 * 5_000 + 20 * 7_000 + 10 * 8_000 + 50 * 30_000,
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
        assert_eq!(nano(&rates(), &usage), Some(cost), "{what}");
    }
}

#[test]
fn a_class_without_a_rate_costs_what_its_whole_costs() {
    let plain = Rates::default()
        .with(Unit::Input, 2_000_000)
        .with(Unit::Output, 8_000_000);
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
    let embeddings = Rates::default().with(Unit::Input, 20_000);
    assert_eq!(nano(&embeddings, &used(1_000, 0)), Some(20_000));
    assert_eq!(nano(&embeddings, &used(1_000, 1)), None);
}

#[test]
fn each_class_is_rounded_up_to_a_nano_dollar_once() {
    let fine = Rates::default().with(Unit::Input, 1).with(Unit::Output, 1);
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
        cache_write_long: u64::MAX,
        audio_input: u64::MAX,
        output: u64::MAX,
        reasoning: u64::MAX,
        audio_output: u64::MAX,
        ..Usage::default()
    };
    assert_eq!(nano(&rates(), &absurd), None);
}

// S-26
#[test]
fn a_prompt_over_the_threshold_is_priced_by_the_dearer_tier_as_a_whole() {
    let dear = rates().with(Unit::Input, 4_000_000);
    let price = Price {
        id: "vendor/model@2026-01-01".into(),
        from_unix_s: None,
        source: None,
        terms: ServiceTerms {
            rates: rates(),
            tiers: vec![Tier {
                prompt_over: 1_000,
                rates: dear,
            }],
        },
        off_peak: None,
        services: Vec::new(),
        regions: Vec::new(),
    };
    let of = |input| {
        let usage = Usage {
            cache_read: 400,
            ..used(input, 0)
        };
        Some(listed(&price, &usage, 0, WHOLE_PPM)?.cost?.0)
    };
    assert_eq!(of(1_000), Some(600 * 2_000 + 400 * 500));
    assert_eq!(of(1_001), Some(601 * 4_000 + 400 * 500));
}

fn told(charged: &str, behind: Option<&str>) -> Usage {
    Usage {
        reported_cost: Some(ReportedCost {
            charged: charged.into(),
            behind: behind.map(Into::into),
        }),
        ..used(1_000, 100)
    }
}

#[test]
fn the_vendors_own_figure_wins_over_the_list_and_the_operators_over_both() {
    let listed = Prices::listed(&Catalog::embedded(), "openrouter", "openai/gpt-5-mini");
    assert!(matches!(listed, Prices::Listed { .. }));
    for prices in [Prices::Free, Prices::Unknown, listed.clone()] {
        let priced = prices.cost(&told("1.5e-05", None), NOW);
        assert_eq!(
            (priced.cost, priced.source),
            (Some(NanoUsd(15_000)), CostSource::Provider)
        );
        assert_eq!(priced.price_id, None);
        let both = prices.cost(&told("0.00001", Some("0.002")), NOW);
        assert_eq!(
            both.cost,
            Some(NanoUsd(2_010_000)),
            "a key of one's own behind a router"
        );
    }
    for written in [Prices::Override(Arc::new(rates())), listed.times(500_000)] {
        let priced = written.cost(&told("1.5e-05", None), NOW);
        assert_eq!(priced.source, CostSource::Computed);
        assert!(priced.price_id.unwrap().ends_with("override"));
    }
}

#[test]
fn a_figure_that_is_none_or_says_nothing_is_owed_is_not_believed() {
    let listed = Prices::listed(&Catalog::embedded(), "openrouter", "openai/gpt-5-mini");
    for nonsense in ["-1", "1e400", "0", "0.00"] {
        let usage = told(nonsense, None);
        assert_eq!(
            listed.cost(&usage, NOW).source,
            CostSource::Computed,
            "{nonsense}"
        );
        assert_eq!(
            Prices::Unknown.cost(&usage, NOW),
            Priced::UNKNOWN,
            "{nonsense}"
        );
    }
    let priced = Prices::Free.cost(&told("0", None), NOW);
    assert_eq!(
        (priced.cost, priced.source),
        (Some(NanoUsd::ZERO), CostSource::Provider)
    );
}

#[test]
fn a_discount_is_a_part_of_the_listed_price_whatever_the_tier() {
    let full = Prices::listed(&Catalog::embedded(), "openai", "gpt-5.6");
    let of = |prices: &Prices, service_tier: Option<&str>| {
        let usage = Usage {
            service_tier: service_tier.map(Into::into),
            ..used(1_000, 100)
        };
        let priced = prices.cost(&usage, NOW);
        (priced.cost.unwrap().0, priced.price_id.unwrap().to_string())
    };
    let discounted = full.clone().times(850_000);
    let id = "openai/gpt-5.6@2026-08-21";
    assert_eq!(of(&full, None), (6_000_000, id.to_owned()));
    assert_eq!(of(&discounted, None), (5_100_000, format!("{id}+override")));
    assert_eq!(
        of(&full, Some("priority")),
        (12_000_000, format!("{id}+priority"))
    );
    assert_eq!(
        of(&discounted, Some("priority")),
        (10_200_000, format!("{id}+priority+override"))
    );
}

#[test]
fn what_is_no_token_is_priced_by_the_piece_and_seconds_by_the_millisecond() {
    let rates = Rates::default()
        .with(Unit::Image, 40_000_000_000)
        .with(Unit::SecondInput, 100_000_000)
        .with(Unit::SecondOutput, 250_000_000)
        .with(Unit::Character, 15_000_000)
        .with(Unit::Page, 1_000_000_000)
        .with(Unit::SearchUnit, 2_000_000_000)
        .with(Unit::WebSearch, 10_000_000_000)
        .with(Unit::Request, 5_000_000_000);
    let cost = |things: Things| {
        let usage = Usage {
            things,
            ..Usage::default()
        };
        nano(&rates, &usage).map(|cost| cost - 5_000_000)
    };
    let none = Things::default();
    let table = [
        ("pictures", Things { images: 2, ..none }, 80_000_000),
        (
            "sound sent",
            Things {
                input_ms: 12_340,
                ..none
            },
            1_234_000,
        ),
        (
            "less than a nano-dollar of sound",
            Things {
                input_ms: 1,
                ..none
            },
            100,
        ),
        (
            "sound made",
            Things {
                output_ms: 1_500,
                ..none
            },
            375_000,
        ),
        (
            "characters",
            Things {
                characters: 1_000,
                ..none
            },
            15_000_000,
        ),
        ("pages", Things { pages: 3, ..none }, 3_000_000),
        (
            "a ranking",
            Things {
                search_units: 1,
                ..none
            },
            2_000_000,
        ),
        (
            "searches of the web",
            Things {
                web_searches: 2,
                ..none
            },
            20_000_000,
        ),
        ("the request alone", none, 0),
    ];
    for (what, things, expected) in table {
        assert_eq!(cost(things), Some(expected), "{what}");
    }
    let tokens_only = Rates::default().with(Unit::Input, 1);
    let usage = Usage {
        things: Things { images: 1, ..none },
        ..used(1, 0)
    };
    assert_eq!(nano(&tokens_only, &usage), None);
}

// P-27
#[test]
fn an_unknown_price_is_not_zero_and_a_free_model_is() {
    let unknown = Prices::Unknown.cost(&used(1, 1), 0);
    assert_eq!((unknown.cost, unknown.source), (None, CostSource::Unknown));
    assert_eq!(Prices::Free.cost(&used(1, 1), 0), Priced::NOTHING);
    let written = Prices::Override(Arc::new(rates())).cost(&used(1, 0), 0);
    assert_eq!(written.price_id.as_deref(), Some("override"));
    assert!(matches!(
        Prices::listed(&Catalog::embedded(), "openai", "no-such-model"),
        Prices::Unknown
    ));
}

#[test]
fn a_search_has_no_price_in_a_list_of_tokens_unless_the_vendor_tells_it() {
    let searched = Usage {
        things: Things {
            search_units: 1,
            ..Things::default()
        },
        ..used(1_000, 0)
    };
    let listed = Prices::Override(Arc::new(rates()));
    let unknown = listed.cost(&searched, 0);
    assert_eq!((unknown.cost, unknown.source), (None, CostSource::Unknown));
    let searched_and_told = Usage {
        reported_cost: told("0.001", None).reported_cost,
        ..searched.clone()
    };
    let unlisted = Prices::Unknown;
    assert_eq!(
        unlisted.cost(&searched_and_told, 0).cost,
        Some(NanoUsd(1_000_000))
    );
    assert_eq!(Prices::Free.cost(&searched, 0), Priced::NOTHING);
}
