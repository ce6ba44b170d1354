//! Runs a [`Plan`] until somebody answers: retry and fallback up to the commit point.
//!
//! What comes back is committed: a whole answer that parsed, or a stream whose
//! first content event is in hand. After that nothing is retried, because the
//! type has no way to.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use tollward_providers::Call;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

use crate::app::Gateway;
use crate::clock;
use crate::pipeline::recall::Recalled;
use crate::pipeline::route::Plan;
use crate::pipeline::settle::Settlement;
use crate::policy::retry::{Situation, Verdict, decide};
use crate::snapshot::{Deployment, RetryTerms};
use crate::upstream::exchange::{Asked, Exchanged, Prepared, exchange, prepare};
use crate::upstream::failure::AttemptFailure;
use crate::upstream::sender::Sender;

/// An answer that may be given to the client.
pub struct Committed {
    /// Who answered.
    pub deployment: Arc<Deployment>,
    /// The answer.
    pub exchanged: Exchanged,
    /// Why the first attempt failed, when it was not this one.
    pub fallback_reason: Option<Fault>,
    /// Deployments that cannot be asked such a thing, and were not.
    pub skipped: Vec<Arc<str>>,
}

/// Every attempt failed.
#[derive(Debug, thiserror::Error)]
#[error("no deployment answered for `{model}`; {}", .trail)]
pub struct AttemptError {
    /// The public name that was asked for.
    pub model: String,
    /// What became of each deployment; never empty.
    pub trail: Trail,
    /// The fault that decides the answer: that of the last attempt, or of the first deployment
    /// if none could be asked.
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

/// What became of the deployments of a plan, in order.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// Each attempt's deployment and fault.
    pub attempts: Vec<(Arc<str>, Fault)>,
    /// Deployments that cannot be asked such a thing, and were not.
    pub skipped: Vec<Arc<str>>,
}

impl Trail {
    fn failed(&mut self, deployment: &Deployment, fault: Fault) {
        self.attempts.push((Arc::clone(&deployment.id), fault));
    }

    fn made(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    fn committed(self, deployment: &Arc<Deployment>, exchanged: Exchanged) -> Committed {
        Committed {
            deployment: Arc::clone(deployment),
            exchanged,
            fallback_reason: self.attempts.first().map(|(_, fault)| *fault),
            skipped: self.skipped,
        }
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "tried ";
        for (deployment, fault) in &self.attempts {
            write!(f, "{comma}{deployment}: {}", fault.code())?;
            comma = ", ";
        }
        let mut comma = match self.attempts.as_slice() {
            [] => "not asked, because they cannot take the request: ",
            _ => "; not asked, because they cannot take the request: ",
        };
        for deployment in &self.skipped {
            write!(f, "{comma}{deployment}")?;
            comma = ", ";
        }
        Ok(())
    }
}

impl AttemptError {
    /// The only attempt at `deployment` failed.
    pub fn of(deployment: &Deployment, failure: AttemptFailure) -> Self {
        let trail = Trail {
            attempts: vec![(Arc::clone(&deployment.id), failure.fault)],
            skipped: Vec::new(),
        };
        Self::decided(deployment.model.to_string(), trail, failure)
    }

    /// `failure` is what the caller is told.
    fn decided(model: String, trail: Trail, failure: AttemptFailure) -> Self {
        Self {
            model,
            trail,
            fault: failure.fault,
            error: failure.error,
            is_ours: failure.is_ours,
            status: failure.status,
            retry_after: failure.retry_after,
        }
    }
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
    let mut trail = Trail::default();
    let (mut told, mut refusal) = (None, None);
    let mut candidates = plan.candidates().peekable();
    'candidates: while let Some(deployment) = candidates.next() {
        let deadline = recalled.admitted.started + deployment.timeouts.total;
        let asked = asked(gateway, recalled, deployment, settlement.estimated_input());
        let mut attempts_here = 0;
        deployment.allowance.earn(terms.allowance);
        loop {
            let prepared = match prepare(deployment, &asked.call) {
                Err(failure) if failure.is_inexpressible => {
                    settlement.skipped(deployment, &failure);
                    trail.skipped.push(Arc::clone(&deployment.id));
                    refusal.get_or_insert(*failure);
                    continue 'candidates;
                }
                prepared => prepared,
            };
            attempts_here += 1;
            let whom = (deployment, deadline);
            let failure = match signed(gateway, whom, &asked, prepared, settlement).await {
                Ok(exchanged) => return Ok(trail.committed(deployment, exchanged)),
                Err(failure) => failure,
            };
            trail.failed(deployment, failure.fault);
            let has_next = candidates.peek().is_some();
            let situation = situation(&failure, terms, (attempts_here, trail.made()), has_next);
            told = Some(failure);
            match decide(&situation, &terms.backoff) {
                Verdict::Again(delay) if may_wait(deployment, terms, delay, deadline) => {
                    tokio::time::sleep(delay).await;
                }
                Verdict::Next => continue 'candidates,
                Verdict::Again(_) | Verdict::Stop => break 'candidates,
            }
        }
    }
    // Who was asked and failed is told of before who could not be asked.
    let failure = told.or(refusal);
    let failure =
        failure.unwrap_or_else(|| AttemptFailure::of(Fault::Unreachable, "no attempt was made"));
    let model = recalled.admitted.view.model.clone();
    Err(Box::new(AttemptError::decided(model, trail, failure)))
}

