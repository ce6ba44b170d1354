//! The accounts of a configuration, or of what is found without one, for commands that ask vendors.
//!
//! Set up as a gateway sets them up, with its connections, its trusted authorities and its way to
//! keys that expire; only there is no gateway.

pub mod list;

use std::sync::Arc;

use anyhow::bail;
use tollward_config::{EngineMode, Loaded, Report, closest};

use crate::assembly::{Account, Accounts, Assembly, Standing};
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
        let mut known: Vec<&str> = self.accounts.remote.iter().map(|it| &*it.name).collect();
        if !self.accounts.local.is_empty() {
            known.push(crate::assembly::LOCAL);
        }
        let meant = closest(name, known.iter().copied());
        let meant = meant.map_or_else(|| ".".to_owned(), |it| format!("; did you mean `{it}`?"));
        match (known.is_empty(), &self.detected) {
            (false, _) => bail!(
                "there is no provider `{name}`{meant} There {} {}",
                if known.len() == 1 { "is" } else { "are" },
                known.join(", ")
            ),
            (true, None) => bail!("there is no provider `{name}`: the configuration has none"),
            (true, Some(_)) => bail!(
                "there is no provider `{name}`: there is no configuration, no key in the environment, \
                 and no model server on its usual port"
            ),
        }
    }
}
