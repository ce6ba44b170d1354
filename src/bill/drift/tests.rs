#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use tollward_store::Sums;

use super::*;

const DAY: i64 = 20_781;
const ONE_PERCENT: Tolerance = Tolerance {
    millipercent: 1_000,
    least: NanoUsd(10_000_000),
};

fn booked(day: i64, model: &str, cost: i64, unpriced: u64) -> RollupRow {
    RollupRow {
        start_ms: day * 86_400_000,
        upstream_model: model.to_owned(),
        sums: Sums {
            cost: NanoUsd(cost),
            unpriced,
            ..Sums::default()
        },
        ..RollupRow::default()
    }
}

fn billed(rows: &[(i64, &str, i64)]) -> Billed {
    let row = |(day, model, cost): &(i64, &str, i64)| ((*day, (*model).to_owned()), NanoUsd(*cost));
    rows.iter().map(row).collect()
}

#[test]
fn models_are_held_against_each_other_whatever_version_they_name() {
    let found = compare(
        billed(&[(DAY, "claude-haiku-4-5", 1_000_000_000)]),
        vec![
            booked(DAY, "claude-haiku-4-5-20251001", 600_000_000, 0),
            booked(DAY, "claude-haiku-4-5", 405_000_000, 2),
            booked(DAY, "free", 0, 0),
        ],
        ONE_PERCENT,
    );
    let [row, total] = found.unwrap().try_into().unwrap();
    assert_eq!((row.booked, row.unpriced), (NanoUsd(1_005_000_000), 2));
    assert_eq!((row.millipercent(), row.is_beyond), (Some(500), false));
    assert_eq!((row.day.as_str(), total.day.as_str()), ("2026-11-24", ""));
    assert_eq!((total.billed, total.booked), (row.billed, row.booked));
}

#[test]
fn what_is_beyond_a_percent_and_a_cent_is_drift_on_either_side() {
    for (bill, book, is_beyond) in [
        (1_000_000_000, 1_010_000_000, false),
        (1_000_000_000, 1_010_000_001, true),
        (1_000_000_000, 989_999_999, true),
        (1_000_000, 10_000_000, false),
        (0, 9_999_999, false),
        (0, 10_000_000, true),
        (10_000_000, 0, true),
        (-1_000_000_000, 0, true),
        (i64::MAX, i64::MIN, true),
    ] {
        let found = compare(
            billed(&[(DAY, "m", bill)]),
            vec![booked(DAY, "m", book, 0)],
            ONE_PERCENT,
        );
        assert_eq!(found.unwrap()[0].is_beyond, is_beyond, "{bill} {book}");
    }
}

#[test]
fn a_share_of_nothing_is_not_told() {
    let found = compare(Billed::new(), vec![booked(DAY, "m", 5, 0)], ONE_PERCENT).unwrap();
    assert_eq!(found[0].millipercent(), None);
    assert_eq!(found[0].difference(), NanoUsd(5));
}
