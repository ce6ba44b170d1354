//! `tollward catalog lint`: how old and how large the table in use is, and what to doubt in it.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use tollward_config::catalog::{Capabilities, Catalog, Input, Unit};

use super::Desk;
use super::money::dollars;
use crate::cli::console::Console;
use crate::shelf;

/// Arguments of `tollward catalog lint`.
#[derive(Debug, Clone, Args)]
pub struct LintArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    catalog: &'a str,
    is_pinned: bool,
    age_days: i64,
    is_old: bool,
    bytes: usize,
    inputs: &'a [Input],
    providers: Vec<Listed<'a>>,
    /// Models on whose price the sources do not agree.
    conflicts: Vec<Conflict<'a>>,
    /// Models of whose capabilities somebody says something.
    with_capabilities: usize,
    /// On how many models the sources do not agree, by capability.
    capability_conflicts: BTreeMap<&'static str, usize>,
    /// Models that cost nothing and do not say so in their names.
    free: Vec<String>,
    /// Models whose cached input is booked as fresh, at providers where others have a price for it.
    without_cache_price: Vec<String>,
    /// Providers whose prices depend on the hour, and the last day whose holidays are known.
    holidays_until: Vec<(&'a str, String)>,
    /// Overrides of a part of a price that is not listed.
    overrides_of_nothing: Vec<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    provider: &'a str,
    models: usize,
    /// Models whose price another source confirms.
    confirmed: usize,
}

#[derive(Serialize)]
struct Conflict<'a> {
    model: String,
    /// The source whose price is booked.
    source: &'a str,
    /// US dollars per million tokens of input and output.
    price: String,
    other: &'a str,
    other_price: String,
}

/// Runs `tollward catalog lint`.
///
/// # Errors
/// The table in use cannot be read, or the output is closed.
pub(super) fn run(
    args: &LintArgs,
    desk: &Desk<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let catalog = desk.current()?;
    let report = report(&catalog, desk)?;
    if args.json {
        return Ok(console.json(&report)?);
    }
    show(&report, console)
}

fn report<'a>(catalog: &'a Catalog, desk: &Desk<'_>) -> anyhow::Result<Report<'a>> {
    let age_days = (desk.now_unix_s - catalog.built_unix_s()) / 86_400;
    let mut report = Report {
        catalog: catalog.id(),
        is_pinned: desk.shelf.choice()?.is_some_and(|it| it.is_pinned),
        age_days,
        is_old: age_days > shelf::OLD_DAYS,
        bytes: catalog.bytes(),
        inputs: catalog.inputs(),
        providers: Vec::new(),
        conflicts: Vec::new(),
        with_capabilities: 0,
        capability_conflicts: BTreeMap::new(),
        free: Vec::new(),
        without_cache_price: Vec::new(),
        holidays_until: Vec::new(),
        overrides_of_nothing: overrides_of_nothing(catalog, desk),
    };
    for provider in catalog.providers() {
        report.read_provider(catalog, provider, desk.now_unix_s);
    }
    Ok(report)
}

impl<'a> Report<'a> {
    fn read_provider(&mut self, catalog: &'a Catalog, provider: &'a str, now: i64) {
        let mut listed = Listed {
            provider,
            models: 0,
            confirmed: 0,
        };
        let (mut cached, mut uncached) = (0, Vec::new());
        for model in catalog.models(provider) {
            let name = format!("{provider}/{model}");
            let Some(listing) = catalog.listing(provider, model) else {
                continue;
            };
            listed.models += 1;
            listed.confirmed += usize::from(!listing.confirmed_by.is_empty());
            let is_known = listing.capabilities != Capabilities::default();
            self.with_capabilities += usize::from(is_known);
            for fact in &listing.disputed {
                *self.capability_conflicts.entry(fact).or_default() += 1;
            }
            let Some(price) = listing.timeline.at(now) else {
                continue;
            };
            let rates = &price.terms.rates;
            let pair = |input, output| {
                let usd = |unit, pico| dollars(unit, pico);
                format!(
                    "{} / {}",
                    usd(Unit::Input, input),
                    usd(Unit::Output, output)
                )
            };
            let or_zero = |unit| rates.get(unit).unwrap_or(0);
            for rival in &listing.rivals {
                self.conflicts.push(Conflict {
                    model: name.clone(),
                    source: catalog.source(listing.source),
                    price: pair(or_zero(Unit::Input), or_zero(Unit::Output)),
                    other: catalog.source(rival.source),
                    other_price: pair(rival.input, rival.output),
                });
            }
            if rates.get(Unit::Input) == Some(0) && !name.contains(":free") {
                self.free.push(name.clone());
            }
            let is_text = rates.get(Unit::Output).is_some();
            match rates.get(Unit::CacheRead) {
                Some(_) => cached += 1,
                None if is_text => uncached.push(name),
                None => {}
            }
        }
        if cached > 0 {
            self.without_cache_price.append(&mut uncached);
        }
        if let Some(peak) = catalog.peak(provider) {
            let until = peak.days_off_until.clone();
            self.holidays_until.push((provider, until));
        }
        self.providers.push(listed);
    }
}

