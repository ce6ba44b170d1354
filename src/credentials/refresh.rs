//! A key that expires: renewed ahead of time, by one fetch however many calls wait for it.
//!
//! A renewal is a task of its own, so that it does not end with the call that began it. While
//! the old key is valid calls go on with it, also when its renewal fails.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::watch;
use tollward_providers::Key;

use crate::clock;
use crate::credentials::fetcher::{FetchError, Fetcher};
use crate::credentials::source::{Fetched, Source};
use crate::policy::credential::{RENEWAL_PAUSE, YOUNG, renewed_after};
use crate::telemetry::metric::CredentialMeters;

type Outcome = Result<Key, FetchError>;

/// A key that is fetched, kept and renewed.
pub struct Refreshed {
    source: Arc<dyn Source>,
    state: Arc<Mutex<State>>,
    meters: CredentialMeters,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The renewal that runs; its sender is gone when it ended without a word.
    renewal: Option<watch::Receiver<Option<Outcome>>>,
    /// Why the last renewal failed, and when it ended.
    failed: Option<(FetchError, Instant)>,
}

struct Held {
    key: Key,
    since: Instant,
    /// When it is renewed and when it expires; `None`: never.
    ends: Option<(Instant, Instant)>,
}

/// What a call is to do about its key.
enum Found {
    Key(Key),
    Failed(FetchError),
    Wait(watch::Receiver<Option<Outcome>>),
}

impl Refreshed {
    /// Nothing is fetched yet.
    pub fn new(source: Arc<dyn Source>, meters: CredentialMeters) -> Self {
        Self {
            source,
            state: Arc::default(),
            meters,
        }
    }

    /// The key.
    ///
    /// # Errors
    /// There is no valid key, and none could be fetched.
    ///
    /// # Cancellation
    /// A fetch that has begun goes on for others.
    pub async fn key(&self, fetcher: &Fetcher) -> Outcome {
        match self.find(fetcher, clock::mono()) {
            Found::Key(key) => Ok(key),
            Found::Failed(error) => Err(error),
            Found::Wait(mut told) => {
                let outcome = told.wait_for(Option::is_some).await;
                let outcome = outcome.ok().and_then(|outcome| outcome.clone());
                outcome.unwrap_or(Err(FetchError::Stopped))
            }
        }
    }

    /// Forgets a key that was `refused`, so that the next call fetches another; `false` if it was
    /// fetched only now, and another would fare no better. A call that comes late with a key from
    /// before the last renewal is to try the one that is held now.
    pub fn forget(&self, refused: &Key, now: Instant) -> bool {
        let mut state = self.state.lock();
        let Some(held) = state.held.as_ref().filter(|it| it.key == *refused) else {
            return true;
        };
        let is_old = now.saturating_duration_since(held.since) >= YOUNG;
        if is_old {
            state.held = None;
        }
        is_old
    }

    fn find(&self, fetcher: &Fetcher, now: Instant) -> Found {
        let mut state = self.state.lock();
        let held = state
            .held
            .as_ref()
            .map(|held| (held.key.clone(), held.ends));
        if let Some((key, ends)) = &held
            && ends.is_none_or(|(renewed, _)| now < renewed)
        {
            return Found::Key(key.clone());
        }
        let valid = held.filter(|(_, ends)| ends.is_none_or(|(_, expires)| now < expires));
        // Who ended without a word is not waited for.
        let running = state.renewal.clone().filter(|it| it.has_changed().is_ok());
        let pausing = state
            .failed
            .as_ref()
            .filter(|(_, at)| now.saturating_duration_since(*at) < RENEWAL_PAUSE)
            .map(|(error, _)| error.clone());
        match (valid, running, pausing) {
            (Some((key, _)), Some(_), _) | (Some((key, _)), None, Some(_)) => Found::Key(key),
            (None, Some(told), _) => Found::Wait(told),
            (None, None, Some(error)) => Found::Failed(error),
            (valid, None, None) => {
                let (tell, told) = watch::channel(None);
                state.renewal = Some(told.clone());
                drop(state);
                self.renew(fetcher, tell);
                valid.map_or(Found::Wait(told), |(key, _)| Found::Key(key))
            }
        }
    }

    fn renew(&self, fetcher: &Fetcher, tell: watch::Sender<Option<Outcome>>) {
        let (source, state) = (Arc::clone(&self.source), Arc::clone(&self.state));
        let (asking, meters) = (fetcher.clone(), self.meters.clone());
        fetcher.tasks().spawn("credential renewal", async move {
            let found = source.fetch(&asking).await;
            let now = clock::mono();
            meters.renewed(found.is_ok());
            if let Err(error) = &found {
                let (provider, credential) = meters.names();
                tracing::warn!(provider, credential, %error, "the key of a credential could not be fetched");
            }
            let outcome = found.as_ref().map(|it| it.key.clone());
            let outcome = outcome.map_err(FetchError::clone);
            {
                let mut state = state.lock();
                match found {
                    Ok(key) => {
                        state.held = Some(held(key, now));
                        state.failed = None;
                    }
                    Err(error) => state.failed = Some((error, now)),
                }
                state.renewal = None;
            }
            tell.send_replace(Some(outcome));
        });
    }
}

fn held(fetched: Fetched, now: Instant) -> Held {
    let ends = fetched
        .lifetime
        .map(|lifetime| (now + renewed_after(lifetime), now + lifetime));
    Held {
        key: fetched.key,
        since: now,
        ends,
    }
}

#[cfg(test)]
mod tests;
