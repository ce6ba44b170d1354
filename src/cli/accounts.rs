//! The accounts of a configuration, or of what is found without one, for commands that ask vendors.
//!
//! Set up as a gateway sets them up, with its connections, its trusted authorities and its way to
//! keys that expire; only there is no gateway.

use std::sync::Arc;

use anyhow::bail;
use tollward_config::{EngineMode, Loaded, Report, closest};

use crate::assembly::{Account, Accounts, Assembly, LOCAL, Standing};
use crate::cli::place::{Environment, PlaceArgs};
use crate::credentials::fetcher::Fetcher;
use crate::detect::{Detected, detect};
use crate::shelf::Shelf;
use crate::task::Tasks;
use crate::telemetry::metric::Metrics;
use crate::upstream::client::Client;
use crate::upstream::local;
use crate::upstream::trust::Trust;

/// Accounts, and the way to them.
pub struct Desk {
    /// The accounts.
    pub accounts: Accounts,
    /// The connections, and who fetches keys.
    pub fetcher: Fetcher,
    /// What was found, where nothing is configured.
    pub detected: Option<Detected>,
}

/// Sets everything up; nothing is asked of a vendor yet.
///
/// # Errors
/// Everything that is wrong in the configuration.
pub async fn open(
    loaded: &Loaded,
    place: &PlaceArgs,
    environment: &Environment,
) -> Result<Desk, Report> {
    let config = &loaded.config;
    let detected = if place.file().is_some() {
        None
    } else {
        let is_wanted = local::IS_BUILT_IN && config.engine.enabled != EngineMode::Off;
        let local_model = is_wanted.then_some(config.engine.model.as_str());
        Some(detect(environment.variables(), local_model).await)
    };
    let metrics = Arc::new(Metrics::new());
    let tasks = Tasks::new(metrics.panics.clone());
    let standing = Standing::new(
        metrics,
        place.models_dir(environment, &config.engine),
        Shelf::new(&place.state_dir(environment)),
        environment.variables(),
    );
    let assembly = Assembly {
        standing: &standing,
        env: environment.variables(),
        detected: detected.as_ref(),
    };
    let accounts = assembly.accounts(loaded)?;
    // The assembly has looked at the file, and reports one that cannot be used with its place.
    let trust = Trust::load(config.upstream.ca_file.as_deref()).map_err(|error| {
        let message = error.to_string();
        let place = loaded.origins.diagnose("upstream.ca_file", message, &[]);
        Report(vec![place])
    })?;
    let client = Client::new(config.timeouts.connect, trust);
    Ok(Desk {
        accounts,
        fetcher: Fetcher::new(client, tasks),
        detected,
    })
}

impl Desk {
    /// The account of that name.
    ///
    /// # Errors
    /// There is none; the text says which there are.
    pub fn account(&self, name: &str) -> anyhow::Result<&Account> {
        let found = self.accounts.remote.iter().find(|it| *it.name == *name);
        if let Some(account) = found {
            return Ok(account);
        }
        bail!("{}", self.absence(name));
    }

    /// Why there is no account of that name, and what to do.
    fn absence(&self, name: &str) -> String {
        let mut known: Vec<&str> = self.accounts.remote.iter().map(|it| &*it.name).collect();
        if !self.accounts.local.is_empty() {
            known.push(LOCAL);
        }
        let meant = closest(name, known.iter().copied());
        let meant = meant.map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
        let end = if meant.is_empty() { "." } else { "" };
        let known = match known.len() {
            0 => String::new(),
            1 => format!("{end} There is {}", known.join(", ")),
            _ => format!("{end} There are {}", known.join(", ")),
        };
        let why = match &self.detected {
            None if known.is_empty() => ": the configuration has none".to_owned(),
            None => String::new(),
            Some(detected) => lacking(detected, name),
        };
        format!("there is no provider `{name}`{why}{meant}{known}")
    }
}

/// What a provider lacks that was looked for without a configuration.
fn lacking(detected: &Detected, name: &str) -> String {
    let row = tollward_providers::kind(name);
    let variable = row.and_then(|row| row.key_variable);
    let mut unusable = detected.unusable.iter();
    let unusable = unusable.find(|(it, _)| Some(*it) == variable);
    match (unusable, variable, row.and_then(|row| row.default_port)) {
        (Some((variable, reason)), ..) => format!(": {variable} cannot be used: {reason}"),
        (None, Some(variable), _) => {
            let more = match row {
                Some(row) if row.base_url.is_none() => ", and its address in a configuration",
                _ => "",
            };
            format!(": set {variable}{more}")
        }
        (None, None, Some(port)) => format!(": nothing answers on :{port}"),
        (None, None, None) => {
            ": without a configuration there is what the environment and this machine have"
                .to_owned()
        }
    }
}
