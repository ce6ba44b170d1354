//! Golden prices, read by hand from the pinned packages, and rules for the whole table.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// A date as Unix seconds at midnight.
fn day(date: &str) -> i64 {
    moment::parse(date).unwrap()
}

fn price(provider: &str, model: &str, date: &str) -> Option<Price> {
    let timeline = Catalog::embedded().timeline(provider, model)?;
    timeline.at(day(date)).cloned()
}

fn rates(provider: &str, model: &str, date: &str, prompt: u64) -> Option<Rates> {
    let price = price(provider, model, date)?;
    let when = When {
        at_unix_s: day(date) + 2 * 3600,
        prompt_tokens: prompt,
        ..When::default()
    };
    Some(*price.applied(&when)?.rates)
}

/// Provider, model, date, prompt tokens; then input, output, cache read and cache write in
/// pico-dollars per token. Zero stands for a class without a price.
type Golden = (&'static str, &'static str, &'static str, u64, [u64; 4]);

const GOLDEN: [Golden; 44] = [
    // model-prices 0.0.5
    (
        "openai",
        "gpt-5.6",
        "2026-08-20",
        1,
        [5_000_000, 30_000_000, 500_000, 6_250_000],
    ),
    (
        "openai",
        "gpt-5.6",
        "2026-08-21",
        1,
        [4_000_000, 20_000_000, 400_000, 5_000_000],
    ),
    (
        "openai",
        "gpt-5.6",
        "2026-08-21",
        272_000,
        [4_000_000, 20_000_000, 400_000, 5_000_000],
    ),
    (
        "openai",
        "gpt-5.6",
        "2026-08-21",
        272_001,
        [8_000_000, 30_000_000, 800_000, 10_000_000],
    ),
    (
        "openai",
        "gpt-6-sol",
        "2026-11-24",
        1,
        [2_000_000, 10_000_000, 200_000, 2_500_000],
    ),
    (
        "openai",
        "gpt-6-sol",
        "2026-11-24",
        300_000,
        [4_000_000, 15_000_000, 400_000, 5_000_000],
    ),
    (
        "openai",
        "gpt-5.4-mini",
        "2026-11-24",
        1,
        [750_000, 4_500_000, 75_000, 0],
    ),
    (
        "openai",
        "gpt-5.4-nano",
        "2026-11-24",
        1,
        [200_000, 1_250_000, 20_000, 0],
    ),
    (
        "openai",
        "o3",
        "2025-06-16",
        1,
        [2_000_000, 8_000_000, 0, 0],
    ),
    (
        "openai",
        "o3",
        "2026-11-24",
        1,
        [2_000_000, 8_000_000, 500_000, 0],
    ),
    (
        "openai",
        "gpt-4.1-mini",
        "2026-11-24",
        1,
        [400_000, 1_600_000, 100_000, 0],
    ),
    (
        "openai",
        "gpt-4o-mini",
        "2026-11-24",
        1,
        [150_000, 600_000, 75_000, 0],
    ),
    (
        "openai",
        "gpt-5-nano",
        "2026-11-24",
        1,
        [50_000, 400_000, 5_000, 0],
    ),
    (
        "openai",
        "text-embedding-3-large",
        "2026-11-24",
        1,
        [130_000, 0, 0, 0],
    ),
    (
        "openai",
        "text-embedding-3-small",
        "2026-11-24",
        1,
        [20_000, 0, 0, 0],
    ),
    (
        "mistral",
        "mistral-large-4",
        "2026-10-20",
        1,
        [680_000, 2_090_000, 70_000, 0],
    ),
    (
        "mistral",
        "mistral-large-4",
        "2026-10-21",
        1,
        [1_360_000, 4_180_000, 140_000, 0],
    ),
    (
        "mistral",
        "mistral-small-latest",
        "2026-04-01",
        1,
        [100_000, 300_000, 0, 0],
    ),
    (
        "mistral",
        "mistral-small-latest",
        "2026-11-24",
        1,
        [150_000, 600_000, 15_000, 0],
    ),
    (
        "mistral",
        "mistral-embed",
        "2026-11-24",
        1,
        [100_000, 0, 10_000, 0],
    ),
    (
        "mistral",
        "codestral-latest",
        "2026-11-24",
        1,
        [300_000, 900_000, 30_000, 0],
    ),
    (
        "deepseek",
        "deepseek-chat",
        "2025-12-01",
        1,
        [280_000, 420_000, 28_000, 0],
    ),
    (
        "deepseek",
        "deepseek-chat",
        "2026-07-01",
        1,
        [140_000, 280_000, 2_800, 0],
    ),
    // From 2026-08-16T16:00Z the peak price, twice the listed one.
    (
        "deepseek",
        "deepseek-v4-pro",
        "2026-08-16",
        1,
        [435_000, 870_000, 3_625, 0],
    ),
    (
        "deepseek",
        "deepseek-v4-pro",
        "2026-08-17",
        1,
        [1_320_000, 3_960_000, 44_000, 0],
    ),
    (
        "deepseek",
        "deepseek-v4-flash",
        "2026-09-01",
        1,
        [440_000, 1_320_000, 14_000, 0],
    ),
    (
        "deepseek",
        "deepseek-v4-flash",
        "2026-11-24",
        1,
        [300_000, 1_200_000, 6_000, 0],
    ),
    (
        "deepseek",
        "deepseek-flash",
        "2026-11-24",
        1,
        [300_000, 1_200_000, 6_000, 0],
    ),
    (
        "anthropic",
        "claude-sonnet-4-5",
        "2026-11-24",
        1,
        [3_000_000, 15_000_000, 300_000, 3_750_000],
    ),
    (
        "anthropic",
        "claude-haiku-4-5",
        "2026-11-24",
        1,
        [1_000_000, 5_000_000, 100_000, 1_250_000],
    ),
    (
        "gemini",
        "gemini-2.5-pro",
        "2026-11-24",
        200_000,
        [1_250_000, 10_000_000, 125_000, 0],
    ),
    (
        "gemini",
        "gemini-2.5-pro",
        "2026-11-24",
        200_001,
        [2_500_000, 15_000_000, 250_000, 0],
    ),
    (
        "gemini",
        "gemini-2.5-flash",
        "2026-11-24",
        1,
        [300_000, 2_500_000, 30_000, 0],
    ),
    // genai-prices 0.2.3: a change after model-prices' last day, and announced ones
    (
        "mistral",
        "mistral-large-4",
        "2026-11-24",
        1,
        [700_000, 2_100_000, 70_000, 0],
    ),
    (
        "gemini",
        "gemini-4-argon",
        "2026-11-30",
        1,
        [2_000_000, 10_000_000, 100_000, 0],
    ),
    (
        "gemini",
        "gemini-4-argon",
        "2026-12-01",
        1,
        [4_000_000, 20_000_000, 200_000, 0],
    ),
    (
        "gemini",
        "gemini-3.8-flash",
        "2027-01-01",
        1,
        [1_500_000, 7_500_000, 150_000, 0],
    ),
    // genai-prices 0.2.3
    (
        "groq",
        "openai/gpt-oss-120b",
        "2026-11-24",
        1,
        [150_000, 600_000, 75_000, 0],
    ),
    (
        "groq",
        "llama-3.3-70b-versatile",
        "2026-11-24",
        1,
        [590_000, 790_000, 0, 0],
    ),
    (
        "groq",
        "llama-3.1-8b-instant",
        "2026-11-24",
        1,
        [50_000, 80_000, 0, 0],
    ),
    (
        "openrouter",
        "deepseek/deepseek-chat-v3-0324",
        "2026-11-02",
        1,
        [290_000, 1_140_000, 110_000, 0],
    ),
    (
        "openrouter",
        "deepseek/deepseek-chat-v3-0324",
        "2026-11-03",
        1,
        [250_000, 1_000_000, 110_000, 0],
    ),
    (
        "huggingface",
        "Qwen/Qwen3-32B:groq",
        "2026-11-24",
        1,
        [290_000, 590_000, 0, 0],
    ),
    // LiteLLM 1.109.1
    (
        "openai",
        "gpt-4.1-2025-04-14",
        "2026-11-24",
        1,
        [2_000_000, 8_000_000, 500_000, 0],
    ),
];

#[test]
fn prices_are_those_of_the_sources() {
    // U-47, D-4
    for (provider, model, date, prompt, expected) in GOLDEN {
        let rates = rates(provider, model, date, prompt);
        let found = rates.map(|rates| {
            let or_zero = |class: Option<u64>| class.unwrap_or(0);
            [Unit::Input, Unit::Output, Unit::CacheRead, Unit::CacheWrite]
                .map(|unit| or_zero(rates.get(unit)))
        });
        assert_eq!(
            found,
            Some(expected),
            "{provider}/{model} on {date}, {prompt} tokens"
        );
    }
}

#[test]
fn what_is_not_listed_is_unknown_and_not_free() {
    // P-27, D-5
    for (provider, model) in [
        ("openai", "gpt-5.6-turbo-ultra"),
        ("openai", "gpt-5.6x"),
        ("openai", "GPT-5.6"),
        ("openai", "gpt-5.6-2026"),
        ("openai", "gpt-5.6-20269999"),
        ("openai", ""),
        ("nobody", "gpt-5.6"),
        ("huggingface", "Qwen/Qwen3-32B"),
    ] {
        assert_eq!(
            price(provider, model, "2026-11-24"),
            None,
            "{provider}/{model}"
        );
    }
}

#[test]
fn a_date_at_the_end_is_dropped_only_when_nothing_else_matches() {
    let now = "2026-11-24";
    for suffix in ["-20261101", "-2026-11-01"] {
        let dated = format!("gpt-5.4-mini{suffix}");
        assert_eq!(
            rates("openai", &dated, now, 1),
            rates("openai", "gpt-5.4-mini", now, 1)
        );
    }
    let own = rates("openai", "gpt-4o-2024-05-13", now, 1).unwrap();
    let own_price = [Unit::Input, Unit::Output].map(|unit| own.get(unit));
    assert_eq!(own_price, [Some(5_000_000), Some(15_000_000)]);
    assert_ne!(Some(own), rates("openai", "gpt-4o", now, 1));
}

#[test]
fn aliases_are_explicit_and_huggingface_ignores_case() {
    let now = "2026-11-24";
    let flash = rates("deepseek", "deepseek-flash", now, 1);
    assert_eq!(rates("deepseek", "deepseek-v4.1-flash", now, 1), flash);
    let qwen = rates("huggingface", "Qwen/Qwen3-32B:groq", now, 1);
    assert_eq!(rates("huggingface", "qwen/qwen3-32b:groq", now, 1), qwen);
}

#[test]
fn a_price_names_itself_with_its_date() {
    let catalog = Catalog::embedded();
    let id = |date| price("openai", "gpt-5.6-2026-09-09", date).unwrap().id;
    assert_eq!(&*id("2026-11-24"), "openai/gpt-5.6@2026-08-21");
    assert_eq!(&*id("2026-08-01"), "openai/gpt-5.6@start");
    assert!(catalog.id().starts_with("2026-11-24+"), "{}", catalog.id());
}

#[test]
fn a_timeline_begins_where_its_first_price_does() {
    let price = |id: &str| Price {
        id: id.into(),
        from_unix_s: None,
        source: None,
        terms: ServiceTerms::default(),
        off_peak: None,
        services: Vec::new(),
        regions: Vec::new(),
    };
    let steps = vec![
        (Some(100), Some(price("a"))),
        (Some(200), None),
        (Some(300), Some(price("b"))),
    ];
    let timeline = Timeline { steps };
    let at = |moment| timeline.at(moment).map(|price| &*price.id);
    assert_eq!(
        [at(99), at(100), at(199), at(200), at(300)],
        [None, Some("a"), Some("a"), None, Some("b")]
    );
}

#[test]
fn every_entry_can_be_read_and_keeps_the_rules() {
    // P-27
    let catalog = Catalog::embedded();
    let mut models = 0;
    let ids = catalog.providers().into_iter().flat_map(|provider| {
        let models = catalog.models(provider).into_iter();
        models.map(move |model| (provider, model))
    });
    for (provider, model) in ids {
        let timeline = catalog.timeline(provider, model).unwrap();
        let name = format!("{provider}/{model}");
        models += 1;
        assert!(
            timeline.steps.is_sorted_by(|a, b| a.0 < b.0),
            "{name}: dates"
        );
        assert!(timeline.prices().count() > 0, "{name}: no price");
        for price in timeline.prices() {
            let services = price.services.iter().map(|service| &service.terms);
            for terms in services.chain([&price.terms]) {
                let tiers = &terms.tiers;
                let is_sorted = tiers.is_sorted_by(|a, b| a.prompt_over < b.prompt_over);
                assert!(is_sorted, "{name}: tiers");
                let tiers = tiers.iter().map(|tier| &tier.rates);
                tiers
                    .chain([&terms.rates])
                    .for_each(|rates| check_rates(&name, rates));
            }
            for (region, factor) in &price.regions {
                assert!((1_000_000..1_500_000).contains(factor), "{name}: {region}");
            }
        }
    }
    assert!(models > 2_500, "{models} models");
}

fn check_rates(name: &str, rates: &Rates) {
    // Far above any price, far below a slip of the unit: $3000 per million tokens, $10 for anything else.
    assert!(!rates.is_empty(), "{name}: nothing has a price");
    for (unit, pico) in rates.iter() {
        let absurd = if unit.is_token() {
            3_000_000_000
        } else {
            10_000_000_000_000
        };
        assert!(pico < absurd, "{name}: {unit:?} {pico}");
        let is_paid = pico > 0 || name.contains(":free");
        assert!(is_paid, "{name}: {unit:?} costs nothing");
    }
    if let (Some(read), Some(input)) = (rates.get(Unit::CacheRead), rates.get(Unit::Input)) {
        assert!(read <= input, "{name}: cache read");
    }
}

#[test]
fn a_refresh_by_hand_keeps_the_format() {
    let text = include_str!("../../catalog/prices.json");
    assert!(text.len() < 800_000);
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(json.get("schema").unwrap(), 3);
    assert_eq!(json.get("inputs").unwrap().as_array().unwrap().len(), 4);
    assert_eq!(Catalog::embedded().table.id(), json.get("id").unwrap());
}

#[test]
fn moments_are_unix_seconds() {
    for (text, expected) in [
        ("1970-01-01", Some(0)),
        ("2000-03-01", Some(951_868_800)),
        ("2024-02-29", Some(1_709_164_800)),
        ("2026-08-21", Some(1_787_270_400)),
        ("2026-08-25T04:37:24Z", Some(1_787_632_644)),
        ("2026-13-01", None),
        ("2026-8-1", None),
        ("soon", None),
        ("2026-08-25T04:37Z", None),
    ] {
        assert_eq!(moment::parse(text), expected, "{text}");
    }
}

#[test]
fn a_table_that_was_changed_or_is_of_another_release_is_refused() {
    let text = include_str!("../../catalog/prices.json");
    assert!(Catalog::parse(text).is_ok());
    let refused = |text: &str| Catalog::parse(text).err().map(|error| error.to_string());
    let changed = text.replacen("4000000", "4000001", 1);
    let why = refused(&changed).unwrap();
    assert!(why.contains("changed or cut"), "{why}");
    let newer = text.replacen("\"schema\":3", "\"schema\":4", 1);
    let why = refused(&newer).unwrap();
    assert!(why.contains("format 4"), "{why}");
    assert!(refused("{}").unwrap().contains("not a price table"));
    let unnamed = text.replacen("\"id\":\"2", "\"id\":\"x", 1);
    assert!(refused(&unnamed).unwrap().contains("is not a date"));
}

#[test]
fn a_peak_is_on_working_days_of_the_vendors_own_calendar() {
    let peak = Catalog::embedded().peak("deepseek").unwrap();
    for (at, expected) in [
        ("2026-11-24T00:59:59Z", false),
        ("2026-11-24T01:00:00Z", true),
        ("2026-11-24T03:59:59Z", true),
        ("2026-11-24T04:00:00Z", false),
        ("2026-11-24T09:30:00Z", true),
        // A Saturday and a Sunday.
        ("2026-11-28T02:00:00Z", false),
        ("2026-11-29T02:00:00Z", false),
        // A holiday in China, a Thursday.
        ("2026-10-01T02:00:00Z", false),
        ("2026-10-08T02:00:00Z", true),
    ] {
        assert_eq!(peak.contains(day(at)), expected, "{at}");
    }
}

#[test]
fn a_tier_of_service_without_a_price_is_unknown_unless_it_is_never_dearer() {
    let terms = |model: &str, service: Option<&'static str>| {
        let price = price("openai", model, "2026-11-24").unwrap();
        let when = When {
            service,
            ..When::default()
        };
        let applied = price.applied(&when)?;
        Some((applied.rates.get(Unit::Input)?, applied.service.is_some()))
    };
    assert_eq!(terms("gpt-5.6", None), Some((4_000_000, false)));
    assert_eq!(terms("gpt-5.6", Some("priority")), Some((8_000_000, true)));
    assert_eq!(terms("gpt-5.6", Some("flex")), Some((2_000_000, true)));
    assert_eq!(terms("gpt-5.6", Some("batch")), Some((2_000_000, true)));
    assert_eq!(terms("gpt-5.6", Some("made-up")), None);
    // It is listed without a tier of service.
    assert_eq!(
        terms("text-embedding-ada-002", Some("flex")),
        Some((100_000, false))
    );
    assert_eq!(terms("text-embedding-ada-002", Some("priority")), None);
}
