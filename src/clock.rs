//! Time and chance: the only room that reads the clock or draws random numbers.
//!
//! Decisions in `policy/` never call these; they are handed the value. Stages
//! and the edge call [`mono`] for durations and [`unix_ms`] for what is written
//! down: a wall clock may jump, a monotonic one may not.
//! Neither source is fit for secrets; keys are made in the store.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in monotonic time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the monotonic clock"
)]
pub fn mono() -> Instant {
    Instant::now()
}

/// Milliseconds since the Unix epoch by the wall clock; 0 if the clock stands before it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Nanoseconds since the Unix epoch by the wall clock; 0 if the clock stands before it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub fn unix_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A uniform draw from `[0, 1)`.
pub fn uniform() -> f64 {
    fastrand::f64()
}

/// 64 random bits.
pub fn bits() -> u64 {
    fastrand::u64(..)
}

/// Ten random bytes for a request id.
pub fn id_bytes() -> [u8; 10] {
    let wide = fastrand::u128(..).to_le_bytes();
    let mut bytes = [0; 10];
    bytes.copy_from_slice(wide.first_chunk::<10>().unwrap_or(&[0; 10]));
    bytes
}
