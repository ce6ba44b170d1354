//! Admitted + plan → [`Spending`]: what the attempts of a call may cost, and on whose budgets.
//!
//! Before anything is sent, it is looked whether some deployment of the plan fits into every budget
//! that the call counts towards. What each attempt may cost is reserved when it begins (`settle/reservation`),
//! because between the two another call may have taken the room. A call that does not say how long its answer may
//! be gets a bound, which is sent along: else nothing would be one.

mod demand;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tollward_store::{Estimate, MAX_CHARGES, NanoUsd, Scope, Then};

use crate::app::Gateway;
use crate::budgets::purse::{Full, Wanted};
use crate::budgets::{Budgets, InForce, Unanswered};
use crate::pipeline::admit::Admitted;
use crate::pipeline::route::{Plan, route, spellings};
use crate::policy::ceiling::{Demand, NoCeiling, STEP_OUTPUT};
use crate::snapshot::{Deployment, Snapshot};

/// What the attempts of a call may cost, and where that counts. Calls that no budget governs have none.
pub struct Spending {
    /// Towards which the call counts, or an attempt of it.
    governing: Vec<Governing>,
    demand: Demand,
    /// Output tokens of all choices that what is held pays for.
    covered: u64,
    /// When it is charged, in milliseconds since 1970.
    at_ms: i64,
    /// The bound on output that the caller did not set, for each choice.
    pub applied: Option<u64>,
}

/// A budget that a call may count towards.
struct Governing {
    budget: Arc<InForce>,
    /// It counts the model that was asked for, whoever answers.
    is_asked: bool,
}

/// What more is to be held for an answer that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Output tokens of all choices that are paid for then.
    pub covered: u64,
    /// How much more that is.
    pub more: NanoUsd,
}

/// Why nothing may be sent.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// The budget is spent, or what is left of it is less than the call may cost.
    #[error("the budget `{}` has {} left of {}, and this may cost up to {hold}", .of.budget, .of.left, .of.limit)]
    Exhausted {
        /// Which one.
        of: Shortage,
        /// What the call may cost.
        hold: NanoUsd,
    },
    /// It would do if the calls that run did not have their parts of it.
    #[error("the budget `{}` is reserved for calls that run; {} of {} is left, and this may cost up to {hold}", .of.budget, .of.left, .of.limit)]
    Reserved {
        /// Which one.
        of: Shortage,
        /// What the call may cost.
        hold: NanoUsd,
    },
    /// Nobody knows the price.
    #[error("nobody knows what `{deployment}` costs, so a key with a budget may not use it")]
    Unpriced {
        /// The deployment.
        deployment: Arc<str>,
    },
    /// Nobody can tell how much it costs at most.
    #[error(
        "what this costs has no bound ({what}), and the budget `{budget}` takes only what has one"
    )]
    Unbounded {
        /// What is not bounded.
        what: &'static str,
        /// A budget that wants a bound.
        budget: String,
    },
    /// The ledger does not take the reservation.
    #[error("the ledger cannot be written")]
    Unrecorded,
    /// The database that shares the budget out among gateways does not answer, and what was granted here is used up.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// More budgets than one row can be charged to.
    #[error(
        "this counts towards {count} budgets, and no call can count towards more than {MAX_CHARGES}"
    )]
    Crowded {
        /// How many there are.
        count: usize,
    },
}

/// What there is of a budget that has no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Its name.
    pub budget: String,
    /// What is neither spent nor reserved.
    pub left: NanoUsd,
    /// What may be spent.
    pub limit: NanoUsd,
    /// When its next period begins, in milliseconds since 1970; `None`: never.
    pub resets_ms: Option<i64>,
    /// What becomes of what it has no room for.
    then: Then,
    /// The other model does not take this call.
    is_then_closed: bool,
}

