//! The attempts of one call, as its books and its deployments' health hear of them.
//!
//! An attempt begins, and fails or answers. Two may run at once, when a slow one is hedged: the
//! first that answers is the call's, and the other one is left, which is booked like any attempt
//! that may be billed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tollward_store::Outcome;
use tollward_wire::fault::{Fault, Phase};

use super::course::{ANSWERED, OUTRUN, SKIPPED};
use super::{Attempt, Call, Failed, Observed, Settlement};
use crate::budgets::Reservation;
use crate::clock;
use crate::http::error::Problem;
use crate::pipeline::reserve::ReserveError;
use crate::snapshot::Deployment;
use crate::upstream::failure::AttemptFailure;
use crate::upstream::health::{Demand, Flight};

/// An attempt that runs.
pub(super) struct Open {
    attempt: Attempt,
    flight: Flight,
}

/// Which attempt of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptNumber(u32);

impl Settlement {
    /// An attempt on `deployment` with a credential of it begins, once what it may cost is reserved.
    ///
    /// # Errors
    /// Some budget has no room for it: nothing was begun.
    pub fn begin_attempt(
        &mut self,
        deployment: &Arc<Deployment>,
        credential: &Arc<str>,
    ) -> Result<AttemptNumber, Box<AttemptFailure>> {
        let credential = if deployment.credentials.has_choice() {
            Arc::clone(credential)
        } else {
            Arc::from("")
        };
        let mut attempt = Attempt {
            number: self.call.attempts + 1,
            deployment: Arc::clone(deployment),
            credential,
            failed: None,
            reservation: None,
            unheard: None,
        };
        let reserved = self.reserve(&mut attempt);
        reserved.map_err(|error| Box::new(unaffordable(*error)))?;
        if self.spending.as_ref().is_some_and(|it| it.is_bound()) {
            let held = attempt.reservation.as_ref().map(Reservation::held);
            attempt.unheard = held.map(|it| it.amount);
        }
        if self.open.is_empty() {
            self.follow(deployment);
        }
        self.call.attempts += 1;
        let number = attempt.number;
        let now = clock::mono();
        self.call.upstream_since.get_or_insert(now);
        let demand = Demand {
            operation: self.call.operation,
            input: self.call.estimated_input,
            is_stream: self.call.is_stream,
        };
        let health = &deployment.health;
        self.open.push(Open {
            attempt,
            flight: health
                .begin(deployment.breaker, demand, now)
                .on_trial(deployment.canary),
        });
        Ok(AttemptNumber(number))
    }

    /// `deployment` is asked after the last attempt, which failed.
    fn follow(&mut self, deployment: &Arc<Deployment>) {
        let nobody = Attempt::of_nobody(deployment);
        let mut last = std::mem::replace(&mut self.call.last, nobody);
        if let Some(failed) = &last.failed {
            let metrics = &self.gateway.metrics;
            metrics.count_fallback(&last.deployment, deployment, failed.fault);
            self.book_abandoned(&mut last);
        }
    }

    /// Books an attempt that is not the call's last one, if it may be billed.
    fn book_abandoned(&self, attempt: &mut Attempt) {
        if !attempt.failed.as_ref().is_some_and(|it| it.may_be_billed) {
            return self.release(attempt);
        }
        let ended = (Outcome::Abandoned, 0);
        let (entry, _) = self.call.entry(attempt, ended, Observed::default());
        self.gateway.book(&entry);
        attempt.charge(&entry);
        let tokens = &entry.tokens;
        self.slot.permit.used(tokens.input, tokens.output);
        let metrics = &self.gateway.metrics;
        metrics.count_usage(&attempt.deployment, &entry);
    }

    /// `deployment` cannot be asked such a thing: there is no attempt, and nothing to book.
    pub fn skipped(&mut self, deployment: &Deployment, failure: &AttemptFailure) {
        self.call.notes.step(&deployment.id, SKIPPED);
        tracing::debug!(
            request.id = %self.call.request, deployment.id = %deployment.id,
            fault = failure.fault.code(), detail = %failure.detail, "a deployment was not asked"
        );
    }

    /// That attempt failed.
    pub fn attempt_failed(&mut self, number: AttemptNumber, failure: &AttemptFailure) {
        let Some(mut open) = self.take(number) else {
            return;
        };
        let deployment = &open.attempt.deployment;
        let is_credentials =
            failure.fault == Fault::RateLimited && deployment.credentials.has_choice();
        // The credential rests, and with the last of them the deployment; or the want is ours.
        if is_credentials || failure.is_shortage {
            open.flight.refused();
        } else {
            blame(
                &mut open.flight,
                deployment,
                failure.fault,
                failure.retry_after,
            );
        }
        tracing::debug!(
            request.id = %self.call.request, deployment.id = %open.attempt.deployment.id,
            credential = %open.attempt.credential, fault = failure.fault.code(), detail = %failure.detail, "an attempt failed"
        );
        let failed = Failed {
            fault: failure.fault,
            may_be_billed: failure.may_be_billed && self.call.is_request_sent(),
            used: failure.used.clone(),
            output_bytes: failure.output_bytes,
        };
        self.close(open.attempt, failed, failure.fault.code());
    }

