//! `tollward limit`: how fast calls may come.
//!
//! A running gateway follows within a second. What is not said stays as it is; 0 takes a limit back.

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
    /// Set limits; what is not said stays as it is, and 0 takes a limit back
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
            if !args.says_anything() {
                bail!(
                    "nothing is limited; say --rpm, --tpm, --input-tpm, --output-tpm or --parallel"
                );
            }
            let holder = args.holder.name();
            let set = registrar.change_limits(&holder, |it| args.over(it)).await;
            let set = set.map_err(|error| explained(error, "failed to set the limits"))?;
            Ok(writeln!(console.notes, "Set: {}.", text(&set.limits))?)
        }
        LimitCommand::Clear(args) => {
            let nothing = RateLimits::default();
            let cleared = registrar.set_limits(&args.holder.name(), nothing).await;
            cleared.map_err(|error| explained(error, "failed to clear the limits"))?;
            Ok(writeln!(console.notes, "Cleared.")?)
        }
        LimitCommand::List(args) => list(args, registrar, console).await,
    }
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

/// Limits in words.
fn text(limits: &RateLimits) -> String {
    let limits = [
        (limits.requests_per_minute, "calls a minute"),
        (limits.tokens_per_minute, "tokens a minute"),
        (limits.input_tokens_per_minute, "tokens of input a minute"),
        (limits.output_tokens_per_minute, "tokens of output a minute"),
        (limits.parallel, "calls at once"),
    ];
    let said = limits
        .into_iter()
        .filter_map(|(limit, what)| Some(format!("{} {what}", limit?)));
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        return "nothing is limited".to_owned();
    }
    said.join(", ")
}

impl SetArgs {
    fn said(&self) -> [Option<u32>; 5] {
        [
            self.rpm,
            self.tpm,
            self.input_tpm,
            self.output_tpm,
            self.parallel,
        ]
    }

    fn says_anything(&self) -> bool {
        self.said().iter().any(Option::is_some)
    }

    /// `limits` with what was said.
    fn over(&self, limits: RateLimits) -> RateLimits {
        let over = |said: Option<u32>, kept: Option<u32>| match said {
            Some(limit) => Some(limit).filter(|it| *it > 0),
            None => kept,
        };
        RateLimits {
            requests_per_minute: over(self.rpm, limits.requests_per_minute),
            tokens_per_minute: over(self.tpm, limits.tokens_per_minute),
            input_tokens_per_minute: over(self.input_tpm, limits.input_tokens_per_minute),
            output_tokens_per_minute: over(self.output_tpm, limits.output_tokens_per_minute),
            parallel: over(self.parallel, limits.parallel),
        }
    }
}

#[cfg(test)]
mod tests;
