//! `tollward catalog show`: everything that is known of one model.

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use tollward_config::catalog::{Catalog, Listing, Price, Rates, ServiceTerms, Unit};
use tollward_config::{OverriddenPrice, OverrideTerms};

use super::Desk;
use super::able::{self, Able};
use super::money::{day, dollars, parse_day, per};
use crate::cli::console::{Console, printable};

/// Arguments of `tollward catalog show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// The model, with or without a provider before it: `openai/gpt-5.6`, `gpt-5.6`
    pub model: String,
    /// The price on a day [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub at: Option<i64>,
    /// Every price it ever had, too
    #[arg(long)]
    pub history: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    catalog: &'a str,
    overrides: Vec<OverrideReport<'a>>,
    models: Vec<ModelReport<'a>>,
}

#[derive(Serialize)]
struct OverrideReport<'a> {
    provider: &'a str,
    model: &'a str,
    /// `null` when it is a part of the table's price.
    prices: Option<Vec<Line>>,
    multiply_ppm: Option<u64>,
}

#[derive(Serialize)]
struct ModelReport<'a> {
    provider: &'a str,
    model: String,
    source: &'a str,
    confirmed_by: Vec<&'a str>,
    differs: Vec<Differing<'a>>,
    capabilities: Able,
    /// Fields of `capabilities` on which the sources differ.
    disputed: Vec<&'static str>,
    /// `capabilities` and `disputed` for people.
    #[serde(skip)]
    able: Vec<String>,
    prices: Vec<PriceReport>,
}

#[derive(Serialize)]
struct Differing<'a> {
    source: &'a str,
    input: String,
    output: String,
}

#[derive(Serialize)]
struct PriceReport {
    id: String,
    /// `null`: since before records began.
    from: Option<String>,
    in_force: bool,
    read_at: Option<String>,
    prices: Vec<Line>,
    /// Millionths of the price, by region.
    regions: Vec<(String, u64)>,
}

/// What one unit costs on which terms, in US dollars.
#[derive(Serialize)]
struct Line {
    unit: &'static str,
    /// Empty: the usual ones.
    terms: String,
    usd: String,
    per: String,
}

/// Runs `tollward catalog show`.
///
/// # Errors
/// Nobody lists the model and nothing overrides it.
pub(super) fn run(
    args: &ShowArgs,
    desk: &Desk<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let catalog = desk.current()?;
    let at = args.at.unwrap_or(desk.now_unix_s);
    let overrides = overrides(&desk.pricing.overrides, &args.model);
    let models: Vec<ModelReport<'_>> = listings(&catalog, &args.model)
        .into_iter()
        .map(|(provider, listing)| model(&catalog, provider, &listing, at, args.history))
        .collect();
    if models.is_empty() && overrides.is_empty() {
        bail!(
            "no price of `{}` is known; `tollward catalog search` finds names, `pricing.overrides` gives it a price",
            printable(&args.model)
        );
    }
    if args.json {
        return Ok(console.json(&Report {
            catalog: catalog.id(),
            overrides,
            models,
        })?);
    }
    for written in &overrides {
        show_override(written, console)?;
    }
    for model in &models {
        show_model(model, console)?;
    }
    writeln!(console.notes, "price table {}", catalog.id())?;
    Ok(())
}

/// The model at every provider that lists it; a name may have its provider before it, or a slash of its own.
fn listings<'a>(catalog: &'a Catalog, name: &str) -> Vec<(&'a str, Listing)> {
    let at = |provider: &'a str, model: &str| Some((provider, catalog.listing(provider, model)?));
    let providers = catalog.providers();
    let mut found: Vec<_> = providers
        .iter()
        .filter_map(|provider| at(provider, name.strip_prefix(provider)?.strip_prefix('/')?))
        .collect();
    found.extend(providers.iter().filter_map(|provider| at(provider, name)));
    found
}

fn overrides<'a>(written: &'a [OverriddenPrice], name: &str) -> Vec<OverrideReport<'a>> {
    let is_meant =
        |it: &&OverriddenPrice| it.model == name || name == format!("{}/{}", it.provider, it.model);
    let report = |it: &'a OverriddenPrice| {
        let (prices, multiply_ppm) = match &it.terms {
            OverrideTerms::Rates(rates) => (Some(lines(rates, "")), None),
            OverrideTerms::Multiply(factor) => (None, Some(*factor)),
        };
        OverrideReport {
            provider: &it.provider,
            model: &it.model,
            prices,
            multiply_ppm,
        }
    };
    written.iter().filter(is_meant).map(report).collect()
}

