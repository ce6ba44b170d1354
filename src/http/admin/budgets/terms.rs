//! How budgets are written in requests and answers.

use serde::{Deserialize, Serialize};
use tollward_store::{Estimate, NanoUsd, Period, Then, Webhook};
use utoipa::ToSchema;

use super::HolderKind;
use crate::http::admin::value::{Dollars, Moment};
use crate::registrar::budgets::Spending;
use crate::registrar::terms::TermsChange;

/// A budget, and what was spent of it in the period that runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Budget {
    /// What it is: `budget`.
    #[schema(pattern = "^budget$")]
    object: &'static str,
    /// Its id, which never changes.
    id: String,
    /// What people call it; unique among budgets that have not ended.
    name: String,
    /// Whose calls count.
    holder: HolderKind,
    /// The holder's id; nothing for the gateway.
    holder_id: Option<String>,
    /// What may be spent in each period.
    limit: Dollars,
    /// What may be spent now: the limit and what it is raised by.
    limit_now: Dollars,
    /// What was charged in the period that runs.
    spent: Dollars,
    /// What is held for calls that run at the gateway that answers.
    held: Dollars,
    /// When it begins anew.
    period: PeriodName,
    /// The time zone in which days, weeks and months begin.
    zone: String,
    /// When it begins anew next; nothing: never.
    resets_at: Option<Moment>,
    /// The models whose calls count; none: all.
    models: Vec<String>,
    /// The providers at which calls count; none: all.
    providers: Vec<String>,
    /// The tags with which calls count; none: all.
    tags: Vec<String>,
    /// How much is held for a call that runs.
    estimate: EstimateName,
    /// The model for calls that have no room; nothing: they are refused.
    then: Option<String>,
    /// The parts of the limit, in percent, at which somebody is told.
    warn_at: Vec<u8>,
    /// The host of the address that is told.
    webhook: Option<String>,
    /// More than the limit, for a while.
    raise: Option<Raise>,
    /// When it was made.
    created_at: Moment,
    /// Since when it holds nothing back.
    ended_at: Option<Moment>,
}

/// More than a budget's limit, for a while.
#[derive(Debug, Serialize, ToSchema)]
pub struct Raise {
    /// How much more.
    by: Dollars,
    /// Until when.
    until: Moment,
}

/// When a budget begins anew.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodName {
    /// At midnight.
    Day,
    /// At the midnight before Monday.
    Week,
    /// At the midnight before the first of a month.
    Month,
    /// Never.
    Total,
}

/// How much is held for a call that runs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EstimateName {
    /// The most that it can cost.
    Bound,
    /// What such calls usually cost.
    Learned,
}

/// A budget to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    /// What to call it: 1 to 128 bytes without control characters.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// Whose calls count.
    pub holder: HolderKind,
    /// Name or id of the holder; left out for the gateway.
    #[schema(max_length = 128)]
    pub holder_id: Option<String>,
    /// What may be spent in each period.
    limit: Dollars,
    /// When it begins anew; left out: never.
    period: Option<PeriodName>,
    /// The time zone in which days, weeks and months begin, such as `Asia/Seoul`; left out: UTC.
    #[schema(max_length = 64)]
    zone: Option<String>,
    /// The models whose calls count, exact or with a trailing `*`; left out: all.
    #[schema(max_items = 64)]
    models: Option<Vec<String>>,
    /// The providers at which calls count; left out: all.
    #[schema(max_items = 64)]
    providers: Option<Vec<String>>,
    /// The tags with which calls count; left out: all.
    #[schema(max_items = 64)]
    tags: Option<Vec<String>>,
    /// How much is held for a call that runs; left out: the most that it can cost.
    estimate: Option<EstimateName>,
    /// The model for calls that have no room; left out: they are refused.
    #[schema(max_length = 128)]
    then: Option<String>,
    /// The parts of the limit, in percent, at which somebody is told.
    #[schema(max_items = 100)]
    warn_at: Option<Vec<u8>>,
    /// The address that is told.
    #[schema(max_length = 2048)]
    webhook: Option<String>,
}

