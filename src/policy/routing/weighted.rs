//! By shares: each candidate is first as often as its weight says.
//!
//! The first one is where the call's point falls on a line on which each has a stretch as long as
//! its weight. The others follow as if drawn by weight from what is left, so that what a failed one
//! leaves is shared by weight as well (Efraimidis and Spirakis: the smallest of `-ln(u)/weight`).

use super::{Draw, Outlook, RoutingPolicy};

pub(super) struct Weighted;

impl RoutingPolicy for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn is_total(&self) -> bool {
        true
    }

    fn rank(&self, outlooks: &[Outlook], draw: Draw, ranks: &mut [u64]) {
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            *rank = lot(draw.of(outlook.identity), outlook.weight);
        }
        if let Some(rank) = first(outlooks, draw).and_then(|it| ranks.get_mut(it)) {
            *rank = 0;
        }
    }
}

/// On whose stretch the call's point falls; `None` where nobody has any weight.
fn first(outlooks: &[Outlook], draw: Draw) -> Option<usize> {
    let weights = || outlooks.iter().map(|it| it.weight);
    let total = weights().fold(0, u64::saturating_add);
    let point = (u128::from(draw.point) * u128::from(total)) >> u64::BITS;
    let mut left = u64::try_from(point).unwrap_or(u64::MAX);
    weights().position(|weight| {
        let is_there = left < weight;
        left = left.saturating_sub(weight);
        is_there
    })
}

/// A lot of a candidate for the places behind the first one; at least 1. Without weight it is last.
///
/// The bits of a number that is not negative are in the order of the numbers. The last sixteen make
/// no difference, and leave room for a place beside it.
#[expect(
    clippy::cast_precision_loss,
    reason = "a lot needs no more than the 52 bits of a fraction"
)]
fn lot(fraction: u64, weight: u64) -> u64 {
    if weight == 0 {
        return u64::MAX;
    }
    let uniform = (fraction >> 12) as f64 / (1_u64 << 52) as f64;
    let lot = -(1.0 - uniform).ln() / weight as f64;
    (lot.abs().to_bits() >> 16) + 1
}
