//! `tollward route`: where calls go, and why.
//!
//! The running gateway is asked on its admin listener. Where none runs, the configuration alone is
//! explained, and said to be.

mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tollward_store::{Location, Mode, Store};

use crate::app::location;
use crate::assembly::{Assembly, Standing};
use crate::cli::client::{Client, ClientError, Gateway};
use crate::cli::console::Console;
use crate::cli::place::{Environment, PlaceArgs};
use crate::clock;
use crate::http::ops;
use crate::pipeline::authenticate::Caller;
use crate::pipeline::explain::{Inquiry, State, explain};
use crate::shelf::Shelf;
use crate::telemetry::metric::Metrics;
use crate::upstream::affinity::Affinity;

/// What to do about routes.
#[derive(Debug, Clone, Subcommand)]
pub enum RouteCommand {
    /// Show where a call would go, and why, without making it
    Explain(ExplainArgs),
    /// List the deployments of the running gateway, and how they are
    List(AdminArgs),
    /// Take a deployment out: no new calls go there until it is put back, or the gateway starts anew
    Drain(DrainArgs),
    /// Put a deployment back
    Undrain(DrainArgs),
}

/// Arguments of `route drain` and `route undrain`.
#[derive(Debug, Clone, Args)]
pub struct DrainArgs {
    /// The deployment, such as `openai/gpt-5`
    deployment: String,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Which gateway to ask.
#[derive(Debug, Clone, Args)]
pub struct AdminArgs {
    /// The admin listener's address [default: `server.admin_listen`]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `route explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The public name of the model
    #[arg(long, short, value_name = "MODEL")]
    model: String,
    /// The request's body as JSON; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The operation, such as `chat`, `messages` or `embeddings`
    #[arg(long, value_name = "NAME", default_value = "chat")]
    operation: String,
    /// The name of the virtual key that calls
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// A tag of the call; may be given more than once
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The conversation that the call belongs to
    #[arg(long, value_name = "NAME", default_value = "")]
    session: String,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Runs `tollward route`.
///
/// # Errors
/// The gateway refuses, or there is none and the configuration is wrong.
pub async fn run(
    command: &RouteCommand,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match command {
        RouteCommand::Explain(args) => explained(args, place, environment, console).await,
        RouteCommand::List(args) => {
            let client = client(args, place, environment)?;
            let told = client.operate("deployments", None).await?;
            if args.json {
                Ok(console.json(&told)?)
            } else {
                show::deployments(&told, console)
            }
        }
        RouteCommand::Drain(args) => {
            let client = client(&args.admin, place, environment)?;
            set(args, "drain", &client, console).await
        }
        RouteCommand::Undrain(args) => {
            let client = client(&args.admin, place, environment)?;
            set(args, "undrain", &client, console).await
        }
    }
}

async fn set(
    args: &DrainArgs,
    verb: &str,
    client: &Client,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let named = json!({ "deployment": args.deployment });
    let path = format!("deployments/{verb}");
    let told = client.operate(&path, Some(&named)).await?;
    if args.admin.json {
        return Ok(console.json(&told)?);
    }
    let what = match told.get("drained").and_then(Value::as_bool) {
        Some(true) => "is taken out; calls that run there go on",
        _ => "is put back",
    };
    Ok(writeln!(console.out, "{} {what}", args.deployment)?)
}

async fn explained(
    args: &ExplainArgs,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let inquiry = json!({
        "model": args.model,
        "operation": args.operation,
        "body": args.body.as_deref().map(body).transpose()?,
        "key": args.key,
        "tags": args.tags,
        "session": args.session,
    });
    let client = client(&args.admin, place, environment)?;
    let explanation = match client.operate("explain", Some(&inquiry)).await {
        Ok(explanation) => explanation,
        Err(ClientError::Unreachable { url, .. }) if args.admin.url.is_none() => {
            writeln!(
                console.notes,
                "no gateway answers at {url}: this is the configuration alone, without how deployments are"
            )?;
            configured(&inquiry, place, environment).await?
        }
        Err(error) => return Err(error.into()),
    };
    if args.admin.json {
        Ok(console.json(&explanation)?)
    } else {
        show::explanation(&explanation, console)
    }
}

/// The admin listener that was named, or that the configuration names.
fn client(
    args: &AdminArgs,
    place: &PlaceArgs,
    environment: &Environment,
) -> anyhow::Result<Client> {
    let root = if let Some(url) = &args.url {
        let scheme = if url.contains("://") { "" } else { "http://" };
        format!("{scheme}{}", url.trim_end_matches('/'))
    } else {
        let server = place.load_sections(environment, &["server"])?.server;
        format!("http://{}", server.admin_listen)
    };
    Ok(Client::new(Gateway {
        base_url: format!("{root}/admin/v1"),
        // Needed once a token was issued.
        key: environment
            .get("TOLLWARD_ADMIN_TOKEN")
            .map(SecretString::from),
    })?)
}

fn body(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let is_input = file == Path::new("-");
    let name = if is_input {
        "standard input".into()
    } else {
        file.to_string_lossy()
    };
    let text = if is_input {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.with_context(|| format!("failed to read {name}"))?;
    serde_json::from_str(&text).with_context(|| format!("{name} holds no JSON object"))
}

/// The explanation that the configuration alone gives.
async fn configured(
    inquiry: &Value,
    place: &PlaceArgs,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let loaded = place.load(environment, Vec::new())?;
    let state_dir = place.state_dir(environment);
    let standing = Standing::new(
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
    let inquiry = Inquiry::parse(inquiry.to_string().as_bytes())?;
    let caller = match &inquiry.key {
        None => Caller::Open,
        Some(name) => key(name, &location(&loaded.config, &state_dir)).await?,
    };
    let admitted = inquiry.admitted(caller)?;
    let affinity = Affinity::default();
    let explanation = explain((&affinity, &snapshot), &admitted, State::Unknown)?;
    Ok(ops::explain::told(explanation))
}

/// The holder of the key of that name.
async fn key(name: &str, location: &Location) -> anyhow::Result<Caller> {
    let store = Store::open(location, Mode::Tool)
        .await
        .with_context(|| format!("cannot open the store at {location}"))?;
    let keys = store
        .keys
        .active()
        .await
        .context("failed to read the keys")?;
    let now_ms = clock::unix_ms();
    let mut keys = keys.into_iter().map(|(_, key)| key);
    match keys.find(|it| it.name == name && it.is_active(now_ms)) {
        Some(key) => Ok(Caller::Key(Arc::new(key))),
        None => bail!("there is no active key named `{name}`"),
    }
}
