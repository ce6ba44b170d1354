//! The attempts of one call, as its books and its deployments' health hear of them.

use std::sync::Arc;

use tollward_store::Outcome;
use tollward_wire::fault::{Fault, Phase};

use super::course::{ANSWERED, SKIPPED};
use super::{Failed, Observed, Settlement};
use crate::clock;
use crate::snapshot::Deployment;
use crate::upstream::failure::AttemptFailure;

impl Settlement {
    /// An attempt on `deployment` with a credential of it begins; the one before it is closed.
    pub fn begin_attempt(&mut self, deployment: &Arc<Deployment>, credential: &Arc<str>) {
        if let Some(failed) = &self.call.failed {
            self.gateway
                .metrics
                .count_fallback(&self.call.deployment, deployment, failed.fault);
            if failed.may_be_billed {
                let (entry, _) = self.call.entry(Outcome::Abandoned, 0, Observed::default());
                self.gateway.book(&entry);
                self.gateway
                    .metrics
                    .count_usage(&self.call.deployment, &entry);
            }
        }
        self.call.failed = None;
        self.call.deployment = Arc::clone(deployment);
        self.call.credential = if deployment.credentials.has_choice() {
            Arc::clone(credential)
        } else {
            Arc::from("")
        };
        self.call.attempts += 1;
        let now = clock::mono();
        self.call.attempt_began = Some(now);
        // The one before is over first, so that a deployment is not busy with the same call twice.
        self.flight = None;
        let (input, is_stream) = (self.call.estimated_input, self.call.is_stream);
        let health = &deployment.health;
        self.flight = Some(health.begin(deployment.breaker, input, is_stream, now));
    }

    /// `deployment` cannot be asked such a thing: there is no attempt, and nothing to book.
    pub fn skipped(&mut self, deployment: &Deployment, failure: &AttemptFailure) {
        self.call.notes.step(&deployment.id, SKIPPED);
        tracing::debug!(
            request.id = %self.call.request, deployment.id = %deployment.id,
            fault = failure.fault.code(), detail = %failure.detail, "a deployment was not asked"
        );
    }

    /// The open attempt failed.
    pub fn attempt_failed(&mut self, failure: &AttemptFailure) {
        self.call.end_attempt(failure.fault.code());
        if let Some(mut flight) = self.flight.take() {
            let (now, dice) = (clock::mono(), clock::uniform());
            flight.failed(failure.fault, failure.retry_after, now, dice);
        }
        self.call.failed = Some(Failed {
            fault: failure.fault,
            may_be_billed: failure.may_be_billed && self.call.is_request_sent(),
            used: failure.used.clone(),
            output_bytes: failure.output_bytes,
        });
        tracing::debug!(
            request.id = %self.call.request, deployment.id = %self.call.deployment.id,
            credential = %self.call.credential, fault = failure.fault.code(), detail = %failure.detail, "an attempt failed"
        );
    }

    /// The open attempt has an answer, or the first content of one.
    pub fn answered(&mut self) {
        self.call.end_attempt(ANSWERED);
        if let Some(flight) = &mut self.flight {
            flight.answered(clock::mono());
        }
        if let Some(beginning) = self.call.thread.and_then(|it| it.beginning) {
            let identity = self.call.deployment.identity;
            self.gateway.affinity.remember(beginning, identity);
        }
        self.call.first_content = Some(clock::mono().saturating_duration_since(self.call.started));
    }

    /// The last attempt is over; what it says of its deployment is noted there.
    pub(super) fn land(&mut self, outcome: Outcome, observed: Observed<'_>) {
        let Some(mut flight) = self.flight.take() else {
            return;
        };
        let mut failed = |fault| flight.failed(fault, None, clock::mono(), clock::uniform());
        match (outcome, observed.usage) {
            (Outcome::UpstreamError, _) => failed(Fault::Truncated),
            (Outcome::IdleTimeout, _) => failed(Fault::Timeout(Phase::Idle)),
            (Outcome::Complete, Some(usage)) => flight.used(usage),
            _ => {}
        }
    }
}
