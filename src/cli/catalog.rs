//! `tollward catalog`: what models cost and can do, who says so, and which price table is in use.
//!
//! The table in use is the shipped one, or a newer one that was fetched, or a pinned one: `shelf` keeps
//! them. What the configuration overrides is shown beside it. Only `update` uses the network, only
//! `update` and `pin` change anything, and a running gateway takes that over at once.

mod able;
mod diff;
mod lint;
pub(super) mod money;
mod search;
mod show;
mod update;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use tollward_config::PricingConfig;
use tollward_config::catalog::Catalog;

use crate::cli::console::Console;
use crate::shelf::{self, Choice, Shelf};

/// What to do with price tables.
#[derive(Debug, Clone, Subcommand)]
pub enum CatalogCommand {
    /// Show what a model costs and can do, and who says so
    Show(show::ShowArgs),
    /// Find models by parts of their names or by what they can do
    Search(search::SearchArgs),
    /// Compare two price tables
    Diff(diff::DiffArgs),
    /// Fetch newer prices
    Update(update::UpdateArgs),
    /// Take a price table into use and stay with it
    Pin(PinArgs),
    /// Look for what is wrong or old in the table in use
    Lint(lint::LintArgs),
}

/// Arguments of `tollward catalog pin`.
#[derive(Debug, Clone, Args)]
pub struct PinArgs {
    /// A date or id of a kept table, a file, or `shipped`; `none` goes back to the newest
    pub table: String,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// What the commands work with.
pub struct Desk<'a> {
    /// The tables of this machine.
    pub shelf: &'a Shelf,
    /// What the configuration says about prices.
    pub pricing: &'a PricingConfig,
    /// Now, in Unix seconds.
    pub now_unix_s: i64,
    /// The Python that has pip.
    pub python: &'a Path,
}

/// Runs `tollward catalog`.
///
/// # Errors
/// A table or a model is not there, or could not be had; the message says what would help.
pub async fn run(
    command: &CatalogCommand,
    desk: &Desk<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match command {
        CatalogCommand::Show(args) => show::run(args, desk, console),
        CatalogCommand::Search(args) => search::run(args, desk, console),
        CatalogCommand::Diff(args) => diff::run(args, desk, console),
        CatalogCommand::Update(args) => update::run(args, desk, console).await,
        CatalogCommand::Pin(args) => pin(args, desk, console),
        CatalogCommand::Lint(args) => lint::run(args, desk, console),
    }
}

impl Desk<'_> {
    fn current(&self) -> anyhow::Result<Arc<Catalog>> {
        Ok(self.shelf.current()?)
    }

    /// A table as people name it: `shipped`, `current`, a kept one's id or date, or a file.
    fn table(&self, name: &str) -> anyhow::Result<Arc<Catalog>> {
        let shipped = Catalog::embedded();
        match name {
            "shipped" => return Ok(shipped),
            "current" => return self.current(),
            _ => {}
        }
        let mut ids = self.shelf.kept();
        ids.push(shipped.id().to_owned());
        let fitting: Vec<&String> = ids.iter().filter(|id| id.starts_with(name)).collect();
        match fitting.as_slice() {
            [id] => return Ok(self.shelf.load(id)?),
            [] => {}
            several => bail!("`{name}` could be {}", join(several)),
        }
        let path = Path::new(name);
        if !path.exists() {
            bail!(
                "there is no table `{name}`; there are {}, `shipped`, `current`, or name a file",
                join(&ids)
            );
        }
        Ok(Arc::new(shelf::read(path)?))
    }
}

fn pin(args: &PinArgs, desk: &Desk<'_>, console: &mut Console<'_>) -> anyhow::Result<()> {
    let is_pinned = args.table != "none";
    let id = if is_pinned {
        let table = desk.table(&args.table)?;
        keep_file(&args.table, &table, desk)?;
        table.id().to_owned()
    } else {
        let shipped = Catalog::embedded().id().to_owned();
        // Ids begin with their dates.
        desk.shelf
            .kept()
            .into_iter()
            .chain([shipped])
            .max()
            .unwrap_or_default()
    };
    desk.shelf.choose(&Choice {
        id: id.clone(),
        is_pinned,
    })?;
    if args.json {
        console.json(&serde_json::json!({"id": id, "is_pinned": is_pinned}))?;
    } else {
        let stays = if is_pinned { " and stays" } else { "" };
        writeln!(console.out, "{id} is in use{stays}")?;
    }
    Ok(())
}

/// A table that is pinned must not vanish with the file it came from.
fn keep_file(name: &str, table: &Catalog, desk: &Desk<'_>) -> anyhow::Result<()> {
    let is_here = table.id() == Catalog::embedded().id()
        || desk.shelf.kept().iter().any(|id| id == table.id());
    if !is_here {
        let text = std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
        desk.shelf.keep(table, &text)?;
    }
    Ok(())
}

fn join<T: std::fmt::Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
