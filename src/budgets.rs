//! The budgets in force, and what is spent of them.
//!
//! What an attempt may cost is reserved here before it is sent, on every budget that its call falls
//! into or on none, and charged when it ends. The sums are this process's own: it spends from what is its alone, a
//! whole budget or a part of one, and begins with what the ledger has. Attempts that ran when the process
//! before it died are booked with all that was held for them.
//! What is to be held is decided in `policy/ceiling`, when in `pipeline/reserve`.

pub mod alerts;
pub mod crowd;
mod habits;
mod parts;
pub mod purse;
mod reservation;
mod terms;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tollward_store::{
    AccountId, Ask, BudgetId, BudgetStore, Holder, KeyRecord, NanoUsd, Shares, Store, StoreError,
    Window,
};

use self::habits::Habits;
pub use self::parts::Unanswered;
use self::purse::{Full, Purse, Purses, Wanted};
pub use self::reservation::Reservation;
use self::terms::Terms;
pub use self::terms::{InForce, zone};
use crate::clock;

/// The budgets of a gateway.
pub struct Budgets {
    store: Arc<dyn BudgetStore>,
    /// Where this gateway's parts of budgets come from; `None`: it is alone.
    shares: Option<Arc<dyn Shares>>,
    terms: ArcSwap<Terms>,
    purses: Mutex<Purses>,
    /// One question at a time.
    asking: tokio::sync::Mutex<()>,
    /// What a stream that runs wants more of, and whoever asks for it.
    wanted: Mutex<Option<(Vec<Wanted>, NanoUsd)>>,
    wake: tokio::sync::Notify,
    /// How many gateways spend from the same budgets.
    gateways: AtomicU32,
    /// When the database did not answer; `None`: it did, the last time.
    failed: Mutex<Option<Instant>>,
    /// How long answers are, of each key and model.
    pub habits: Habits,
    /// The latest time that a call was charged at: a clock that steps back opens no window that is
    /// over (faults P-15).
    latest_ms: AtomicI64,
}

impl Budgets {
    /// Loads the budgets and what was spent of them, and books what a process left that is gone.
    ///
    /// # Errors
    /// The store cannot be read, or does not take what is to be booked.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let terms = Terms::read(&*store.budgets).await?;
        let budgets = Self {
            store: Arc::clone(&store.budgets),
            shares: store.shares.clone(),
            terms: ArcSwap::from_pointee(terms),
            purses: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            gateways: AtomicU32::new(1),
            wanted: Mutex::default(),
            wake: tokio::sync::Notify::new(),
            failed: Mutex::default(),
            habits: Habits::default(),
            latest_ms: AtomicI64::new(0),
        };
        recover(store).await?;
        budgets.begin().await?;
        Ok(budgets)
    }

    /// Takes over what is on record of the periods that run, and gives back what a start before this one was granted.
    async fn begin(&self) -> Result<(), StoreError> {
        let current = self.current();
        let Some(shares) = &self.shares else {
            return self.recall(&current).await;
        };
        self.count(shares.sign(clock::unix_ms()).await?);
        let nothing = |window| Ask {
            window,
            used: NanoUsd::ZERO,
            need: NanoUsd::ZERO,
        };
        let asks: Vec<Ask> = current.into_iter().map(nothing).collect();
        self.lease(&asks).await
    }

    /// The windows of the periods that run.
    fn current(&self) -> Vec<Window> {
        let now_ms = self.charged_at(clock::unix_ms());
        let terms = self.terms.load();
        terms.all().map(|it| it.window(now_ms)).collect()
    }

    /// Reads the budgets again, after a change.
    ///
    /// # Errors
    /// The store cannot be read; what was in force stays so.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let terms = Terms::read(&*self.store).await?;
        self.terms.store(Arc::new(terms));
        self.prune();
        Ok(())
    }

    /// Forgets windows that are over.
    fn prune(&self) {
        let begun = |it: Window| (it.budget, it.start_ms);
        let current: HashMap<BudgetId, i64> = self.current().into_iter().map(begun).collect();
        let is_current = |it: &Window| current.get(&it.budget).is_some_and(|at| *at <= it.start_ms);
        self.purses.lock().prune(is_current);
    }

    /// Whether an account, or the one above it, is closed.
    pub fn is_closed(&self, account: AccountId) -> bool {
        let terms = self.terms.load();
        terms.chain(Some(account)).any(|it| it.closed_ms.is_some())
    }

    /// Who is above calls of `key`, from the gateway down to the key itself.
    pub fn holders(&self, key: Option<&KeyRecord>) -> Vec<Holder> {
        self.terms.load().holders(key).collect()
    }

    /// The budgets of those above calls of `key`, whichever of them they count.
    pub fn held_by(&self, key: Option<&KeyRecord>) -> Vec<Arc<InForce>> {
        let terms = self.terms.load();
        if terms.by_holder.is_empty() {
            return Vec::new();
        }
        let holders = terms.holders(key);
        let held = holders.filter_map(|it| terms.by_holder.get(&it)).flatten();
        held.cloned().collect()
    }

    /// A budget that holds for `key`, whatever it asks for.
    pub fn any(&self, key: Option<&KeyRecord>) -> Option<Arc<InForce>> {
        let terms = self.terms.load();
        let mut held = terms.holders(key).filter_map(|it| terms.by_holder.get(&it));
        held.find_map(|it| it.first().cloned())
    }

    /// The time at which a call would be charged that came now; nothing is charged for asking.
    pub fn present_ms(&self) -> i64 {
        self.latest_ms.load(Ordering::Relaxed).max(clock::unix_ms())
    }

    /// The time at which a call is charged whose clock says `at_ms`.
    pub fn charged_at(&self, at_ms: i64) -> i64 {
        self.latest_ms
            .fetch_max(at_ms, Ordering::Relaxed)
            .max(at_ms)
    }

    /// What there is of a window.
    pub fn purse(&self, window: &Window) -> Purse {
        self.purses.lock().purse(window)
    }

    /// The first of `wanted` that has no room for `hold`, whoever is asked for more.
    pub fn hopeless(&self, wanted: &[Wanted], hold: NanoUsd) -> Option<Full> {
        self.purses.lock().hopeless(wanted, hold)
    }
}

/// Books the attempts that ran when the process before this one died.
async fn recover(store: &Store) -> Result<(), StoreError> {
    let ledger = &store.ledger;
    // What it left in the journal may end some of them.
    ledger.flush().await?;
    let left = store.budgets.open_holds().await?;
    if left.is_empty() {
        return Ok(());
    }
    for entry in &left {
        ledger.record(entry)?;
    }
    tracing::warn!(
        attempts = left.len(),
        "the gateway died while calls ran; they are booked with all that was held for them"
    );
    ledger.flush().await
}
