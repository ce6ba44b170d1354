//! One after the other, whatever their weights.

use super::{Draw, Outlook, RoutingPolicy};

pub(super) struct RoundRobin;

impl RoutingPolicy for RoundRobin {
    fn name(&self) -> &'static str {
        "round_robin"
    }

    fn is_total(&self) -> bool {
        true
    }

    fn rank(&self, outlooks: &[Outlook], draw: Draw, ranks: &mut [u64]) {
        let many = outlooks.len().max(1) as u64;
        let first = draw.turn % many;
        for (rank, place) in ranks.iter_mut().zip(0..) {
            *rank = (place + many - first) % many;
        }
    }
}
