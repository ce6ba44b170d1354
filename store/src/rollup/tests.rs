use super::*;

fn sources(since_ms: i64, until_ms: i64, width: Option<Width>) -> Vec<Source> {
    RollupQuery {
        since_ms,
        until_ms,
        width,
        ..RollupQuery::default()
    }
    .sources()
}

#[test]
fn whole_hours_are_read_from_rollups_and_the_rest_from_entries() {
    let (hour, half) = (HOUR_MS, HOUR_MS / 2);
    let cases = [
        (0, i64::MAX, vec![Source::Hours(0..i64::MAX / HOUR_MS)]),
        (i64::MIN, 2 * hour, vec![Source::Hours(0..2)]),
        (hour, 3 * hour, vec![Source::Hours(1..3)]),
        (
            half,
            3 * hour + 1,
            vec![
                Source::Entries(half..hour),
                Source::Hours(1..3),
                Source::Entries(3 * hour..3 * hour + 1),
            ],
        ),
        (half, hour, vec![Source::Entries(half..hour)]),
        (half, hour + half, vec![Source::Entries(half..hour + half)]),
        (hour, hour, vec![]),
        (i64::MAX, i64::MIN, vec![]),
    ];
    for (since, until, expected) in cases {
        assert_eq!(sources(since, until, None), expected, "{since}..{until}");
        assert_eq!(sources(since, until, Some(Width::Day)), expected);
    }
}

#[test]
fn minutes_are_read_from_entries() {
    let span = vec![Source::Entries(0..5 * HOUR_MS)];
    assert_eq!(sources(0, 5 * HOUR_MS, Some(Width::Minute)), span);
}
