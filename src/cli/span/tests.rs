use super::*;

#[test]
fn a_number_and_a_unit_are_a_length_of_time() {
    let cases = [
        ("1s", 1),
        ("90m", 5_400),
        ("12h", 43_200),
        ("30d", 2_592_000),
        ("4w", 2_419_200),
    ];
    for (text, seconds) in cases {
        assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
}

#[test]
fn anything_else_is_refused_in_words() {
    let cases = [
        "",
        "30",
        "d",
        "-1d",
        "1.5h",
        "30 d",
        "1M",
        "0d",
        "3d2h",
        "999999999999w",
        "99999999999999999999s",
        "30д",
    ];
    for text in cases {
        let refused = parse_span(text);
        assert!(
            refused
                .as_ref()
                .is_err_and(|reason| reason.starts_with('`')),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn a_moment_is_so_long_ago_or_a_day_or_a_time_with_its_offset() {
    let now = 1_795_521_600_000;
    for (text, expected) in [
        ("7d", Ok(now - 604_800_000)),
        ("2026-11-24", Ok(1_795_478_400_000)),
        ("2026-11-24T09:00:00+09:00", Ok(1_795_478_400_000)),
        ("2026-11-24T00:00:00Z", Ok(1_795_478_400_000)),
        ("2026-02-30", Err("`2026-02-30` is no time")),
        (
            "2026-11-24T09:00:00",
            Err("`2026-11-24T09:00:00` is no time"),
        ),
        ("soon", Err("`soon` is no length of time")),
    ] {
        let found = parse_moment(text).map(|it| it.millis(now));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
            other => unreachable!("{text}: {other:?}"),
        }
    }
}
