//! `tollward ledger`: whether the books agree with themselves.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use tollward_store::{Budget, Store, Verification};

use crate::cli::console::{Console, time_text};

/// What `tollward ledger` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum LedgerCommand {
    /// Compare what budgets say was spent with the calls that are charged to them
    Verify(VerifyArgs),
}

/// Arguments of `tollward ledger verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
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
    let found = found.context("failed to compare the books")?;
    if args.json {
        console.json(&found)?;
    } else {
        let budgets = store.budgets.budgets().await;
        tell(
            &found,
            &budgets.context("failed to read the budgets")?,
            console,
        )?;
    }
    Ok(if found.differences.is_empty() {
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
