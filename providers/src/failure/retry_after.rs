//! When a vendor wants to be asked again.
//!
//! `retry-after-ms` wins over `retry-after`, which wins over the reset headers. Nonsense
//! (negative, zero, unparsable, beyond a day) counts as absent, but for a date that cannot
//! be read: it asks for a wait all the same, and gets a second. A date is counted from the
//! vendor's own `Date`, so that a clock that runs wrong harms nobody; without one it stays a
//! date, because turning it into a delay needs a clock, which is not here.
//!
//! Sources: RFC 9110 section 10.2.3; openai-python 3.54 `_base_client.py` for
//! `retry-after-ms` (read 2026-11).

use std::time::Duration;

use http::HeaderMap;

use crate::headroom::Headroom;
use crate::moment::{decimal, http_date};

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
    /// The moment, in seconds since 1970 UTC, counted from `now` in the same.
    pub fn at(self, now: i64) -> i64 {
        match self {
            // Rounded up: at the told moment it has come to pass.
            Self::After(delay) => {
                let part = i64::from(delay.subsec_nanos() > 0);
                let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
                now.saturating_add(seconds).saturating_add(part)
            }
            Self::At(second) => second,
        }
    }

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
        .or_else(|| after(reset(headers, text("date").and_then(http_date))))
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

/// The longest reset among the limits that are used up, else the shortest of the others: then the
/// request was larger than what is left of the tightest one. A time counts only from the vendor's
/// own clock, `said`, in seconds since 1970.
fn reset(headers: &HeaderMap, said: Option<i64>) -> Option<Duration> {
    let headroom = Headroom::read(headers)?;
    let resets = headroom.limits.iter().flatten().filter_map(|limit| {
        let delay = match (limit.reset?, said) {
            (RetryAfter::After(delay), _) => delay,
            (RetryAfter::At(at), Some(now)) => {
                Duration::from_secs(at.saturating_sub(now).try_into().ok()?)
            }
            (RetryAfter::At(_), None) => return None,
        };
        let is_used_up = limit.remaining.is_none_or(|it| it == 0);
        is_plausible(&delay).then_some((is_used_up, delay))
    });
    let known: Vec<(bool, Duration)> = resets.collect();
    let used_up = known.iter().filter(|(is_used_up, _)| *is_used_up);
    let delays = known.iter().map(|(_, delay)| *delay);
    used_up.map(|(_, delay)| *delay).max().or(delays.min())
}

fn is_plausible(delay: &Duration) -> bool {
    !delay.is_zero() && *delay <= MAX_DELAY
}
