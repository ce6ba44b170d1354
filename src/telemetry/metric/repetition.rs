//! Calls that are made once: how often they were repeated, and whether their answers could be kept.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Metrics;

/// What became of a call with an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// It was made, and its answer kept.
    Kept,
    /// It was made, and its answer is too long or could not be kept.
    Unkept,
    /// It was given the answer of one that ran.
    Joined,
    /// It was given the answer of one that was over.
    Replayed,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

/// The counters.
#[derive(Default)]
pub(super) struct Repetitions(Family<Labels, Counter>);

impl Repetitions {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tollward_idempotent_requests",
            "Calls with an Idempotency-Key that were answered in full",
            self.0.clone(),
        );
    }
}

impl Metrics {
    /// Counts a call with an idempotency key.
    pub fn count_repetition(&self, repetition: Repetition) {
        let result = match repetition {
            Repetition::Kept => "kept",
            Repetition::Unkept => "unkept",
            Repetition::Joined => "joined",
            Repetition::Replayed => "replayed",
        };
        self.repetitions
            .0
            .get_or_create_owned(&Labels { result })
            .inc();
    }
}
