//! Hedging: who takes too long gets a rival, and the first that answers is the call's.
//!
//! The rival is the plan's next candidate, asked once a call beside the one that is waited for. How
//! many calls have one is bounded by a share of the model's calls, so that a slow hour does not
//! double what vendors are asked.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::candidates::{Candidate, Candidates};
use super::{Trail, signed};
use crate::clock;
use crate::pipeline::recall::Recalled;
use crate::pipeline::route::Plan;
use crate::pipeline::settle::Books;
use crate::snapshot::Deployment;
use crate::snapshot::route::Hedge;
use crate::upstream::exchange::Exchanged;
use crate::upstream::failure::AttemptFailure;

/// The rival that a call may still have.
pub(super) struct Hedging<'a> {
    hedge: Option<(&'a Hedge, Duration)>,
}

/// Who has answered, and what.
type Answer<'a> = (&'a Arc<Deployment>, Exchanged);

impl<'a> Hedging<'a> {
    /// What the plan's model says of it. What is drawn from the client, or goes on by itself, has none.
    pub(super) fn of(plan: &'a Plan, recalled: &Recalled) -> Self {
        let admitted = &recalled.admitted;
        let is_repeatable = admitted.upload().is_none()
            && admitted.handshake().is_none()
            && !admitted.operation.is_only_relayed();
        let hedge = plan.hedge.as_deref().filter(|_| is_repeatable);
        let hedge = hedge.and_then(|hedge| {
            hedge.earn();
            Some((hedge, hedge.after(admitted.view.is_stream)?))
        });
        Self { hedge }
    }

    /// One attempt at `current`, with a rival if it takes too long. Failures are noted in `trail`.
    ///
    /// # Errors
    /// Nobody answered: how `current` failed, which decides what is done next.
    ///
    /// # Cancellation
    /// Dropping the future closes what is open of both.
    pub(super) async fn race(
        &mut self,
        current: &mut Candidate<'a>,
        candidates: &mut Candidates<'a>,
        books: &Books<'_>,
        trail: &mut Trail,
    ) -> Result<Answer<'a>, AttemptFailure> {
        let gateway = candidates.gateway;
        let deployment = current.deployment;
        let mut first = pin!(signed(gateway, current, books));
        let rival = match self.hedge {
            None => None,
            Some((hedge, after)) => match tokio::time::timeout(after, &mut first).await {
                Ok(ended) => return trail.noting(deployment, ended),
                Err(_) => self.rival(hedge, candidates, books, trail),
            },
        };
        let Some(mut rival) = rival else {
            return trail.noting(deployment, first.await);
        };
        let other = rival.deployment;
        // Boxed: few calls have one, and the others' future is to stay small.
        let second = Box::pin(signed(gateway, &mut rival, books));
        match select(first, second).await {
            Either::Left((ended, second)) => match trail.noting(deployment, ended) {
                Ok(answer) => Ok(answer),
                Err(failure) => trail.noting(other, second.await).map_err(|_| failure),
            },
            Either::Right((ended, first)) => match trail.noting(other, ended) {
                Ok(answer) => Ok(answer),
                Err(_) => trail.noting(deployment, first.await),
            },
        }
    }

    /// Who is asked beside, if there is somebody and the share of calls allows it.
    fn rival(
        &mut self,
        hedge: &Hedge,
        candidates: &mut Candidates<'a>,
        books: &Books<'_>,
        trail: &mut Trail,
    ) -> Option<Candidate<'a>> {
        if !candidates.has_beside(trail) || !hedge.spend(clock::mono()) {
            return None;
        }
        self.hedge = None;
        candidates.next_beside(books, trail)
    }
}

impl Trail {
    /// How an attempt at `deployment` ended, noted if it failed.
    #[expect(
        clippy::result_large_err,
        reason = "it is handed on, once for each attempt"
    )]
    fn noting<'a>(
        &mut self,
        deployment: &'a Arc<Deployment>,
        ended: Result<Exchanged, AttemptFailure>,
    ) -> Result<Answer<'a>, AttemptFailure> {
        ended
            .inspect_err(|failure| self.failed(deployment, failure.fault))
            .map(|exchanged| (deployment, exchanged))
    }
}
