//! Budgets: what may be spent by whom in a stretch of time, and the seam to where they are kept.
//!
//! A budget has *windows*, one for each period. What an attempt may cost at most is held
//! on the windows that it falls into before it is sent, and what it did cost is charged to the same
//! windows when it ends: [`Held`] says which. The sums of a window are a cache; the ledger's entries
//! say the same, and [`BudgetStore::verify`] compares the two.
//! When a period begins, and what a call may cost, is the caller's to say.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountKind, NewAccount};
use crate::key::{flaw, is_model};
use crate::{AccountId, BudgetId, Entry, KeyId, NanoUsd, RateLimits, StoreError};

/// Longest address of a webhook, in bytes.
const MAX_ADDRESS: usize = 2_048;
/// Most entries of each list of a scope.
const MAX_SCOPE: usize = 64;
/// Most windows that one attempt is charged to.
pub const MAX_CHARGES: usize = 32;

/// What may be spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Stable identity; the ledger refers to it.
    pub id: BudgetId,
    /// What people call it; unique among budgets that have not ended.
    pub name: String,
    /// Whose calls count.
    pub holder: Holder,
    /// What may be spent in each period.
    pub limit: NanoUsd,
    /// The rest.
    #[serde(flatten)]
    pub terms: BudgetTerms,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
    /// Since when it holds no more, milliseconds since 1970; `None`: it does.
    pub ended_ms: Option<i64>,
}

/// On what terms a budget is spent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetTerms {
    /// After which time it begins anew.
    pub period: Period,
    /// The time zone in which days and months begin, by its IANA name; empty: UTC.
    pub zone: String,
    /// Which of the holder's calls count.
    pub scope: Scope,
    /// How much is held for a call that runs.
    pub estimate: Estimate,
    /// What becomes of calls for which there is no room.
    pub then: Then,
    /// Parts of the limit, in percent, at which somebody is told.
    pub warn_at: Vec<u8>,
    /// Who is told, besides the event log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// More than the limit for a while.
    pub raise: Option<Raise>,
}

/// Whose calls count towards a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "holder", content = "holder_id")]
pub enum Holder {
    /// Everybody's.
    Gateway,
    /// Those of an organisation's keys and of its teams' keys.
    Organization(AccountId),
    /// Those of a team's keys.
    Team(AccountId),
    /// Those of one key.
    Key(KeyId),
}

/// After which time a budget begins anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// At midnight.
    Day,
    /// At the midnight before Monday.
    Week,
    /// At the midnight before the first of a month.
    Month,
    /// Never.
    #[default]
    Total,
}

/// Which calls count; an empty list counts all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Names of models, public or of their vendors, exact or with a trailing `*`: one of those that a call asks for
    /// and that may answer it.
    pub models: Vec<String>,
    /// Names of providers.
    pub providers: Vec<String>,
    /// Tags, of which the call has one.
    pub tags: Vec<String>,
}

/// How much is held for a call that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimate {
    /// The most that it can cost; the bound on its output is sent along. The limit holds as far as vendors keep to
    /// that bound.
    #[default]
    Bound,
    /// What such calls cost, as was learned; a stream that costs more is charged as it goes.
    Learned,
}

/// What becomes of calls for which there is no room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// They are refused.
    #[default]
    Deny,
    /// They go to that model instead.
    Model(String),
}

/// An address that is told; it may hold a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook(pub String);

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook(…)")
    }
}

/// More than the limit, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raise {
    /// By how much, in nano-dollars.
    pub by_nano: i64,
    /// Until when, milliseconds since 1970.
    pub until_ms: i64,
}

/// What the maker of a budget decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBudget {
    /// 1 to 128 bytes, no control characters.
    pub name: String,
    /// Whose calls count.
    pub holder: Holder,
    /// What may be spent in each period; not negative.
    pub limit: NanoUsd,
    /// The rest.
    pub terms: BudgetTerms,
    /// The present, milliseconds since 1970.
    pub now_ms: i64,
}

/// One period of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Of which budget.
    pub budget: BudgetId,
    /// When it began, milliseconds since 1970.
    pub start_ms: i64,
    /// Fingerprint of the end user whose share it is; 0: of all.
    pub subject: u64,
}

