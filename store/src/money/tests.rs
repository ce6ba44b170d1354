use proptest::prelude::*;

use super::{MoneyError, NanoUsd, Part, PicoUsd};

/// A part at the price itself.
fn part(quantity: u64, price: u64) -> Part {
    Part {
        quantity,
        price: PicoUsd(price),
        factor_ppm: 1_000_000,
    }
}

fn nano(text: &str) -> Result<i64, MoneyError> {
    text.parse::<NanoUsd>().map(|amount| amount.0)
}

#[test]
fn reported_costs_are_read_exactly_and_round_up() {
    for (text, want) in [
        ("0", Ok(0)),
        ("-0.0", Ok(0)),
        ("0e999999999999", Ok(0)),
        ("1", Ok(1_000_000_000)),
        (".5", Ok(500_000_000)),
        ("5.", Ok(5_000_000_000)),
        ("1.2e-05", Ok(12_000)),
        ("1.2E-05", Ok(12_000)),
        ("+1e+1", Ok(10_000_000_000)),
        ("0.0000000001", Ok(1)),
        ("1.0000000000000000000000000000000000001", Ok(1_000_000_001)),
        ("1e-99999", Ok(1)),
        ("9223372036.854775807", Ok(i64::MAX)),
        ("9223372036.8547758071", Err(MoneyError::OutOfRange)),
        ("1e40", Err(MoneyError::OutOfRange)),
        ("1e99999999999", Err(MoneyError::OutOfRange)),
        ("-0.1", Err(MoneyError::Negative)),
        ("", Err(MoneyError::NotDecimal)),
        (".", Err(MoneyError::NotDecimal)),
        ("e5", Err(MoneyError::NotDecimal)),
        ("1e", Err(MoneyError::NotDecimal)),
        ("1e+-5", Err(MoneyError::NotDecimal)),
        ("--1", Err(MoneyError::NotDecimal)),
        ("1_000", Err(MoneyError::NotDecimal)),
        (" 1", Err(MoneyError::NotDecimal)),
        ("NaN", Err(MoneyError::NotDecimal)),
        ("inf", Err(MoneyError::NotDecimal)),
        ("١", Err(MoneyError::NotDecimal)),
    ] {
        assert_eq!(nano(text), want, "{text}");
    }
}

#[test]
fn prices_are_read_exactly_or_refused() {
    assert_eq!(PicoUsd::per_million("0.15"), Ok(PicoUsd(150_000)));
    assert_eq!(PicoUsd::per_token("1.5e-07"), Ok(PicoUsd(150_000)));
    assert_eq!(PicoUsd::per_million("0.0000001"), Err(MoneyError::TooFine));
    assert_eq!(PicoUsd::per_million("-1"), Err(MoneyError::Negative));
    assert_eq!(
        PicoUsd::per_token("18446744.073709551615"),
        Ok(PicoUsd(u64::MAX))
    );
    assert_eq!(
        PicoUsd::per_token("18446744.073709551616"),
        Err(MoneyError::OutOfRange)
    );
}

#[test]
fn amounts_print_without_trailing_junk() {
    for (amount, display, decimal) in [
        (0, "$0.00", "0"),
        (123_000, "$0.000123", "0.000123"),
        (1_500_000_000, "$1.50", "1.5"),
        (1, "$0.000000001", "0.000000001"),
        (-500_000_000, "-$0.50", "-0.5"),
        (i64::MAX, "$9223372036.854775807", "9223372036.854775807"),
        (i64::MIN, "-$9223372036.854775808", "-9223372036.854775808"),
    ] {
        assert_eq!(NanoUsd(amount).to_string(), display);
        assert_eq!(NanoUsd(amount).to_decimal(), decimal);
    }
    assert_eq!(format!("{:>8}|", NanoUsd::ZERO), "   $0.00|");
}

#[test]
fn a_part_below_a_nano_dollar_still_costs_one() {
    assert_eq!(NanoUsd::cost([part(1, 1), part(1, 1)]), Ok(NanoUsd(2)));
    assert_eq!(NanoUsd::cost([part(1_000, 150_000)]), Ok(NanoUsd(150_000)));
    assert_eq!(NanoUsd::cost([]), Ok(NanoUsd::ZERO));
}

#[test]
fn extreme_costs_are_refused_not_wrapped() {
    let dearest = part(u64::MAX, u64::MAX);
    assert_eq!(
        NanoUsd::cost([dearest, dearest, dearest]),
        Err(MoneyError::OutOfRange)
    );
    assert_eq!(NanoUsd(i64::MAX).checked_add(NanoUsd(1)), None);
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(amount in 0..=i64::MAX) {
        let amount = NanoUsd(amount);
        prop_assert_eq!(amount.to_decimal().parse(), Ok(amount));
    }

    #[test]
    fn parsing_equals_the_reference_in_128_bits(digits in 0_u64..=u64::MAX, exponent in -30_i32..=3) {
        let text = format!("{digits}e{exponent}");
        let shift = exponent + 9;
        let reference = if shift >= 0 {
            i128::from(digits).checked_mul(10_i128.pow(shift.unsigned_abs()))
        } else {
            let divisor = 10_i128.pow(shift.unsigned_abs());
            Some((i128::from(digits) + divisor - 1) / divisor)
        };
        let want = reference.and_then(|nano| i64::try_from(nano).ok());
        prop_assert_eq!(text.parse::<NanoUsd>().ok().map(|amount| amount.0), want);
    }

    #[test]
    fn cost_equals_the_reference_in_128_bits(parts in prop::collection::vec((0_u64..1 << 40, 0_u64..1 << 30), 0..6)) {
        let reference: i128 = parts.iter().map(|(q, p)| (i128::from(*q) * i128::from(*p) + 999) / 1_000).sum();
        let got = NanoUsd::cost(parts.into_iter().map(|(q, p)| part(q, p)));
        prop_assert_eq!(got.ok().map(|cost| cost.0), i64::try_from(reference).ok());
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = text.parse::<NanoUsd>();
        let _ = PicoUsd::per_token(&text);
    }
}

// S-28
#[test]
fn amounts_that_people_write_are_exact_or_refused() {
    for (text, nano) in [
        ("0", 0),
        ("25.00", 25_000_000_000),
        ("0.000000001", 1),
        ("9223372036.854775807", i64::MAX),
    ] {
        assert_eq!(NanoUsd::exactly(text), Ok(NanoUsd(nano)), "{text}");
    }
    for (text, error) in [
        ("-1", MoneyError::Negative),
        ("-0.1", MoneyError::Negative),
        ("1e30", MoneyError::NotDecimal),
        ("NaN", MoneyError::NotDecimal),
        ("inf", MoneyError::NotDecimal),
        ("", MoneyError::NotDecimal),
        (".5", MoneyError::NotDecimal),
        ("5.", MoneyError::NotDecimal),
        ("+5", MoneyError::NotDecimal),
        ("1,000", MoneyError::NotDecimal),
        ("1.2.3", MoneyError::NotDecimal),
        ("0.0000000001", MoneyError::FinerThanNano),
        ("9223372036.854775808", MoneyError::OutOfRange),
        ("99999999999999999999999999999999", MoneyError::OutOfRange),
    ] {
        assert_eq!(NanoUsd::exactly(text), Err(error), "{text}");
    }
}
