//! The budgets in force, and what is spent of them.
//!
//! What an attempt may cost is reserved here before it is sent, on every budget that its call falls
//! into or on none, and charged when it ends. The sums are this process's own: it is the only one
//! that spends, and begins with what the ledger has. Attempts that ran when the process before it died are booked
//! with all that was held for them.
//! What is to be held is decided in `policy/ceiling`, when in `pipeline/reserve`.

pub mod alerts;
pub mod purse;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tollward_store::{
    Account, AccountId, Budget, BudgetId, BudgetStore, Estimate, Held, Holder, KeyId, KeyRecord,
    Ledger, NanoUsd, StoreError, Window,
};

use self::purse::{Full, Purse, Purses, Wanted};
use crate::clock;
use crate::policy::period::{self, Bounds};
use crate::policy::typical::Typical;

/// Keys and models of which it is remembered how long answers are; beyond it, all are forgotten.
const MAX_LEARNED: usize = 10_000;

/// The budgets of a gateway.
pub struct Budgets {
    store: Arc<dyn BudgetStore>,
    terms: ArcSwap<Terms>,
    purses: Mutex<Purses>,
    /// How long answers are, of each key and model.
    typical: Mutex<HashMap<Habit, Typical>>,
    /// The latest time that a call was charged at: a clock that steps back opens no window that is
    /// over (faults P-15).
    latest_ms: AtomicI64,
}

/// A key, if there is one, and a model.
type Habit = (Option<KeyId>, Arc<str>);

/// What is in force.
#[derive(Default)]
struct Terms {
    by_holder: HashMap<Holder, Vec<Arc<InForce>>>,
    accounts: HashMap<AccountId, Account>,
}

/// A budget that holds.
pub struct InForce {
    /// What was decided.
    pub budget: Budget,
    zone: TimeZone,
}

/// What is held for an attempt. Dropped, it is given back.
pub struct Reservation {
    budgets: Arc<Budgets>,
    held: Held,
}

/// The time zone of that IANA name; UTC has no name or its own.
///
/// # Errors
/// There is none of that name.
pub fn zone(name: &str) -> Result<TimeZone, jiff::Error> {
    if name.is_empty() || name.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name)
}

impl InForce {
    /// With its time zone; UTC where that is not known.
    pub fn new(budget: Budget) -> Self {
        let zone = zone(&budget.terms.zone).unwrap_or_else(|error| {
            tracing::error!(budget = %budget.name, %error, "a budget's time zone is not known here; it begins in UTC");
            TimeZone::UTC
        });
        Self { budget, zone }
    }

    /// Whether it takes only what has a bound.
    pub fn wants_bound(&self) -> bool {
        self.budget.terms.estimate == Estimate::Bound
    }

    /// The period that `at_ms` falls into.
    pub fn bounds(&self, at_ms: i64) -> Bounds {
        period::bounds(self.budget.terms.period, &self.zone, at_ms)
    }

    /// The window of that time.
    pub fn window(&self, at_ms: i64) -> Window {
        Window {
            budget: self.budget.id,
            start_ms: self.bounds(at_ms).start_ms,
            subject: 0,
        }
    }
}

impl Budgets {
    /// Loads the budgets and what was spent of them, and books what a process left that is gone.
    ///
    /// # Errors
    /// The store cannot be read, or does not take what is to be booked.
    pub async fn load(
        store: Arc<dyn BudgetStore>,
        ledger: &dyn Ledger,
    ) -> Result<Self, StoreError> {
        let budgets = Self {
            terms: ArcSwap::from_pointee(Terms::read(&*store).await?),
            purses: Mutex::default(),
            typical: Mutex::default(),
            latest_ms: AtomicI64::new(0),
            store,
        };
        budgets.recover(ledger).await?;
        budgets.recall().await?;
        Ok(budgets)
    }

