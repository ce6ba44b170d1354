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
        assert_eq!(pico_per_token(text), expected, "{text}");
    }
}

#[test]
fn an_override_has_rates_and_is_found_by_its_model() {
    let price = PriceOverride {
        provider: String::from("p"),
        model: String::from("m"),
        input_per_mtok: String::from("3.40"),
        output_per_mtok: String::from("17"),
        cache_read_per_mtok: Some(String::from("0.34")),
        cache_write_per_mtok: None,
    };
    let expected = Rates {
        input: 3_400_000,
        output: Some(17_000_000),
        cache_read: Some(340_000),
        ..Rates::default()
    };
    assert_eq!(price.rates(), Some(expected));
    let pricing = PricingConfig {
        overrides: vec![price.clone()],
    };
    assert_eq!(pricing.find("p", "m"), Some(&price));
    assert_eq!(pricing.find("p", "mm"), None);
}
