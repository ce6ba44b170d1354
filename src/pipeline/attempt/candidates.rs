//! The deployments of a plan, one after the other: each is looked at when it is needed, not before.

use std::iter::{self, Chain, Once};
use std::slice;
use std::sync::Arc;

use tollward_providers::Call;
use tollward_wire::fault::Fault;

use super::Trail;
use crate::app::Gateway;
use crate::clock;
use crate::pipeline::recall::Recalled;
use crate::pipeline::route::{Choice, Plan};
use crate::pipeline::settle::Settlement;
use crate::policy::obstacle::Pause;
use crate::snapshot::{Deployment, RetryTerms};
use crate::upstream::exchange::{Asked, Prepared, prepare};
use crate::upstream::failure::AttemptFailure;

/// A deployment that can be asked, and the call in its words.
pub(super) struct Candidate<'a> {
    pub(super) deployment: &'a Arc<Deployment>,
    pub(super) asked: Asked<'a>,
    pub(super) prepared: Result<Prepared<'a>, Box<AttemptFailure>>,
}

/// The deployments of a plan that were not reached yet.
pub(super) struct Candidates<'a> {
    gateway: &'a Gateway,
    recalled: &'a Recalled,
    terms: &'a RetryTerms,
    plan: &'a Plan,
    left: Chain<Once<&'a Choice>, slice::Iter<'a, Choice>>,
    /// What is left is a detour, from which there is no other one.
    is_turned: bool,
    /// Why the first of those that cannot be asked cannot.
    refusal: Option<Box<AttemptFailure>>,
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
        let (others, terms) = (self.left.clone(), self.terms.allowance);
        let may = choice.may_be_asked(others, trail.made(), terms, clock::mono());
        let Err(pause) = may else {
            return true;
        };
        let is_sooner = self.rested.is_none_or(|it| pause.left < it.left);
        self.rested = if is_sooner { Some(pause) } else { self.rested };
        trail.rested.push(Arc::clone(&choice.deployment.id));
        false
    }

    /// The next one that can be asked such a thing; those before it are passed over.
    ///
    /// Whether it can be asked shows only when the call is put into its words, and the embedded
    /// engine begins at once: so it is looked for when it is needed, not before.
    pub(super) fn next(
        &mut self,
        settlement: &mut Settlement,
        trail: &mut Trail,
    ) -> Option<Candidate<'a>> {
        while let Some(choice) = self.left.next() {
            if !self.may_ask(choice, trail) {
                continue;
            }
            let deployment = &choice.deployment;
            let input = settlement.estimated_input();
            let asked = asked(self.gateway, self.recalled, deployment, input);
            match prepare(deployment, &asked.call) {
                Err(failure) if failure.is_inexpressible => {
                    settlement.skipped(deployment, &failure);
                    trail.skipped.push(Arc::clone(&deployment.id));
                    self.refusal.get_or_insert(failure);
                }
                prepared => {
                    return Some(Candidate {
                        deployment,
                        asked,
                        prepared,
                    });
                }
            }
        }
        None
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
