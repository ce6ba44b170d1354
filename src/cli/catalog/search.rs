//! `tollward catalog search`: models whose names have all the words.

use clap::Args;
use serde::Serialize;
use tollward_config::catalog::Unit;

use super::Desk;
use super::money::{day, dollars, per};
use crate::cli::console::Console;

/// Arguments of `tollward catalog search`.
#[derive(Debug, Clone, Args)]
pub struct SearchArgs {
    /// Parts of names of models and providers, all of which must be there
    #[arg(required = true)]
    pub words: Vec<String>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Found<'a> {
    provider: &'a str,
    model: &'a str,
    /// `null`: since before records began.
    since: Option<String>,
    /// What it costs, by unit: US dollars and for how many.
    prices: Vec<(&'static str, String, String)>,
}

/// Runs `tollward catalog search`.
///
/// # Errors
/// The table in use cannot be read, or the output is closed.
pub(super) fn run(
    args: &SearchArgs,
    desk: &Desk<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let catalog = desk.current()?;
    let words: Vec<String> = args.words.iter().map(|it| it.to_lowercase()).collect();
    let mut found = Vec::new();
    for provider in catalog.providers() {
        for model in catalog.models(provider) {
            let name = format!("{provider}/{model}").to_lowercase();
            if !words.iter().all(|word| name.contains(word)) {
                continue;
            }
            let timeline = catalog.timeline(provider, model).unwrap_or_default();
            let Some(price) = timeline.at(desk.now_unix_s) else {
                continue;
            };
            let prices = price.terms.rates.iter();
            found.push(Found {
                provider,
                model,
                since: price.from_unix_s.map(day),
                prices: prices
                    .map(|(unit, pico)| (unit.name(), dollars(unit, pico), per(unit)))
                    .collect(),
            });
        }
    }
    if args.json {
        return Ok(console.json(&found)?);
    }
    if found.is_empty() {
        writeln!(console.notes, "No model has all of these in its name.")?;
        return Ok(());
    }
    console.table(
        ["MODEL", "INPUT/1M", "OUTPUT/1M", "SINCE", ""],
        found.iter().map(row),
    )?;
    Ok(())
}

fn row(found: &Found<'_>) -> [String; 5] {
    let of = |unit: Unit| {
        let price = found.prices.iter().find(|(name, ..)| *name == unit.name());
        price.map_or_else(|| "-".to_owned(), |(_, usd, _)| format!("${usd}"))
    };
    // Where no token is sold, what is.
    let first = found.prices.first().filter(|_| of(Unit::Input) == "-");
    let sold = first.map_or_else(String::new, |(name, usd, per)| {
        format!("{} ${usd} per {per}", name.replace('_', " "))
    });
    [
        format!("{}/{}", found.provider, found.model),
        of(Unit::Input),
        of(Unit::Output),
        found.since.clone().unwrap_or_else(|| "-".to_owned()),
        sold,
    ]
}
