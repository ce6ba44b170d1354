//! As written: the first one, and another only when it does not answer.

use super::{Draw, Outlook, RoutingPolicy};

pub(super) struct Ordered;

impl RoutingPolicy for Ordered {
    fn name(&self) -> &'static str {
        "ordered"
    }

    fn is_total(&self) -> bool {
        true
    }

    fn rank(&self, _: &[Outlook], _: Draw, ranks: &mut [u64]) {
        for (rank, place) in ranks.iter_mut().zip(0..) {
            *rank = place;
        }
    }
}