/// Finds out what a call may cost; budgets without room for it may send it to another model.
///
/// # Errors
/// [`ReserveError`] if no deployment of the plan, or of that other model, fits.
pub async fn reserve(
    gateway: &Gateway,
    snapshot: &Snapshot,
    admitted: &mut Admitted,
    plan: Plan,
) -> Result<(Plan, Option<Box<Spending>>), ReserveError> {
    let budgets = &gateway.budgets;
    let Some(mut spending) = spending(budgets, admitted, &plan)? else {
        return Ok((plan, None));
    };
    let error = match spending.fit(budgets, &plan).await {
        Ok(()) => return Ok((plan, Some(Box::new(spending)))),
        Err(error) => error,
    };
    let Some((model, rule)) = error.way_out() else {
        return Err(error);
    };
    // The caller asked for another one, and is told and billed under that name.
    let asked = std::mem::replace(&mut admitted.view.model, model);
    let plan = route(gateway, snapshot, admitted);
    admitted.view.model = asked;
    let Ok(plan) = plan else {
        return Err(error.closed());
    };
    let plan = plan.called(rule);
    // Others may count that model.
    let Some(mut spending) = self::spending(budgets, admitted, &plan)? else {
        return Ok((plan, None));
    };
    spending.fit(budgets, &plan).await?;
    Ok((plan, Some(Box::new(spending))))
}

/// What a call with that plan counts towards, and what it may use; `None` if no budget counts it.
fn spending(
    budgets: &Budgets,
    admitted: &Admitted,
    plan: &Plan,
) -> Result<Option<Spending>, ReserveError> {
    let governing = governing(budgets, admitted, plan);
    if governing.is_empty() {
        return Ok(None);
    }
    if governing.len() > MAX_CHARGES {
        return Err(ReserveError::Crowded {
            count: governing.len(),
        });
    }
    let is_bound = governing.iter().any(|it| it.budget.wants_bound());
    let demand = demand::demand(budgets, is_bound, admitted, plan);
    let demand = demand.map_err(|what| unbounded(&governing, what))?;
    Ok(Some(Spending {
        demand,
        covered: demand.output.unwrap_or(0).saturating_mul(demand.choices),
        at_ms: budgets.charged_at(admitted.at_ms),
        governing,
        applied: None,
    }))
}

/// The budgets that count the call: by the model that it asks for, or by one that may answer.
fn governing(budgets: &Budgets, admitted: &Admitted, plan: &Plan) -> Vec<Governing> {
    let key = admitted.caller.key().map(|it| &**it);
    let held = budgets.held_by(key);
    if held.is_empty() {
        return Vec::new();
    }
    let tags = &admitted.hints.tags;
    let names = spellings(admitted.operation, &admitted.view.model);
    let counts = |budget: Arc<InForce>| {
        let scope = &budget.budget.terms.scope;
        if !scope.counts_tags(tags.iter().map(|it| &**it)) {
            return None;
        }
        let is_asked = names.iter().any(|it| scope.counts_model(it));
        let may_count = is_asked || plan.anybody().any(|it| counts(scope, it));
        may_count.then_some(Governing { budget, is_asked })
    };
    held.into_iter().filter_map(counts).collect()
}

/// Whether a scope names the model of a deployment: by its public name or by the vendor's.
fn counts(scope: &Scope, deployment: &Deployment) -> bool {
    scope.counts_model(&deployment.model) || scope.counts_model(&deployment.upstream_model)
}

