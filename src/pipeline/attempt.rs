//! Runs a [`Plan`] until somebody answers: retry and fallback up to the commit point.
//!
//! What comes back is committed: a whole answer that parsed, or a stream whose
//! first content event is in hand. After that nothing is retried, because the
//! type has no way to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use tollward_providers::Call;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

use crate::app::Gateway;
use crate::clock;
use crate::pipeline::admit::Admitted;
use crate::pipeline::recall::Recalled;
use crate::pipeline::route::Plan;
use crate::pipeline::settle::Settlement;
use crate::policy::retry::{Situation, Verdict, decide};
use crate::snapshot::{Deployment, RetryTerms};
use crate::upstream::exchange::{Asked, Exchanged, exchange};
use crate::upstream::failure::AttemptFailure;

/// An answer that may be given to the client.
pub struct Committed {
    /// Who answered.
    pub deployment: Arc<Deployment>,
    /// The answer.
    pub exchanged: Exchanged,
    /// Why the first attempt failed, when it was not this one.
    pub fallback_reason: Option<Fault>,
}

/// Every attempt failed.
#[derive(Debug, thiserror::Error)]
#[error("no deployment answered for `{model}`; {}", tried(.attempts))]
pub struct AttemptError {
    /// The public name that was asked for.
    pub model: String,
    /// Each attempt's deployment and fault, in order; never empty.
    pub attempts: Vec<(Arc<str>, Fault)>,
    /// The fault that decides the answer: the last one.
    pub fault: Fault,
    /// The vendor's own words about it.
    pub error: Option<ErrorBody>,
    /// Those words are this gateway's own, about its embedded engine.
    pub is_ours: bool,
    /// The vendor's status, when it sent one.
    pub status: Option<StatusCode>,
    /// What the vendor asked us to wait.
    pub retry_after: Option<Duration>,
}

impl AttemptError {
    /// The only attempt at `deployment` failed.
    pub fn of(deployment: &Deployment, failure: AttemptFailure) -> Self {
        let attempts = vec![(Arc::clone(&deployment.id), failure.fault)];
        Self::last(deployment.model.to_string(), attempts, failure)
    }

    /// The last one of them was `failure`.
    fn last(model: String, attempts: Vec<(Arc<str>, Fault)>, failure: AttemptFailure) -> Self {
        Self {
            model,
            attempts,
            fault: failure.fault,
            error: failure.error,
            is_ours: failure.is_ours,
            status: failure.status,
            retry_after: failure.retry_after,
        }
    }
}

fn tried(attempts: &[(Arc<str>, Fault)]) -> String {
    let each: Vec<_> = attempts
        .iter()
        .map(|(deployment, fault)| format!("{deployment}: {}", fault.code()))
        .collect();
    format!("tried {}", each.join(", "))
}

/// Tries the plan's candidates.
///
/// # Errors
/// [`AttemptError`] with every attempt's fault.
///
/// # Cancellation
/// Dropping the future closes the open attempt; `settlement` knows whether it may be billed.
pub async fn attempt(
    gateway: &Gateway,
    terms: &RetryTerms,
    recalled: &Recalled,
    plan: &Plan,
    settlement: &mut Settlement,
) -> Result<Committed, Box<AttemptError>> {
    let admitted = &recalled.admitted;
    let mut made: Vec<(Arc<str>, Fault)> = Vec::new();
    let mut candidates = plan.candidates().peekable();
    let mut last = None;
    'candidates: while let Some(deployment) = candidates.next() {
        let deadline = admitted.started + deployment.timeouts.total;
        let mut attempts_here = 0;
        deployment.allowance.earn(terms.allowance);
        loop {
            attempts_here += 1;
            settlement.begin_attempt(deployment);
            let estimated_input = settlement.estimated_input();
            match once(gateway, recalled, deployment, estimated_input, deadline).await {
                Ok(exchanged) => {
                    settlement.answered();
                    let fallback_reason = made.first().map(|(_, fault)| *fault);
                    return Ok(Committed {
                        deployment: Arc::clone(deployment),
                        exchanged,
                        fallback_reason,
                    });
                }
                Err(failure) => {
                    settlement.attempt_failed(&failure);
                    let attempts_made = u32::try_from(made.len())
                        .unwrap_or(u32::MAX)
                        .saturating_add(1);
                    let situation = Situation {
                        fault: failure.fault,
                        attempts_here,
                        attempts_left: (terms.extra_attempts + 1).saturating_sub(attempts_made),
                        has_next: candidates.peek().is_some(),
                        retry_after: failure.retry_after,
                        dice: clock::uniform(),
                    };
                    made.push((Arc::clone(&deployment.id), failure.fault));
                    last = Some(failure);
                    match decide(&situation, &terms.backoff) {
                        Verdict::Again(delay)
                            if fits(delay, deadline)
                                && deployment.allowance.spend(terms.allowance, clock::mono()) =>
                        {
                            tokio::time::sleep(delay).await;
                        }
                        Verdict::Next => continue 'candidates,
                        Verdict::Again(_) | Verdict::Stop => break 'candidates,
                    }
                }
            }
        }
    }
    Err(exhausted(admitted, made, last))
}

fn fits(delay: Duration, deadline: Instant) -> bool {
    clock::mono() + delay < deadline
}

async fn once(
    gateway: &Gateway,
    recalled: &Recalled,
    deployment: &Deployment,
    estimated_input: u64,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let admitted = &recalled.admitted;
    let call = Call {
        operation: admitted.operation,
        document: &admitted.document,
        view: &admitted.view,
        upstream_model: &deployment.upstream_model,
    };
    let asked = Asked {
        call,
        written: recalled.written(),
        is_kept: recalled.is_kept_here(),
        request: admitted.request,
        at_ms: admitted.at_ms,
        estimated_input,
        seal: &gateway.seal,
    };
    exchange(&gateway.client, deployment, &asked, deadline).await
}

fn exhausted(
    admitted: &Admitted,
    attempts: Vec<(Arc<str>, Fault)>,
    last: Option<AttemptFailure>,
) -> Box<AttemptError> {
    let model = admitted.view.model.clone();
    let last =
        last.unwrap_or_else(|| AttemptFailure::of(Fault::Unreachable, "no attempt was made"));
    Box::new(AttemptError::last(model, attempts, last))
}
