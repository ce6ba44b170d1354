//! When the parts of an answer came, for dialects that say so.
//!
//! Nothing here reads a clock: whoever writes an answer hands one in.

/// A second, in the unit of everything here.
const SECOND: u64 = 1_000_000_000;

/// When the request came, and a way to learn what time it is. In Unix nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    received: u64,
    now: fn() -> u64,
}

impl Timing {
    /// For a request that was received then; `now` tells the time and never goes back.
    pub const fn new(received: u64, now: fn() -> u64) -> Self {
        Self { received, now }
    }

    /// The time; `None` where nobody knows.
    pub fn now(&self) -> Option<u64> {
        Some((self.now)()).filter(|it| *it >= self.received && *it > 0)
    }

    /// Nanoseconds from the request to that time; 0 where nobody knows.
    pub fn since(&self, time: Option<u64>) -> u64 {
        time.map_or(0, |it| it.saturating_sub(self.received))
    }
}

impl Default for Timing {
    /// Nobody knows.
    fn default() -> Self {
        Self::new(0, || 0)
    }
}

/// The time as RFC 3339 has it, in UTC with nanoseconds.
pub fn rfc3339(unix_ns: u64) -> String {
    let (seconds, fraction) = (unix_ns / SECOND, unix_ns % SECOND);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z")
}

/// The same for whole seconds.
pub fn rfc3339_seconds(unix: u64) -> String {
    rfc3339(unix.saturating_mul(SECOND))
}

/// Year, month and day of a day since 1970. Years are counted from March, so that the day
/// that comes every four years is the last of its year (Howard Hinnant, "chrono-compatible
/// low-level date algorithms").
pub const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_nanoseconds() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000000000Z"),
            (1_700_000_000, "2023-11-14T22:13:20.000000000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000000000Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(rfc3339_seconds(unix), text);
        }
        assert_eq!(
            rfc3339(1_700_000_000_123_456_789),
            "2023-11-14T22:13:20.123456789Z"
        );
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn a_clock_that_nobody_handed_in_says_nothing() {
        assert_eq!(Timing::default().now(), None);
        assert_eq!(Timing::default().since(None), 0);
        let timing = Timing::new(5, || 12);
        assert_eq!(timing.now(), Some(12));
        assert_eq!(timing.since(timing.now()), 7);
        assert_eq!(Timing::new(13, || 12).now(), None);
    }
}