impl Spending {
    /// Whether a deployment of `plan` fits, and with which bound on output.
    async fn fit(&mut self, budgets: &Budgets, plan: &Plan) -> Result<(), ReserveError> {
        let mut refusal = None;
        for deployment in plan.candidates() {
            match self.fits(budgets, deployment).await {
                Ok(output) => {
                    // What is held is what is sent, also where the caller allows more than the model is known to write.
                    let is_sent = self.demand.output == Some(output);
                    let is_needed = self.demand.estimate == Estimate::Bound && output > 0;
                    self.applied = (is_needed && !is_sent).then_some(output);
                    return Ok(());
                }
                Err(error) => _ = refusal.get_or_insert(error),
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    /// How much output of `deployment` there is room for.
    async fn fits(&self, budgets: &Budgets, deployment: &Deployment) -> Result<u64, ReserveError> {
        let wanted = self.wanted(deployment);
        let at_s = self.at_ms / 1_000;
        let (prices, can) = (&deployment.prices, &deployment.capabilities);
        let output = self.demand.allowed(can);
        let hold = self.hold_of(deployment, output)?;
        budgets.provide(&wanted, hold).await?;
        let Some(full) = budgets.hopeless(&wanted, hold) else {
            return Ok(output);
        };
        let rooms = wanted
            .iter()
            .map(|it| budgets.purse(&it.window).reach(it.limit));
        let room = NanoUsd(rooms.min().unwrap_or(i64::MAX));
        let less = self.demand.affordable(room, prices, can, at_s);
        less.ok_or_else(|| self.shortage(&wanted, full, hold, deployment))
    }

    /// The windows that an attempt at `deployment` is charged to, and what may be spent in each.
    pub fn wanted(&self, deployment: &Deployment) -> Vec<Wanted> {
        let wanted = |it: &Arc<InForce>| Wanted {
            window: it.window(self.at_ms),
            limit: it.budget.limit_at(self.at_ms),
        };
        self.counting(deployment).map(wanted).collect()
    }

    /// Whether what is held is the most that an attempt can cost.
    pub fn is_bound(&self) -> bool {
        self.demand.estimate == Estimate::Bound
    }

    /// Whether what is spent and held at `deployment` is more than there is, on some budget.
    pub fn is_passed(&self, budgets: &Budgets, deployment: &Deployment) -> bool {
        let wanted = self.wanted(deployment);
        let room = |it: &Wanted| budgets.purse(&it.window).reach(it.limit);
        wanted.iter().any(|it| room(it) < 0)
    }

    fn counting(&self, deployment: &Deployment) -> impl Iterator<Item = &Arc<InForce>> {
        let counts = |it: &&Governing| {
            let scope = &it.budget.budget.terms.scope;
            scope.counts_provider(&deployment.provider)
                && (it.is_asked || counts(scope, deployment))
        };
        self.governing.iter().filter(counts).map(|it| &it.budget)
    }

    /// What is held for an attempt at `deployment`.
    ///
    /// # Errors
    /// Nobody can tell.
    pub fn hold(&self, deployment: &Deployment) -> Result<NanoUsd, ReserveError> {
        let sent = self.applied.or(match self.demand.estimate {
            Estimate::Bound => self.demand.output,
            Estimate::Learned => None,
        });
        let output = sent.unwrap_or_else(|| self.demand.allowed(&deployment.capabilities));
        self.hold_of(deployment, output)
    }

    fn hold_of(&self, deployment: &Deployment, output: u64) -> Result<NanoUsd, ReserveError> {
        let at_s = self.at_ms / 1_000;
        let (prices, can) = (&deployment.prices, &deployment.capabilities);
        let hold = self.demand.hold(prices, can, output, at_s);
        hold.map_err(|error| match error {
            NoCeiling::Unpriced => ReserveError::Unpriced {
                deployment: Arc::clone(&deployment.id),
            },
            NoCeiling::Unbounded => {
                unbounded(&self.governing, "it refers to what is not in the request")
            }
            NoCeiling::Unmeasured => unbounded(
                &self.governing,
                "it has no price by the piece, and nobody can tell how much such a call uses",
            ),
        })
    }

    /// What more is to be held for an answer of `deployment` that has so many tokens by now, under budgets whose
    /// holds are learned; `None` if it is covered.
    pub fn growth(&self, deployment: &Deployment, tokens: u64) -> Option<Growth> {
        if self.demand.estimate == Estimate::Bound || tokens <= self.covered {
            return None;
        }
        let covered = tokens.saturating_add(STEP_OUTPUT);
        let hold = |tokens: u64| {
            let each = tokens.div_ceil(self.demand.choices.max(1));
            self.hold_of(deployment, each).unwrap_or(NanoUsd::ZERO).0
        };
        let more = hold(covered).saturating_sub(hold(self.covered)).max(0);
        Some(Growth {
            covered,
            more: NanoUsd(more),
        })
    }

    /// Whether an answer of so many tokens has passed what is held by more than two steps.
    pub fn is_far_beyond(&self, tokens: u64) -> bool {
        tokens > self.covered.saturating_add(2 * STEP_OUTPUT)
    }

    /// What is held pays for so many tokens of all choices.
    pub fn cover(&mut self, tokens: u64) {
        self.covered = tokens;
    }

    /// How long the answer was, for each choice: what is learned for the next call.
    pub fn learns(&self, output: u64) -> Option<u64> {
        let is_learned = self.demand.estimate == Estimate::Learned && output > 0;
        is_learned.then(|| output.div_ceil(self.demand.choices.max(1)))
    }

    /// Why there is no room for `hold`, of which the first of `wanted` that is full decides.
    pub fn shortage(
        &self,
        wanted: &[Wanted],
        full: Full,
        hold: NanoUsd,
        deployment: &Deployment,
    ) -> ReserveError {
        let budget = self.counting(deployment).nth(full.place);
        let limit = wanted.get(full.place).map_or(NanoUsd::ZERO, |it| it.limit);
        let of = Shortage {
            budget: budget.map(|it| it.budget.name.clone()).unwrap_or_default(),
            left: NanoUsd(full.purse.reach(limit).max(0)),
            limit,
            resets_ms: budget.and_then(|it| it.bounds(self.at_ms).end_ms),
            then: budget
                .map(|it| it.budget.terms.then.clone())
                .unwrap_or_default(),
            is_then_closed: false,
        };
        let is_spent = full.purse.spent_by_all().saturating_add(hold.0) > limit.0;
        if is_spent {
            ReserveError::Exhausted { of, hold }
        } else {
            ReserveError::Reserved { of, hold }
        }
    }
}

impl ReserveError {
    /// The model that the call goes to instead, and under which name.
    fn way_out(&self) -> Option<(String, Arc<str>)> {
        let (Self::Exhausted { of, .. } | Self::Reserved { of, .. }) = self else {
            return None;
        };
        let Then::Model(model) = &of.then else {
            return None;
        };
        Some((model.clone(), format!("budget {}", of.budget).into()))
    }

    /// The other model does not take this call.
    fn closed(mut self) -> Self {
        if let Self::Exhausted { of, .. } | Self::Reserved { of, .. } = &mut self {
            of.is_then_closed = true;
        }
        self
    }

    /// What becomes of the call where its budget has another model for it, which does not take it.
    fn dead_end(&self) -> String {
        match self {
            Self::Exhausted { of, .. } | Self::Reserved { of, .. } if of.is_then_closed => {
                let Then::Model(model) = &of.then else {
                    return String::new();
                };
                format!(
                    "; its calls go to `{model}` then, which this caller may not use or which cannot answer this"
                )
            }
            _ => String::new(),
        }
    }

    /// What its caller can do.
    pub fn advice(&self) -> String {
        let advice = match self {
            Self::Exhausted { of, .. } => {
                let resets = of.resets_ms.map(Timestamp::from_millisecond);
                match resets {
                    Some(Ok(at)) => format!("; it begins anew at {at}"),
                    Some(Err(_)) | None => "; ask whoever runs this gateway for more".to_owned(),
                }
            }
            Self::Reserved { .. } => "; try again when some of them have ended".to_owned(),
            Self::Unrecorded | Self::Unanswered(_) => "; try again in a moment".to_owned(),
            Self::Crowded { .. } => "; ask whoever runs this gateway to end some".to_owned(),
            Self::Unpriced { .. } | Self::Unbounded { .. } => String::new(),
        };
        format!("{}{advice}", self.dead_end())
    }

    /// How long it takes until there may be room: calls that run end some time.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Reserved { .. } => Some(Duration::from_secs(1)),
            Self::Unrecorded | Self::Unanswered(_) => Some(Duration::from_secs(2)),
            Self::Exhausted { .. }
            | Self::Unpriced { .. }
            | Self::Unbounded { .. }
            | Self::Crowded { .. } => None,
        }
    }
}

/// Whether what follows from a call that nobody looks into may be left without a charge.
///
/// # Errors
/// A budget governs it: what it costs is not known, now or later.
pub fn unbudgeted(gateway: &Gateway, admitted: &Admitted) -> Result<(), ReserveError> {
    let key = admitted.caller.key().map(|it| &**it);
    match gateway.budgets.any(key) {
        None => Ok(()),
        Some(it) => Err(ReserveError::Unbounded {
            what: "what the provider does with it is not told to anybody here",
            budget: it.budget.name.clone(),
        }),
    }
}

fn unbounded(governing: &[Governing], what: &'static str) -> ReserveError {
    let budget = governing.iter().find(|it| it.budget.wants_bound());
    ReserveError::Unbounded {
        what,
        budget: budget.map_or_else(String::new, |it| it.budget.budget.name.clone()),
    }
}
