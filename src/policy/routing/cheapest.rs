//! Whoever asks the least for this call; whose price is not known is last.

use super::{Draw, Look, Outlook, RoutingPolicy};

pub(super) struct Cheapest;

impl RoutingPolicy for Cheapest {
    fn name(&self) -> &'static str {
        "cheapest"
    }

    fn look(&self) -> Option<Look> {
        Some(Look::Cost)
    }

    fn rank(&self, outlooks: &[Outlook], _: Draw, ranks: &mut [u64]) {
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            let nanos = outlook.cost.map(|it| u64::try_from(it.0));
            *rank = nanos.map_or(u64::MAX, |it| it.unwrap_or(u64::MAX));
        }
    }
}
