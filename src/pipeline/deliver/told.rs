//! What a call costs, told in the usage of its answer: `usage.cost`, as `OpenRouter` does.
//!
//! Only callers of `OpenAI`'s APIs are told, where the answer tells a usage anyway and the cost is
//! known. What a vendor says itself stays as it is. Source:
//! `https://openrouter.ai/docs/use-cases/usage-accounting` (read 2026-11).

use bytes::Bytes;
use tollward_store::NanoUsd;
use tollward_wire::operation::Operation;
use tollward_wire::segments::Segments;
use tollward_wire::translate::AnswerReader;
use tollward_wire::usage::Usage;
use tollward_wire::usage::extend::{extend_answer, extend_events};

use crate::pipeline::settle::{Observed, Settlement};
use crate::policy::price::Details;

/// Tells the cost in a stream, once it is known.
pub(super) struct Teller {
    operation: Operation,
    /// The usage that was told last, with its cost.
    told: Option<Box<Usage>>,
}

impl Teller {
    /// For a stream of `operation`; `None` where callers are not told.
    pub(super) fn of(operation: Operation) -> Option<Self> {
        let is_told = matches!(
            operation,
            Operation::Chat | Operation::Completions | Operation::Responses
        );
        is_told.then_some(Self {
            operation,
            told: None,
        })
    }

    /// Tells the cost in what was appended to `ready` from its piece number `from` on, if that tells
    /// the usage: until the answer has ended, more may be used.
    pub(super) fn tell(
        &mut self,
        reader: &AnswerReader,
        settlement: &Settlement,
        ready: &mut Segments,
        from: usize,
    ) {
        let Some(usage) = reader.usage().filter(|_| reader.finish_seen()) else {
            return;
        };
        if ready.pieces() == from || self.told.as_deref() == Some(usage) {
            return;
        }
        let observed = Observed {
            usage: Some(usage),
            is_usage_partial: !reader.usage_is_final(),
            is_usage_anomalous: false,
            output_bytes: reader.output_bytes(),
        };
        let Some((cost, details)) = settlement.cost_of(observed) else {
            return;
        };
        if extend_events(self.operation, ready, from, &members(cost, details)) {
            self.told = Some(Box::new(usage.clone()));
        }
    }
}

/// A whole answer that tells its cost, if it can.
pub(super) fn with_cost(
    operation: Operation,
    body: Bytes,
    cost: Option<(NanoUsd, Option<Details>)>,
) -> Bytes {
    let told =
        cost.and_then(|(cost, details)| extend_answer(operation, &body, &members(cost, details)));
    told.unwrap_or(body)
}

/// The members of a usage that say what it costs, in dollars; numbers are written from integers.
fn members(cost: NanoUsd, details: Option<Details>) -> Vec<(&'static str, Bytes)> {
    let mut members = vec![("cost", Bytes::from(cost.to_decimal()))];
    let parts = details.map(|it| it.parts()).unwrap_or_default();
    let parts: Vec<_> = parts
        .iter()
        .filter(|(_, cost)| *cost != NanoUsd::ZERO)
        .map(|(name, cost)| format!("\"{name}\":{}", cost.to_decimal()))
        .collect();
    if !parts.is_empty() {
        members.push((
            "cost_details",
            Bytes::from(format!("{{{}}}", parts.join(","))),
        ));
    }
    members
}
