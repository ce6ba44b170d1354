#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{from_value, json, to_value};

use super::*;

// S-28
#[test]
fn amounts_are_text_that_comes_back_as_it_is() {
    for (text, written, nano) in [
        ("25", "25.00", 25_000_000_000),
        ("25.00", "25.00", 25_000_000_000),
        ("0.000000001", "0.000000001", 1),
        ("9223372036.854775807", "9223372036.854775807", i64::MAX),
    ] {
        let amount: Dollars = from_value(json!(text)).unwrap();
        assert_eq!(amount, Dollars(NanoUsd(nano)));
        assert_eq!(to_value(amount).unwrap(), json!(written));
    }
    for wrong in [
        json!(25),
        json!(0.1),
        json!(-1),
        json!(null),
        json!("-1"),
        json!("1e30"),
        json!("NaN"),
        json!("Infinity"),
        json!("$5"),
        json!(""),
        json!("9223372036.854775808"),
        json!("0.0000000001"),
    ] {
        assert!(from_value::<Dollars>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn times_are_read_with_any_offset_and_written_in_utc() {
    let read = |text: &str| from_value::<Moment>(json!(text));
    let seoul = read("2026-11-28T09:30:00+09:00").unwrap();
    assert_eq!(to_value(seoul).unwrap(), json!("2026-11-28T00:30:00Z"));
    let exact = to_value(Moment(1_795_521_600_123)).unwrap();
    assert_eq!(exact, json!("2026-11-24T12:00:00.123Z"));
    for wrong in [
        "",
        "tomorrow",
        "2026-11-28",
        "1969-12-31T23:59:59Z",
        "-9999-01-01T00:00:00Z",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert!(from_value::<Moment>(json!(1_795_521_600)).is_err());
}
