//! `tollward catalog diff`: what one price table has that another has not, at another price, or with other abilities.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;
use tollward_config::catalog::{Catalog, Rates, Unit};

use super::Desk;
use super::able::{self, ChangedFact};
use super::money::{change, dollars, parse_day};
use crate::cli::console::Console;

/// Arguments of `tollward catalog diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// A date or id of a kept table, a file, `shipped` or `current`
    pub old: String,
    /// The same
    #[arg(default_value = "current")]
    pub new: String,
    /// Compare the prices of a day [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub at: Option<i64>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// What differs between two tables.
#[derive(Debug, Default, Serialize)]
pub(super) struct Difference {
    pub(super) old: String,
    pub(super) new: String,
    /// Models that only the new one prices.
    pub(super) added: Vec<String>,
    /// Models that only the old one prices.
    pub(super) gone: Vec<String>,
    /// Models that both price, and not alike.
    pub(super) changed: Vec<Changed>,
    /// Models that both price alike.
    pub(super) same: usize,
    /// What the new one says otherwise about what models can do.
    pub(super) capabilities: Vec<ChangedFact>,
}

/// One unit of one model whose price changed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Changed {
    pub(super) model: String,
    pub(super) unit: &'static str,
    /// US dollars; `null` when it had no price of its own.
    pub(super) old: Option<String>,
    /// The same.
    pub(super) new: Option<String>,
    /// In percent; empty when one of the two is missing.
    pub(super) change: String,
    /// Whether it is more than ten times as much, or less than a tenth.
    pub(super) is_jump: bool,
}

/// Runs `tollward catalog diff`.
///
/// # Errors
/// One of the tables is not there.
pub(super) fn run(
    args: &DiffArgs,
    desk: &Desk<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let (old, new) = (desk.table(&args.old)?, desk.table(&args.new)?);
    let difference = compare(&old, &new, args.at.unwrap_or(desk.now_unix_s));
    if args.json {
        return Ok(console.json(&difference)?);
    }
    show(&difference, console)
}

/// Compares the prices of a moment in Unix seconds, in the usual tier of service.
pub(super) fn compare(old: &Catalog, new: &Catalog, at_unix_s: i64) -> Difference {
    let mut difference = Difference {
        old: old.id().to_owned(),
        new: new.id().to_owned(),
        ..Difference::default()
    };
    let providers: BTreeSet<&str> = [old, new]
        .into_iter()
        .flat_map(|it| it.providers())
        .collect();
    for provider in providers {
        let models: BTreeSet<&str> = [old, new]
            .into_iter()
            .flat_map(|it| it.models(provider))
            .collect();
        for model in models {
            let price = |catalog: &Catalog| rates(catalog, provider, model, at_unix_s);
            let name = format!("{provider}/{model}");
            difference.note(&name, price(old).as_ref(), price(new).as_ref());
            let known = |catalog: &Catalog| catalog.capabilities(provider, model);
            if let (Some(old), Some(new)) = (known(old), known(new)) {
                let changes = able::changes(&name, &old, &new);
                difference.capabilities.extend(changes);
            }
        }
    }
    difference
}

fn rates(catalog: &Catalog, provider: &str, model: &str, at_unix_s: i64) -> Option<Rates> {
    let timeline = catalog.timeline(provider, model)?;
    Some(timeline.at(at_unix_s)?.terms.rates)
}

impl Difference {
    fn note(&mut self, model: &str, old: Option<&Rates>, new: Option<&Rates>) {
        match (old, new) {
            (None, None) => {}
            (None, Some(_)) => self.added.push(model.to_owned()),
            (Some(_), None) => self.gone.push(model.to_owned()),
            (Some(old), Some(new)) if old == new => self.same += 1,
            (Some(old), Some(new)) => {
                for unit in Unit::ALL {
                    self.changed
                        .extend(changed(model, unit, old.get(unit), new.get(unit)));
                }
            }
        }
    }

    /// The changes that are too large to be believed unasked.
    pub(super) fn jumps(&self) -> Vec<&Changed> {
        self.changed.iter().filter(|it| it.is_jump).collect()
    }
}

fn changed(model: &str, unit: Unit, old: Option<u64>, new: Option<u64>) -> Option<Changed> {
    if old == new {
        return None;
    }
    let both = old.zip(new);
    let is_tenfold = |(old, new): (u64, u64)| {
        let (low, high) = (u128::from(old.min(new)), u128::from(old.max(new)));
        high > low * 10
    };
    Some(Changed {
        model: model.to_owned(),
        unit: unit.name(),
        old: old.map(|pico| dollars(unit, pico)),
        new: new.map(|pico| dollars(unit, pico)),
        change: both.map_or_else(String::new, |(old, new)| change(old, new)),
        is_jump: both.is_some_and(is_tenfold),
    })
}

/// Writes a difference for people.
pub(super) fn show(difference: &Difference, console: &mut Console<'_>) -> anyhow::Result<()> {
    let dollar = |usd: &Option<String>| {
        usd.as_ref()
            .map_or_else(|| "-".to_owned(), |usd| format!("${usd}"))
    };
    let added = difference.added.iter().map(|it| (it, "new"));
    let gone = difference.gone.iter().map(|it| (it, "gone"));
    let row = |(model, word): (&String, &str)| {
        let empty = String::new;
        [model.clone(), word.to_owned(), empty(), empty(), empty()]
    };
    let changed = difference.changed.iter().map(|it| {
        [
            it.model.clone(),
            it.unit.replace('_', " "),
            dollar(&it.old),
            dollar(&it.new),
            it.change.clone(),
        ]
    });
    let word = |said: &Option<String>| said.clone().unwrap_or_else(|| "-".to_owned());
    let facts = difference.capabilities.iter().map(|it| {
        let what = it.fact.replace('_', " ");
        [
            it.model.clone(),
            what,
            word(&it.old),
            word(&it.new),
            String::new(),
        ]
    });
    let others = facts.chain(added.chain(gone).map(row));
    let rows: Vec<_> = changed.chain(others).collect();
    if !rows.is_empty() {
        console.table(["MODEL", "WHAT", "OLD", "NEW", "CHANGE"], rows)?;
    }
    let Difference { old, new, same, .. } = difference;
    let counts = [&difference.added, &difference.gone].map(Vec::len);
    let models: BTreeSet<&str> = difference.changed.iter().map(|it| &*it.model).collect();
    let able = difference.capabilities.iter().map(|it| &*it.model);
    let able: BTreeSet<&str> = able.collect();
    writeln!(
        console.notes,
        "{old} -> {new}: {} models changed in price, {} new, {} gone, {same} the same; {} changed in what they can do",
        models.len(),
        counts[0],
        counts[1],
        able.len(),
    )?;
    Ok(())
}