    /// Books the attempts that ran when the process before this one died.
    async fn recover(&self, ledger: &dyn Ledger) -> Result<(), StoreError> {
        // What it left in the journal may end some of them.
        ledger.flush().await?;
        let left = self.store.open_holds().await?;
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

    /// Takes over what is on record of windows of which nothing is known here.
    async fn recall(&self) -> Result<(), StoreError> {
        let current = self.current();
        let spent = self.store.spent(&current).await?;
        let mut purses = self.purses.lock();
        for it in spent {
            purses.recall(it.window, it.amount);
        }
        Ok(())
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
        // A budget whose period was changed goes on with what was spent in the other one.
        self.recall().await?;
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

    /// The budgets that calls of `key` with that model and those tags count towards, at whatever provider.
    pub fn governing(
        &self,
        key: Option<&KeyRecord>,
        model: &str,
        tags: &[Box<str>],
    ) -> Vec<Arc<InForce>> {
        let terms = self.terms.load();
        if terms.by_holder.is_empty() {
            return Vec::new();
        }
        let holders = terms.holders(key);
        let held = holders.filter_map(|it| terms.by_holder.get(&it)).flatten();
        let counts = |it: &&Arc<InForce>| {
            let scope = &it.budget.terms.scope;
            scope.counts_call(model, tags.iter().map(|it| &**it))
        };
        held.filter(counts).cloned().collect()
    }

    /// A budget that holds for `key`, whatever it asks for.
    pub fn any(&self, key: Option<&KeyRecord>) -> Option<Arc<InForce>> {
        let terms = self.terms.load();
        let mut held = terms.holders(key).filter_map(|it| terms.by_holder.get(&it));
        held.find_map(|it| it.first().cloned())
    }

    /// The tokens that answers to `key` by `model` hardly ever pass; `None` while too few are known.
    pub fn typical_output(&self, key: Option<KeyId>, model: &str) -> Option<u64> {
        let typical = self.typical.lock();
        typical.get(&(key, Arc::from(model)))?.bound()
    }

    /// An answer to `key` by `model` had so many tokens.
    pub fn learn(&self, key: Option<KeyId>, model: &Arc<str>, output: u64) {
        let mut typical = self.typical.lock();
        let place = (key, Arc::clone(model));
        if typical.len() >= MAX_LEARNED && !typical.contains_key(&place) {
            typical.clear();
        }
        typical.entry(place).or_default().observe(output);
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

    /// The first of `wanted` that has no room for `hold`.
    pub fn full(&self, wanted: &[Wanted], hold: NanoUsd) -> Option<Full> {
        self.purses.lock().full(wanted, hold)
    }

    /// Holds `hold` on each of `wanted`, or on none.
    ///
    /// # Errors
    /// The first that has no room for it.
    pub fn reserve(
        self: &Arc<Self>,
        wanted: &[Wanted],
        hold: NanoUsd,
    ) -> Result<Reservation, Full> {
        self.purses.lock().reserve(wanted, hold)?;
        Ok(Reservation {
            budgets: Arc::clone(self),
            held: Held {
                amount: hold,
                windows: wanted.iter().map(|it| it.window).collect(),
            },
        })
    }
}

impl Reservation {
    /// What is held, and where.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Holds that much more, on every window or on none.
    ///
    /// # Errors
    /// The first that has no room for it.
    pub fn extend(&mut self, wanted: &[Wanted], more: NanoUsd) -> Result<(), Full> {
        self.budgets.purses.lock().reserve(wanted, more)?;
        self.held.amount = NanoUsd(self.held.amount.0.saturating_add(more.0.max(0)));
        Ok(())
    }

    /// A part of the attempt has ended, and cost that; the rest stays held.
    pub fn charge(&mut self, charge: NanoUsd) {
        let mut purses = self.budgets.purses.lock();
        purses.settle(&self.held.windows, NanoUsd::ZERO, charge);
    }

    /// The attempt has ended, and cost that.
    pub fn settle(mut self, charge: NanoUsd) {
        self.end(charge);
    }

    fn end(&mut self, charge: NanoUsd) {
        let held = std::mem::replace(
            &mut self.held,
            Held {
                amount: NanoUsd::ZERO,
                windows: Arc::from([]),
            },
        );
        let mut purses = self.budgets.purses.lock();
        purses.settle(&held.windows, held.amount, charge);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(NanoUsd::ZERO);
    }
}

impl Terms {
    async fn read(store: &dyn BudgetStore) -> Result<Self, StoreError> {
        let accounts = store.accounts().await?;
        let mut by_holder: HashMap<Holder, Vec<Arc<InForce>>> = HashMap::new();
        for budget in store.budgets().await? {
            if budget.ended_ms.is_none() {
                let of_holder = by_holder.entry(budget.holder).or_default();
                of_holder.push(Arc::new(InForce::new(budget)));
            }
        }
        Ok(Self {
            by_holder,
            accounts: accounts.into_iter().map(|it| (it.id, it)).collect(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &Arc<InForce>> {
        self.by_holder.values().flatten()
    }

    /// An account and the one above it.
    fn chain(&self, account: Option<AccountId>) -> impl Iterator<Item = &Account> {
        let own = account.and_then(|it| self.accounts.get(&it));
        let above = own.and_then(|it| self.accounts.get(&it.parent?));
        own.into_iter().chain(above)
    }

    /// Who holds the budgets of a key's calls, from the gateway down to the key.
    fn holders(&self, key: Option<&KeyRecord>) -> impl Iterator<Item = Holder> {
        let accounts = self.chain(key.and_then(|it| it.account));
        let accounts: Vec<Holder> = accounts.map(Holder::of).collect();
        let key = key.map(|it| Holder::Key(it.id));
        std::iter::once(Holder::Gateway)
            .chain(accounts.into_iter().rev())
            .chain(key)
    }
}
