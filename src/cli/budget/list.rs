//! `tollward budget list`.

use std::collections::HashMap;

use anyhow::Context;
use serde::Serialize;
use tollward_store::{Budget, Holder, NanoUsd, Period, Scope, Store, Webhook, Window};

use crate::budgets::InForce;
use crate::cli::console::{Console, time_text};

/// A budget with what was charged in the period that runs.
#[derive(Serialize)]
pub(super) struct Listed<'b> {
    #[serde(flatten)]
    pub(super) budget: &'b Budget,
    /// What may be spent now.
    pub(super) limit_now: NanoUsd,
    pub(super) spent: NanoUsd,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resets_ms: Option<i64>,
}

/// A webhook without what may be secret of it: its host alone.
pub(super) fn without_secrets(mut budget: Budget) -> Budget {
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
    let budgets = budgets.into_iter().map(without_secrets);
    let budgets: Vec<InForce> = budgets.map(InForce::new).collect();
    let windows: Vec<Window> = budgets.iter().map(|it| it.window(now_ms)).collect();
    let spent = store.budgets.spent(&windows).await;
    let spent = spent.context("failed to read what was spent")?;
    let spent: HashMap<Window, NanoUsd> =
        spent.into_iter().map(|it| (it.window, it.amount)).collect();
    let listed = |it| listed(it, &spent, now_ms);
    if is_json {
        return Ok(console.json(&budgets.iter().map(listed).collect::<Vec<_>>())?);
    }
    let in_force: Vec<Listed<'_>> = budgets
        .iter()
        .filter(|it| it.budget.ended_ms.is_none())
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
            limit_text(it),
            period_text(it.budget).to_owned(),
            it.spent.to_string(),
            left.to_string(),
            it.resets_ms.map_or_else(|| "never".to_owned(), time_text),
            scope_text(&it.budget.terms.scope),
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
        "ONLY",
    ];
    Ok(console.table(heads, rows)?)
}

/// What may be spent now, and whether that is more than usual.
fn limit_text(listed: &Listed<'_>) -> String {
    let is_raised = listed.limit_now != listed.budget.limit;
    let raised = if is_raised { " (raised)" } else { "" };
    format!("{}{raised}", listed.limit_now)
}

/// Which calls count, in words; nothing if all do.
pub(super) fn scope_text(scope: &Scope) -> String {
    let lists = [
        ("models", &scope.models),
        ("providers", &scope.providers),
        ("tags", &scope.tags),
    ];
    let said = lists.iter().filter(|(_, list)| !list.is_empty());
    let said = said.map(|(what, list)| format!("{what} {}", list.join(",")));
    said.collect::<Vec<_>>().join("; ")
}

pub(super) fn listed<'b>(
    it: &'b InForce,
    spent: &HashMap<Window, NanoUsd>,
    now_ms: i64,
) -> Listed<'b> {
    let sum = spent.get(&it.window(now_ms)).copied();
    Listed {
        budget: &it.budget,
        limit_now: it.budget.limit_at(now_ms),
        spent: sum.unwrap_or(NanoUsd::ZERO),
        resets_ms: it.bounds(now_ms).end_ms,
    }
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