    /// That attempt has an answer, or the first content of one. Another one that runs is left.
    pub fn answered(&mut self, number: AttemptNumber) {
        let Some(mut open) = self.take(number) else {
            return;
        };
        let now = clock::mono();
        open.flight.answered(now);
        for mut slower in std::mem::take(&mut self.open) {
            slower.flight.outrun(now);
            self.call.notes.step(&slower.attempt.deployment.id, OUTRUN);
            slower.attempt.failed = Some(self.call.left());
            self.book_abandoned(&mut slower.attempt);
            let has_won = open.attempt.number > slower.attempt.number;
            let rival = if has_won { &open } else { &slower };
            let metrics = &self.gateway.metrics;
            metrics.count_hedge(&rival.attempt.deployment, has_won);
        }
        let deployment = &open.attempt.deployment;
        self.call.notes.step(&deployment.id, ANSWERED);
        self.call.rest(now);
        if let Some(beginning) = self.call.thread.and_then(|it| it.beginning) {
            let identity = deployment.identity;
            self.gateway.affinity.remember(beginning, identity);
        }
        self.call.last = open.attempt;
        self.flight = Some(open.flight);
        self.call.first_content = Some(now.saturating_duration_since(self.call.started));
    }

    /// Nobody waits for the attempts that run any more; what was sent may be billed.
    pub(super) fn leave(&mut self) {
        while let Some(open) = self.open.pop() {
            let left = self.call.left();
            self.close(open.attempt, left, Fault::Cancelled.code());
        }
    }

    fn take(&mut self, AttemptNumber(number): AttemptNumber) -> Option<Open> {
        let place = self.open.iter().position(|it| it.attempt.number == number);
        place.map(|place| self.open.swap_remove(place))
    }

    /// `attempt` is over, and runs no more.
    fn close(&mut self, mut attempt: Attempt, failed: Failed, what: &'static str) {
        self.call.notes.step(&attempt.deployment.id, what);
        if !failed.may_be_billed {
            self.release(&mut attempt);
        }
        attempt.failed = Some(failed);
        if self.open.is_empty() {
            self.call.last = attempt;
            self.call.rest(clock::mono());
        } else {
            self.book_abandoned(&mut attempt);
        }
    }

    /// The vendor writes more than the caller's bound on output allows.
    pub fn overran(&self) {
        self.gateway
            .metrics
            .count_overrun(&self.call.last.deployment);
        tracing::warn!(
            request.id = %self.call.request, deployment.id = %self.call.last.deployment.id,
            "an answer went on beyond the caller's bound on output and was cut"
        );
    }

    /// The answer is over; what it says of its deployment is noted there.
    pub(super) fn land(&mut self, outcome: Outcome, observed: Observed<'_>) {
        let Some(mut flight) = self.flight.take() else {
            return;
        };
        let mut failed = |fault| blame(&mut flight, &self.call.last.deployment, fault, None);
        match (outcome, observed.usage) {
            (Outcome::UpstreamError, _) => failed(self.call.broken.unwrap_or(Fault::Truncated)),
            (Outcome::IdleTimeout, _) => failed(Fault::Timeout(Phase::Idle)),
            (Outcome::Complete, Some(usage)) => flight.used(usage),
            _ => {}
        }
    }
}

/// No budget has room for an attempt: nothing was sent, and a cheaper deployment may have its turn.
pub fn unaffordable(error: ReserveError) -> AttemptFailure {
    let detail = error.to_string();
    let retry_after = error.retry_after();
    let fault = match error {
        ReserveError::Unrecorded | ReserveError::Unanswered(_) => Fault::Overloaded,
        _ => Fault::Quota,
    };
    AttemptFailure {
        error: Some(Problem::from(error).body),
        retry_after,
        is_ours: true,
        ..AttemptFailure::of(fault, detail)
    }
}

/// An attempt at `deployment` failed; what that means for it is noted there.
fn blame(
    flight: &mut Flight,
    deployment: &Deployment,
    fault: Fault,
    retry_after: Option<Duration>,
) {
    if flight.failed(fault, retry_after, clock::mono(), clock::uniform()) {
        tracing::warn!(
            deployment.id = %deployment.id, fault = fault.code(),
            "a canary failed too often and is taken out; `tollward route undrain` puts it back"
        );
    }
}

impl Call {
    /// No attempt runs any more.
    fn rest(&mut self, now: Instant) {
        if let Some(since) = self.upstream_since.take() {
            self.upstream += now.saturating_duration_since(since);
        }
    }

    /// An attempt that nobody waits for any more.
    fn left(&self) -> Failed {
        Failed {
            may_be_billed: self.is_request_sent(),
            ..Failed::unbilled(Fault::Cancelled)
        }
    }
}

impl Attempt {
    /// Nobody was asked yet; `deployment` would be the first.
    pub(super) fn of_nobody(deployment: &Arc<Deployment>) -> Self {
        Self {
            number: 0,
            deployment: Arc::clone(deployment),
            credential: Arc::from(""),
            failed: None,
            reservation: None,
            unheard: None,
        }
    }
}

impl Failed {
    /// Nothing was sent to anybody.
    pub(super) fn unbilled(fault: Fault) -> Self {
        Self {
            fault,
            may_be_billed: false,
            used: None,
            output_bytes: 0,
        }
    }
}