/// What is to be changed of a budget; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetChange {
    /// What may be spent in each period.
    limit: Option<Dollars>,
    /// When it begins anew.
    period: Option<PeriodName>,
    /// The time zone in which days, weeks and months begin.
    #[schema(max_length = 64)]
    zone: Option<String>,
    /// The models whose calls count; an empty list: all.
    #[schema(max_items = 64)]
    models: Option<Vec<String>>,
    /// The providers at which calls count; an empty list: all.
    #[schema(max_items = 64)]
    providers: Option<Vec<String>>,
    /// The tags with which calls count; an empty list: all.
    #[schema(max_items = 64)]
    tags: Option<Vec<String>>,
    /// How much is held for a call that runs.
    estimate: Option<EstimateName>,
    /// The model for calls that have no room; an empty text: they are refused.
    #[schema(max_length = 128)]
    then: Option<String>,
    /// The parts of the limit, in percent, at which somebody is told.
    #[schema(max_items = 100)]
    warn_at: Option<Vec<u8>>,
    /// The address that is told; an empty text: none.
    #[schema(max_length = 2048)]
    webhook: Option<String>,
}

impl NewBudget {
    /// What is wanted of its terms.
    pub fn terms(self) -> TermsChange {
        TermsChange {
            limit: Some(self.limit.0),
            period: self.period.map(PeriodName::period),
            zone: self.zone,
            models: self.models,
            providers: self.providers,
            tags: self.tags,
            estimate: self.estimate.map(EstimateName::estimate),
            warn_at: self.warn_at,
            webhook: self.webhook,
            then: self.then,
        }
    }
}

impl BudgetChange {
    /// What is wanted of its terms.
    pub fn terms(self) -> TermsChange {
        TermsChange {
            limit: self.limit.map(|it| it.0),
            period: self.period.map(PeriodName::period),
            zone: self.zone,
            models: self.models,
            providers: self.providers,
            tags: self.tags,
            estimate: self.estimate.map(EstimateName::estimate),
            warn_at: self.warn_at,
            webhook: self.webhook,
            then: self.then,
        }
    }
}

impl Budget {
    /// A budget as it is told, with what is held for calls that run.
    pub fn of(spending: Spending, held: NanoUsd) -> Self {
        let budget = spending.budget;
        let (holder, holder_id) = HolderKind::of(budget.holder);
        let terms = budget.terms;
        Self {
            object: "budget",
            id: budget.id.to_string(),
            name: budget.name,
            holder,
            holder_id,
            limit: Dollars(budget.limit),
            limit_now: Dollars(spending.limit_now),
            spent: Dollars(spending.spent),
            held: Dollars(held),
            period: PeriodName::of(terms.period),
            zone: if terms.zone.is_empty() {
                "UTC".to_owned()
            } else {
                terms.zone
            },
            resets_at: spending.resets_ms.map(Moment),
            models: terms.scope.models,
            providers: terms.scope.providers,
            tags: terms.scope.tags,
            estimate: EstimateName::of(terms.estimate),
            then: match terms.then {
                Then::Deny => None,
                Then::Model(model) => Some(model),
            },
            warn_at: terms.warn_at,
            webhook: terms.webhook.map(|Webhook(host)| host),
            raise: terms.raise.map(|it| Raise {
                by: Dollars(NanoUsd(it.by_nano)),
                until: Moment(it.until_ms),
            }),
            created_at: Moment(budget.created_ms),
            ended_at: budget.ended_ms.map(Moment),
        }
    }
}

impl PeriodName {
    fn period(self) -> Period {
        match self {
            Self::Day => Period::Day,
            Self::Week => Period::Week,
            Self::Month => Period::Month,
            Self::Total => Period::Total,
        }
    }

    fn of(period: Period) -> Self {
        match period {
            Period::Day => Self::Day,
            Period::Week => Self::Week,
            Period::Month => Self::Month,
            Period::Total => Self::Total,
        }
    }
}

impl EstimateName {
    fn estimate(self) -> Estimate {
        match self {
            Self::Bound => Estimate::Bound,
            Self::Learned => Estimate::Learned,
        }
    }

    fn of(estimate: Estimate) -> Self {
        match estimate {
            Estimate::Bound => Self::Bound,
            Estimate::Learned => Self::Learned,
        }
    }
}
