//! The credentials of one provider: which of them a call uses, and which of them rest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tollward_providers::{Credential, Key};
use tollward_wire::fault::Fault;

use crate::clock;
use crate::credentials::fetcher::{FetchError, Fetcher};
use crate::credentials::refresh::Refreshed;
use crate::credentials::signer::{Signer, Skew};
use crate::credentials::source::{Environment, Opened, open};
use crate::policy::credential::{LIMITED, Rest, choose, hope, is_stale, rest};
use crate::telemetry::metric::{CredentialMeters, Metrics};
use crate::upstream::failure::AttemptFailure;

/// Models for which a credential rests at most, at one time; their names may be the callers'.
const MAX_MODELS: usize = 256;

/// What the name of a model ends in that is only asked to count: it has limits of its own.
pub const COUNTS: &str = "#count";

/// The credentials of one provider, in the order in which they are used; never empty.
pub struct Pool {
    holders: Vec<Arc<Holder>>,
}

/// A credential, and what is known of it.
pub struct Holder {
    provider: Arc<str>,
    name: Arc<str>,
    /// `None`: the server asks for no proof.
    credential: Option<Credential>,
    kept: Kept,
    skew: Skew,
    rests: Mutex<Rests>,
    meters: CredentialMeters,
}

enum Kept {
    Nothing,
    Written(Key),
    Fetched(Refreshed),
}

/// What a failure says about a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noted {
    Nothing,
    Rests,
    /// Its key is too old; another can be had.
    Renewable,
}

#[derive(Default)]
struct Rests {
    /// When it was refused last.
    said: Option<Instant>,
    everywhere: Option<Instant>,
    models: Vec<(Box<str>, Instant)>,
}

impl Pool {
    /// The credentials of `provider`. What `before` knows of those that are still there is kept.
    pub fn new(
        provider: &str,
        credentials: &[Credential],
        before: Option<&Self>,
        environment: &Environment,
        metrics: &Metrics,
    ) -> Self {
        let known = before.map_or(&[][..], |it| &it.holders);
        let holder = |credential: Option<&Credential>| {
            let same = known.iter().find(|it| it.credential.as_ref() == credential);
            same.map_or_else(
                || Arc::new(Holder::new(provider, credential, environment, metrics)),
                Arc::clone,
            )
        };
        let holders = if credentials.is_empty() {
            vec![holder(None)]
        } else {
            credentials.iter().map(|it| holder(Some(it))).collect()
        };
        Self { holders }
    }

    /// Whether these are its credentials.
    pub fn holds(&self, credentials: &[Credential]) -> bool {
        let held = self.holders.iter().filter_map(|it| it.credential.as_ref());
        held.eq(credentials)
    }

    /// All of them, in the order in which they are used; where no proof is asked for, one without a
    /// name.
    pub fn holders(&self) -> &[Arc<Holder>] {
        &self.holders
    }

    /// Whether there is more than one, so that it matters which signed a call.
    pub fn has_choice(&self) -> bool {
        self.holders.len() > 1
    }

    /// How long all of them still rest for `model`; no time if one is free.
    pub fn rests(&self, model: &str, now: Instant) -> Duration {
        let waits = self.holders.iter().map(|it| it.wait(model, now));
        waits.min().unwrap_or_default()
    }

    /// Begins an attempt to have `model` answer.
    pub fn turn<'a>(&'a self, model: &'a str) -> Turn<'a> {
        Turn {
            pool: self,
            model,
            tried: 0,
            last: 0,
            best: None,
        }
    }
}

/// The credentials that one attempt goes through.
pub struct Turn<'a> {
    pool: &'a Pool,
    model: &'a str,
    /// A bit for each that was tried.
    tried: u32,
    /// The place of the one that was taken last.
    last: usize,
    /// The failure that leaves the most hope.
    best: Option<AttemptFailure>,
}

impl<'a> Turn<'a> {
    /// The next credential; `None` if none is left.
    pub fn next(&mut self, now: Instant) -> Option<&'a Arc<Holder>> {
        let holders = &self.pool.holders;
        let waits = holders.iter().map(|it| it.wait(self.model, now));
        self.last = choose(waits, self.tried)?;
        self.tried |= self.bit();
        holders.get(self.last)
    }

    /// The key of the next credential that has one; `None` if none is left.
    ///
    /// # Cancellation
    /// A fetch that has begun goes on for others.
    pub async fn signer(&mut self, fetcher: &Fetcher) -> Option<Signer> {
        while let Some(holder) = self.next(clock::mono()) {
            match holder.signer(fetcher).await {
                Ok(signer) => return Some(signer),
                Err(error) => self.lacks_key(error.into(), clock::mono()),
            }
        }
        None
    }

    /// Notes that the credential that was taken last, as `signer` had it, has failed with
    /// `failure`; `true` if that is about the credential, so that the next one may fare better.
    pub fn failed(&mut self, signer: &Signer, failure: AttemptFailure, now: Instant) -> bool {
        let noted = self.taken().map_or(Noted::Nothing, |holder| {
            holder.note(self.model, signer, &failure, now)
        });
        self.keep(failure);
        if noted == Noted::Renewable {
            self.tried &= !self.bit();
        }
        noted != Noted::Nothing
    }

    /// Notes that the credential that was taken last has no key.
    pub fn lacks_key(&mut self, failure: AttemptFailure, now: Instant) {
        if let Some(holder) = self.taken() {
            holder.rest_for_want_of_key(now);
        }
        self.keep(failure);
    }

    fn keep(&mut self, failure: AttemptFailure) {
        let kept = self.best.as_ref().map_or(0, |it| hope(it.fault));
        if hope(failure.fault) >= kept {
            self.best = Some(failure);
        }
    }

    fn taken(&self) -> Option<&'a Arc<Holder>> {
        self.pool.holders.get(self.last)
    }

    fn bit(&self) -> u32 {
        u32::try_from(self.last)
            .ok()
            .and_then(|it| 1_u32.checked_shl(it))
            .unwrap_or(0)
    }

    /// The failure of the attempt, when no credential is left.
    pub fn into_failure(self) -> AttemptFailure {
        self.best
            .unwrap_or_else(|| AttemptFailure::of(Fault::Auth, "there is no credential"))
    }
}

