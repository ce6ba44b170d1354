//! `tollward chat` and `tollward models`: finds a gateway to talk to, or starts one.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use tollward_config::{Config, DeploymentConfig, EngineMode};

use crate::app::App;
use crate::assembly::LOCAL;
use crate::cli::account_models;
use crate::cli::accounts;
use crate::cli::chat::{self, ChatArgs, ChatPlace, Ending};
use crate::cli::client::Gateway;
use crate::cli::console::Console;
use crate::cli::models::{self, ModelsArgs};
use crate::cli::place::{Environment, PlaceArgs};
use crate::cli::pull;
use crate::cli::serve::{self, ServeArgs, Signals};
use crate::shutdown::StopSignal;
use crate::upstream::local;
use crate::weights::{self, known};

/// A running gateway answers its probe within this.
const PROBE: Duration = Duration::from_millis(300);
/// A conversation's gateway is not waited for longer than this.
const FAREWELL: Duration = Duration::from_secs(1);

/// Which gateway to talk to.
#[derive(Args, Clone, Debug)]
pub struct GatewayArgs {
    /// The gateway's address [default: the one that runs here, else one started for this call]
    #[arg(long, env = "TOLLWARD_BASE_URL", value_name = "URL")]
    url: Option<String>,
    /// A virtual key, if the gateway wants one
    #[arg(
        long,
        env = "TOLLWARD_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    key: Option<SecretString>,
}

/// Arguments of `chat`.
#[derive(Args, Clone, Debug)]
pub struct TalkArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    /// Go on serving the API after the answer
    #[arg(long, conflicts_with = "url")]
    serve: bool,
    #[command(flatten)]
    chat: ChatArgs,
}

/// Arguments of `models`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(flatten)]
    models: ModelsArgs,
}

impl GatewayArgs {
    fn at(&self, base_url: String) -> Gateway {
        Gateway {
            base_url,
            key: self.key.clone(),
        }
    }

    /// The gateway that was named or runs where the configuration says.
    async fn running(&self, listen: SocketAddr) -> Option<Gateway> {
        if let Some(url) = &self.url {
            return Some(self.at(api_root(url)));
        }
        let probe = reqwest::Client::builder()
            .no_proxy()
            .timeout(PROBE)
            .build()
            .ok()?
            .get(format!("http://{listen}/livez"))
            .send();
        probe
            .await
            .ok()
            .filter(|response| response.status().is_success())?;
        Some(self.at(format!("http://{listen}/v1")))
    }
}

/// The address of the API; a host alone is enough to name a gateway.
fn api_root(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let is_host = url
        .split_once("://")
        .is_some_and(|(_, rest)| !rest.contains('/'));
    if is_host {
        format!("{url}/v1")
    } else {
        url.to_owned()
    }
}

/// Runs `chat`.
///
/// # Errors
/// The configuration is wrong, no gateway can be had, or the question was not answered.
pub async fn chat(
    args: &TalkArgs,
    place: &PlaceArgs,
    environment: Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let listen = place
        .load_sections(&environment, &["server"])?
        .server
        .listen;
    let history = Some(place.state_dir(&environment).join("chat_history"));
    let here = |gateway| ChatPlace {
        gateway,
        history: history.clone(),
        is_stdin_terminal: io::stdin().is_terminal(),
    };
    if let Some(gateway) = args.gateway.running(listen).await {
        if args.serve {
            anyhow::bail!("a gateway runs at http://{listen}/v1 already");
        }
        return Ok(status(
            chat::run(&args.chat, &here(gateway), console).await?,
        ));
    }
    let config = place.load(&environment, Vec::new())?.config;
    if local::IS_BUILT_IN && config.engine.enabled != EngineMode::Off {
        fetch_missing_weights(&config, place, &environment, console).await?;
    }
    let serve_args = if args.serve {
        ServeArgs::after_an_answer()
    } else {
        ServeArgs::on_free_ports()
    };
    let Some((app, detected)) = serve::start(&serve_args, place, environment).await? else {
        return Ok(ExitCode::FAILURE);
    };
    app.local_models();
    let ending = chat::run(
        &args.chat,
        &here(args.gateway.at(format!("http://{}/v1", app.public))),
        console,
    )
    .await;
    if args.serve && ending.is_ok() {
        writeln!(console.out, "\n{}", serve::banner(&app, detected.as_ref()))?;
        let mut signals = Signals::new()?;
        app.run(async || signals.next().await).await?;
        return Ok(ExitCode::SUCCESS);
    }
    leave(app).await;
    Ok(status(ending?))
}

/// Runs `models`; the status is 1 if a gateway whose address was given does not list its models.
///
/// # Errors
/// The configuration is wrong, the provider that is named gives no list, or the output is closed.
pub async fn models(
    args: &ListArgs,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let asked = args.models.provider.as_deref();
    if let Some(name) = asked.filter(|it| *it != LOCAL) {
        let loaded = place.load(environment, Vec::new())?;
        let desk = accounts::open(&loaded, place, environment).await?;
        let account = desk.account(name)?;
        account_models::run(&desk, account, args.models.json, console).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = place.load_sections(environment, &["server", "engine"])?;
    let models_dirs = [place.models_dir(environment, &config.engine)];
    if asked.is_some() {
        models::run_local(&args.models, &models_dirs, console)?;
        return Ok(ExitCode::SUCCESS);
    }
    let listen = config.server.listen;
    let gateway = match args.gateway.running(listen).await {
        Some(gateway) => gateway,
        None => args.gateway.at(format!("http://{listen}/v1")),
    };
    let is_served = models::run(&args.models, &gateway, &models_dirs, console).await?;
    // Whoever gives an address means that one.
    Ok(if is_served || args.gateway.url.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Fetches the weights of the embedded models that will be served, when they are known and not here.
async fn fetch_missing_weights(
    config: &Config,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let settings = place.pull_settings(environment, &config.engine)?;
    let configured = config.models.iter().flat_map(|(_, model)| {
        let local = |by: &&DeploymentConfig| by.provider == LOCAL;
        let names = model.deployments.iter().filter(local);
        names.map(|by| by.model.as_str())
    });
    // Without a file it is the engine's own model; with one, what the file names.
    let detected = place.file().is_none().then_some(&*config.engine.model);
    for known in detected
        .into_iter()
        .chain(configured)
        .filter_map(known::find)
    {
        if weights::locate(known.name, std::slice::from_ref(&settings.models_dir)).is_none() {
            pull::fetch(known, &settings, console).await?;
        }
    }
    Ok(())
}

/// Ends a gateway that was started for one conversation.
async fn leave(app: App) {
    let ended = tokio::time::timeout(FAREWELL, app.run(async || StopSignal::Interrupt)).await;
    if let Ok(Err(error)) = ended {
        tracing::warn!("{error:#}");
    }
}

fn status(ending: Ending) -> ExitCode {
    match ending {
        Ending::Complete => ExitCode::SUCCESS,
        Ending::Interrupted => ExitCode::from(130),
    }
}