/// A part of nothing is no price; such a model is not priced at all.
fn overrides_of_nothing(catalog: &Catalog, desk: &Desk<'_>) -> Vec<String> {
    let overrides = desk.pricing.overrides.iter();
    let parts = overrides.filter(|it| {
        let is_part = matches!(it.terms, tollward_config::OverrideTerms::Multiply(_));
        let providers = catalog.providers();
        is_part
            && !providers
                .iter()
                .any(|name| catalog.timeline(name, &it.model).is_some())
    });
    parts
        .map(|it| format!("{}/{}", it.provider, it.model))
        .collect()
}

fn show(report: &Report<'_>, console: &mut Console<'_>) -> anyhow::Result<()> {
    let sum = |of: fn(&Listed<'_>) -> usize| report.providers.iter().map(of).sum::<usize>();
    let pinned = if report.is_pinned { ", pinned" } else { "" };
    writeln!(console.out, "{}{pinned}", report.catalog)?;
    let (models, confirmed) = (sum(|it| it.models), sum(|it| it.confirmed));
    writeln!(
        console.out,
        "{models} models of {} providers in {} KB; {confirmed} confirmed by a second source",
        report.providers.len(),
        report.bytes / 1_000,
    )?;
    let old = if report.is_old {
        ": old, `tollward catalog update` fetches a newer one"
    } else {
        ""
    };
    writeln!(console.out, "{} days old{old}", report.age_days)?;
    for input in report.inputs {
        let as_of = input.data_as_of.as_deref().unwrap_or("not told");
        writeln!(
            console.out,
            "  {} {} ({}), data as of {as_of}",
            input.name, input.version, input.licence
        )?;
    }
    for (provider, until) in &report.holidays_until {
        writeln!(
            console.out,
            "prices of {provider} depend on the hour; its holidays are known until {until}"
        )?;
    }
    list(console, "cost nothing and do not say so", &report.free)?;
    list(
        console,
        "are a part of a price that nobody lists",
        &report.overrides_of_nothing,
    )?;
    let (count, by) = (report.without_cache_price.len(), report.providers.len());
    writeln!(
        console.out,
        "{count} models of {by} providers have no price for cached input, which is booked as fresh (--json names them)"
    )?;
    show_capabilities(report, console)?;
    writeln!(console.out, "{} conflicts", report.conflicts.len())?;
    if report.conflicts.is_empty() {
        return Ok(());
    }
    let rows = report.conflicts.iter().map(|it| {
        [
            it.model.clone(),
            format!("{} ({})", it.price, it.source),
            format!("{} ({})", it.other_price, it.other),
        ]
    });
    console.table(["MODEL", "BOOKED, IN / OUT PER 1M", "OTHER"], rows)?;
    Ok(())
}

fn show_capabilities(report: &Report<'_>, console: &mut Console<'_>) -> std::io::Result<()> {
    let counts = report.capability_conflicts.iter();
    let counts: Vec<String> = counts
        .map(|(fact, models)| format!("{} of {models}", fact.replace('_', " ")))
        .collect();
    let differ = if counts.is_empty() {
        "nowhere".to_owned()
    } else {
        format!("on {}", counts.join(", "))
    };
    let models = report.with_capabilities;
    writeln!(
        console.out,
        "what {models} models can do is known; the sources differ {differ}"
    )
}

fn list(console: &mut Console<'_>, what: &str, models: &[String]) -> std::io::Result<()> {
    if models.is_empty() {
        return Ok(());
    }
    writeln!(
        console.out,
        "{} {what}: {}",
        models.len(),
        models.join(", ")
    )
}
