//! What a call costs as far as it is known before it is booked, for its caller.

use tollward_store::{CostSource, NanoUsd, Outcome};

use super::{Observed, Settlement, millis};
use crate::clock;
use crate::policy::price::Details;

impl Settlement {
    /// What the call would be booked with if it were complete now, and what that is made of where it
    /// was computed; `None`: nobody knows.
    pub fn cost_of(&self, observed: Observed<'_>) -> Option<(NanoUsd, Option<Details>)> {
        let call = &self.call;
        let took = clock::mono().saturating_duration_since(call.started);
        let complete_ms = call.at_ms.saturating_add(i64::from(millis(took)));
        let at_unix_s = complete_ms / 1_000;
        let (usage, _, priced) = call.used(&call.last, Outcome::Complete, observed, at_unix_s);
        let details = match priced.source {
            CostSource::Computed => call.last.deployment.prices.details(&usage, at_unix_s),
            CostSource::Provider
            | CostSource::Zero
            | CostSource::Unknown
            | CostSource::Unmeasured
            | CostSource::Replayed
            | CostSource::Cached => None,
        };
        Some((priced.cost?, details))
    }
}
