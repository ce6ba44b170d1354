//! Dates of the price table as Unix seconds.

/// Seconds in a day.
const DAY: i64 = 86_400;

/// `2026-08-21` or `2026-08-25T04:37:24Z` in Unix seconds.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, parse_time(time)?),
        None => (text, 0),
    };
    let digits: String = date.chars().filter(|c| *c != '-').collect();
    Some(parse_date(&digits)? * DAY + time)
}

/// `20260821` in days since 1970, by the proleptic Gregorian calendar.
///
/// Years begin in March here, so that the leap day is a year's last and months have a formula.
pub(super) fn parse_date(digits: &str) -> Option<i64> {
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

/// `04:37:24Z` in seconds.
fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text
        .strip_suffix('Z')?
        .split(':')
        .map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    parts
        .next()
        .is_none()
        .then_some(hours * 3600 + minutes * 60 + seconds)
}
