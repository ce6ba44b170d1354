//! The books of a session: a row for each response, and a last one for the session itself.
//!
//! Each response is priced by itself, at its hour and by its own size, and is in the books when its
//! end is passed on (docs/adr/0015-sessions-by-response.md). The rows have the call's id, and go on
//! counting where its attempts stopped.

use std::time::Instant;

use tollward_store::{CostSource, Outcome};
use tollward_wire::realtime::{Transcriber, Turn};
use tollward_wire::usage::Usage;

use super::{Observed, Settlement, millis};
use crate::clock;
use crate::policy::estimate;
use crate::policy::price::Priced;

impl Settlement {
    /// Books a response that ended as `outcome`, and began at `began`.
    pub fn turn(&mut self, outcome: Outcome, turn: &Turn, began: Option<Instant>) {
        let is_over = outcome == Outcome::Complete;
        let guess = estimated(turn);
        let (usage, is_usage_partial) = match &turn.usage {
            Some(usage) => (usage, false),
            // It was refused, or cancelled before there was anything; unless there is a count that
            // cannot be true (faults U-47).
            None if is_over && guess.output == 0 && !turn.is_usage_anomalous => {
                (&Usage::default(), false)
            }
            None => (&guess, true),
        };
        let observed = Observed {
            usage: Some(usage),
            is_usage_partial,
            is_usage_anomalous: turn.is_usage_anomalous,
            output_bytes: 0,
        };
        self.book_turn(outcome, observed, began, None);
    }

    /// Books a transcript of what the caller said. What a model beside that of the session costs is
    /// not known here, nor what one costs whose count cannot be true.
    pub fn transcript(&mut self, turn: &Turn, by: Transcriber) {
        let observed = Observed {
            usage: turn.usage.as_ref(),
            is_usage_anomalous: turn.is_usage_anomalous,
            ..Observed::default()
        };
        let is_known = by == Transcriber::Model && turn.usage.is_some();
        let at_unix_s = clock::unix_ms() / 1_000;
        let unknown = (!is_known).then(|| self.call.last.deployment.prices.unmeasured(at_unix_s));
        self.book_turn(Outcome::Complete, observed, None, unknown);
    }

    fn book_turn(
        &mut self,
        outcome: Outcome,
        observed: Observed<'_>,
        began: Option<Instant>,
        unmeasured: Option<Priced>,
    ) {
        let (mut entry, _) = self.call.entry(&self.call.last, (outcome, 200), observed);
        let (now, now_ms) = (clock::mono(), clock::unix_ms());
        let took = began.map(|began| now.saturating_duration_since(began));
        let took = took.map_or(0, millis);
        entry.at_ms = now_ms.saturating_sub(i64::from(took));
        entry.duration_ms = took;
        entry.first_content_ms = None;
        if let Some(priced) = unmeasured.filter(|_| entry.cost_source != CostSource::Provider) {
            entry.cost = priced.cost;
            entry.cost_source = priced.source;
            entry.price_id = priced.price_id;
        }
        self.call.last.charge_part(&mut entry);
        self.call.turns += 1;
        self.write(&entry, observed);
        let tokens = &entry.tokens;
        self.slot.permit.used(tokens.input, tokens.output);
        // The row has the number under which something was held: the session holds it under its next one.
        let held = self.call.held(&self.call.last);
        _ = held.is_some_and(|it| self.gateway.hold(&it));
    }

    /// Whether some budget has no room for another response like this one.
    pub fn is_used_up(&self) -> bool {
        let spending = self.spending.as_ref();
        let is_held = self.call.last.reservation.is_some();
        spending.is_some_and(|it| {
            is_held && it.is_passed(&self.gateway.budgets, &self.call.last.deployment)
        })
    }
}

/// What a response used of which the vendor said nothing. What the conversation had before is taken
/// for text: of which kinds it was is not known.
fn estimated(turn: &Turn) -> Usage {
    let heard = estimate::heard_tokens(turn.sent.sound_bytes);
    let spoken = estimate::spoken_tokens(turn.came.sound_bytes);
    Usage {
        input: turn.context_tokens + estimate::tokens(turn.sent.text_bytes) + heard,
        audio_input: heard,
        output: estimate::tokens(turn.came.text_bytes) + spoken,
        audio_output: spoken,
        ..Usage::default()
    }
}
