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
        let total: u128 = outlooks.iter().map(|it| u128::from(it.weight)).sum();
        let mut left = (u128::from(draw.point) * total) >> 64;
        let mut is_found = false;
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            let weight = u128::from(outlook.weight);
            if !is_found && left < weight {
                is_found = true;
                *rank = 0;
                continue;
            }
            left = left.saturating_sub(weight);
            *rank = lot(draw.of(outlook.identity), outlook.weight);
        }
    }
}

/// A lot of a candidate for the places behind the first one; at least 1. Without weight it is last.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a lot needs no more than the 52 bits of a fraction, and is not negative"
)]
fn lot(fraction: u64, weight: u64) -> u64 {
    if weight == 0 {
        return u64::MAX;
    }
    let uniform = (fraction >> 12) as f64 / (1_u64 << 52) as f64;
    let lot = -(1.0 - uniform).ln() / weight as f64;
    // A weight is at most a million: with 2⁴⁰ to the whole no lot falls together with another one.
    ((lot * (1_u64 << 40) as f64) as u64).clamp(1, u64::MAX - 1)
}