/// What is reserved for an attempt, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// How much, on each of the windows.
    pub amount: NanoUsd,
    /// The windows, which the attempt is charged to when it ends; never empty.
    pub windows: Arc<[Window]>,
}

/// What was charged to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Which one.
    pub window: Window,
    /// How much.
    pub amount: NanoUsd,
}

/// A window whose sum is not that of the entries charged to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The budget.
    pub budget: BudgetId,
    /// When the window began, milliseconds since 1970.
    pub start_ms: i64,
    /// What the window says.
    pub window: NanoUsd,
    /// What the entries say.
    pub entries: NanoUsd,
}

/// What [`BudgetStore::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Entries that are charged to a budget.
    pub entries: u64,
    /// Windows of budgets.
    pub windows: u64,
    /// Attempts that were sent and have not ended.
    pub open_holds: u64,
    /// What does not agree.
    pub differences: Vec<Difference>,
}

/// Where accounts and budgets are kept, and what was charged to them.
#[async_trait]
pub trait BudgetStore: Send + Sync {
    /// Makes an organisation or a team.
    ///
    /// # Errors
    /// The name is taken among open ones of its kind, it cannot be one, or the backend failed.
    async fn open_account(&self, new: NewAccount) -> Result<Account, StoreError>;

    /// Every account, closed ones included, oldest first.
    ///
    /// # Errors
    /// The backend failed.
    async fn accounts(&self) -> Result<Vec<Account>, StoreError>;

    /// Gives an open account another name; `None` when there is none of that id.
    ///
    /// # Errors
    /// The name is taken among open ones of its kind, it cannot be one, or the backend failed.
    async fn rename_account(
        &self,
        id: AccountId,
        name: &str,
    ) -> Result<Option<Account>, StoreError>;

    /// Closes an account by id, or by name among the open ones of a kind; `None` when there is none.
    /// What its keys spend counts on; that they may not is the caller's to say.
    ///
    /// # Errors
    /// The backend failed.
    async fn close_account(
        &self,
        kind: AccountKind,
        id_or_name: &str,
        now_ms: i64,
    ) -> Result<Option<Account>, StoreError>;

    /// Makes a budget.
    ///
    /// # Errors
    /// The name is taken among budgets that have not ended, a field is invalid, or the backend failed.
    async fn create_budget(&self, new: NewBudget) -> Result<Budget, StoreError>;

    /// Changes limit and terms of a budget that has not ended; `None` when there is none of that id.
    ///
    /// # Errors
    /// A field is invalid, or the backend failed.
    async fn change_budget(
        &self,
        id: BudgetId,
        limit: NanoUsd,
        terms: BudgetTerms,
    ) -> Result<Option<Budget>, StoreError>;

    /// Ends a budget by id, or by name among those that have not ended; `None` when there is none.
    ///
    /// # Errors
    /// The backend failed.
    async fn end_budget(&self, id_or_name: &str, now_ms: i64)
    -> Result<Option<Budget>, StoreError>;

    /// Every budget, ended ones included, oldest first.
    ///
    /// # Errors
    /// The backend failed.
    async fn budgets(&self) -> Result<Vec<Budget>, StoreError>;

    /// Sets how fast the calls of `holder` may come, in place of what was set before.
    ///
    /// # Errors
    /// A limit is 0, or the backend failed.
    async fn set_limits(&self, holder: Holder, limits: RateLimits) -> Result<(), StoreError>;

    /// Who has limits, and which.
    ///
    /// # Errors
    /// The backend failed.
    async fn limits(&self) -> Result<Vec<(Holder, RateLimits)>, StoreError>;

    /// What was charged to those of `windows` that anything was charged to, as far as the database has it.
    ///
    /// # Errors
    /// The backend failed.
    async fn spent(&self, windows: &[Window]) -> Result<Vec<Spent>, StoreError>;

    /// Attempts that were sent by a process that is gone and have not ended, as they would be booked.
    ///
    /// # Errors
    /// The backend failed.
    async fn open_holds(&self) -> Result<Vec<Entry>, StoreError>;

    /// Compares windows with the entries that are charged to them.
    ///
    /// # Errors
    /// The backend failed, or a sum does not fit 64 bits.
    async fn verify(&self) -> Result<Verification, StoreError>;
}

impl Budget {
    /// What may be spent at `now_ms`.
    pub fn limit_at(&self, now_ms: i64) -> NanoUsd {
        limit_at(self.limit, &self.terms, now_ms)
    }

