//! `tollward usage`: what was called, how much of it, and what it cost.
//!
//! Two views of the ledger: sums by model, key, deployment, provider or day, and the latest single calls.
//! JSON is an array of the ledger's own rows, so its numbers are exact; the table is for reading.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tollward_store::{
    Entry, GroupBy, Ledger, NanoUsd, Reach, ThingCounts, TokenCounts, UsageQuery, UsageRow,
};

use crate::cli::{
    console::{Console, moment_text},
    span,
};

/// Arguments of `tollward usage`.
#[derive(Debug, Clone, Args)]
pub struct UsageArgs {
    /// What makes a row
    #[arg(long, value_enum, default_value_t = By::Model)]
    pub by: By,
    /// Only calls that ended within this time: 12h, 7d, 4w [default: all]
    #[arg(long, value_name = "SPAN", value_parser = span::parse_span)]
    pub since: Option<Duration>,
    /// Show the latest N single calls instead of sums
    #[arg(long, value_name = "N", conflicts_with_all = ["by", "since"], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub recent: Option<u32>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
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
    let since_ms = args
        .since
        .map(|span| now_ms.saturating_sub(span::millis(span)));
    let query = UsageQuery {
        by: args.by.group(),
        since_ms,
        until_ms: None,
        within: Reach::Gateway,
    };
    let rows = ledger
        .usage(&query)
        .await
        .context("failed to read the ledger")?;
    if args.json {
        Ok(console.json(&rows)?)
    } else {
        show_sums(args.by, &rows, console)
    }
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
        .map(|row| sum_line(group_text(by, row), row, &total))
        .collect();
    if rows.len() > 1 {
        lines.push(sum_line("total".to_owned(), &total, &total));
    }
    let mut headings = vec![by.heading(), "CALLS", "ERRORS", "INPUT", "CACHED", "OUTPUT"];
    headings.extend(thing_columns(things, things).map(|(heading, _)| heading));
    headings.push("COST");
    headings.extend((total.saved != NanoUsd::ZERO).then_some("SAVED"));
    console.table(headings, lines)?;
    let count = |of: fn(&UsageRow) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
    let (unpriced, estimated) = (count(|row| row.unpriced), count(|row| row.estimated));
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
fn sum_line(group: String, row: &UsageRow, total: &UsageRow) -> Vec<String> {
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

/// The rows in one; only what the table shows. A sum that does not fit stays at the largest number.
fn total(rows: &[UsageRow]) -> UsageRow {
    let sum = |of: fn(&UsageRow) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
    UsageRow {
        group: String::new(),
        key: None,
        requests: sum(|row| row.requests),
        attempts: sum(|row| row.attempts),
        errors: sum(|row| row.errors),
        tokens: TokenCounts {
            input: sum(|row| row.tokens.input),
            cache_read: sum(|row| row.tokens.cache_read),
            output: sum(|row| row.tokens.output),
            ..TokenCounts::default()
        },
        things: ThingCounts {
            images: sum(|row| row.things.images),
            input_ms: sum(|row| row.things.input_ms),
            characters: sum(|row| row.things.characters),
        },
        cost: NanoUsd(
            rows.iter()
                .map(|row| row.cost.0)
                .fold(0, i64::saturating_add),
        ),
        saved: NanoUsd(
            rows.iter()
                .map(|row| row.saved.0)
                .fold(0, i64::saturating_add),
        ),
        unpriced: sum(|row| row.unpriced),
        estimated: sum(|row| row.estimated),
    }
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
