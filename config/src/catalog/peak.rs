//! The hours in which a vendor asks more.

use super::moment;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// When a vendor's peak is.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peak {
    /// Begin and end in seconds of a UTC day; the end is not in it.
    hours_utc: Vec<(i64, i64)>,
    /// Whether Saturdays and Sundays have none.
    weekdays_only: bool,
    /// The vendor's own time, which decides what day it is.
    utc_offset_s: i64,
    /// Holidays without a peak, `YYYY-MM-DD`.
    days_off: Vec<String>,
    /// The last day up to which the holidays are known; later ones count as working days.
    pub days_off_until: String,
}

impl Peak {
    /// Whether a moment in Unix seconds is in the peak.
    pub fn contains(&self, at_unix_s: i64) -> bool {
        let second = at_unix_s.rem_euclid(DAY);
        let is_hour = self
            .hours_utc
            .iter()
            .any(|(begin, end)| (*begin..*end).contains(&second));
        is_hour && !self.is_day_off(at_unix_s)
    }

    fn is_day_off(&self, at_unix_s: i64) -> bool {
        let day = (at_unix_s + self.utc_offset_s).div_euclid(DAY);
        // 1970 began on a Thursday.
        let is_weekend = matches!((day + 3).rem_euclid(7), 5 | 6);
        (self.weekdays_only && is_weekend)
            || self
                .days_off
                .iter()
                .any(|it| moment::parse(it) == Some(day * DAY))
    }
}
