//! Whoever has the beginning of the conversation in its cache; the next policy places new ones.

use super::{Draw, Look, Outlook, RoutingPolicy};

pub(super) struct Sticky;

impl RoutingPolicy for Sticky {
    fn name(&self) -> &'static str {
        "sticky"
    }

    fn look(&self) -> Option<Look> {
        Some(Look::Warmth)
    }

    fn rank(&self, outlooks: &[Outlook], _: Draw, ranks: &mut [u64]) {
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            *rank = u64::from(!outlook.is_warm);
        }
    }
}
