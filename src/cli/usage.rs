//! `tollward usage`: what was called, how much of it, and what it cost.
//!
//! Two views of the ledger: sums by model, key, deployment, provider or day, and the latest single calls.
//! JSON is an array of the ledger's own rows, so its numbers are exact, and so are those of CSV; the
//! table is for reading. Files for cost tools are made by `export`.

mod export;

use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use tollward_store::{
    Entry, GroupBy, Ledger, NanoUsd, Reach, Store, Sums, ThingCounts, TokenCounts, UsageQuery,
    UsageRow,
};

use crate::bill::csv::{Field, line};
use crate::cli::{
    console::{Console, moment_text},
    span::{Moment, parse_moment},
};

/// Arguments of `tollward usage`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct UsageArgs {
    /// What makes a row
    #[arg(long, value_enum, default_value_t = By::Model)]
    pub by: By,
    /// Only calls from this time on: 12h or 7d ago, 2026-11-01 [default: all]
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub since: Option<Moment>,
    /// Only calls before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub until: Option<Moment>,
    /// Show the latest N single calls instead of sums
    #[arg(long, value_name = "N", conflicts_with_all = ["by", "since", "until", "format"], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub recent: Option<u32>,
    /// How sums are written
    #[arg(long, value_enum, default_value_t = Format::Table, conflicts_with = "json")]
    pub format: Format,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// What else can be done with the sums.
    #[command(subcommand)]
    pub command: Option<UsageCommand>,
}

/// What else can be done with the sums.
#[derive(Debug, Clone, Subcommand)]
pub enum UsageCommand {
    /// Write charges by day, key and deployment for cost tools
    Export(export::ExportArgs),
}

/// How sums are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading
    Table,
    /// Comma-separated values
    Csv,
}

/// What makes a row of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The public model name
    Model,
    /// The virtual key
    Key,
    /// The deployment that answered
    Deployment,
    /// The provider
    Provider,
    /// The day, in UTC
    Day,
}

impl By {
    fn group(self) -> GroupBy {
        match self {
            Self::Model => GroupBy::Model,
            Self::Key => GroupBy::Key,
            Self::Deployment => GroupBy::Deployment,
            Self::Provider => GroupBy::Provider,
            Self::Day => GroupBy::Day,
        }
    }

    /// The name of the column in CSV.
    fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Key => "key",
            Self::Deployment => "deployment",
            Self::Provider => "provider",
            Self::Day => "day",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Model => "MODEL",
            Self::Key => "KEY",
            Self::Deployment => "DEPLOYMENT",
            Self::Provider => "PROVIDER",
            Self::Day => "DAY (UTC)",
        }
    }
}

/// Runs `tollward usage`.
///
/// # Errors
/// The ledger could not be read, or the output is closed.
pub async fn run(
    args: &UsageArgs,
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match &args.command {
        Some(UsageCommand::Export(args)) => export::run(args, store, now_ms, console).await,
        None => show(args, &*store.ledger, now_ms, console).await,
    }
}

async fn show(
    args: &UsageArgs,
    ledger: &dyn Ledger,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    if let Some(limit) = args.recent {
        let entries = ledger
            .recent(limit)
            .await
            .context("failed to read the ledger")?;
        return if args.json {
            Ok(console.json(&entries)?)
        } else {
            show_entries(&entries, console)
        };
    }
    let query = UsageQuery {
        by: args.by.group(),
        since_ms: args.since.map(|it| it.millis(now_ms)),
        until_ms: args.until.map(|it| it.millis(now_ms)),
        within: Reach::Gateway,
    };
    let rows = ledger
        .usage(&query)
        .await
        .context("failed to read the ledger")?;
    match args.format {
        _ if args.json => Ok(console.json(&rows)?),
        Format::Table => show_sums(args.by, &rows, console),
        Format::Csv => write_sums(args.by, &rows, console),
    }
}

/// The names of the numbers of a row, as in JSON.
const NUMBERS: [&str; 18] = [
    "requests",
    "attempts",
    "errors",
    "input",
    "cache_read",
    "cache_write",
    "audio_input",
    "output",
    "reasoning",
    "audio_output",
    "images",
    "input_ms",
    "characters",
    "cost_usd",
    "saved_usd",
    "unpriced",
    "estimated",
    "key_id",
];

fn write_sums(by: By, rows: &[UsageRow], console: &mut Console<'_>) -> anyhow::Result<()> {
    let headings = [by.word()].into_iter().chain(NUMBERS).map(Field::text);
    write!(console.out, "{}", line(headings))?;
    for row in rows {
        write!(console.out, "{}", line(sum_fields(row)))?;
    }
    Ok(())
}

fn sum_fields(row: &UsageRow) -> Vec<Field<'_>> {
    let Sums {
        requests,
        attempts,
        errors,
        tokens,
        things,
        cost,
        saved,
        unpriced,
        estimated,
    } = &row.sums;
    let counts = [
        requests,
        attempts,
        errors,
        &tokens.input,
        &tokens.cache_read,
        &tokens.cache_write,
        &tokens.audio_input,
        &tokens.output,
        &tokens.reasoning,
        &tokens.audio_output,
        &things.images,
        &things.input_ms,
        &things.characters,
    ];
    let mut fields = vec![Field::text(&*row.group)];
    fields.extend(counts.map(Field::number));
    fields.extend([cost, saved].map(|it| Field::number(&it.to_decimal())));
    fields.extend([unpriced, estimated].map(Field::number));
    fields.push(
        row.key
            .map_or(Field::Null, |it| Field::text(it.to_string())),
    );
    fields
}

