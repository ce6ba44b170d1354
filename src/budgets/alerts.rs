//! Tells somebody when a part of a budget is spent.
//!
//! Once a second it is looked which budgets have passed a part of their limit at which they are to tell of
//! it. Each part of a period is told once, the highest alone if several were passed; who has a webhook is sent it, and the
//! event log has it in any case. What was passed before the start is not told again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tollward_store::{Budget, NanoUsd, Webhook, Window};

use super::Budgets;

const EVERY: Duration = Duration::from_secs(1);
/// How long a webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries, and the pause between two.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);
/// Webhooks that are told at once: a dead one keeps no other waiting. What comes while so many are dead is in the log alone.
const AT_ONCE: usize = 64;

/// A part of a budget is spent: what a webhook is sent, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What it is about: `budget_spent`.
    pub event: &'static str,
    /// The budget, as it was decided, without where it tells.
    #[serde(flatten)]
    pub budget: Budget,
    /// Which part, in percent.
    pub percent: u8,
    /// What is spent.
    pub spent: NanoUsd,
    /// What may be spent now.
    pub limit_now: NanoUsd,
    /// When the period began, milliseconds since 1970.
    pub period_start_ms: i64,
    /// Who is sent it.
    #[serde(skip)]
    webhook: Option<Webhook>,
}

/// What was told of each window.
pub type Told = HashMap<Window, u8>;

impl Budgets {
    /// The parts that were passed at `now_ms` and not told yet.
    pub fn passed(&self, told: &mut Told, now_ms: i64) -> Vec<Alert> {
        let terms = self.terms.load();
        let mut alerts = Vec::new();
        let mut current = Told::new();
        for it in terms.all().filter(|it| !it.budget.terms.warn_at.is_empty()) {
            let window = it.window(now_ms);
            let spent = self.purse(&window).spent_by_all();
            let limit = it.budget.limit_at(now_ms);
            let is_passed = |percent: &u8| {
                i128::from(spent) * 100 >= i128::from(limit.0) * i128::from(*percent) && spent > 0
            };
            let parts = it.budget.terms.warn_at.iter().copied();
            let highest = parts.filter(is_passed).max().unwrap_or(0);
            let before = told.get(&window).copied().unwrap_or(0);
            current.insert(window, highest.max(before));
            if highest > before {
                let mut budget = it.budget.clone();
                alerts.push(Alert {
                    event: "budget_spent",
                    webhook: budget.terms.webhook.take(),
                    budget,
                    percent: highest,
                    spent: NanoUsd(spent),
                    limit_now: limit,
                    period_start_ms: window.start_ms,
                });
            }
        }
        *told = current;
        alerts
    }
}

/// Tells until `stop`.
pub async fn follow(budgets: Arc<Budgets>, sent: Counter, stop: CancellationToken) {
    let mut told = Told::new();
    drop(budgets.passed(&mut told, budgets.present_ms()));
    let telling = async {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                _ = every.tick() => {
                    // The time that calls are charged at, also where the clock was set back.
                    for alert in budgets.passed(&mut told, budgets.present_ms()) {
                        note(&alert);
                        sent.inc();
                        if open.len() < AT_ONCE {
                            open.push(tell(alert));
                        } else {
                            tracing::warn!(budget = %alert.budget.name, "a webhook was not told: too many do not answer");
                        }
                    }
                }
                Some(()) = open.next() => {}
            }
        }
    };
    stop.run_until_cancelled(telling).await;
}

fn note(alert: &Alert) {
    tracing::warn!(
        budget = %alert.budget.name, percent = alert.percent, spent_usd = %alert.spent,
        limit_usd = %alert.limit_now, "a part of a budget is spent"
    );
}

/// Sends an alert where its budget says.
async fn tell(alert: Alert) {
    let Some(webhook) = &alert.webhook else {
        return;
    };
    for attempt in 1..=TRIES {
        match post(&webhook.0, &alert).await {
            Ok(()) => return,
            // The address may hold a secret.
            Err(error) => tracing::warn!(
                budget = %alert.budget.name, attempt, error = %error.without_url(), "a webhook was not told"
            ),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn post(webhook: &str, alert: &Alert) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let response = client.post(webhook).json(alert).send().await?;
    response.error_for_status().map(drop)
}
