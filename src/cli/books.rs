//! The commands that look into the store or change it: keys, who they belong to, what they may spend
//! and have spent. A gateway may be running on it.

use std::process::ExitCode;

use clap::Subcommand;
use tollward_store::Store;

use crate::cli::console::Console;
use crate::cli::{account, budget, key, ledger, limit, node, reconcile, usage};
use crate::clock;

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub enum BookCommand {
    /// Create, list and revoke virtual keys
    Key(key::KeyArgs),
    /// Open, list and close organisations, which have teams and keys
    Org {
        /// What to do.
        #[command(subcommand)]
        command: account::OrgCommand,
    },
    /// Open, list and close teams, which have keys
    Team {
        /// What to do.
        #[command(subcommand)]
        command: account::TeamCommand,
    },
    /// Set what keys, teams, organisations or everybody may spend
    Budget(budget::BudgetArgs),
    /// Set how fast the calls of keys, teams, organisations or everybody may come
    Limit {
        /// What to do.
        #[command(subcommand)]
        command: limit::LimitCommand,
    },
    /// Look after the gateways that share a database
    Node {
        /// What to do.
        #[command(subcommand)]
        command: node::NodeCommand,
    },
    /// Show what was used and what it cost
    Usage(usage::UsageArgs),
    /// Hold a vendor's bill against the ledger
    Reconcile(reconcile::ReconcileArgs),
    /// Check the books
    Ledger {
        /// What to do.
        #[command(subcommand)]
        command: ledger::LedgerCommand,
    },
}

/// Runs a command.
///
/// # Errors
/// The store refused, something that is named does not exist, or the output is closed.
pub async fn run(
    command: &BookCommand,
    store: &Store,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let now_ms = clock::unix_ms();
    match command {
        BookCommand::Key(args) => key::run(args, store, now_ms, console).await?,
        BookCommand::Org { command } => account::run_org(command, store, now_ms, console).await?,
        BookCommand::Team { command } => account::run_team(command, store, now_ms, console).await?,
        BookCommand::Budget(args) => budget::run(args, store, now_ms, console).await?,
        BookCommand::Limit { command } => limit::run(command, store, console).await?,
        BookCommand::Node { command } => node::run(command, store, now_ms, console).await?,
        BookCommand::Usage(args) => usage::run(args, store, now_ms, console).await?,
        BookCommand::Reconcile(args) => return reconcile::run(args, store, console).await,
        BookCommand::Ledger { command } => return ledger::run(command, store, console).await,
    }
    Ok(ExitCode::SUCCESS)
}
