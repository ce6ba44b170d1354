//! When a budget's periods begin and end, in its time zone.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};
use tollward_store::Period;

/// A period of a budget, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// When it begins.
    pub start_ms: i64,
    /// When the next one begins; `None`: never.
    pub end_ms: Option<i64>,
}

/// What begins at the beginning of time, and where a date cannot be told.
const ALWAYS: Bounds = Bounds {
    start_ms: 0,
    end_ms: None,
};

/// The period that `now_ms` falls into.
///
/// Days begin at midnight, or where a change of the clocks leaves that out, at the first moment of the day.
pub fn bounds(period: Period, zone: &TimeZone, now_ms: i64) -> Bounds {
    let length = match period {
        Period::Total => return ALWAYS,
        Period::Day => 1.day(),
        Period::Week => 1.week(),
        Period::Month => 1.month(),
    };
    of_calendar(period, length, zone, now_ms).unwrap_or(ALWAYS)
}

fn of_calendar(period: Period, length: Span, zone: &TimeZone, now_ms: i64) -> Option<Bounds> {
    let now = Timestamp::from_millisecond(now_ms).ok()?;
    let today = now.to_zoned(zone.clone()).date();
    let first = match period {
        Period::Total | Period::Day => today,
        Period::Week => {
            let days = today.weekday().since(Weekday::Monday);
            today.checked_sub(i64::from(days).days()).ok()?
        }
        Period::Month => today.first_of_month(),
    };
    let begins = |date: jiff::civil::Date| date.to_zoned(zone.clone()).ok();
    let start = begins(first)?;
    let end = begins(first.checked_add(length).ok()?)?;
    let millis = |it: &Zoned| it.timestamp().as_millisecond();
    Some(Bounds {
        start_ms: millis(&start),
        end_ms: Some(millis(&end)),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn zone(name: &str) -> Result<TimeZone, jiff::Error> {
        TimeZone::get(name)
    }

    fn told(period: Period, name: &str, now: &str) -> (String, String) {
        let found = bounds(period, &zone(name).unwrap(), at(now));
        let text = |ms| Timestamp::from_millisecond(ms).unwrap().to_string();
        (text(found.start_ms), text(found.end_ms.unwrap()))
    }

    #[test]
    fn periods_begin_at_midnight_of_their_zone() {
        for (period, zone, now, start, end) in [
            (
                Period::Day,
                "UTC",
                "2026-11-27T23:59:59Z",
                "2026-11-27T00:00:00Z",
                "2026-11-28T00:00:00Z",
            ),
            (
                Period::Day,
                "Asia/Seoul",
                "2026-11-27T15:00:00Z",
                "2026-11-27T15:00:00Z",
                "2026-11-28T15:00:00Z",
            ),
            (
                Period::Week,
                "UTC",
                "2026-11-27T12:00:00Z",
                "2026-11-23T00:00:00Z",
                "2026-11-30T00:00:00Z",
            ),
            (
                Period::Week,
                "UTC",
                "2026-11-23T00:00:00Z",
                "2026-11-23T00:00:00Z",
                "2026-11-30T00:00:00Z",
            ),
            (
                Period::Month,
                "UTC",
                "2026-02-28T23:00:00Z",
                "2026-02-01T00:00:00Z",
                "2026-03-01T00:00:00Z",
            ),
            (
                Period::Month,
                "Asia/Seoul",
                "2026-02-28T23:00:00Z",
                "2026-02-28T15:00:00Z",
                "2026-03-31T15:00:00Z",
            ),
        ] {
            assert_eq!(
                told(period, zone, now),
                (start.to_owned(), end.to_owned()),
                "{period:?} {zone} {now}"
            );
        }
    }

    // P-15
    #[test]
    fn a_day_is_as_long_as_its_clocks_make_it() {
        let short = told(Period::Day, "Europe/Berlin", "2026-03-29T12:00:00Z");
        assert_eq!(
            short,
            ("2026-03-28T23:00:00Z".into(), "2026-03-29T22:00:00Z".into())
        );
        let long = told(Period::Day, "Europe/Berlin", "2026-10-25T12:00:00Z");
        assert_eq!(
            long,
            ("2026-10-24T22:00:00Z".into(), "2026-10-25T23:00:00Z".into())
        );
        // There is no midnight in Beirut on that day.
        let gap = told(Period::Day, "Asia/Beirut", "2026-03-29T12:00:00Z");
        assert_eq!(gap.0, "2026-03-28T22:00:00Z");
    }

    #[test]
    fn what_has_no_period_began_long_ago_and_does_not_end() {
        let total = bounds(Period::Total, &TimeZone::UTC, at("2026-11-27T12:00:00Z"));
        assert_eq!((total.start_ms, total.end_ms), (0, None));
    }
}
