//! What somebody wants of the terms of a budget: what is not said stays as it is.

use tollward_store::{BudgetTerms, Estimate, NanoUsd, Period, Scope, Then, Webhook};

use super::error::RegisterError;
use crate::budgets;

/// Terms to be set; `None` leaves what is there.
#[derive(Debug, Clone, Default)]
pub struct TermsChange {
    /// What may be spent in each period.
    pub limit: Option<NanoUsd>,
    /// When it begins anew.
    pub period: Option<Period>,
    /// The time zone of periods, by its IANA name.
    pub zone: Option<String>,
    /// The models whose calls count; none: all.
    pub models: Option<Vec<String>>,
    /// The providers at which calls count; none: all.
    pub providers: Option<Vec<String>>,
    /// The tags with which calls count; none: all.
    pub tags: Option<Vec<String>>,
    /// How much is held for a call that runs.
    pub estimate: Option<Estimate>,
    /// The parts of the limit, in percent, at which somebody is told.
    pub warn_at: Option<Vec<u8>>,
    /// The address that is told; empty: none.
    pub webhook: Option<String>,
    /// The model for calls that have no room; empty: they are refused.
    pub then: Option<String>,
}

impl TermsChange {
    /// `terms` with what was said.
    ///
    /// # Errors
    /// The time zone is not known.
    pub fn over(self, terms: BudgetTerms) -> Result<BudgetTerms, RegisterError> {
        if let Some(zone) = &self.zone
            && budgets::zone(zone).is_err()
        {
            let message =
                format!("`{zone}` is no time zone; use a name such as Asia/Seoul or Europe/Berlin");
            return Err(RegisterError::invalid("zone", message));
        }
        let scope = terms.scope;
        let webhook = match self.webhook {
            Some(address) if address.is_empty() => None,
            Some(address) => Some(Webhook(address)),
            None => terms.webhook,
        };
        let mut warn_at = self.warn_at.unwrap_or(terms.warn_at);
        // An address that is never told anything is a mistake.
        if webhook.is_some() && warn_at.is_empty() {
            warn_at.push(100);
        }
        Ok(BudgetTerms {
            period: self.period.unwrap_or(terms.period),
            zone: self.zone.unwrap_or(terms.zone),
            scope: Scope {
                models: self.models.unwrap_or(scope.models),
                providers: self.providers.unwrap_or(scope.providers),
                tags: self.tags.unwrap_or(scope.tags),
            },
            estimate: self.estimate.unwrap_or(terms.estimate),
            then: match self.then {
                Some(model) if model.is_empty() => Then::Deny,
                Some(model) => Then::Model(model),
                None => terms.then,
            },
            warn_at,
            webhook,
            raise: terms.raise,
        })
    }

    /// Whether it names an address for the gateway to call.
    pub(super) fn calls_somebody(&self) -> bool {
        self.webhook.as_ref().is_some_and(|it| !it.is_empty())
    }
}
