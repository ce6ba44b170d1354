//! Whoever answers the fewest calls now, for its weight.

use super::{Draw, Outlook, RoutingPolicy};

pub(super) struct LeastBusy;

impl RoutingPolicy for LeastBusy {
    fn name(&self) -> &'static str {
        "least_busy"
    }

    fn rank(&self, outlooks: &[Outlook], _: Draw, ranks: &mut [u64]) {
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            // Weights go up to 10⁹, and one call has to count beside the largest of them.
            let busy = u128::from(outlook.in_flight) * 1_000_000_000_000;
            let share = busy.checked_div(u128::from(outlook.weight));
            *rank = share.map_or(u64::MAX, |it| u64::try_from(it).unwrap_or(u64::MAX));
        }
    }
}