    /// The one of that id, or of that name among those that have not ended.
    pub fn named<'b>(budgets: &'b [Self], id_or_name: &str) -> Option<&'b Self> {
        let id = id_or_name.parse::<BudgetId>().ok();
        budgets.iter().find(|it| match id {
            Some(id) => it.id == id,
            None => it.ended_ms.is_none() && it.name == id_or_name,
        })
    }

    /// Checks what was asked for and gives it an identity.
    pub(crate) fn from_new(new: NewBudget) -> Result<Self, StoreError> {
        check_name("name of a budget", &new.name)?;
        check(new.limit, &new.terms)?;
        Ok(Self {
            id: BudgetId::new(new.now_ms),
            name: new.name,
            holder: new.holder,
            limit: new.limit,
            terms: new.terms,
            created_ms: new.now_ms,
            ended_ms: None,
        })
    }
}

impl Holder {
    /// The account as a holder of budgets.
    pub fn of(account: &Account) -> Self {
        match account.kind {
            AccountKind::Organization => Self::Organization(account.id),
            AccountKind::Team => Self::Team(account.id),
        }
    }
}

impl Scope {
    /// Whether calls of a model of that name count.
    pub fn counts_model(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|it| is_model(it, model))
    }

    /// Whether calls with these tags count.
    pub fn counts_tags<'t>(&self, mut tags: impl Iterator<Item = &'t str>) -> bool {
        self.tags.is_empty() || tags.any(|tag| self.tags.iter().any(|it| it == tag))
    }

    /// Whether attempts at `provider` count.
    pub fn counts_provider(&self, provider: &str) -> bool {
        self.providers.is_empty() || self.providers.iter().any(|it| it == provider)
    }
}

impl Entry {
    /// What is charged to the windows of the entry: its cost, or all that was held where nobody knows it.
    pub fn charge(&self) -> NanoUsd {
        let held = self.held.as_ref().map_or(NanoUsd::ZERO, |it| it.amount);
        self.cost.unwrap_or(held)
    }
}

/// What may be spent at `now_ms`: the limit, and more for a while.
pub(crate) fn limit_at(limit: NanoUsd, terms: &BudgetTerms, now_ms: i64) -> NanoUsd {
    let raise = terms.raise.filter(|it| now_ms < it.until_ms);
    let raise = raise.map_or(0, |it| it.by_nano);
    NanoUsd(limit.0.saturating_add(raise))
}

/// Whether a budget's limit and terms can be kept.
pub(crate) fn check(limit: NanoUsd, terms: &BudgetTerms) -> Result<(), StoreError> {
    let invalid = |field, reason| Err(StoreError::InvalidBudget { field, reason });
    if limit.0 < 0 {
        return invalid("limit", "is negative");
    }
    if terms.raise.is_some_and(|it| it.by_nano <= 0) {
        return invalid("raise", "is not more than nothing");
    }
    let raise = terms.raise.map_or(0, |it| it.by_nano);
    if limit.0.checked_add(raise).is_none() {
        return invalid("limit", "does not fit 64 bits of nano-dollars");
    }
    if terms.warn_at.iter().any(|it| !(1..=100).contains(it)) {
        return invalid("warning", "is not between 1 and 100 percent");
    }
    let scope = &terms.scope;
    for list in [&scope.models, &scope.providers, &scope.tags] {
        if list.len() > MAX_SCOPE {
            return invalid("scope", "has more than 64 entries");
        }
        for text in list {
            check_name("entry of a scope", text)?;
        }
    }
    if let Some(Webhook(address)) = &terms.webhook {
        let is_web = address.starts_with("https://") || address.starts_with("http://");
        if !is_web || address.len() > MAX_ADDRESS || address.chars().any(char::is_control) {
            return invalid(
                "webhook",
                "is no http:// or https:// address of at most 2,048 bytes",
            );
        }
    }
    if let Then::Model(model) = &terms.then {
        check_name("name of a model", model)?;
    }
    Ok(())
}

/// Whether a text can be a name.
pub(crate) fn check_name(field: &'static str, text: &str) -> Result<(), StoreError> {
    flaw(text).map_or(Ok(()), |reason| {
        Err(StoreError::InvalidBudget { field, reason })
    })
}
