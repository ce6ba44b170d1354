//! The commands that look into the store or change it: keys, who they belong to, what they may spend
//! and have spent. A gateway may be running on it.

use std::process::ExitCode;

use clap::Subcommand;
use tollward_store::Store;

use crate::cli::console::Console;
use crate::cli::{account, audit, budget, key, ledger, limit, node, reconcile, token, usage};
use crate::clock;
use crate::registrar::error::RegisterError;
use crate::registrar::{Actor, Registrar};

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub enum BookCommand {
    /// Create, list, change and revoke virtual keys
    Key(key::KeyArgs),
    /// Open, list, rename and close organisations, which have teams and keys
    Org {
        /// What to do.
        #[command(subcommand)]
        command: account::OrgCommand,
    },
    /// Open, list, rename and close teams, which have keys
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
    /// Issue, list and revoke admin tokens: who may use the admin API
    Token {
        /// What to do.
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Show who changed what
    Audit(audit::AuditArgs),
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

/// Runs a command of whoever is called `account` on this machine.
///
/// # Errors
/// The store refused, something that is named does not exist, or the output is closed.
pub async fn run(
    command: &BookCommand,
    store: &Store,
    account: Option<&str>,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let now_ms = clock::unix_ms();
    let actor = Actor::at_the_machine(account);
    let registrar = &Registrar {
        store,
        actor: &actor,
        now_ms,
    };
    match command {
        BookCommand::Key(args) => key::run(args, registrar, console).await?,
        BookCommand::Org { command } => account::run_org(command, registrar, console).await?,
        BookCommand::Team { command } => account::run_team(command, registrar, console).await?,
        BookCommand::Budget(args) => budget::run(args, registrar, console).await?,
        BookCommand::Limit { command } => limit::run(command, registrar, console).await?,
        BookCommand::Node { command } => node::run(command, registrar, console).await?,
        BookCommand::Token { command } => token::run(command, registrar, console).await?,
        BookCommand::Audit(args) => audit::run(args, registrar, console).await?,
        BookCommand::Usage(args) => usage::run(args, store, now_ms, console).await?,
        BookCommand::Reconcile(args) => return reconcile::run(args, store, console).await,
        BookCommand::Ledger { command } => return ledger::run(command, store, console).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// A refusal in the words of the command line: what does not exist can be listed.
pub(in crate::cli) fn explained(error: RegisterError, doing: &'static str) -> anyhow::Error {
    match error {
        RegisterError::Unknown { kind, .. } => {
            anyhow::anyhow!("{error}; see `{}`", kind.listing())
        }
        RegisterError::Store(error) => anyhow::Error::from(error).context(doing),
        other => other.into(),
    }
}
