//! The command line: what people type, and where it leads.
//!
//! Without a command it serves. Every command that reads takes `--json`.
//! Results go to standard output, remarks and errors to standard error; the
//! exit status is 0 for success, 1 for a failure, 2 for a wrong call, 130 for
//! an interrupt.

pub mod account;
pub mod account_models;
pub mod accounts;
pub mod audit;
pub mod books;
pub mod budget;
pub mod catalog;
pub mod chat;
pub mod check;
pub mod client;
pub mod console;
pub mod doctor;
pub mod key;
pub mod ledger;
pub mod limit;
pub mod models;
mod node;
pub mod place;
pub mod pull;
pub mod reconcile;
pub mod replay;
pub mod route;
pub mod serve;
pub mod show;
pub mod span;
pub mod talk;
pub mod token;
pub mod usage;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tollward_config::{EngineConfig, Report};
use tollward_store::{Mode, Store};

use crate::app::location;
use crate::cli::console::Console;
use crate::cli::place::{Environment, PlaceArgs};
use crate::clock;
use crate::http::admin::document::document;
use crate::shelf::Shelf;

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
    /// Serve the API (what `tollward` alone does)
    Serve(serve::ServeArgs),
    /// Ask a model; without a prompt, talk to it
    Chat(talk::TalkArgs),
    /// List the models of a running gateway and of this machine, or of a provider's account
    Models(talk::ListArgs),
    /// Fetch the weights of an embedded model
    Pull(pull::PullArgs),
    #[command(flatten)]
    Books(books::BookCommand),
    /// Show where calls go, and why
    Route {
        /// What to do.
        #[command(subcommand)]
        command: route::RouteCommand,
    },
    /// Walk the log through another configuration: who would have answered, and for how much
    Replay(replay::ReplayArgs),
    /// Look up prices, and fetch newer ones
    Catalog {
        /// What to do.
        #[command(subcommand)]
        command: catalog::CatalogCommand,
    },
    /// Describe the admin API: a document in `OpenAPI`'s format
    Openapi,
    /// Check a configuration file, offline
    Check(check::CheckArgs),
    /// Check providers, keys, models and this machine, without any call that costs
    Doctor(doctor::DoctorArgs),
    /// Look at the configuration
    Config {
        /// What to do.
        #[command(subcommand)]
        command: show::ConfigCommand,
    },
    /// Print the version
    Version {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command; `env` is the process environment.
pub fn run(cli: Cli, env: Vec<(String, String)>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(dispatch(cli, Environment::new(env)));
    // A name look-up that hangs must not hold the exit.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| {
        match error.downcast_ref::<Report>() {
            // It says of each mistake that it is one.
            Some(report) => eprint!("{report}"),
            None => eprintln!("error: {error:#}"),
        }
        ExitCode::FAILURE
    })
}

async fn dispatch(cli: Cli, environment: Environment) -> anyhow::Result<ExitCode> {
    let place = cli.place;
    let (mut out, mut notes) = (io::stdout(), io::stderr());
    let is_terminal = notes.is_terminal();
    let mut console = Console {
        out: &mut out,
        notes: &mut notes,
        is_terminal,
    };
    match cli
        .command
        .unwrap_or(Command::Serve(serve::ServeArgs::default()))
    {
        Command::Serve(args) => return serve::run(&args, &place, environment).await,
        Command::Chat(args) => return talk::chat(&args, &place, environment, &mut console).await,
        Command::Models(args) => {
            return talk::models(&args, &place, &environment, &mut console).await;
        }
        Command::Pull(args) => {
            // A broken configuration does not matter when the flag says where weights go.
            let engine = match &place.models_dir {
                Some(_) => EngineConfig::default(),
                None => place.load_sections(&environment, &["engine"])?.engine,
            };
            let settings = place.pull_settings(&environment, &engine)?;
            pull::run(&args, &settings, &mut console).await?;
        }
        Command::Books(command) => {
            let store = open_store(&place, &environment).await?;
            // Who became root is more to the point than root.
            let account = ["SUDO_USER", "USER", "LOGNAME"]
                .iter()
                .find_map(|name| environment.get(name));
            return books::run(&command, &store, account, &mut console).await;
        }
        Command::Route { command } => {
            route::run(&command, &place, &environment, &mut console).await?;
        }
        Command::Replay(args) => replay::run(&args, &place, &environment, &mut console).await?,
        Command::Catalog { command } => {
            let pricing = place.load(&environment, Vec::new())?.config.pricing;
            let desk = catalog::Desk {
                shelf: &Shelf::new(&place.state_dir(&environment)),
                pricing: &pricing,
                now_unix_s: clock::unix_ms() / 1_000,
                python: Path::new("python3"),
            };
            catalog::run(&command, &desk, &mut console).await?;
        }
        Command::Check(args) => {
            return check::run(&args, &place, &environment, &mut console).await;
        }
        Command::Doctor(args) => {
            return doctor::run(&args, &place, &environment, &mut console).await;
        }
        Command::Config {
            command: show::ConfigCommand::Show(args),
        } => return show::run(&args, &place, &environment, &mut console),
        Command::Openapi => console.json(&document())?,
        Command::Version { json } => version(json, &mut console)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The store, beside a gateway that may be running on it.
async fn open_store(place: &PlaceArgs, environment: &Environment) -> anyhow::Result<Store> {
    let location = location(
        &place.load_sections(environment, &["store"])?,
        &place.state_dir(environment),
    );
    Store::open(&location, Mode::Tool)
        .await
        .with_context(|| format!("cannot open the store at {location}"))
}

fn version(json: bool, console: &mut Console<'_>) -> io::Result<()> {
    let (version, engine) = (
        env!("CARGO_PKG_VERSION"),
        crate::upstream::local::IS_BUILT_IN,
    );
    if json {
        return console.json(&serde_json::json!({ "version": version, "engine": engine }));
    }
    writeln!(
        console.out,
        "tollward {version}{}",
        if engine {
            " with the embedded engine"
        } else {
            ""
        }
    )
}
