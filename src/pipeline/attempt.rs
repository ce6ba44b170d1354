//! Runs a [`Plan`] until somebody answers: retry and fallback up to the commit point.
//!
//! What comes back is committed: a whole answer that parsed, or a stream whose
//! first content event is in hand. After that nothing is retried, because the
//! type has no way to.

mod candidates;
mod hedge;
mod signers;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

use self::candidates::{Candidate, Candidates};
use self::hedge::Hedging;
pub use self::signers::Signers;
use crate::app::Gateway;
use crate::clock;
use crate::pipeline::recall::Recalled;
use crate::pipeline::route::Plan;
use crate::pipeline::settle::{Books, Settlement, Way};
use crate::policy::retry::{Situation, Verdict, decide_among};
use crate::snapshot::{Deployment, RetryTerms};
use crate::upstream::exchange::{Exchanged, exchange};
use crate::upstream::failure::AttemptFailure;
use crate::upstream::sender::Sender;
use crate::upstream::upload::{Upload, UploadError};

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

impl Committed {
    /// The only deployment that was asked has answered.
    pub fn at_once(deployment: Arc<Deployment>, exchanged: Exchanged) -> Self {
        Self {
            deployment,
            exchanged,
            fallback_reason: None,
            skipped: Vec::new(),
        }
    }
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
    /// Those words are this gateway's own: of its engine, or because nothing was sent.
    pub is_ours: bool,
    /// The vendor's status, when it sent one.
    pub status: Option<StatusCode>,
    /// What the vendor asked us to wait.
    pub retry_after: Option<Duration>,
    /// How it came to that, once it is known.
    pub way: Option<Way>,
    /// What was wrong with the rest of the caller's body, which was being passed on.
    pub upload: Option<UploadError>,
}

/// What became of the deployments of a plan, in order.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// Each attempt's deployment and fault.
    pub attempts: Vec<(Arc<str>, Fault)>,
    /// Deployments that cannot be asked such a thing, and were not.
    pub skipped: Vec<Arc<str>>,
    /// Deployments that are left alone for a while.
    pub rested: Vec<Arc<str>>,
}

impl Trail {
    fn failed(&mut self, deployment: &Deployment, fault: Fault) {
        self.attempts.push((Arc::clone(&deployment.id), fault));
    }

    fn has_failed(&self, deployment: &Deployment) -> bool {
        self.attempts.iter().any(|(id, _)| *id == deployment.id)
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
        let mut between = "";
        if !self.attempts.is_empty() {
            f.write_str("tried ")?;
            for (deployment, fault) in &self.attempts {
                write!(f, "{between}{deployment}: {}", fault.code())?;
                between = ", ";
            }
            between = "; ";
        }
        for (why, deployments) in [
            ("because they cannot take the request", &self.skipped),
            ("because they are left alone for a while", &self.rested),
        ] {
            if !deployments.is_empty() {
                let named = deployments.join(", ");
                write!(f, "{between}not asked, {why}: {named}")?;
                between = "; ";
            }
        }
        Ok(())
    }
}

impl AttemptError {
    /// The only attempt at `deployment` failed.
    pub fn of(deployment: &Deployment, failure: AttemptFailure) -> Self {
        let trail = Trail {
            attempts: vec![(Arc::clone(&deployment.id), failure.fault)],
            ..Trail::default()
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
            way: None,
            upload: None,
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
    let upload = recalled.admitted.upload();
    let mut candidates = Candidates::of(gateway, terms, recalled, plan);
    let books = Books::new(settlement);
    let mut hedging = Hedging::of(plan, recalled);
    let mut told = None;
    let mut candidate = candidates.next(&books, &mut trail);
    'candidates: while let Some(mut current) = candidate.take() {
        let deployment = current.deployment;
        let deadline = current.deadline;
        let mut attempts_here = 0;
        deployment.allowance.earn(terms.allowance);
        loop {
            attempts_here += 1;
            let race = hedging.race(&mut current, &mut candidates, &books, &mut trail);
            let failure = match race.await {
                Ok((deployment, exchanged)) => return Ok(trail.committed(deployment, exchanged)),
                Err(failure) => failure,
            };
            let mut situation = situation(&failure, terms, (attempts_here, trail.made()));
            situation.has_detour = candidates.has_detour(failure.fault);
            let fault = failure.fault;
            told = Some(failure);
            // What was taken of an upload cannot be sent again.
            if upload.is_some_and(Upload::is_spent) {
                situation.attempts_left = 0;
            }
            let verdict = decide_among(&situation, &terms.backoff, || {
                candidates.turn_off(fault);
                candidate = candidates.next(&books, &mut trail);
                candidate.is_some()
            });
            match verdict {
                Verdict::Again(delay) if pays(deployment, terms, delay, deadline) => {
                    tokio::time::sleep(delay).await;
                }
                Verdict::Next => continue 'candidates,
                Verdict::Again(_) | Verdict::Stop => break 'candidates,
            }
        }
    }
    let failure = told.unwrap_or_else(|| candidates.unasked());
    let model = recalled.admitted.view.model.clone();
    Err(Box::new(AttemptError {
        upload: upload.and_then(Upload::take_failure),
        ..AttemptError::decided(model, trail, failure)
    }))
}

/// One attempt, with the first credential that is not refused.
async fn signed(
    gateway: &Gateway,
    candidate: &mut Candidate<'_>,
    books: &Books<'_>,
) -> Result<Exchanged, AttemptFailure> {
    let (deployment, deadline) = (candidate.deployment, candidate.deadline);
    let mut signers = Signers::of(deployment, candidate.asked.upload);
    while let Some(signer) = signers.next(gateway, books).await {
        let sender = Sender {
            client: &gateway.client,
            signer: &signer,
            upload: candidate.asked.upload,
        };
        let exchanged = match candidate.take_prepared() {
            Ok(it) => exchange(sender, deployment, &candidate.asked, it, deadline).await,
            Err(failure) => Err(*failure),
        };
        match exchanged {
            Ok(exchanged) => {
                signers.answered(books);
                return Ok(exchanged);
            }
            Err(failure) => signers.failed(&signer, failure, books),
        }
    }
    Err(signers.into_failure())
}

/// What is to be decided about, if there were another candidate.
/// `attempts`: those made at this deployment, and all of them.
fn situation(failure: &AttemptFailure, terms: &RetryTerms, attempts: (u32, u32)) -> Situation {
    Situation {
        fault: failure.fault,
        attempts_here: attempts.0,
        attempts_left: (terms.extra_attempts + 1).saturating_sub(attempts.1),
        has_next: true,
        has_detour: false,
        retry_after: failure.retry_after,
        dice: clock::uniform(),
    }
}

fn pays(deployment: &Deployment, terms: &RetryTerms, delay: Duration, deadline: Instant) -> bool {
    let allowance = &deployment.allowance;
    allowance.pays(terms.allowance, delay, clock::mono(), deadline)
}
