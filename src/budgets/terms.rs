//! The budgets that hold, and whose calls count towards them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tollward_store::{
    Account, AccountId, Budget, BudgetStore, Estimate, Holder, KeyRecord, StoreError, Window,
};

use crate::policy::period::{self, Bounds};

/// What is in force.
#[derive(Default)]
pub(super) struct Terms {
    pub(super) by_holder: HashMap<Holder, Vec<Arc<InForce>>>,
    pub(super) accounts: HashMap<AccountId, Account>,
}

/// A budget that holds.
pub struct InForce {
    /// What was decided.
    pub budget: Budget,
    zone: TimeZone,
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

impl Terms {
    pub(super) async fn read(store: &dyn BudgetStore) -> Result<Self, StoreError> {
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

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<InForce>> {
        self.by_holder.values().flatten()
    }

    /// An account and the one above it.
    pub(super) fn chain(&self, account: Option<AccountId>) -> impl Iterator<Item = &Account> {
        let own = account.and_then(|it| self.accounts.get(&it));
        let above = own.and_then(|it| self.accounts.get(&it.parent?));
        own.into_iter().chain(above)
    }

    /// Who holds the budgets of a key's calls, from the gateway down to the key.
    pub(super) fn holders(&self, key: Option<&KeyRecord>) -> impl Iterator<Item = Holder> {
        let accounts = self.chain(key.and_then(|it| it.account));
        let accounts: Vec<Holder> = accounts.map(Holder::of).collect();
        let key = key.map(|it| Holder::Key(it.id));
        std::iter::once(Holder::Gateway)
            .chain(accounts.into_iter().rev())
            .chain(key)
    }
}
