//! The active virtual keys, in memory.
//!
//! Every call looks here, never in the database. A background task asks the
//! store a few times a second whether any process changed the keys, so that a
//! revoked key stops working within [`REFRESH`]. An unknown key triggers at
//! most one early refresh per [`EARLY`], so that a key works as soon as it was
//! created and a stream of bad keys costs nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tollward_store::{
    AdminToken, KeyHash, KeyId, KeyRecord, KeyStore, Pepper, Store, StoreError, is_well_formed_key,
    is_well_formed_token,
};

use crate::budgets::Budgets;
use crate::clock;
use crate::limits::RateMeters;
use crate::registrar::roster::Roster;
use crate::snapshot::AuthMode;

/// How often the store is asked for changes.
const REFRESH: Duration = Duration::from_millis(250);
/// The least time between early refreshes.
const EARLY: Duration = Duration::from_millis(50);

type Keys = HashMap<KeyHash, Arc<KeyRecord>>;

/// The active keys of a gateway.
pub struct Keyring {
    store: Arc<dyn KeyStore>,
    pepper: Arc<Pepper>,
    /// Changes of budgets, of limits, of accounts and of admin tokens move the same version.
    budgets: Arc<Budgets>,
    meters: Arc<RateMeters>,
    /// The admin tokens.
    pub roster: Roster,
    keys: ArcSwap<Keys>,
    /// There was a key since the start.
    had_keys: AtomicBool,
    seen: tokio::sync::Mutex<u64>,
    looked: Mutex<Option<Instant>>,
}

impl Keyring {
    /// Loads the keys.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(
        store: &Store,
        budgets: Arc<Budgets>,
        meters: Arc<RateMeters>,
    ) -> Result<Self, StoreError> {
        let seen = store.keys.version().await?;
        let roster = Roster::load(store).await?;
        let (store, pepper) = (Arc::clone(&store.keys), Arc::clone(&store.pepper));
        budgets.refresh().await?;
        let keys = read(&*store, &budgets).await?;
        Ok(Self {
            store,
            pepper,
            budgets,
            meters,
            roster,
            had_keys: AtomicBool::new(!keys.is_empty()),
            keys: ArcSwap::from_pointee(keys),
            seen: tokio::sync::Mutex::new(seen),
            looked: Mutex::new(None),
        })
    }

    /// Whether a caller needs a key now.
    ///
    /// Once there was a key it stays so until a restart: who revokes the last
    /// key, because it leaked, does not want to let everybody in.
    pub fn is_required(&self, mode: AuthMode) -> bool {
        match mode {
            AuthMode::Keys => true,
            AuthMode::Open => false,
            AuthMode::WhenKeysExist => self.had_keys.load(Ordering::Relaxed),
        }
    }

    /// Whether there is an active key.
    pub fn has_keys(&self) -> bool {
        !self.keys.load().is_empty()
    }

    /// The active key that `presented` is the text of.
    pub async fn find(&self, presented: &[u8], now_ms: i64) -> Option<Arc<KeyRecord>> {
        if !is_well_formed_key(presented) {
            return None;
        }
        let hash = self.pepper.hash(presented);
        let look_up = || self.keys.load().get(&hash).cloned();
        let mut found = look_up();
        if found.is_none() && self.may_look_early() {
            match self.refresh().await {
                Ok(()) => found = look_up(),
                Err(error) => tracing::warn!(%error, "the keys could not be refreshed"),
            }
        }
        found.filter(|key| key.is_active(now_ms))
    }

    /// The admin token that `presented` is the text of, if it works.
    pub async fn admin(&self, presented: &[u8], now_ms: i64) -> Option<Arc<AdminToken>> {
        let found = self.roster.find(presented, now_ms);
        if found.is_some() || !is_well_formed_token(presented) || !self.may_look_early() {
            return found;
        }
        if let Err(error) = self.refresh().await {
            tracing::warn!(%error, "the admin tokens could not be refreshed");
        }
        self.roster.find(presented, now_ms)
    }

    /// The active key of that name.
    pub fn named(&self, name: &str, now_ms: i64) -> Option<Arc<KeyRecord>> {
        let keys = self.keys.load();
        let mut named = keys.values().filter(|it| it.name == name);
        named.find(|it| it.is_active(now_ms)).cloned()
    }

    /// Whether the key `id`, which was found once, is still active.
    pub fn is_active(&self, id: KeyId, now_ms: i64) -> bool {
        let keys = self.keys.load();
        let key = keys.values().find(|it| it.id == id);
        key.is_some_and(|it| it.is_active(now_ms))
    }

    fn may_look_early(&self) -> bool {
        let now = clock::mono();
        let mut looked = self.looked.lock();
        let is_due = looked.is_none_or(|last| now.saturating_duration_since(last) >= EARLY);
        if is_due {
            *looked = Some(now);
        }
        is_due
    }

    /// Reads the keys again if any process changed them.
    ///
    /// # Errors
    /// The store cannot be read; the known keys stay as they are.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let mut seen = self.seen.lock().await;
        let version = self.store.version().await?;
        if version != *seen {
            self.budgets.refresh().await?;
            self.meters.refresh().await?;
            self.roster.refresh().await?;
            let keys = read(&*self.store, &self.budgets).await?;
            if !keys.is_empty() {
                self.had_keys.store(true, Ordering::Relaxed);
            }
            self.keys.store(Arc::new(keys));
            *seen = version;
        }
        Ok(())
    }

    /// Follows the store until `stop`. While the store cannot be read the known keys stay as they are.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut is_failing = false;
        while stop
            .run_until_cancelled(tokio::time::sleep(REFRESH))
            .await
            .is_some()
        {
            let refreshed = self.refresh().await;
            if let (Err(error), false) = (&refreshed, is_failing) {
                tracing::error!(%error, "the key store cannot be read; known keys keep working");
            }
            is_failing = refreshed.is_err();
        }
    }
}

