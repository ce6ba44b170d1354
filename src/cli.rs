//! The command line: what people type, and where it leads.
//!
//! Without a command it serves. Every command that reads takes `--json`.
//! Errors go to standard error with what to do about them; the exit status is
//! 0 for success, 1 for a failure, 2 for a wrong call.

pub mod check;
pub mod place;
pub mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::place::{Environment, PlaceArgs};

/// One binary between your programs and every language model they use.
#[derive(Debug, Parser)]
#[command(name = "tollward", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (what `tollward` alone does).
    Serve(serve::ServeArgs),
    /// Check a configuration file, offline.
    Check(check::CheckArgs),
    /// Print the version.
    Version {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command; `env` is the process environment.
pub fn run(cli: Cli, env: Vec<(String, String)>) -> ExitCode {
    let environment = Environment::new(env);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let place = cli.place;
    let command = cli.command.unwrap_or(Command::Serve(serve::ServeArgs::default()));
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::run(&args, &place, environment).await,
            Command::Check(args) => check::run(&args, &place, &environment),
            Command::Version { json } => version(json),
        }
    });
    // Blocking name look-ups must not hold the exit.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the version is this command's output")]
fn version(json: bool) -> anyhow::Result<ExitCode> {
    let (version, engine) = (env!("CARGO_PKG_VERSION"), crate::upstream::local::IS_BUILT_IN);
    if json {
        println!("{}", serde_json::json!({ "version": version, "engine": engine }));
    } else {
        println!("tollward {version}{}", if engine { " with the embedded engine" } else { "" });
    }
    Ok(ExitCode::SUCCESS)
}
