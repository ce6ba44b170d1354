//! Budgets, and what was spent of them.

use std::collections::HashMap;

use tollward_store::{
    Budget, BudgetTerms, MAX_CHARGES, NanoUsd, NewBudget, Raise, Scope, Webhook, Window,
};

use super::Registrar;
use super::audit::{Deed, written};
use super::directory::{Directory, HolderName};
use super::error::{Named, RegisterError};
use super::terms::TermsChange;
use crate::budgets::InForce;
use crate::budgets::crowd::crowd;
use crate::policy::access::{Action, Place};

/// A budget with what was charged in the period that runs.
pub struct Spending {
    /// The budget; of its webhook only the host.
    pub budget: Budget,
    /// The period that runs.
    pub window: Window,
    /// What may be spent now.
    pub limit_now: NanoUsd,
    /// What was charged.
    pub spent: NanoUsd,
    /// When it begins anew, milliseconds since 1970; `None`: never.
    pub resets_ms: Option<i64>,
}

/// A budget without what may be secret of it: of its webhook only the host.
pub fn without_secrets(mut budget: Budget) -> Budget {
    budget.terms.webhook = budget.terms.webhook.map(|it| {
        let host = it.0.split('/').nth(2).unwrap_or_default();
        Webhook(host.rsplit('@').next().unwrap_or_default().to_owned())
    });
    budget
}

