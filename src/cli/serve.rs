//! `tollward serve`: run the gateway.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tollward_config::EngineMode;

use crate::app::{App, Start};
use crate::cli::place::{Environment, PlaceArgs};
use crate::detect::{Detected, detect};
use crate::shutdown::StopSignal;
use crate::telemetry::log;
use crate::upstream::local;

/// Options of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Where the API listens [default: 127.0.0.1:4000].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where metrics and probes listen [default: 127.0.0.1:4001].
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Only warnings in the event log: an answer is being written beside it.
    #[arg(skip)]
    pub is_calm: bool,
    /// No access log either.
    #[arg(skip)]
    pub is_quiet: bool,
}

impl ServeArgs {
    /// For a gateway that nobody else is told about.
    pub fn on_free_ports() -> Self {
        let free = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self {
            listen: free,
            admin_listen: free,
            is_calm: true,
            is_quiet: true,
        }
    }

    /// For a gateway that first answers a question in this terminal.
    pub fn after_an_answer() -> Self {
        Self {
            is_calm: true,
            ..Self::default()
        }
    }

    fn overrides(&self) -> Vec<(String, String)> {
        let named = [
            ("server.listen", self.listen),
            ("server.admin_listen", self.admin_listen),
        ];
        let addresses = named
            .into_iter()
            .filter_map(|(key, address)| Some((key.to_owned(), address?.to_string())));
        let quiet = [
            (self.is_calm, "log.level", "warn"),
            (self.is_quiet, "log.access", "off"),
        ];
        let quiet = quiet
            .into_iter()
            .filter(|(is_wanted, ..)| *is_wanted)
            .map(|(_, key, value)| (key.to_owned(), value.to_owned()));
        addresses.chain(quiet).collect()
    }
}

/// Serves until a signal.
///
/// # Errors
/// The configuration is wrong, a port is taken, or the store refuses.
pub async fn run(
    args: &ServeArgs,
    place: &PlaceArgs,
    environment: Environment,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let Some((app, detected)) = start(args, place, environment).await? else {
        return Ok(ExitCode::FAILURE);
    };
    print_banner(&app, detected.as_ref());
    app.run(async || signals.next().await).await?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a gateway; `None` when the configuration was refused and the reasons printed.
///
/// # Errors
/// A port is taken, or the store refuses.
pub async fn start(
    args: &ServeArgs,
    place: &PlaceArgs,
    environment: Environment,
) -> anyhow::Result<Option<(App, Option<Detected>)>> {
    let place = place.settled();
    let loaded = match place.load(&environment, args.overrides()) {
        Ok(loaded) => loaded,
        Err(report) => {
            eprint!("{report}");
            return Ok(None);
        }
    };
    let events = log::start(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let file = place.file();
    // A configuration file says all; without one we look around.
    let detected = if file.is_some() {
        None
    } else {
        let engine = &loaded.config.engine;
        let is_wanted = local::IS_BUILT_IN && engine.enabled != EngineMode::Off;
        let local_model = is_wanted.then_some(engine.model.as_str());
        Some(detect(environment.variables(), local_model).await)
    };
    let start = Start {
        state_dir: place.state_dir(&environment),
        models_dir: place.models_dir(&environment, &loaded.config.engine),
        file,
        env: environment.variables().to_vec(),
        detected: detected.clone(),
        reload: Box::new({
            let args = args.clone();
            move || place.load(&environment, args.overrides())
        }),
        loaded,
        events,
    };
    Ok(Some((App::start(start).await?, detected)))
}

/// SIGTERM and SIGINT, the first and the second alike.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Resolves at the next signal.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        }
    }
}

fn print_banner(app: &App, detected: Option<&Detected>) {
    // Nobody has to read the banner; a closed output must not end the gateway.
    let _ = writeln!(io::stdout(), "{}", banner(app, detected));
}

/// What runs where, and a call to try.
pub fn banner(app: &App, detected: Option<&Detected>) -> String {
    let mut lines = vec![format!("tollward {}", env!("CARGO_PKG_VERSION"))];
    lines.push(format!("  listening  http://{}/v1", app.public));
    lines.push(format!("  admin      http://{}", app.admin));
    lines.extend(
        app.local_models()
            .into_iter()
            .map(|status| format!("  engine     {status}")),
    );
    if let Some(detected) = detected {
        lines.extend(
            detected
                .found
                .iter()
                .map(|found| format!("  found      {found}")),
        );
        lines.push(format!("  not found  {}", detected.missing.join(", ")));
        let unusable = detected.unusable.iter();
        lines.extend(unusable.map(|(name, reason)| format!("  unusable   {name}: {reason}")));
    }
    let snapshot = app.gateway.snapshot();
    let mut models: Vec<&str> = snapshot.routes().map(|route| &*route.model).collect();
    let example = models
        .first()
        .copied()
        .unwrap_or("openai/gpt-5.4-mini")
        .to_owned();
    if models.len() > 8 {
        models.truncate(8);
        models.push("…");
    }
    lines.push(format!(
        "  models     {}",
        if models.is_empty() {
            "none by name".to_owned()
        } else {
            models.join(", ")
        }
    ));
    let key = if app.gateway.keyring.is_required(snapshot.auth) {
        " -H \"authorization: Bearer $KEY\""
    } else {
        ""
    };
    let mut text = lines.join("\n");
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n\ntry it:\n  curl http://{}/v1/chat/completions -H 'content-type: application/json'{key} \\\n    \
         -d '{{\"model\":\"{example}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'",
        app.public
    );
    text
}
