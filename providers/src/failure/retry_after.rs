//! When a vendor wants to be asked again.
//!
//! `retry-after-ms` wins over `retry-after`, which wins over the reset headers. Nonsense
//! (negative, zero, unparsable, beyond a day) counts as absent, but for a date that cannot
//! be read: it asks for a wait all the same, and gets a second. A date is counted from the
//! vendor's own `Date`, so that a clock that runs wrong harms nobody; without one it stays a
//! date, because turning it into a delay needs a clock, which is not here.
//!
//! Sources: RFC 9110 section 10.2.3; openai-python 3.54 `_base_client.py` for
//! `retry-after-ms`; Go's `time.ParseDuration` for the reset headers (read 2026-11).

use std::time::Duration;

use http::HeaderMap;

/// The longest delay that is believed.
const MAX_DELAY: Duration = Duration::from_hours(24);

/// The shortest and the longest delay that a date stands for, in seconds.
const DATE_BOUNDS: (i64, i64) = (1, 300);

/// When a vendor wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this long.
    After(Duration),
    /// At this time, in seconds since 1970 UTC; may be in the past.
    At(i64),
}

impl RetryAfter {
    /// The delay from `now`, in seconds since 1970 UTC.
    pub fn delay(self, now: i64) -> Duration {
        match self {
            Self::After(delay) => delay,
            Self::At(second) => {
                let (least, most) = DATE_BOUNDS;
                let seconds = second.saturating_sub(now).clamp(least, most);
                Duration::from_secs(seconds.unsigned_abs())
            }
        }
    }
}

/// Reads the headers of a refusal.
pub(super) fn read(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let after = |delay: Option<Duration>| delay.filter(is_plausible).map(RetryAfter::After);
    after(text("retry-after-ms").and_then(|it| decimal(it, 1_000_000)))
        .or_else(|| after(text("retry-after").and_then(|it| decimal(it, 1_000_000_000))))
        .or_else(|| {
            let at = RetryAfter::At(text("retry-after").and_then(http_date)?);
            let said = text("date").and_then(http_date);
            Some(said.map_or(at, |now| RetryAfter::After(at.delay(now))))
        })
        .or_else(|| after(reset(&text)))
        .or_else(|| {
            // A date that cannot be read is a wish to wait all the same.
            let is_date = text("retry-after").is_some_and(names_a_weekday);
            is_date.then_some(RetryAfter::After(Duration::from_secs(1)))
        })
}

fn names_a_weekday(text: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    DAYS.iter().any(|day| text.starts_with(day))
}

/// The longest reset among the limits that are used up, or of those that say nothing else.
fn reset<'a>(text: &impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let of = |class: &str| {
        let remaining = text(&format!("x-ratelimit-remaining-{class}"));
        let delay = go_duration(text(&format!("x-ratelimit-reset-{class}"))?)?;
        let is_used_up = remaining.is_none_or(|it| it == "0" || it.starts_with('-'));
        is_plausible(&delay).then_some((is_used_up, delay))
    };
    let found = [of("requests"), of("tokens")];
    let known = found.iter().flatten();
    known
        .clone()
        .filter(|(is_used_up, _)| *is_used_up)
        .map(|(_, delay)| *delay)
        .max()
        // Nothing is at zero: the request was larger than what is left of the tightest one.
        .or_else(|| known.map(|(_, delay)| *delay).min())
}

fn is_plausible(delay: &Duration) -> bool {
    !delay.is_zero() && *delay <= MAX_DELAY
}

/// A non-negative decimal number of a unit of `nanos`, such as `7` or `0.35`.
fn decimal(text: &str, nanos: u64) -> Option<Duration> {
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
///
/// Some vendors send an epoch here; it fails the plausibility check.
fn go_duration(text: &str) -> Option<Duration> {
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