/// The keys that work: not revoked, and of no account that is closed.
async fn read(store: &dyn KeyStore, budgets: &Budgets) -> Result<Keys, StoreError> {
    let active = store.active().await?;
    let is_open = |key: &KeyRecord| !key.account.is_some_and(|it| budgets.is_closed(it));
    Ok(active
        .into_iter()
        .filter(|(_, key)| is_open(key))
        .map(|(hash, key)| (hash, Arc::new(key)))
        .collect())
}

/// Slows down who guesses keys: a budget of failures per address.
pub struct BadKeys {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    counted: Mutex<u32>,
}

impl BadKeys {
    /// Failures per minute and address.
    const PER_MINUTE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
    /// Forget addresses that are long quiet after so many failures.
    const SWEEP_EVERY: u32 = 1_000;

    /// Nobody has failed yet.
    pub fn new() -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(Self::PER_MINUTE)),
            counted: Mutex::new(0),
        }
    }

    /// Counts a failure; `true` when the address has no more to spend.
    pub fn is_exhausted(&self, peer: IpAddr) -> bool {
        let mut counted = self.counted.lock();
        *counted += 1;
        if *counted >= Self::SWEEP_EVERY {
            *counted = 0;
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&peer).is_err()
    }
}

impl Default for BadKeys {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> tollward_store::NewKey {
        tollward_store::NewKey {
            name: name.to_owned(),
            allowed_models: Vec::new(),
            account: None,
            now_ms: 1,
            expires_ms: None,
        }
    }

    // K-07
    #[tokio::test]
    async fn revoking_the_last_key_does_not_open_the_gateway() -> Result<(), StoreError> {
        let store = tollward_store::Store::memory()?;
        let budgets = Budgets::load(&store).await?;
        let meters = RateMeters::load(&store).await?;
        let keyring = Keyring::load(&store, Arc::new(budgets), Arc::new(meters)).await?;
        assert!(!keyring.is_required(AuthMode::WhenKeysExist));
        store.keys.create(named("only")).await?;
        keyring.refresh().await?;
        assert!(keyring.is_required(AuthMode::WhenKeysExist));
        store.keys.revoke("only", 2).await?;
        keyring.refresh().await?;
        assert!(!keyring.has_keys());
        assert!(keyring.is_required(AuthMode::WhenKeysExist));
        Ok(())
    }

    // C-29
    #[test]
    fn the_twenty_first_bad_key_of_a_minute_exhausts_an_address_and_no_other() {
        let bad_keys = BadKeys::new();
        let (guesser, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let tolerated = (0..100).filter(|_| !bad_keys.is_exhausted(guesser)).count();
        assert_eq!(tolerated, 20);
        assert!(!bad_keys.is_exhausted(other));
    }
}
