//! Times as vendors write them: lengths and moments.
//!
//! Sources: RFC 9110 section 5.6.7; RFC 3339; Go's `time.ParseDuration` (read 2026-11).

use std::time::Duration;

/// A non-negative decimal number of a unit of `nanos`, such as `7` or `0.35`.
pub(crate) fn decimal(text: &str, nanos: u64) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = !whole.is_empty()
        && [whole, fraction]
            .iter()
            .all(|part| part.bytes().all(|it| it.is_ascii_digit()));
    if !is_number || (text.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut total = whole.parse::<u64>().ok()?.checked_mul(nanos)?;
    let mut unit = nanos;
    for digit in fraction.bytes() {
        unit /= 10;
        total = total.checked_add(u64::from(digit - b'0') * unit)?;
    }
    Some(Duration::from_nanos(total))
}

/// A duration as Go prints it: `6m0s`, `120ms`, `1h2m3.5s`; also a bare number of seconds.
pub(crate) fn go_duration(text: &str) -> Option<Duration> {
    if let Some(delay) = decimal(text, 1_000_000_000) {
        return Some(delay);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !(it.is_ascii_digit() || it == '.'))?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|it: char| it.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, after) = tail.split_at(letters);
        let nanos = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        total = total.checked_add(decimal(number, nanos)?)?;
        rest = after;
    }
    Some(total)
}

/// An IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since 1970.
pub fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day: i64 = two_digits(words.next()?)?;
    let name = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|it| *it == name)?).ok()? + 1;
    let year: i64 = words.next().filter(|it| it.len() == 4)?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(two_digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_valid = (1..=31).contains(&day)
        && (1970..=9999).contains(&year)
        && hour < 24
        && minute < 60
        && second <= 60
        && clock.next().is_none()
        && words.next() == Some("GMT")
        && words.next().is_none();
    is_valid
        .then(|| days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// A moment such as `2026-01-27T12:34:56.5Z` or `2026-01-27T12:34:56+02:00`, in whole seconds since 1970.
///
/// Source: RFC 3339 section 5.6.
pub(crate) fn rfc3339(text: &str) -> Option<i64> {
    let (day, rest) = text.split_at_checked(10)?;
    let mut day = day.split('-');
    let year: i64 = day.next().filter(|it| it.len() == 4)?.parse().ok()?;
    let (month, day_of_month) = (two_digits(day.next()?)?, two_digits(day.next()?)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let mut clock = clock.split(':').map(two_digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|it: char| it.is_ascii_digit()),
        None => rest,
    };
    let ahead = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let seconds = two_digits(hours)? * 3600 + two_digits(minutes)? * 60;
            if sign == "-" { -seconds } else { seconds }
        }
        _ => return None,
    };
    let is_valid = (1..=12).contains(&month)
        && (1..=31).contains(&day_of_month)
        && (1970..=9999).contains(&year)
        && hour < 24
        && minute < 60
        && second <= 60;
    let days = is_valid.then(|| days_since_1970(year, month, day_of_month))?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second - ahead)
}

fn two_digits(text: &str) -> Option<i64> {
    let is_pair = text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit());
    is_pair.then(|| text.parse().ok()).flatten()
}

/// Days from 1970-01-01 in the Gregorian calendar, for years from 1970 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Counting years from March puts the leap day at the end of the year.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_any_zone_and_nonsense_is_none() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-24T12:00:00Z", Some(1_795_521_600)),
            ("2026-11-24T12:00:00.123456Z", Some(1_795_521_600)),
            ("2026-11-24t14:00:00+02:00", Some(1_795_521_600)),
            ("2026-11-24T06:30:00-05:30", Some(1_795_521_600)),
            ("2026-11-24T12:00:00", None),
            ("2026-13-24T12:00:00Z", None),
            ("2026-11-24T25:00:00Z", None),
            ("2026-11-24", None),
            ("1764000000", None),
            ("é026-11-24T12:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(rfc3339(text), expected, "{text}");
        }
    }
}
