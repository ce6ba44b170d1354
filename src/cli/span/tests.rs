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