fn model<'a>(
    catalog: &'a Catalog,
    provider: &'a str,
    listing: &Listing,
    at: i64,
    with_history: bool,
) -> ModelReport<'a> {
    let in_force = listing.timeline.at(at).map(|price| &price.id);
    let prices = listing.timeline.prices();
    let is_shown = |price: &&Price| {
        let is_later = price.from_unix_s.is_some_and(|from| from > at);
        with_history || is_later || Some(&price.id) == in_force
    };
    let differs = listing.rivals.iter().map(|rival| Differing {
        source: catalog.source(rival.source),
        input: dollars(Unit::Input, rival.input),
        output: dollars(Unit::Output, rival.output),
    });
    ModelReport {
        provider,
        model: listing.id.clone(),
        source: catalog.source(listing.source),
        confirmed_by: listing
            .confirmed_by
            .iter()
            .map(|index| catalog.source(*index))
            .collect(),
        differs: differs.collect(),
        capabilities: Able::from(&listing.capabilities),
        disputed: listing.disputed.clone(),
        able: able::lines(&listing.capabilities, &listing.disputed),
        prices: prices
            .filter(is_shown)
            .map(|price| price_report(price, Some(&price.id) == in_force))
            .collect(),
    }
}

fn price_report(price: &Price, in_force: bool) -> PriceReport {
    let mut prices = terms_lines(&price.terms, "");
    if let Some(off_peak) = &price.off_peak {
        prices.extend(lines(&off_peak.rates, "off-peak"));
    }
    for service in &price.services {
        prices.extend(terms_lines(&service.terms, &service.name));
    }
    PriceReport {
        id: price.id.to_string(),
        from: price.from_unix_s.map(day),
        in_force,
        read_at: price.source.as_deref().map(str::to_owned),
        prices,
        regions: price
            .regions
            .iter()
            .map(|(name, factor)| (name.to_string(), *factor))
            .collect(),
    }
}

fn terms_lines(terms: &ServiceTerms, service: &str) -> Vec<Line> {
    let mut all = lines(&terms.rates, service);
    for tier in &terms.tiers {
        let comma = if service.is_empty() { "" } else { ", " };
        let terms = format!("{service}{comma}prompt over {}", tier.prompt_over);
        all.extend(lines(&tier.rates, &terms));
    }
    all
}

fn lines(rates: &Rates, terms: &str) -> Vec<Line> {
    let line = |(unit, pico): (Unit, u64)| Line {
        unit: unit.name(),
        terms: terms.to_owned(),
        usd: dollars(unit, pico),
        per: per(unit),
    };
    rates.iter().map(line).collect()
}

fn show_override(written: &OverrideReport<'_>, console: &mut Console<'_>) -> anyhow::Result<()> {
    let name = printable(&format!("{}/{}", written.provider, written.model));
    match (&written.prices, written.multiply_ppm) {
        (Some(prices), _) => {
            writeln!(console.out, "{name}, from the configuration, which wins")?;
            show_lines(prices, console)?;
        }
        (None, factor) => {
            let percent = factor.unwrap_or_default() / 10_000;
            writeln!(
                console.out,
                "{name}, from the configuration: {percent} % of what follows"
            )?;
        }
    }
    Ok(writeln!(console.out)?)
}

fn show_model(model: &ModelReport<'_>, console: &mut Console<'_>) -> anyhow::Result<()> {
    let confirmed = if model.confirmed_by.is_empty() {
        "confirmed by nobody else".to_owned()
    } else {
        format!("confirmed by {}", model.confirmed_by.join(" and "))
    };
    let (provider, name, source) = (model.provider, &model.model, model.source);
    writeln!(console.out, "{provider}/{name}: {source}, {confirmed}")?;
    for rival in &model.differs {
        let Differing {
            source,
            input,
            output,
        } = rival;
        writeln!(console.out, "  {source} says {input} in, {output} out")?;
    }
    for line in &model.able {
        writeln!(console.out, "  {line}")?;
    }
    for price in &model.prices {
        let from = price.from.as_deref().unwrap_or("the beginning");
        let state = if price.in_force {
            "in force"
        } else {
            "not in force"
        };
        let place = price.read_at.as_deref().unwrap_or("not told");
        writeln!(console.out, "  since {from}, {state}, read at {place}")?;
        show_lines(&price.prices, console)?;
        for (region, factor) in &price.regions {
            let percent = factor / 10_000;
            writeln!(console.out, "  in region {region}: {percent} % of that")?;
        }
    }
    Ok(writeln!(console.out)?)
}

fn show_lines(lines: &[Line], console: &mut Console<'_>) -> std::io::Result<()> {
    let rows = lines.iter().map(|line| {
        [
            line.unit.replace('_', " "),
            line.terms.clone(),
            format!("${}", line.usd),
            line.per.clone(),
        ]
    });
    console.table(["WHAT", "TERMS", "PRICE", "PER"], rows)
}
