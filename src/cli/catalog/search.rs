//! `tollward catalog search`: models whose names have all the words, and that can do what is asked.

use clap::Args;
use serde::Serialize;
use tollward_config::catalog::{Ability, Catalog, Unit};

use super::Desk;
use super::able::{self, Able, parse_ability};
use super::money::{day, dollars, per};
use crate::cli::console::Console;

/// Arguments of `tollward catalog search`.
#[derive(Debug, Clone, Args)]
pub struct SearchArgs {
    /// Parts of names of models and providers, all of which must be there
    #[arg(required_unless_present = "can")]
    pub words: Vec<String>,
    /// Only models of which somebody says that they can do all of these: tools, vision, audio, schema, reasoning
    #[arg(long, value_name = "ABILITIES", value_delimiter = ',', value_parser = parse_ability)]
    pub can: Vec<Ability>,
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
    capabilities: Able,
    /// What it can do, for people.
    #[serde(skip)]
    can: String,
    /// Tokens, for people.
    #[serde(skip)]
    context: Option<u64>,
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
            if words.iter().all(|word| name.contains(word)) {
                found.extend(find(&catalog, provider, model, &args.can, desk.now_unix_s));
            }
        }
    }
    if args.json {
        return Ok(console.json(&found)?);
    }
    if found.is_empty() {
        let able = if args.can.is_empty() {
            ""
        } else {
            " and is known to be able to do that"
        };
        writeln!(
            console.notes,
            "No model has all of these in its name{able}."
        )?;
        return Ok(());
    }
    console.table(
        [
            "MODEL",
            "INPUT/1M",
            "OUTPUT/1M",
            "CONTEXT",
            "CAN",
            "SINCE",
            "",
        ],
        found.iter().map(row),
    )?;
    Ok(())
}

/// A model with what it costs at a moment in Unix seconds; `None` if it has no price or cannot do all that.
fn find<'a>(
    catalog: &Catalog,
    provider: &'a str,
    model: &'a str,
    can: &[Ability],
    at_unix_s: i64,
) -> Option<Found<'a>> {
    let listing = catalog.listing(provider, model)?;
    let known = &listing.capabilities;
    if can.iter().any(|it| known.can(*it) != Some(true)) {
        return None;
    }
    let price = listing.timeline.at(at_unix_s)?;
    let prices = price.terms.rates.iter();
    Some(Found {
        provider,
        model,
        since: price.from_unix_s.map(day),
        prices: prices
            .map(|(unit, pico)| (unit.name(), dollars(unit, pico), per(unit)))
            .collect(),
        capabilities: Able::from(known),
        can: able::names(known, true),
        context: known.context,
    })
}

fn row(found: &Found<'_>) -> [String; 7] {
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
        found
            .context
            .map_or_else(|| "-".to_owned(), |it| it.to_string()),
        found.can.clone(),
        found.since.clone().unwrap_or_else(|| "-".to_owned()),
        sold,
    ]
}
