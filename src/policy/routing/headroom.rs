//! Whoever has the most left of its vendor's limits, in steps of a twentieth.
//!
//! Within a step the next policy decides, so that a call does not change its place for every token.
//! Who told no limit is taken for having all of it.

use super::{Draw, Look, Outlook, RoutingPolicy, WHOLE};

/// Shares within one step are alike.
const STEP: u32 = WHOLE / 20;

pub(super) struct Headroom;

impl RoutingPolicy for Headroom {
    fn name(&self) -> &'static str {
        "headroom"
    }

    fn look(&self) -> Option<Look> {
        Some(Look::Headroom)
    }

    fn rank(&self, outlooks: &[Outlook], _: Draw, ranks: &mut [u64]) {
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            let left = outlook.headroom.unwrap_or(WHOLE).min(WHOLE);
            *rank = u64::from((WHOLE - left) / STEP);
        }
    }
}
