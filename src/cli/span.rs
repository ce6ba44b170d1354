//! Lengths of time as people type them: `30d`, `12h`, `90m`.
//!
//! A month or a year has no fixed length, so neither is a unit.

use std::time::Duration;

/// Reads a whole number followed by `s`, `m`, `h`, `d` or `w`.
///
/// # Errors
/// A sentence that says what was expected, for the command line's own error message.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("`{text}` is no length of time; write a number and a unit: 90m, 12h, 30d, 4w");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds: u64 = match text.get(digits.len()..).unwrap_or_default() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(expected()),
    };
    let count: u64 = digits.parse().map_err(|_| expected())?;
    // A hundred years are more than anybody means, and leave room in every time type.
    let limit = 100 * 366 * 86_400;
    let total = count
        .checked_mul(seconds)
        .filter(|total| (1..=limit).contains(total));
    total
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` must be more than nothing and at most 100 years"))
}

/// A point in time as people give it: so long ago, or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the present.
    Ago(Duration),
    /// Milliseconds since 1970.
    At(i64),
}

impl Moment {
    /// Milliseconds since 1970.
    pub fn millis(self, now_ms: i64) -> i64 {
        match self {
            Self::Ago(span) => now_ms.saturating_sub(millis(span)),
            Self::At(at_ms) => at_ms,
        }
    }
}

/// Reads a length of time ago (`7d`), a day (`2026-11-01`: its beginning in UTC) or a moment with its
/// offset (`2026-11-01T09:00:00+09:00`).
///
/// # Errors
/// As of [`parse_span`].
pub fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && text.len() == 10
    {
        let day = date.to_zoned(jiff::tz::TimeZone::UTC);
        let day = day.map_err(|_| format!("`{text}` is no day that can be reckoned with"))?;
        return Ok(Moment::At(day.timestamp().as_millisecond()));
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Moment::At(time.as_millisecond()));
    }
    let span = parse_span(text).map_err(|error| {
        if text.contains('-') || text.contains(':') {
            format!("`{text}` is no time; write 7d, 2026-11-01 or 2026-11-01T09:00:00+09:00")
        } else {
            error
        }
    });
    span.map(Moment::Ago)
}

/// `span` in milliseconds.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
