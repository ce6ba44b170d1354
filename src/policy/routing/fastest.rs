//! Whoever answers soonest: the better of two that are drawn, the others behind it by their speed.
//!
//! What counts is the time to the first content times the calls that wait for it. Taking the better
//! of two, and not the best of all, keeps every gateway and every call from running to the same one
//! at once (Mitzenmacher, *The power of two choices*). One that was not asked lately is tried, by one
//! call: until that has an answer it is taken for as slow as the slowest, lest all run to one that
//! never answers.

use super::{Draw, Outlook, RoutingPolicy, mix};

pub(super) struct Fastest;

/// What is taken for the time to the first content where none is known of anybody, in microseconds.
const UNKNOWN_US: u64 = 1_000_000;

impl RoutingPolicy for Fastest {
    fn name(&self) -> &'static str {
        "fastest"
    }

    fn rank(&self, outlooks: &[Outlook], draw: Draw, ranks: &mut [u64]) {
        let known = outlooks.iter().filter_map(|it| it.first_content_us);
        let slowest = known.max().unwrap_or(0).max(UNKNOWN_US);
        let load = |outlook: &Outlook| load(outlook, slowest);
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            *rank = load(outlook).saturating_add(1);
        }
        let many = outlooks.len() as u64;
        if many < 2 {
            return;
        }
        let one = draw.seed % many;
        let step = 1 + mix(draw.seed) % (many - 1);
        let other = (one + step) % many;
        let of = |place: u64| outlooks.get(usize::try_from(place).ok()?).map(load);
        let better = if of(other) < of(one) { other } else { one };
        if let Some(rank) = usize::try_from(better)
            .ok()
            .and_then(|it| ranks.get_mut(it))
        {
            *rank = 0;
        }
    }
}

/// What one more call would wait for, where what is not known is as slow as the `slowest`.
fn load(outlook: &Outlook, slowest: u64) -> u64 {
    let is_tried = outlook.in_flight > 0;
    let time = match outlook.first_content_us {
        Some(time) if time > 0 => time,
        Some(_) | None if is_tried => slowest,
        Some(_) | None => 0,
    };
    time.saturating_mul(u64::from(outlook.in_flight) + 1)
}
