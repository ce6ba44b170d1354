//! `tollward limit`: how fast calls may come.
//!
//! A running gateway follows within a second. Limits of a holder are set together: what is not said is
//! not limited.

use anyhow::bail;
use clap::{Args, Subcommand};
use tollward_store::RateLimits;

use crate::cli::books::explained;
use crate::cli::budget::HolderArgs;
use crate::cli::budget::list::{holder_text, names};
use crate::cli::console::Console;
use crate::registrar::Registrar;

/// What `tollward limit` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum LimitCommand {
    /// Set limits, in place of those that were set before
    Set(SetArgs),
    /// List the limits
    List(ListArgs),
    /// Take limits back
    Clear(ClearArgs),
}

/// Arguments of `tollward limit set`.
#[derive(Debug, Clone, Args)]
pub struct SetArgs {
    #[command(flatten)]
    holder: HolderArgs,
    /// Calls a minute
    #[arg(long, value_name = "N")]
    rpm: Option<u32>,
    /// Tokens a minute, of input and output together
    #[arg(long, value_name = "N")]
    tpm: Option<u32>,
    /// Tokens of input a minute
    #[arg(long, value_name = "N")]
    input_tpm: Option<u32>,
    /// Tokens of output a minute
    #[arg(long, value_name = "N")]
    output_tpm: Option<u32>,
    /// Calls that run at once
    #[arg(long, value_name = "N")]
    parallel: Option<u32>,
}

/// Arguments of `tollward limit list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `tollward limit clear`.
#[derive(Debug, Clone, Args)]
pub struct ClearArgs {
    #[command(flatten)]
    holder: HolderArgs,
}

/// Runs `tollward limit`.
///
/// # Errors
/// The store refused, something that is named does not exist, or the output is closed.
pub async fn run(
    command: &LimitCommand,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match command {
        LimitCommand::Set(args) => {
            let limits = args.limits();
            if limits.is_nothing() {
                bail!(
                    "nothing is limited; say --rpm, --tpm, --input-tpm, --output-tpm or --parallel"
                );
            }
            set(&args.holder, limits, registrar).await?;
            Ok(writeln!(console.notes, "Set.")?)
        }
        LimitCommand::Clear(args) => {
            set(&args.holder, RateLimits::default(), registrar).await?;
            Ok(writeln!(console.notes, "Cleared.")?)
        }
        LimitCommand::List(args) => list(args, registrar, console).await,
    }
}

async fn set(
    holder: &HolderArgs,
    limits: RateLimits,
    registrar: &Registrar<'_>,
) -> anyhow::Result<()> {
    let set = registrar.set_limits(&holder.name(), limits).await;
    set.map(|_| ())
        .map_err(|error| explained(error, "failed to set the limits"))
}

async fn list(
    args: &ListArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let limits = registrar.limits().await;
    let limits = limits.map_err(|error| explained(error, "failed to read the limits"))?;
    if args.json {
        return Ok(console.json(&limits)?);
    }
    if limits.is_empty() {
        writeln!(
            console.notes,
            "No limits yet. Set some: tollward limit set --key KEY --rpm 60 --tpm 100000"
        )?;
        return Ok(());
    }
    let names = names(registrar).await?;
    let number = |it: Option<u32>| it.map(|it| it.to_string()).unwrap_or_default();
    let rows = limits.iter().map(|held| {
        let it = &held.limits;
        [
            holder_text(held.holder, &names),
            number(it.requests_per_minute),
            number(it.tokens_per_minute),
            number(it.input_tokens_per_minute),
            number(it.output_tokens_per_minute),
            number(it.parallel),
        ]
    });
    let heads = [
        "OF",
        "CALLS/MIN",
        "TOKENS/MIN",
        "INPUT/MIN",
        "OUTPUT/MIN",
        "AT ONCE",
    ];
    Ok(console.table(heads, rows)?)
}

impl SetArgs {
    fn limits(&self) -> RateLimits {
        RateLimits {
            requests_per_minute: self.rpm,
            tokens_per_minute: self.tpm,
            input_tokens_per_minute: self.input_tpm,
            output_tokens_per_minute: self.output_tpm,
            parallel: self.parallel,
        }
    }
}