impl Registrar<'_> {
    /// The budgets that the actor sees, ended ones included, oldest first, as far as the ledger is
    /// written.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn budgets(&self) -> Result<Vec<Spending>, RegisterError> {
        let directory = self.directory().await?;
        let mut budgets = self.store.budgets.budgets().await?;
        budgets.retain(|it| self.sees(directory.place_of_holder(it.holder)));
        self.spending(budgets).await
    }

    /// The budget of that name or id.
    ///
    /// # Errors
    /// There is none that the actor sees, or the store cannot be read.
    pub async fn budget(&self, name: &str) -> Result<Spending, RegisterError> {
        let directory = self.directory().await?;
        let found = self.seen_budget(&directory, name).await?;
        self.told(found, name).await
    }

    /// Makes a budget of the holder of that name.
    ///
    /// # Errors
    /// There is no such holder that the actor sees, they may not bind it, the terms cannot be kept, or
    /// the store refused.
    pub async fn create_budget(
        &self,
        name: &str,
        holder: &HolderName,
        terms: TermsChange,
    ) -> Result<Spending, RegisterError> {
        let directory = self.directory().await?;
        let holder = self.bindable(&directory, holder)?;
        self.check_terms(&terms)?;
        let new = NewBudget {
            name: name.to_owned(),
            holder,
            limit: terms.limit.unwrap_or_default(),
            terms: terms.over(BudgetTerms::default())?,
            now_ms: self.now_ms,
        };
        self.check_crowd(&directory, &new).await?;
        let deed = Deed {
            action: "budget.create",
            target: name,
            place: directory.place_of_holder(holder),
            before: None,
        };
        let creating = async { Ok(self.store.budgets.create_budget(new).await?) };
        let made = self.recorded(deed, creating, told_of).await?;
        self.told(made, name).await
    }

    /// Changes a budget that has not ended; what is not said stays as it is.
    ///
    /// # Errors
    /// There is none that the actor sees, they may not change it, it has ended, the terms cannot be kept,
    /// or the store refused.
    pub async fn change_budget(
        &self,
        name: &str,
        change: TermsChange,
    ) -> Result<Spending, RegisterError> {
        let directory = self.directory().await?;
        let found = self.bound_budget(&directory, name).await?;
        self.check_terms(&change)?;
        let limit = change.limit.unwrap_or(found.limit);
        let terms = change.over(found.terms.clone())?;
        self.replace_terms("budget.change", (&directory, found), limit, terms)
            .await
    }

    /// Allows that much more until then.
    ///
    /// # Errors
    /// As of [`Registrar::change_budget`], or the time is over.
    pub async fn raise_budget(
        &self,
        name: &str,
        by: NanoUsd,
        until_ms: i64,
    ) -> Result<Spending, RegisterError> {
        let directory = self.directory().await?;
        let found = self.bound_budget(&directory, name).await?;
        if until_ms <= self.now_ms {
            return Err(RegisterError::invalid("until", "the time is over already"));
        }
        let raise = Raise {
            by_nano: by.0,
            until_ms,
        };
        self.set_raise((&directory, found), Some(raise)).await
    }

    /// Takes a raise back before its time is over.
    ///
    /// # Errors
    /// As of [`Registrar::change_budget`].
    pub async fn take_raise_back(&self, name: &str) -> Result<Spending, RegisterError> {
        let directory = self.directory().await?;
        let found = self.bound_budget(&directory, name).await?;
        self.set_raise((&directory, found), None).await
    }

    async fn set_raise(
        &self,
        (directory, found): (&Directory, Budget),
        raise: Option<Raise>,
    ) -> Result<Spending, RegisterError> {
        let limit = found.limit;
        let terms = BudgetTerms {
            raise,
            ..found.terms.clone()
        };
        self.replace_terms("budget.raise", (directory, found), limit, terms)
            .await
    }

    /// Ends a budget: it holds nothing back any more.
    ///
    /// # Errors
    /// There is none that the actor sees, they may not end it, or the store refused.
    pub async fn end_budget(&self, name: &str) -> Result<Spending, RegisterError> {
        let directory = self.directory().await?;
        let found = self.bound_budget(&directory, name).await?;
        let id = found.id.to_string();
        let deed = Deed {
            action: "budget.end",
            target: &id,
            place: directory.place_of_holder(found.holder),
            before: Some(written(&without_secrets(found.clone()))),
        };
        let ending = async {
            let ended = self.store.budgets.end_budget(&id, self.now_ms).await?;
            ended.ok_or_else(|| RegisterError::unknown(Named::Budget, name))
        };
        let ended = self.recorded(deed, ending, told_of).await?;
        self.told(ended, name).await
    }

    async fn replace_terms(
        &self,
        action: &'static str,
        (directory, found): (&Directory, Budget),
        limit: NanoUsd,
        terms: BudgetTerms,
    ) -> Result<Spending, RegisterError> {
        let id = found.id.to_string();
        let deed = Deed {
            action,
            target: &id,
            place: directory.place_of_holder(found.holder),
            before: Some(written(&without_secrets(found.clone()))),
        };
        let changing = async {
            let changed = self.store.budgets.change_budget(found.id, limit, terms);
            let ended = || RegisterError::Ended(found.name.clone());
            changed.await?.ok_or_else(ended)
        };
        let changed = self.recorded(deed, changing, told_of).await?;
        self.told(changed, &found.name).await
    }

    /// The budget of that name or id, if the actor sees it.
    async fn seen_budget(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Budget, RegisterError> {
        let budgets = self.store.budgets.budgets().await?;
        let found = Budget::named(&budgets, name).cloned();
        let seen = found.filter(|it| self.sees(directory.place_of_holder(it.holder)));
        seen.ok_or_else(|| RegisterError::unknown(Named::Budget, name))
    }

    /// The same, if they may change it.
    async fn bound_budget(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Budget, RegisterError> {
        let found = self.seen_budget(directory, name).await?;
        let above = directory.place_above(found.holder);
        self.actor.check(Action::Bounds, above)?;
        Ok(found)
    }

    /// An address that the gateway is to call is the gateway's business (faults S-06).
    fn check_terms(&self, terms: &TermsChange) -> Result<(), RegisterError> {
        if terms.calls_somebody() {
            self.actor.check(Action::Bounds, Place::GATEWAY)?;
        }
        Ok(())
    }

    /// That a call can still be charged to all budgets that it counts towards.
    async fn check_crowd(
        &self,
        directory: &Directory,
        new: &NewBudget,
    ) -> Result<(), RegisterError> {
        if new.terms.scope != Scope::default() {
            return Ok(());
        }
        let budgets = self.store.budgets.budgets().await?;
        let met = crowd(new.holder, &budgets, (&directory.accounts, &directory.keys));
        if met >= MAX_CHARGES {
            let message = format!(
                "some calls count towards {met} budgets already, and none can count towards more than {MAX_CHARGES}"
            );
            return Err(RegisterError::invalid("holder", message));
        }
        Ok(())
    }

    async fn told(&self, budget: Budget, name: &str) -> Result<Spending, RegisterError> {
        let told = self.spending(vec![budget]).await?.pop();
        told.ok_or_else(|| RegisterError::unknown(Named::Budget, name))
    }

    async fn spending(&self, budgets: Vec<Budget>) -> Result<Vec<Spending>, RegisterError> {
        self.store.ledger.flush().await?;
        let budgets: Vec<InForce> = budgets.into_iter().map(InForce::new).collect();
        let windows: Vec<Window> = budgets.iter().map(|it| it.window(self.now_ms)).collect();
        let spent = self.store.budgets.spent(&windows).await?;
        let spent: HashMap<Window, NanoUsd> =
            spent.into_iter().map(|it| (it.window, it.amount)).collect();
        let told = budgets
            .into_iter()
            .zip(windows)
            .map(|(it, window)| Spending {
                window,
                limit_now: it.budget.limit_at(self.now_ms),
                spent: spent.get(&window).copied().unwrap_or_default(),
                resets_ms: it.bounds(self.now_ms).end_ms,
                budget: without_secrets(it.budget),
            });
        Ok(told.collect())
    }
}

/// What the audit log has of a budget.
fn told_of(budget: &Budget) -> (String, serde_json::Value) {
    let written = written(&without_secrets(budget.clone()));
    (budget.id.to_string(), written)
}
