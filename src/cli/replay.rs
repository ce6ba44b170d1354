//! `tollward replay`: where the calls of the log would have gone by another configuration.
//!
//! The ledger is read page by page, beside a gateway that may be running on it; nobody is called.

mod show;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use tollward_store::{Location, Mode, Store};

use crate::app::location;
use crate::assembly::{Assembly, Standing};
use crate::cli::console::Console;
use crate::cli::place::{Environment, PlaceArgs};
use crate::cli::span;
use crate::clock;
use crate::replay::Replay;
use crate::shelf::Shelf;
use crate::telemetry::metric::Metrics;

/// Arguments of `tollward replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Calls that came within this time: 12h, 7d, 4w
    #[arg(long, value_name = "SPAN", value_parser = span::parse_span, default_value = "7d")]
    since: Duration,
    /// Leave out calls that came within this time [default: none]
    #[arg(long, value_name = "SPAN", value_parser = span::parse_span)]
    until: Option<Duration>,
    /// Count calls of this model only, by the name that callers ask for
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// The database with the log [default: that of the configuration]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Runs `tollward replay`.
///
/// # Errors
/// The configuration is wrong, there is no log, or it cannot be read.
pub async fn run(
    args: &ReplayArgs,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let now_ms = clock::unix_ms();
    let ago = |span| now_ms.saturating_sub(span::millis(span));
    let (since_ms, until_ms) = (ago(args.since), args.until.map_or(now_ms, ago));
    ensure!(
        since_ms < until_ms,
        "nothing lies between `--since` and `--until`: `--until 1d` leaves out the last day, so `--since` must be longer"
    );
    let loaded = place.load(environment, Vec::new())?;
    let state_dir = place.state_dir(environment);
    let location = match &args.store {
        Some(path) => Location::file(path),
        None => location(&loaded.config, &state_dir),
    };
    ensure!(
        location.may_exist(),
        "there is no log at {location}: name the database that the gateway writes by `--store` or `--state-dir`"
    );
    let standing = Standing::played(
        Arc::new(Metrics::new()),
        place.models_dir(environment, &loaded.config.engine),
        Shelf::new(&state_dir),
        environment.variables(),
    );
    let assembly = Assembly {
        standing: &standing,
        env: environment.variables(),
        detected: None,
    };
    let snapshot = assembly.snapshot(&loaded, 1)?;
    let store = Store::open(&location, Mode::Tool)
        .await
        .with_context(|| format!("cannot open the store at {location}"))?;
    let keys = store.keys.list().await.context("failed to read the keys")?;
    let replay = Replay::new(snapshot, keys, standing.began(), args.model.as_deref());
    let is_terminal = console.is_terminal;
    let notes = &mut *console.notes;
    // What cannot be shown of the progress stops nothing.
    let progress = |rows| {
        let shown =
            is_terminal.then(|| write!(notes, "\r{rows} rows").and_then(|()| notes.flush()));
        drop(shown);
    };
    let report = replay.read(&*store.ledger, (since_ms, until_ms), progress);
    let report = report.await.context("failed to read the ledger")?;
    if is_terminal {
        write!(console.notes, "\r")?;
    }
    if args.json {
        Ok(console.json(&report)?)
    } else {
        show::report(&report, console)
    }
}
