//! The deployments of a plan, one after the other: each is looked at when it is needed, not before.

use std::iter::{self, Chain, Once};
use std::slice;
use std::sync::Arc;
use std::time::Instant;

use tollward_providers::Call;
use tollward_wire::fault::Fault;

use super::Trail;
use crate::app::Gateway;
use crate::clock;
use crate::pipeline::recall::Recalled;
use crate::pipeline::route::{Asking, Choice, Plan};
use crate::pipeline::settle::Books;
use crate::policy::obstacle::Pause;
use crate::snapshot::route::Group;
use crate::snapshot::{Deployment, RetryTerms, Target};
use crate::upstream::exchange::{Asked, Prepared, prepare};
use crate::upstream::failure::AttemptFailure;
use crate::upstream::health::Demand;

/// A deployment that can be asked, and the call in its words.
pub(super) struct Candidate<'a> {
    pub(super) deployment: &'a Arc<Deployment>,
    pub(super) asked: Asked<'a>,
    /// When the call has to be over, all attempts together.
    pub(super) deadline: Instant,
    /// The call in its words, until it is sent.
    prepared: Option<Result<Prepared<'a>, Box<AttemptFailure>>>,
}

impl<'a> Candidate<'a> {
    /// The call in its words; made anew for all but the first attempt.
    pub(super) fn take_prepared(&mut self) -> Result<Prepared<'a>, Box<AttemptFailure>> {
        let again = || prepare(self.deployment, &self.asked.call);
        self.prepared.take().unwrap_or_else(again)
    }
}

/// The deployments of a plan that were not reached yet.
pub(super) struct Candidates<'a> {
    pub(super) gateway: &'a Gateway,
    recalled: &'a Recalled,
    terms: &'a RetryTerms,
    plan: &'a Plan,
    left: Chain<Once<&'a Choice>, slice::Iter<'a, Choice>>,
    /// What is left is a detour, from which there is no other one.
    is_turned: bool,
    /// Why the first of those that cannot be asked cannot.
    refusal: Option<Box<AttemptFailure>>,
    /// The group of another model that was reached last.
    reached: Option<Arc<Group>>,
    /// The pause that ends first, of those that rest and were not asked.
    rested: Option<Pause>,
}

impl<'a> Candidates<'a> {
    pub(super) fn of(
        gateway: &'a Gateway,
        terms: &'a RetryTerms,
        recalled: &'a Recalled,
        plan: &'a Plan,
    ) -> Self {
        Self {
            gateway,
            recalled,
            terms,
            plan,
            left: plan.choices(),
            is_turned: false,
            refusal: None,
            reached: None,
            rested: None,
        }
    }

    /// Why nobody was asked: who could not be is told of before who rests.
    pub(super) fn unasked(self) -> AttemptFailure {
        let rested = || self.rested.map(|pause| AttemptFailure::resting(&pause));
        let failure = self.refusal.map(|it| *it).or_else(rested);
        failure.unwrap_or_else(|| AttemptFailure::of(Fault::Unreachable, "no attempt was made"))
    }

    /// Whether there are others for requests that fail with `fault`.
    pub(super) fn has_detour(&self, fault: Fault) -> bool {
        !self.is_turned && !self.plan.detour(fault).is_empty()
    }

    /// After such a failure others are asked, if the model has any for it.
    pub(super) fn turn_off(&mut self, fault: Fault) {
        if let Some((first, others)) = self.plan.detour(fault).split_first()
            && !self.is_turned
        {
            self.is_turned = true;
            self.left = iter::once(first).chain(others);
        }
    }

    /// Whether it may be asked, though it should perhaps be left alone.
    fn may_ask(&mut self, choice: &Choice, trail: &mut Trail) -> bool {
        let asking = Asking {
            demand: self.demand(),
            made: trail.made(),
            terms: self.terms.allowance,
            now: clock::mono(),
        };
        let Err(pause) = choice.may_be_asked(self.left.clone(), asking) else {
            return true;
        };
        let is_sooner = self.rested.is_none_or(|it| pause.left < it.left);
        self.rested = if is_sooner { Some(pause) } else { self.rested };
        trail.rested.push(Arc::clone(&choice.deployment.id));
        false
    }

    fn demand(&self) -> Demand {
        let admitted = &self.recalled.admitted;
        Demand {
            operation: admitted.operation,
            input: 0,
            is_stream: admitted.view.is_stream,
        }
    }

    /// The next one that can be asked such a thing; those before it are passed over.
    ///
    /// Whether it can be asked shows only when the call is put into its words, and the embedded
    /// engine begins at once: so it is looked for when it is needed, not before.
    pub(super) fn next(&mut self, books: &Books<'_>, trail: &mut Trail) -> Option<Candidate<'a>> {
        while let Some(choice) = self.left.next() {
            let deployment = &choice.deployment;
            // Another model may lead to one that has failed already.
            if trail.has_failed(deployment) {
                continue;
            }
            // What cannot be asked of it takes no turn and no retry from who can be asked.
            let begins_at_once = matches!(deployment.target, Target::Local(_));
            if begins_at_once && !self.may_ask(choice, trail) {
                continue;
            }
            let Some(candidate) = self.prepared(deployment, books, trail) else {
                continue;
            };
            if begins_at_once || self.may_ask(choice, trail) {
                choice.reach(&mut self.reached);
                return Some(candidate);
            }
        }
        None
    }

    /// Whether nothing speaks against asking the next one beside another.
    pub(super) fn has_beside(&self, trail: &Trail) -> bool {
        let next = self.left.clone().next();
        let is_free = |it: &Choice| it.deployment.pause(self.demand(), clock::mono()).is_none();
        next.is_some_and(|it| is_free(it) && !trail.has_failed(&it.deployment))
    }

    /// The next one, to be asked beside another; it does not come again.
    pub(super) fn next_beside(
        &mut self,
        books: &Books<'_>,
        trail: &mut Trail,
    ) -> Option<Candidate<'a>> {
        let choice = self.left.next()?;
        let candidate = self.prepared(&choice.deployment, books, trail)?;
        choice.reach(&mut self.reached);
        Some(candidate)
    }

    /// The call in the words of `deployment`; `None` if it has none for it.
    fn prepared(
        &mut self,
        deployment: &'a Arc<Deployment>,
        books: &Books<'_>,
        trail: &mut Trail,
    ) -> Option<Candidate<'a>> {
        let input = books.lock().estimated_input();
        let asked = asked(self.gateway, self.recalled, deployment, input);
        match prepare(deployment, &asked.call) {
            Err(failure) if failure.is_inexpressible => {
                books.lock().skipped(deployment, &failure);
                trail.skipped.push(Arc::clone(&deployment.id));
                self.refusal.get_or_insert(failure);
                None
            }
            prepared => Some(Candidate {
                deployment,
                asked,
                deadline: self.recalled.admitted.deadline(deployment.timeouts.total),
                prepared: Some(prepared),
            }),
        }
    }
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
            form: admitted.form(),
            betas: admitted.betas.as_deref(),
            view: &admitted.view,
            upstream_model: &deployment.upstream_model,
        },
        upload: admitted.upload(),
        handshake: admitted.handshake(),
        written: recalled.written(),
        is_kept: recalled.is_kept_here(),
        request: admitted.request,
        at_ms: admitted.at_ms,
        estimated_input,
        seal: &gateway.seal,
    }
}
