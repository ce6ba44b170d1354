//! One suite that every backend passes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::borrow::Cow;

use crate::{CostSource, Entry, KeyId, NanoUsd, Outcome, RequestId, TokenCounts};

/// 2026-11-24T00:00:00Z.
pub(crate) const NOON: i64 = 1_795_521_600_000 + 43_200_000;

/// An entry that differs from others in every field that may differ.
pub(crate) fn sample(seed: u64) -> Entry {
    let at_ms = NOON + i64::try_from(seed).unwrap();
    Entry {
        request: RequestId::new(at_ms),
        attempt: 1,
        at_ms,
        key: Some(KeyId::new(at_ms)),
        operation: Cow::Borrowed("chat"),
        model: format!("model-{}", seed % 3).into(),
        provider: format!("provider-{}", seed % 2).into(),
        deployment: format!("provider-{}/up-{}", seed % 2, seed % 3).into(),
        upstream_model: format!("up-{}", seed % 3).into(),
        status: 200,
        outcome: Outcome::Complete,
        streamed: seed % 2 == 0,
        tokens: TokenCounts {
            input: 1_000 + seed,
            cache_read: 300,
            output: 200,
            reasoning: seed,
            ..TokenCounts::default()
        },
        cost: Some(NanoUsd(12_345)),
        cost_source: CostSource::Computed,
        estimated: false,
        price_id: Some("catalog-2026-11-24/x".into()),
        attempts: 1,
        first_content_ms: Some(321),
        duration_ms: 1_234,
    }
}
