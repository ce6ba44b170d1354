use super::day_text;

#[test]
fn days_are_named_as_the_calendar_does() {
    for (day, text) in [
        (0, "1970-01-01"),
        (-1, "1969-12-31"),
        (59, "1970-03-01"),
        (10_957, "2000-01-01"),
        (11_016, "2000-02-29"),
        (11_017, "2000-03-01"),
        (20_781, "2026-11-24"),
        (47_540, "2100-02-28"),
        (47_541, "2100-03-01"),
    ] {
        assert_eq!(day_text(day), text);
    }
}

#[test]
fn extreme_days_do_not_overflow() {
    assert!(day_text(i64::MAX).ends_with(|c: char| c.is_ascii_digit()));
    assert!(day_text(i64::MIN).starts_with('-'));
}