impl Holder {
    fn new(
        provider: &str,
        credential: Option<&Credential>,
        environment: &Environment,
        metrics: &Metrics,
    ) -> Self {
        let name = credential.map_or_else(|| Arc::from(""), |it| Arc::clone(&it.name));
        let meters = metrics.credential(provider, &name);
        let kept = match credential.map(|it| open(&it.origin, environment)) {
            None => Kept::Nothing,
            Some(Opened::Written(key)) => Kept::Written(key),
            Some(Opened::Fetched(source)) => Kept::Fetched(Refreshed::new(source, meters.clone())),
        };
        Self {
            provider: provider.into(),
            name,
            credential: credential.cloned(),
            kept,
            skew: Skew::default(),
            rests: Mutex::default(),
            meters,
        }
    }

    /// What it is called; empty if the server asks for no proof.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its key, to sign a call with.
    ///
    /// # Errors
    /// It could not be fetched.
    ///
    /// # Cancellation
    /// A fetch that has begun goes on for others.
    pub async fn signer(&self, fetcher: &Fetcher) -> Result<Signer, FetchError> {
        let key = match &self.kept {
            Kept::Nothing => None,
            Kept::Written(key) => Some(key.clone()),
            Kept::Fetched(refreshed) => Some(refreshed.key(fetcher).await?),
        };
        Ok(Signer::new(key, &self.skew))
    }

    /// It was accepted at `now` for a call that `began` then: it rests for nothing any more that it was
    /// tried for. A call that began before it was refused proves nothing.
    pub fn accepted(&self, model: &str, began: Instant, now: Instant) {
        let mut rests = self.rests.lock();
        // The common case only looks.
        if rests.everywhere.is_none() && rests.models.is_empty() {
            return;
        }
        if rests.said.is_some_and(|said| began < said) {
            return;
        }
        rests.everywhere = None;
        rests
            .models
            .retain(|(of, until)| **of != *model && *until > now);
        self.meters.rests_for(rests.longest(now));
    }

    /// How long it still rests for `model`.
    pub fn wait(&self, model: &str, now: Instant) -> Duration {
        let rests = self.rests.lock();
        let of_model = rests.models.iter().find(|(of, _)| **of == *model);
        let until = rests.everywhere.max(of_model.map(|(_, until)| *until));
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Notes what a failure says about it.
    fn note(&self, model: &str, signer: &Signer, failure: &AttemptFailure, now: Instant) -> Noted {
        if self.credential.is_none() {
            return Noted::Nothing;
        }
        let Some(found) = rest(
            failure.fault,
            failure.status,
            failure.error.as_ref(),
            failure.retry_after,
        ) else {
            return Noted::Nothing;
        };
        if let Kept::Fetched(refreshed) = &self.kept
            && failure.fault == Fault::Auth
            && is_stale(failure.status, failure.error.as_ref())
            && signer.key().is_some_and(|key| refreshed.forget(key, now))
        {
            tracing::info!(provider = %self.provider, credential = %self.name, "a key was refused before its time and is fetched anew");
            return Noted::Renewable;
        }
        let mut rests = self.rests.lock();
        let is_news = rests.longest(now).is_zero();
        rests.said = Some(now);
        match found {
            Rest::Everywhere(time) => rests.everywhere = rests.everywhere.max(Some(now + time)),
            Rest::Model(time) => rests.model(model, now + time, now),
        }
        self.meters.refused(failure.fault, rests.longest(now));
        drop(rests);
        // Said once, however many calls go on to be refused; a limit on the rate passes by itself.
        if is_news && failure.fault != Fault::RateLimited {
            let model = model.strip_suffix(COUNTS).unwrap_or(model);
            tracing::warn!(
                provider = %self.provider, credential = %self.name, model,
                fault = failure.fault.code(), detail = %failure.detail,
                "a credential was refused and rests"
            );
        }
        Noted::Rests
    }

    /// It has no key; why is logged where it was not fetched.
    fn rest_for_want_of_key(&self, now: Instant) {
        let mut rests = self.rests.lock();
        rests.everywhere = rests.everywhere.max(Some(now + LIMITED));
        self.meters.refused(Fault::Auth, rests.longest(now));
    }
}

impl Rests {
    fn model(&mut self, model: &str, until: Instant, now: Instant) {
        let before = self.models.iter().find(|(of, _)| **of == *model);
        let until = before.map_or(until, |(_, before)| until.max(*before));
        self.models
            .retain(|(of, until)| **of != *model && *until > now);
        if self.models.len() < MAX_MODELS {
            self.models.push((model.into(), until));
        }
    }

    /// How long it rests for anything.
    fn longest(&self, now: Instant) -> Duration {
        let models = self.models.iter().map(|(_, until)| *until).max();
        let until = self.everywhere.max(models);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests;
