//! Single values: what is read, what is refused, how it is shown.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use super::scalar::{parse_duration, parse_size, show_duration};
use super::*;
use crate::syntax::Syntax;

#[test]
fn durations_need_a_unit_and_show_as_they_are_written() {
    for (text, millis) in [
        ("500ms", 500),
        ("3s", 3_000),
        ("2m", 120_000),
        ("2min", 120_000),
        ("1h", 3_600_000),
        ("1m30s", 90_000),
        (" 5s ", 5_000),
        ("0s", 0),
        ("30d", 2_592_000_000),
    ] {
        assert_eq!(
            parse_duration(text),
            Some(Duration::from_millis(millis)),
            "{text}"
        );
    }
    let huge = "99999999999999999999s";
    for text in [
        "",
        "5",
        "s",
        "1.5s",
        "-1s",
        "5 apples",
        "5s5",
        "1w",
        huge,
        "18446744073709551615h",
    ] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
    for text in ["500ms", "3s", "90s", "2m", "1h", "24h", "30d"] {
        assert_eq!(show_duration(parse_duration(text).unwrap()), text);
    }
}

#[test]
fn sizes_are_binary_or_decimal_by_their_unit() {
    for (text, bytes) in [
        ("20MiB", 20 << 20),
        ("512KiB", 512 << 10),
        ("1GiB", 1 << 30),
        ("1MB", 1_000_000),
        ("1 kB", 1_000),
        ("7", 7),
        ("7B", 7),
    ] {
        assert_eq!(parse_size(text), Some(bytes), "{text}");
    }
    for text in [
        "",
        "MiB",
        "1.5MiB",
        "-1",
        "1mib",
        "1TiB",
        "99999999999999999999",
        "18446744073709551615KiB",
    ] {
        assert_eq!(parse_size(text), None, "{text}");
    }
}

/// The messages of reading one value with `read`.
fn messages<T>(yaml: &str, read: impl FnOnce(&Field<'_>, &mut Reader) -> T) -> (T, Vec<String>) {
    let root = Syntax::Yaml.parse(yaml).root.unwrap();
    let mut reader = Reader::new(Origins::default());
    let value = read(&Field::at("field", &root), &mut reader);
    let messages = reader
        .diagnostics
        .into_iter()
        .map(|found| found.message)
        .collect();
    (value, messages)
}

#[test]
fn numbers_are_numbers_and_in_bounds() {
    let read = |yaml| messages(yaml, |field, reader| field.integer(reader, 7_u32, 1..=9));
    assert_eq!(read("3"), (3, vec![]));
    for (yaml, found) in [
        ("0", "the number `0`"),
        ("10", "the number `10`"),
        ("-1", "the number `-1`"),
        ("3.0", "the number `3.0`"),
        (
            "99999999999999999999999",
            "the number `99999999999999999999999`",
        ),
        ("\"3\"", "`3`"),
        ("true", "`true`"),
        ("[3]", "a list"),
        ("{a: 3}", "a table"),
    ] {
        let expected = format!("expected a whole number from 1 to 9, found {found}");
        assert_eq!(read(yaml), (7, vec![expected]), "{yaml}");
    }
}

#[test]
fn addresses_are_numeric_with_a_port() {
    let default = "127.0.0.1:4000".parse().unwrap();
    let read = |yaml| {
        messages(yaml, |field, reader| field.address(reader, default))
            .0
            .to_string()
    };
    assert_eq!(read("0.0.0.0:80"), "0.0.0.0:80");
    assert_eq!(read("'[::1]:80'"), "[::1]:80");
    assert_eq!(read("localhost:80"), "127.0.0.1:80");
    assert_eq!(read("':80'"), "0.0.0.0:80");
    for yaml in ["example.com:80", "127.0.0.1", "127.0.0.1:99999", "4000"] {
        assert_eq!(read(yaml), "127.0.0.1:4000", "{yaml}");
    }
}

#[test]
fn choices_take_truth_values_for_on_and_off_and_suggest() {
    let choices = [("auto", 0), ("on", 1), ("off", 2)];
    let read = |yaml| messages(yaml, |field, reader| field.choice(reader, 0, &choices));
    assert_eq!(read("on").0, 1);
    assert_eq!(read("true").0, 1);
    assert_eq!(read("false").0, 2);
    assert_eq!(
        read("atuo"),
        (
            0,
            vec![String::from("expected one of auto, on, off, found `atuo`")]
        )
    );
}

#[test]
fn a_refused_credential_is_not_repeated() {
    // D-25
    let mut scalar = Scalar::new(ScalarKind::Text, "canary");
    scalar.is_secret = true;
    assert!(!shown("a.b", &scalar).contains("canary"));
    scalar.is_secret = false;
    assert!(!shown("providers.x.api_key", &scalar).contains("canary"));
    assert!(shown("server.listen", &scalar).contains("canary"));
}
