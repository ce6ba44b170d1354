//! Decimal text to integers, exactly.

use super::*;

#[test]
fn dollars_per_million_become_pico_dollars_per_token_without_rounding() {
    for (text, expected) in [
        ("0.15", Some(150_000)),
        ("4", Some(4_000_000)),
        ("0.0028", Some(2_800)),
        ("0.000001", Some(1)),
        ("1.2300000000", Some(1_230_000)),
        ("0", Some(0)),
        ("18446744073709.551615", Some(u64::MAX)),
        ("18446744073709.551616", None),
        ("0.0000001", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        (".5", None),
        ("1.", Some(1_000_000)),
        ("1,5", None),
        ("", None),
        ("free", None),
    ] {
        assert_eq!(scaled(text, 6), expected, "{text}");
    }
}

#[test]
fn every_key_of_a_price_is_documented() {
    let page = include_str!("../../../../docs/configuration.md");
    for (key, _) in PER_MTOK.iter().chain(PER_ONE) {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn an_override_is_found_by_its_model() {
    let price = OverriddenPrice {
        provider: String::from("p"),
        model: String::from("m"),
        terms: OverrideTerms::Multiply(850_000),
    };
    let pricing = PricingConfig {
        overrides: vec![price.clone()],
        ..PricingConfig::default()
    };
    assert_eq!(pricing.find("p", "m"), Some(&price));
    assert_eq!(pricing.find("p", "mm"), None);
}
