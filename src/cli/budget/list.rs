//! `tollward budget list`.

use std::collections::HashMap;

use anyhow::Context;
use serde::Serialize;
use tollward_store::{Budget, Holder, NanoUsd, Period, Store, Webhook, Window};

use crate::cli::console::{Console, time_text};
use crate::policy::period;

/// A budget with what was charged in the period that runs.
#[derive(Serialize)]
struct Listed<'b> {
    #[serde(flatten)]
    budget: &'b Budget,
    /// What may be spent now.
    limit_now: NanoUsd,
    spent: NanoUsd,
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_ms: Option<i64>,
}

/// A webhook without what may be secret of it: its host alone.
fn without_secrets(mut budget: Budget) -> Budget {
    budget.terms.webhook = budget.terms.webhook.map(|it| {
        let host = it.0.split('/').nth(2).unwrap_or_default();
        Webhook(host.rsplit('@').next().unwrap_or_default().to_owned())
    });
    budget
}

/// Lists the budgets that have not ended; as JSON, those that have too.
pub(super) async fn run(
    is_json: bool,
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    store
        .ledger
        .flush()
        .await
        .context("failed to read the ledger")?;
    let budgets = store.budgets.budgets().await;
    let budgets = budgets.context("failed to read the budgets")?;
    let budgets: Vec<Budget> = budgets.into_iter().map(without_secrets).collect();
    let windows: Vec<Window> = budgets.iter().map(|it| window(it, now_ms)).collect();
    let spent = store.budgets.spent(&windows).await;
    let spent = spent.context("failed to read what was spent")?;
    let spent: HashMap<Window, NanoUsd> =
        spent.into_iter().map(|it| (it.window, it.amount)).collect();
    let listed = |budget| listed(budget, &spent, now_ms);
    if is_json {
        return Ok(console.json(&budgets.iter().map(listed).collect::<Vec<_>>())?);
    }
    let in_force: Vec<Listed<'_>> = budgets
        .iter()
        .filter(|it| it.ended_ms.is_none())
        .map(listed)
        .collect();
    if in_force.is_empty() {
        writeln!(
            console.notes,
            "No budgets yet. Make one: tollward budget create NAME --team TEAM --limit 100 --per month"
        )?;
        return Ok(());
    }
    let names = names(store).await?;
    let rows = in_force.iter().map(|it| {
        let left = NanoUsd(it.limit_now.0.saturating_sub(it.spent.0));
        [
            it.budget.name.clone(),
            holder_text(it.budget.holder, &names),
            it.limit_now.to_string(),
            period_text(it.budget).to_owned(),
            it.spent.to_string(),
            left.to_string(),
            it.resets_ms.map_or_else(|| "never".to_owned(), time_text),
        ]
    });
    let heads = [
        "NAME",
        "OF",
        "LIMIT",
        "PER",
        "SPENT",
        "LEFT",
        "RESETS (UTC)",
    ];
    Ok(console.table(heads, rows)?)
}

fn listed<'b>(budget: &'b Budget, spent: &HashMap<Window, NanoUsd>, now_ms: i64) -> Listed<'b> {
    let window = window(budget, now_ms);
    Listed {
        budget,
        limit_now: budget.limit_at(now_ms),
        spent: spent.get(&window).copied().unwrap_or(NanoUsd::ZERO),
        resets_ms: bounds(budget, now_ms).end_ms,
    }
}

/// The window that runs.
fn window(budget: &Budget, now_ms: i64) -> Window {
    Window {
        budget: budget.id,
        start_ms: bounds(budget, now_ms).start_ms,
        subject: 0,
    }
}

fn bounds(budget: &Budget, now_ms: i64) -> period::Bounds {
    let zone = period::zone(&budget.terms.zone).unwrap_or(jiff::tz::TimeZone::UTC);
    period::bounds(budget.terms.period, &zone, now_ms)
}

/// How often a budget begins anew, in words.
pub(super) fn period_text(budget: &Budget) -> &'static str {
    match budget.terms.period {
        Period::Day => "a day",
        Period::Week => "a week",
        Period::Month => "a month",
        Period::Total => "in all",
    }
}

/// What holders are called.
pub(in crate::cli) async fn names(store: &Store) -> anyhow::Result<HashMap<Holder, String>> {
    let accounts = store.budgets.accounts().await;
    let accounts = accounts.context("failed to read the accounts")?;
    let accounts = accounts.iter().map(|it| {
        let name = format!("{} {}", it.kind.command(), it.name);
        (Holder::of(it), name)
    });
    let keys = store.keys.list().await.context("failed to read the keys")?;
    let keys = keys
        .iter()
        .map(|it| (Holder::Key(it.id), format!("key {}", it.name)));
    Ok(accounts.chain(keys).collect())
}

/// What a holder is called.
pub(in crate::cli) fn holder_text(holder: Holder, names: &HashMap<Holder, String>) -> String {
    match holder {
        Holder::Gateway => "everybody".to_owned(),
        other => names.get(&other).cloned().unwrap_or_default(),
    }
}