fn show_sums(by: By, rows: &[UsageRow], console: &mut Console<'_>) -> anyhow::Result<()> {
    if rows.is_empty() {
        writeln!(console.notes, "No calls are booked for this time.")?;
        return Ok(());
    }
    let total = total(rows);
    let things = &total.things;
    let mut lines: Vec<_> = rows
        .iter()
        .map(|row| sum_line(group_text(by, row), &row.sums, &total))
        .collect();
    if rows.len() > 1 {
        lines.push(sum_line("total".to_owned(), &total, &total));
    }
    let mut headings = vec![by.heading(), "CALLS", "ERRORS", "INPUT", "CACHED", "OUTPUT"];
    headings.extend(thing_columns(things, things).map(|(heading, _)| heading));
    headings.push("COST");
    headings.extend((total.saved != NanoUsd::ZERO).then_some("SAVED"));
    console.table(headings, lines)?;
    let (unpriced, estimated) = (total.unpriced, total.estimated);
    if unpriced > 0 {
        writeln!(
            console.notes,
            "{unpriced} attempts have no known cost and are missing from the sum."
        )?;
    }
    if estimated > 0 {
        writeln!(
            console.notes,
            "{estimated} attempts were booked with estimated tokens: the provider sent no count."
        )?;
    }
    Ok(())
}

fn group_text(by: By, row: &UsageRow) -> String {
    match (row.group.as_str(), by) {
        ("", By::Key) => "(no key)".to_owned(),
        ("", _) => "(none)".to_owned(),
        (group, _) => group.to_owned(),
    }
}

/// What is counted besides tokens, of that of which `any` has some.
fn thing_columns(
    things: &ThingCounts,
    any: &ThingCounts,
) -> impl Iterator<Item = (&'static str, String)> {
    let seconds = things.input_ms.div_ceil(1_000);
    [
        ("IMAGES", things.images, any.images),
        ("SECONDS", seconds, any.input_ms),
        ("CHARACTERS", things.characters, any.characters),
    ]
    .into_iter()
    .filter(|(_, _, any)| *any > 0)
    .map(|(heading, count, _)| (heading, count.to_string()))
}

/// A row, with a column for each kind of thing of which `total` has some.
fn sum_line(group: String, row: &Sums, total: &Sums) -> Vec<String> {
    let TokenCounts {
        input,
        cache_read,
        output,
        ..
    } = row.tokens;
    let mut line = vec![
        group,
        row.requests.to_string(),
        row.errors.to_string(),
        input.to_string(),
        cache_read.to_string(),
        output.to_string(),
    ];
    line.extend(thing_columns(&row.things, &total.things).map(|(_, count)| count));
    line.push(match (row.unpriced, row.cost) {
        (0, cost) => cost.to_string(),
        (_, NanoUsd(0)) => "unknown".to_owned(),
        (_, cost) => format!("≥{cost}"),
    });
    line.extend((total.saved != NanoUsd::ZERO).then(|| row.saved.to_string()));
    line
}

/// The rows in one. Sums that do not fit any more leave the rest out, which 64 bits make unlikely.
fn total(rows: &[UsageRow]) -> Sums {
    let add = |total: Sums, row: &UsageRow| total.checked_add(&row.sums).unwrap_or(total);
    rows.iter().fold(Sums::default(), add)
}

fn show_entries(entries: &[Entry], console: &mut Console<'_>) -> anyhow::Result<()> {
    if entries.is_empty() {
        writeln!(console.notes, "No calls are booked yet.")?;
        return Ok(());
    }
    // Most calls have nothing to tell there.
    let has_rule = entries.iter().any(|it| it.course.rule.is_some());
    let has_tried = entries.iter().any(|it| it.course.tried.is_some());
    let mut headings = vec![
        "TIME (UTC)",
        "MODEL",
        "DEPLOYMENT",
        "STATUS",
        "OUTCOME",
        "INPUT",
        "OUTPUT",
        "COST",
        "TOOK",
    ];
    headings.extend(has_rule.then_some("RULE"));
    headings.extend(has_tried.then_some("TRIED"));
    let line = |entry: &Entry| {
        let text = |it: &Option<Arc<str>>| it.as_deref().unwrap_or("-").to_owned();
        let mut line = entry_line(entry).to_vec();
        line.extend(has_rule.then(|| text(&entry.course.rule)));
        line.extend(has_tried.then(|| text(&entry.course.tried)));
        line
    };
    console.table(headings, entries.iter().map(line))?;
    Ok(())
}

fn entry_line(entry: &Entry) -> [String; 9] {
    let estimated = if entry.estimated { "~" } else { "" };
    [
        moment_text(entry.at_ms),
        entry.model.to_string(),
        if entry.deployment.is_empty() {
            "-".to_owned()
        } else {
            entry.deployment.to_string()
        },
        entry.status.to_string(),
        word(&entry.outcome),
        format!("{estimated}{}", entry.tokens.input),
        format!("{estimated}{}", entry.tokens.output),
        entry
            .cost
            .map_or_else(|| "unknown".to_owned(), |cost| cost.to_string()),
        format!("{} ms", entry.duration_ms),
    ]
}

/// A unit variant as it is written in JSON, with spaces for underscores.
fn word(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    json.trim_matches('"').replace('_', " ")
}

#[cfg(test)]
mod tests;
