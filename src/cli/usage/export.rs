//! `tollward usage export`: the bill as a file for cost tools.

use anyhow::Context;
use clap::{Args, ValueEnum};
use tollward_store::{Store, Width};

use crate::bill::focus::{charge, heading, question};
use crate::bill::owners::Owners;
use crate::cli::console::Console;
use crate::cli::span::{Moment, parse_moment};

/// Arguments of `tollward usage export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// In which form
    #[arg(long, value_enum, default_value_t = Form::Focus)]
    format: Form,
    /// Only charges from the day of this time on: 30d ago, 2026-11-01 [default: all]
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<Moment>,
    /// Only charges before the day of this time [default: today included]
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    until: Option<Moment>,
}

/// The forms in which charges are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// FOCUS 1.2 of the `FinOps` Foundation, as CSV
    Focus,
}

/// Days that are read at once, so that years are exported with little memory.
const DAYS: i64 = 31;

/// Runs `tollward usage export`.
///
/// # Errors
/// The ledger could not be read, or the output is closed.
pub(super) async fn run(
    args: &ExportArgs,
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    // The only form there is; another one is a second arm here.
    let Form::Focus = args.format;
    let keys = store.keys.list().await.context("failed to read the keys")?;
    let accounts = store.budgets.accounts().await;
    let accounts = accounts.context("failed to read the accounts")?;
    let owners = Owners::new(keys, accounts);
    let day_ms = Width::Day.millis();
    let day = |moment: Moment| moment.millis(now_ms).max(0) / day_ms * day_ms;
    let since = match args.since {
        Some(since) => day(since),
        None => first_day(store, day_ms).await?,
    };
    let tomorrow = now_ms / day_ms * day_ms + day_ms;
    let until = args.until.map_or(tomorrow, day).min(tomorrow);
    write!(console.out, "{}", heading())?;
    let (mut from, mut charges) = (since, 0_u64);
    while from < until {
        let to = until.min(from + DAYS * day_ms);
        let rows = store.ledger.rollup(&question(from, to)).await;
        for row in rows.context("failed to read the ledger")? {
            if let Some(line) = charge(&row, &owners) {
                write!(console.out, "{line}")?;
                charges += 1;
            }
        }
        from = to;
    }
    writeln!(console.notes, "{charges} charges of FOCUS 1.2.")?;
    Ok(())
}

/// The day of the oldest call; of a ledger without any, one after all days.
async fn first_day(store: &Store, day_ms: i64) -> anyhow::Result<i64> {
    let days = tollward_store::RollupQuery {
        until_ms: i64::MAX,
        width: Some(Width::Day),
        ..tollward_store::RollupQuery::default()
    };
    let days = store.ledger.rollup(&days).await;
    let days = days.context("failed to read the ledger")?;
    Ok(days.first().map_or(i64::MAX - day_ms, |it| it.start_ms))
}
