//! What is held for the attempts of a call: reserved and recorded before anything is sent, ended with
//! the attempt's row, or given back where it has none.

use std::sync::Arc;

use tollward_store::{CostSource, Entry, NanoUsd, Outcome};

use super::{Attempt, Observed, Settlement};
use crate::budgets::purse::Wanted;
use crate::pipeline::reserve::ReserveError;
use crate::policy::estimate;
use crate::snapshot::Deployment;

impl Settlement {
    /// On what an attempt at `deployment` is going to be reserved, and how much; `None`: on nothing.
    pub fn wants(&self, deployment: &Deployment) -> Option<(Vec<Wanted>, NanoUsd)> {
        let spending = self.spending.as_ref()?;
        Some((spending.wanted(deployment), spending.hold(deployment).ok()?))
    }

    /// Reserves what `attempt` may cost on the budgets that it counts towards; nothing if there are none.
    ///
    /// # Errors
    /// There is no room, or the ledger does not take the reservation.
    pub(super) fn reserve(&self, attempt: &mut Attempt) -> Result<(), Box<ReserveError>> {
        let Some(spending) = &self.spending else {
            return Ok(());
        };
        let deployment = &attempt.deployment;
        let wanted = spending.wanted(deployment);
        if wanted.is_empty() {
            return Ok(());
        }
        let hold = spending.hold(deployment)?;
        let reserved = self.gateway.budgets.reserve(&wanted, hold);
        let reservation =
            reserved.map_err(|full| spending.shortage(&wanted, full, hold, deployment))?;
        attempt.reservation = Some(reservation);
        let record = self.call.held(attempt);
        if record.is_some_and(|it| !self.gateway.hold(&it)) {
            return Err(Box::new(ReserveError::Unrecorded));
        }
        Ok(())
    }

    /// Whether an answer that has so many bytes by now costs more than its budgets have room for. What is held
    /// for it grows with it, in steps.
    pub fn outgrows(&mut self, output_bytes: u64) -> bool {
        let last = &mut self.call.last;
        let (Some(spending), Some(reservation)) = (&mut self.spending, &mut last.reservation)
        else {
            return false;
        };
        let tokens = estimate::tokens(output_bytes);
        let Some(growth) = spending.growth(&last.deployment, tokens) else {
            return false;
        };
        let wanted = spending.wanted(&last.deployment);
        match reservation.extend(&wanted, growth.more) {
            Ok(true) => spending.cover(growth.covered),
            // It is asked for; a stream does not wait for the answer, but not for ever.
            Ok(false) => return spending.is_far_beyond(tokens),
            Err(_) => return true,
        }
        let held = self.call.held(&self.call.last);
        // What cannot be recorded is held all the same: a crash would charge what was held first.
        _ = held.is_some_and(|it| self.gateway.hold(&it));
        false
    }

    /// What the answer teaches about the next one.
    pub(super) fn learn(&self, entry: &Entry) {
        let spending = self
            .spending
            .as_ref()
            .filter(|_| entry.outcome == Outcome::Complete);
        if let Some(output) = spending.and_then(|it| it.learns(entry.tokens.output)) {
            self.gateway
                .budgets
                .habits
                .learn(entry.key, &self.call.model, output);
        }
    }

    /// Gives back what is held for an attempt that cost nothing and has no row.
    pub(super) fn release(&self, attempt: &mut Attempt) {
        if let Some(reservation) = attempt.reservation.take()
            && reservation.held().amount > NanoUsd::ZERO
        {
            self.gateway.release(self.call.request, attempt.number);
        }
    }
}

impl super::Call {
    /// The row of an attempt that runs, as it is booked if nothing is heard of it again; `None` if nothing
    /// is held for it.
    pub(super) fn held(&self, attempt: &Attempt) -> Option<Entry> {
        let held = attempt.reservation.as_ref()?.held();
        if held.amount == NanoUsd::ZERO {
            return None;
        }
        let (entry, _) = self.entry(attempt, (Outcome::Recovered, 0), Observed::default());
        Some(Entry {
            cost: Some(held.amount),
            cost_source: CostSource::Computed,
            estimated: true,
            attempts: attempt.number,
            ..entry
        })
    }
}

impl Attempt {
    /// Its row is booked, and what it cost is charged.
    pub(super) fn charge(&mut self, entry: &Entry) {
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(entry.charge());
        }
    }

    /// A part of it is booked: what that cost is charged, and the rest stays held.
    pub(super) fn charge_part(&mut self, entry: &mut Entry) {
        if let Some(reservation) = &mut self.reservation {
            let held = reservation.held();
            // Where nobody knows the cost of a part, it is charged what is held for it.
            let is_known = entry.cost.is_some();
            entry.held = Some(tollward_store::Held {
                amount: if is_known { NanoUsd::ZERO } else { held.amount },
                windows: Arc::clone(&held.windows),
            });
            reservation.charge(entry.charge());
        }
    }
}
