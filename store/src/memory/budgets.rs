//! Accounts and budgets in memory.

use std::collections::HashMap;

use async_trait::async_trait;

use super::Memory;
use crate::budget::{check, check_name};
use crate::{
    Account, AccountId, AccountKind, Budget, BudgetId, BudgetStore, BudgetTerms, Entry, Holder,
    NanoUsd, NewAccount, NewBudget, RateLimits, Spent, StoreError, Verification, Window,
};

impl Memory {
    /// What the entries are charged to.
    fn sums(&self) -> Result<HashMap<Window, NanoUsd>, StoreError> {
        let book = self.entries.lock();
        let mut sums: HashMap<Window, NanoUsd> = HashMap::new();
        for entry in book.entries.values() {
            for window in entry.held.iter().flat_map(|it| it.windows.iter()) {
                let sum = sums.entry(*window).or_insert(NanoUsd::ZERO);
                let more = sum.checked_add(entry.charge());
                *sum = more.ok_or(StoreError::Overflow)?;
            }
        }
        Ok(sums)
    }
}

#[async_trait]
impl BudgetStore for Memory {
    async fn open_account(&self, new: NewAccount) -> Result<Account, StoreError> {
        let account = Account::from_new(new)?;
        let mut accounts = self.accounts.lock();
        if Account::named(&accounts, account.kind, &account.name).is_some() {
            return Err(StoreError::Taken { name: account.name });
        }
        accounts.push(account.clone());
        self.move_version();
        Ok(account)
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        Ok(self.accounts.lock().clone())
    }

    async fn rename_account(
        &self,
        id: AccountId,
        name: &str,
    ) -> Result<Option<Account>, StoreError> {
        check_name("name of an account", name)?;
        let mut accounts = self.accounts.lock();
        let open = |it: &&Account| it.closed_ms.is_none();
        let Some(kind) = accounts.iter().filter(open).find(|it| it.id == id) else {
            return Ok(None);
        };
        let taken = Account::named(&accounts, kind.kind, name);
        if taken.is_some_and(|it| it.id != id) {
            let name = name.to_owned();
            return Err(StoreError::Taken { name });
        }
        let found = accounts.iter_mut().find(|it| it.id == id);
        Ok(found.map(|account| {
            name.clone_into(&mut account.name);
            self.move_version();
            account.clone()
        }))
    }

    async fn close_account(
        &self,
        kind: AccountKind,
        id_or_name: &str,
        now_ms: i64,
    ) -> Result<Option<Account>, StoreError> {
        let mut accounts = self.accounts.lock();
        let Some(id) = Account::named(&accounts, kind, id_or_name).map(|it| it.id) else {
            return Ok(None);
        };
        let found = accounts.iter_mut().find(|it| it.id == id);
        Ok(found.map(|account| {
            if account.closed_ms.is_none() {
                account.closed_ms = Some(now_ms);
                self.move_version();
            }
            account.clone()
        }))
    }

    async fn create_budget(&self, new: NewBudget) -> Result<Budget, StoreError> {
        let budget = Budget::from_new(new)?;
        let mut budgets = self.budgets.lock();
        if Budget::named(&budgets, &budget.name).is_some() {
            return Err(StoreError::Taken { name: budget.name });
        }
        budgets.push(budget.clone());
        self.move_version();
        Ok(budget)
    }

    async fn change_budget(
        &self,
        id: BudgetId,
        limit: NanoUsd,
        terms: BudgetTerms,
    ) -> Result<Option<Budget>, StoreError> {
        check(limit, &terms)?;
        let mut budgets = self.budgets.lock();
        let found = budgets
            .iter_mut()
            .find(|it| it.id == id && it.ended_ms.is_none());
        Ok(found.map(|budget| {
            budget.limit = limit;
            budget.terms = terms;
            self.move_version();
            budget.clone()
        }))
    }

    async fn end_budget(
        &self,
        id_or_name: &str,
        now_ms: i64,
    ) -> Result<Option<Budget>, StoreError> {
        let mut budgets = self.budgets.lock();
        let Some(id) = Budget::named(&budgets, id_or_name).map(|it| it.id) else {
            return Ok(None);
        };
        let found = budgets.iter_mut().find(|it| it.id == id);
        Ok(found.map(|budget| {
            if budget.ended_ms.is_none() {
                budget.ended_ms = Some(now_ms);
                self.move_version();
            }
            budget.clone()
        }))
    }

    async fn budgets(&self) -> Result<Vec<Budget>, StoreError> {
        Ok(self.budgets.lock().clone())
    }

    async fn set_limits(&self, holder: Holder, limits: RateLimits) -> Result<(), StoreError> {
        limits.check()?;
        let mut all = self.limits.lock();
        if limits.is_nothing() {
            all.remove(&holder);
        } else {
            all.insert(holder, limits);
        }
        self.move_version();
        Ok(())
    }

    async fn limits(&self) -> Result<Vec<(Holder, RateLimits)>, StoreError> {
        let all = self.limits.lock();
        Ok(all.iter().map(|(holder, it)| (*holder, *it)).collect())
    }

    async fn spent(&self, windows: &[Window]) -> Result<Vec<Spent>, StoreError> {
        let sums = self.sums()?;
        let spent = |window: &Window| {
            let amount = *sums.get(window)?;
            Some(Spent {
                window: *window,
                amount,
            })
        };
        Ok(windows.iter().filter_map(spent).collect())
    }

    async fn open_holds(&self) -> Result<Vec<Entry>, StoreError> {
        // Nothing is left of a process that is gone.
        Ok(Vec::new())
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        let windows = self.sums()?.len() as u64;
        let book = self.entries.lock();
        let charged = book.entries.values().filter(|it| it.held.is_some());
        Ok(Verification {
            entries: charged.count() as u64,
            windows,
            open_holds: book.holds.len() as u64,
            differences: Vec::new(),
        })
    }
}
