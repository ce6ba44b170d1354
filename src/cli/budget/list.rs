//! `tollward budget list`.

use std::collections::HashMap;

use serde::Serialize;
use tollward_store::{Budget, Holder, NanoUsd, Period, Scope};

use crate::cli::books::explained;
use crate::cli::console::{Console, time_text};
use crate::registrar::Registrar;
use crate::registrar::budgets::Spending;

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

/// Lists the budgets that have not ended; as JSON, those that have too.
pub(super) async fn run(
    is_json: bool,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let budgets = registrar.budgets().await;
    let budgets = budgets.map_err(|error| explained(error, "failed to read the budgets"))?;
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
    let names = names(registrar).await?;
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

pub(super) fn listed(it: &Spending) -> Listed<'_> {
    Listed {
        budget: &it.budget,
        limit_now: it.limit_now,
        spent: it.spent,
        resets_ms: it.resets_ms,
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
pub(in crate::cli) async fn names(
    registrar: &Registrar<'_>,
) -> anyhow::Result<HashMap<Holder, String>> {
    let directory = registrar.directory().await;
    let directory = directory.map_err(|error| explained(error, "failed to read the accounts"))?;
    let accounts = directory.accounts.iter().map(|it| {
        let name = format!("{} {}", it.kind.command(), it.name);
        (Holder::of(it), name)
    });
    let keys = directory.keys.iter();
    let keys = keys.map(|it| (Holder::Key(it.id), format!("key {}", it.name)));
    Ok(accounts.chain(keys).collect())
}

/// What a holder is called.
pub(in crate::cli) fn holder_text(holder: Holder, names: &HashMap<Holder, String>) -> String {
    match holder {
        Holder::Gateway => "everybody".to_owned(),
        other => names.get(&other).cloned().unwrap_or_default(),
    }
}
