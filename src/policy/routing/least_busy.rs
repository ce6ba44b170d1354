//! Whoever answers the fewest calls now, for its weight.

use super::{Draw, Outlook, RoutingPolicy};

pub(super) struct LeastBusy;

impl RoutingPolicy for LeastBusy {
    fn name(&self) -> &'static str {
        "least_busy"
    }

    fn rank(&self, outlooks: &[Outlook], _: Draw, ranks: &mut [u64]) {
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            // In parts of a million, so that weights up to a thousand keep their effect.
            let busy = u64::from(outlook.in_flight) * 1_000_000;
            *rank = busy.checked_div(outlook.weight).unwrap_or(u64::MAX);
        }
    }
}
