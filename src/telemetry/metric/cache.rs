//! Calls to models whose answers are given again: how often there was one.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Metrics;

/// What became of a call to a model whose answers are given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheResult {
    /// It was given an answer that was there.
    Hit,
    /// It was given the answer of a call that ran.
    Joined,
    /// It was made.
    Miss,
    /// It was made, and nothing was looked up or kept.
    Bypass,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

/// The counters.
#[derive(Default)]
pub(super) struct Lookups(Family<Labels, Counter>);

impl Lookups {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tollward_cache_requests",
            "Calls to models whose answers are given again",
            self.0.clone(),
        );
    }
}

impl Metrics {
    /// Counts a call to a model whose answers are given again.
    pub fn count_cached(&self, result: CacheResult) {
        let result = match result {
            CacheResult::Hit => "hit",
            CacheResult::Joined => "joined",
            CacheResult::Miss => "miss",
            CacheResult::Bypass => "bypass",
        };
        self.lookups.0.get_or_create_owned(&Labels { result }).inc();
    }
}
