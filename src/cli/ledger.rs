//! `tollward ledger`: whether the books agree with themselves.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Serialize;
use tollward_store::{Budget, NanoUsd, RollupCheck, Store, Verification};

use crate::cli::console::{Console, time_text};

/// What `tollward ledger` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum LedgerCommand {
    /// Compare what budgets and reports say with the calls themselves
    Verify(VerifyArgs),
}

/// Arguments of `tollward ledger verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// What was compared.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    budgets: Verification,
    rollups: RollupCheck,
}

/// Runs `tollward ledger`; it fails where the books differ.
///
/// # Errors
/// The ledger cannot be read, or the output is closed.
pub async fn run(
    command: &LedgerCommand,
    store: &Store,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let LedgerCommand::Verify(args) = command;
    store
        .ledger
        .flush()
        .await
        .context("failed to read the ledger")?;
    let found = store.budgets.verify().await;
    let rollups = store.ledger.check_rollups().await;
    let found = Found {
        budgets: found.context("failed to compare the books")?,
        rollups: rollups.context("failed to compare the rollups")?,
    };
    if args.json {
        console.json(&found)?;
    } else {
        let budgets = store.budgets.budgets().await;
        let budgets = budgets.context("failed to read the budgets")?;
        tell(&found.budgets, &budgets, console)?;
        tell_of_rollups(&found.rollups, console)?;
    }
    let differences = found.budgets.differences.len() + found.rollups.differences.len();
    Ok(if differences == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tell(found: &Verification, budgets: &[Budget], console: &mut Console<'_>) -> anyhow::Result<()> {
    let rows = found.differences.iter().map(|it| {
        let name = budgets.iter().find(|budget| budget.id == it.budget);
        [
            name.map_or_else(|| it.budget.to_string(), |budget| budget.name.clone()),
            time_text(it.start_ms),
            it.window.to_string(),
            it.entries.to_string(),
        ]
    });
    if !found.differences.is_empty() {
        console.table(["BUDGET", "SINCE (UTC)", "SAYS", "ITS CALLS SAY"], rows)?;
    }
    Ok(writeln!(
        console.notes,
        "{} entries in {} windows of budgets, {} attempts that run or were cut by a crash; {} differences.",
        found.entries,
        found.windows,
        found.open_holds,
        found.differences.len(),
    )?)
}

fn tell_of_rollups(found: &RollupCheck, console: &mut Console<'_>) -> anyhow::Result<()> {
    let rows = found.differences.iter().map(|it| {
        [
            time_text(it.start_ms),
            it.key.map_or_else(|| "-".to_owned(), |key| key.to_string()),
            it.model.clone(),
            it.deployment.clone(),
            format!("{:+}", it.attempts),
            NanoUsd(it.cost_nano).to_string(),
        ]
    });
    if !found.differences.is_empty() {
        let headings = [
            "HOUR (UTC)",
            "KEY",
            "MODEL",
            "DEPLOYMENT",
            "ATTEMPTS TOO MANY",
            "COST TOO MUCH",
        ];
        console.table(headings, rows)?;
    }
    Ok(writeln!(
        console.notes,
        "{} rows of rollups; {} differences.",
        found.rows,
        found.differences.len(),
    )?)
}