/// One attempt, with the first credential that is not refused.
///
/// Credentials of a provider stand for the same account or for equal ones, so going through them
/// is no retry: it costs neither the call's attempts nor the provider's allowance.
async fn signed<'a>(
    gateway: &Gateway,
    (deployment, deadline): (&'a Arc<Deployment>, Instant),
    asked: &Asked<'a>,
    prepared: Result<Prepared<'a>, Box<AttemptFailure>>,
    settlement: &mut Settlement,
) -> Result<Exchanged, AttemptFailure> {
    let mut prepared = Some(prepared);
    let mut turn = deployment.credentials.turn(&deployment.upstream_model);
    while let Some(holder) = turn.next(clock::mono()) {
        settlement.begin_attempt(deployment, holder.name());
        let signer = match holder.signer(&gateway.fetcher).await {
            Ok(signer) => signer.noting(holder.name(), &deployment.meters),
            Err(error) => {
                let failure = AttemptFailure::from(error);
                settlement.attempt_failed(&failure);
                turn.lacks_key(failure, clock::mono());
                continue;
            }
        };
        let sender = Sender {
            client: &gateway.client,
            signer: &signer,
        };
        let again = || prepare(deployment, &asked.call);
        let exchanged = match prepared.take().unwrap_or_else(again) {
            Ok(it) => exchange(sender, deployment, asked, it, deadline).await,
            Err(failure) => Err(*failure),
        };
        match exchanged {
            Ok(exchanged) => {
                settlement.answered();
                holder.accepted(&deployment.upstream_model, clock::mono());
                return Ok(exchanged);
            }
            Err(failure) => {
                settlement.attempt_failed(&failure);
                if !turn.failed(failure, clock::mono()) {
                    break;
                }
            }
        }
    }
    Err(turn.into_failure())
}

/// What is to be decided about. `attempts`: those made at this deployment, and all of them.
fn situation(
    failure: &AttemptFailure,
    terms: &RetryTerms,
    attempts: (u32, u32),
    has_next: bool,
) -> Situation {
    Situation {
        fault: failure.fault,
        attempts_here: attempts.0,
        attempts_left: (terms.extra_attempts + 1).saturating_sub(attempts.1),
        has_next,
        retry_after: failure.retry_after,
        dice: clock::uniform(),
    }
}

/// Whether there is time for another attempt at a deployment, and its allowance pays for it.
fn may_wait(
    deployment: &Deployment,
    terms: &RetryTerms,
    delay: Duration,
    deadline: Instant,
) -> bool {
    let now = clock::mono();
    now + delay < deadline && deployment.allowance.spend(terms.allowance, now)
}

fn asked<'a>(
    gateway: &'a Gateway,
    recalled: &'a Recalled,
    deployment: &'a Deployment,
    estimated_input: u64,
) -> Asked<'a> {
    let admitted = &recalled.admitted;
    Asked {
        call: Call {
            operation: admitted.operation,
            document: &admitted.document,
            view: &admitted.view,
            upstream_model: &deployment.upstream_model,
        },
        written: recalled.written(),
        is_kept: recalled.is_kept_here(),
        request: admitted.request,
        at_ms: admitted.at_ms,
        estimated_input,
        seal: &gateway.seal,
    }
}
