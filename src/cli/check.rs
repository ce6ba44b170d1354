//! `tollward check`: is the configuration right? Offline, every error at once.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::assembly::{Assembly, Standing};
use crate::cli::console::Console;
use crate::cli::place::{Environment, PlaceArgs};
use crate::shelf::Shelf;
use crate::telemetry::metric::Metrics;

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// How errors are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: place, line, caret, advice.
    Text,
    /// For programs.
    Json,
}

/// Checks the configuration file.
///
/// # Errors
/// There is no file to check.
pub fn run(
    args: &CheckArgs,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let Some(file) = place.file() else {
        anyhow::bail!(
            "there is no tollward.yaml, .yml, .toml or .json here; name one with --config FILE"
        );
    };
    let checked = place.load(environment, Vec::new()).and_then(|loaded| {
        let models_dir = place.models_dir(environment, &loaded.config.engine);
        let standing = Standing::new(
            Arc::new(Metrics::new()),
            models_dir,
            Shelf::new(&place.state_dir(environment)),
            environment.variables(),
        );
        let assembly = Assembly {
            standing: &standing,
            env: environment.variables(),
            detected: None,
        };
        assembly
            .snapshot(&loaded, 0)
            .map(|snapshot| (loaded, snapshot))
    });
    match (checked, args.format) {
        (Ok((loaded, snapshot)), Format::Text) => {
            for warning in &loaded.warnings {
                writeln!(console.notes, "{warning}")?;
            }
            if snapshot.routes().next().is_none() {
                writeln!(
                    console.notes,
                    "warning: no model is configured, so no call will be answered"
                )?;
            }
            writeln!(
                console.out,
                "{} is right: {} models, {} providers",
                file.display(),
                snapshot.routes().count(),
                loaded.config.providers.len()
            )?;
            Ok(ExitCode::SUCCESS)
        }
        (Ok(_), Format::Json) => {
            writeln!(console.out, "{{\"errors\":[]}}")?;
            Ok(ExitCode::SUCCESS)
        }
        (Err(report), Format::Text) => {
            write!(console.notes, "{report}")?;
            Ok(ExitCode::FAILURE)
        }
        (Err(report), Format::Json) => {
            writeln!(console.out, "{}", report.to_json())?;
            Ok(ExitCode::FAILURE)
        }
    }
}
