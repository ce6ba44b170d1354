//! `tollward config show`: what is in force, and where it comes from.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::console::Console;
use crate::cli::place::{Environment, PlaceArgs};

/// What `config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every value that is in force; secrets are masked
    Show(ShowArgs),
}

/// Options of `config show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    key: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

/// Shows the configuration.
///
/// # Errors
/// The configuration is wrong or the output is closed.
pub fn run(
    args: &ShowArgs,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let loaded = place.load(environment, Vec::new())?;
    let shown: Vec<Shown> = loaded
        .origins
        .entries()
        .iter()
        .map(|entry| Shown {
            key: entry.path.clone(),
            value: entry.value.clone(),
            origin: args.origin.then(|| entry.origin.clone()),
        })
        .collect();
    if args.json {
        console.json(&shown)?;
    } else if args.origin {
        console.table(
            ["KEY", "VALUE", "FROM"],
            shown
                .into_iter()
                .map(|entry| [entry.key, entry.value, entry.origin.unwrap_or_default()]),
        )?;
    } else {
        console.table(
            ["KEY", "VALUE"],
            shown.into_iter().map(|entry| [entry.key, entry.value]),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
