//! The credentials of one attempt: one after the other until one is not refused.
//!
//! Those of a provider stand for the same account or for equal ones, so going through them is no
//! retry: it costs neither the call's attempts nor the provider's allowance. An upload of which
//! something was taken cannot go with another one. The books hear of each here.

use std::sync::Arc;
use std::time::Instant;

use crate::app::Gateway;
use crate::clock;
use crate::credentials::pool::{Holder, Turn};
use crate::credentials::signer::Signer;
use crate::pipeline::settle::{AttemptNumber, Books, unaffordable};
use crate::snapshot::Deployment;
use crate::upstream::failure::AttemptFailure;
use crate::upstream::upload::Upload;

/// How often an attempt tries to get its part of a budget that gateways share.
const TRIES: usize = 4;

/// What remains to be tried.
pub struct Signers<'a> {
    deployment: &'a Arc<Deployment>,
    upload: Option<&'a Upload>,
    turn: Turn<'a>,
    holder: Option<&'a Arc<Holder>>,
    /// The attempt that runs, and since when.
    open: Option<(AttemptNumber, Instant)>,
    /// Why none could begin.
    refusal: Option<Box<AttemptFailure>>,
    is_over: bool,
}

impl<'a> Signers<'a> {
    /// The credentials of `deployment`, for a request that `upload` follows.
    pub fn of(deployment: &'a Arc<Deployment>, upload: Option<&'a Upload>) -> Self {
        Self {
            deployment,
            upload,
            turn: deployment.credentials.turn(&deployment.upstream_model),
            holder: None,
            open: None,
            refusal: None,
            is_over: false,
        }
    }

    /// Begins with the next credential that has a key; `None` if there is none, it would not help, or no
    /// budget has room for another attempt.
    ///
    /// # Cancellation
    /// Dropping the future leaves an attempt open, and the settlement closes it.
    pub async fn next(&mut self, gateway: &Gateway, books: &Books<'_>) -> Option<Signer> {
        while !self.is_over {
            let now = clock::mono();
            let holder = self.turn.next(now)?;
            let number = match self.begin(gateway, books, holder).await {
                Ok(number) => number,
                Err(refusal) => {
                    self.refusal = Some(refusal);
                    return None;
                }
            };
            self.open = Some((number, now));
            match holder.signer(&gateway.fetcher).await {
                Ok(signer) => {
                    self.holder = Some(holder);
                    return Some(signer.noting(holder.name(), &self.deployment.meters));
                }
                Err(error) => {
                    let failure = AttemptFailure::from(error);
                    books.lock().attempt_failed(number, &failure);
                    self.turn.lacks_key(failure, clock::mono());
                }
            }
        }
        None
    }

    /// Begins an attempt, once there is room for it on the caller's budgets.
    async fn begin(
        &self,
        gateway: &Gateway,
        books: &Books<'_>,
        holder: &Holder,
    ) -> Result<AttemptNumber, Box<AttemptFailure>> {
        let begin = || books.lock().begin_attempt(self.deployment, holder.name());
        // Who is alone with its budgets has nobody to ask, and what they have was read before the call was planned.
        if !gateway.budgets.is_shared() {
            return begin();
        }
        let wants = books.lock().wants(self.deployment);
        let Some((wanted, hold)) = wants else {
            return begin();
        };
        for _ in 1..TRIES {
            let provided = gateway.budgets.provide(&wanted, hold).await;
            provided.map_err(|error| Box::new(unaffordable(error.into())))?;
            let outcome = begin();
            // Between the two another call may have been faster.
            if outcome.is_ok() {
                return outcome;
            }
        }
        begin()
    }

    /// The last one was taken.
    pub fn answered(&self, books: &Books<'_>) {
        let Some((number, began)) = self.open else {
            return;
        };
        books.lock().answered(number);
        if let Some(holder) = self.holder {
            holder.accepted(&self.deployment.upstream_model, began, clock::mono());
        }
    }

    /// The request with the last one, `signer`, failed.
    pub fn failed(&mut self, signer: &Signer, failure: AttemptFailure, books: &Books<'_>) {
        if let Some((number, _)) = self.open {
            books.lock().attempt_failed(number, &failure);
        }
        let is_refusal = self.turn.failed(signer, failure, clock::mono());
        self.is_over = !is_refusal || self.upload.is_some_and(Upload::is_spent);
    }

    /// The most hopeful of the failures; why none could begin, where there is none.
    pub fn into_failure(self) -> AttemptFailure {
        match self.refusal {
            Some(refusal) if self.open.is_none() => *refusal,
            Some(_) | None => self.turn.into_failure(),
        }
    }
}
