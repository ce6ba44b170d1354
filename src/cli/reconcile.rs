//! `tollward reconcile`: a vendor's bill held against the ledger.
//!
//! It fails where they are further apart than they may be, so that a job can watch them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use tollward_store::{NanoUsd, RollupQuery, RollupRow, Split, Store, Width};

use crate::bill::drift::{Drift, Tolerance, compare};
use crate::bill::vendor::{Billed, read_bill};
use crate::cli::console::Console;

/// Largest bill that is read, in bytes.
const MAX_BILL_BYTES: u64 = 1 << 30;

/// Arguments of `tollward reconcile`.
#[derive(Debug, Clone, Args)]
pub struct ReconcileArgs {
    /// The provider's name in the configuration
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// What its console exports: OpenAI's or Anthropic's costs, OpenRouter's activity
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// How much of what is billed they may be apart, in percent
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = parse_percent)]
    threshold: u64,
    /// Dollars that are no drift: bills are rounded
    #[arg(long, value_name = "USD", default_value = "0.01", value_parser = parse_dollars)]
    least: NanoUsd,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// A drift as JSON has it.
#[derive(Serialize)]
struct Told<'d> {
    #[serde(flatten)]
    drift: &'d Drift,
    difference: NanoUsd,
    percent: Option<String>,
}

/// Reads a percentage with up to three decimals, in thousandths of a percent.
fn parse_percent(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is no percentage; write 0.5 or 2");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    let is_whole = (1..=6).contains(&whole.len()) && is_number(whole);
    if !is_whole || part.len() > 3 || !is_number(part) {
        return Err(expected());
    }
    format!("{whole}{part:0<3}").parse().map_err(|_| expected())
}

fn parse_dollars(text: &str) -> Result<NanoUsd, String> {
    let amount = text.parse::<NanoUsd>();
    amount.map_err(|error| format!("`{text}` is no amount in dollars: {error}"))
}

/// Runs `tollward reconcile`.
///
/// # Errors
/// The file is no bill, the ledger knows no such provider or could not be read, or the output is closed.
pub async fn run(
    args: &ReconcileArgs,
    store: &Store,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let path = args.csv.display();
    let size = std::fs::metadata(&args.csv).with_context(|| format!("failed to read {path}"))?;
    if size.len() > MAX_BILL_BYTES {
        bail!("{path} is larger than 1 GiB; export fewer days");
    }
    let text = std::fs::read(&args.csv).with_context(|| format!("failed to read {path}"))?;
    let text = String::from_utf8(text).with_context(|| format!("{path} is no text in UTF-8"))?;
    let (_, billed) = read_bill(&text).with_context(|| format!("{path} is no bill"))?;
    let booked = booked(&args.provider, &billed, store).await?;
    let tolerance = Tolerance {
        millipercent: args.threshold,
        least: args.least,
    };
    let drifts = compare(billed, booked, tolerance).context("failed to compare")?;
    show(args, &drifts, console)?;
    Ok(if drifts.iter().any(|it| it.is_beyond) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What the ledger has of the provider on the days of the bill.
async fn booked(provider: &str, billed: &Billed, store: &Store) -> anyhow::Result<Vec<RollupRow>> {
    let days = billed.keys().map(|(day, _)| *day);
    let (first, last) = (days.clone().min().unwrap_or(0), days.max().unwrap_or(0));
    let day_ms = Width::Day.millis();
    let query = RollupQuery {
        since_ms: first.saturating_mul(day_ms),
        until_ms: last.saturating_add(1).saturating_mul(day_ms),
        width: Some(Width::Day),
        split: Split {
            deployment: true,
            ..Split::default()
        },
        ..RollupQuery::default()
    };
    let rows = store.ledger.rollup(&query).await;
    let mut rows = rows.context("failed to read the ledger")?;
    let mut others: Vec<_> = rows.iter().map(|it| it.provider.clone()).collect();
    rows.retain(|it| it.provider == provider);
    if rows.is_empty() {
        others.sort_unstable();
        others.dedup();
        others.retain(|it| !it.is_empty());
        let known = match others.as_slice() {
            [] => "any provider".to_owned(),
            others => format!("`{provider}`; it has some of {}", others.join(", ")),
        };
        bail!("the ledger has no calls of {known} on the days of the bill");
    }
    Ok(rows)
}

fn show(args: &ReconcileArgs, drifts: &[Drift], console: &mut Console<'_>) -> anyhow::Result<()> {
    if args.json {
        let told = drifts.iter().map(|drift| Told {
            drift,
            difference: drift.difference(),
            percent: drift.millipercent().map(percent),
        });
        return Ok(console.json(&told.collect::<Vec<_>>())?);
    }
    let headings = [
        "DAY (UTC)",
        "MODEL",
        "BILLED",
        "BOOKED",
        "DRIFT",
        "PERCENT",
        "",
    ];
    console.table(headings, drifts.iter().map(cells))?;
    let count = drifts.iter().filter(|it| it.is_beyond).count();
    writeln!(
        console.notes,
        "{count} of {} are further apart than {} %.",
        drifts.len(),
        percent(i64::try_from(args.threshold).unwrap_or(i64::MAX)),
    )?;
    let unpriced = drifts.last().map_or(0, |it| it.unpriced);
    if unpriced > 0 {
        writeln!(
            console.notes,
            "{unpriced} attempts have no known cost and are missing from what is booked."
        )?;
    }
    Ok(())
}

fn cells(drift: &Drift) -> [String; 7] {
    let is_total = drift.day.is_empty();
    let day = if is_total { "total" } else { &drift.day };
    let sign = if drift.difference().0 > 0 { "+" } else { "" };
    [
        day.to_owned(),
        drift.model.clone(),
        drift.billed.to_string(),
        drift.booked.to_string(),
        format!("{sign}{}", drift.difference()),
        drift
            .millipercent()
            .map_or_else(|| "-".to_owned(), |it| format!("{sign}{}", percent(it))),
        if drift.is_beyond { "beyond" } else { "" }.to_owned(),
    ]
}

/// Thousandths of a percent as percent: `0.5`, `-12`, `100.001`.
fn percent(millipercent: i64) -> String {
    let sign = if millipercent < 0 { "-" } else { "" };
    let parts = millipercent.unsigned_abs();
    let text = format!("{sign}{}.{:03}", parts / 1_000, parts % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
