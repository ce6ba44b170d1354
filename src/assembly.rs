//! Config → [`Snapshot`]: providers are built, names become routes.
//!
//! Whatever does not hold together is reported with its place in the file, all
//! of it at once. Nothing is connected or loaded here, so it also serves
//! `tollward check`; what outlives a reload comes from [`Standing`].

mod accounts;
mod idle;
mod mistakes;
mod passthrough;
mod prices;
mod probes;
mod routes;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tollward_config::catalog::{Capabilities, Catalog};
use tollward_config::{
    AuthMode as ConfiguredAuth, Config, DeploymentConfig, Diagnostic, EngineMode, Loaded,
    ModelConfig, ProviderConfig, Report, UsageCost,
};
use tollward_providers::{Provider, mistakes};

pub use self::accounts::{Account, Accounts};
pub use self::idle::idle;
use self::mistakes::{Context, candidates, path, unwritten};
pub use self::standing::Standing;
use crate::detect::Detected;
use crate::policy::allowance::AllowanceTerms;
use crate::policy::backoff::Backoff;
use crate::policy::price::Prices;
use crate::snapshot::route::Routes;
use crate::snapshot::{AuthMode, Limits, Passthrough, RetryTerms, Snapshot};
use crate::upstream::local;
use crate::upstream::trust::Trust;

/// The provider name of the embedded engine.
pub const LOCAL: &str = "local";

/// What a snapshot is made from, besides the configuration.
#[derive(Clone, Copy)]
pub struct Assembly<'a> {
    /// What outlives a reload.
    pub standing: &'a Arc<Standing>,
    /// Environment variables; keys of providers that the configuration does not spell out.
    pub env: &'a [(String, String)],
    /// What was found when nothing was configured.
    pub detected: Option<&'a Detected>,
}

impl Assembly<'_> {
    /// Builds snapshot number `generation`.
    ///
    /// # Errors
    /// Every setting that a provider refuses and every name that leads nowhere, with its place.
    pub fn snapshot(&self, loaded: &Loaded, generation: u64) -> Result<Snapshot, Report> {
        let wired = self.wire(loaded)?;
        let config = &loaded.config;
        let admin_hosts = config.server.admin_hosts.iter();
        let admin_hosts = admin_hosts.map(|it| it.as_str().into());
        let snapshot = Snapshot::new(
            generation,
            auth_mode(config),
            limits(config),
            retry_terms(config),
            wired.routes,
        )
        .with_passthrough(wired.passthrough)
        .with_admin_hosts(admin_hosts.collect());
        Ok(snapshot)
    }

    /// Every provider that the configuration sets up or names, whether or not a model uses it.
    ///
    /// # Errors
    /// As of [`Assembly::snapshot`].
    pub fn accounts(&self, loaded: &Loaded) -> Result<Accounts, Report> {
        let wired = self.wire(loaded)?;
        Ok(wired.work.accounts(&wired.routes.named))
    }

    /// Every mistake, and the providers that can be set up in spite of them.
    pub fn survey(&self, loaded: &Loaded) -> Surveyed {
        let mut wired = self.wire_all(loaded);
        Surveyed {
            problems: std::mem::take(&mut wired.work.problems),
            accounts: wired.work.accounts(&wired.routes.named),
        }
    }

    /// Builds the providers, and what leads to them.
    fn wire<'w>(&'w self, loaded: &'w Loaded) -> Result<Wired<'w>, Report> {
        let wired = self.wire_all(loaded);
        if wired.work.problems.is_empty() {
            Ok(wired)
        } else {
            Err(Report(wired.work.problems))
        }
    }

    fn wire_all<'w>(&'w self, loaded: &'w Loaded) -> Wired<'w> {
        let mut work = Work {
            assembly: *self,
            loaded,
            catalog: self.standing.catalog(),
            providers: BTreeMap::new(),
            problems: Vec::new(),
        };
        let mut models = loaded.config.models.clone();
        let mut declared = loaded.config.providers.clone();
        if let Some(detected) = self.detected {
            declared.extend(
                detected
                    .providers
                    .iter()
                    .map(|(name, provider)| (name.clone(), provider.clone())),
            );
            models.extend(detected.models.iter().cloned());
            // Whatever else a provider has is reached by its name.
            models.extend(declared.keys().filter(|it| *it != LOCAL).map(|provider| {
                let any = ModelConfig {
                    deployments: vec![DeploymentConfig::of(provider, "*")],
                    ..ModelConfig::default()
                };
                (format!("{provider}/*"), any)
            }));
        }
        for (name, provider) in &declared {
            work.build_provider(name, provider);
        }
        if loaded.config.engine.enabled == EngineMode::On && !local::IS_BUILT_IN {
            let message = "this build has no embedded engine".to_owned();
            work.report("engine.enabled", message, &[]);
        }
        if let Err(error) = Trust::load(loaded.config.upstream.ca_file.as_deref()) {
            work.report("upstream.ca_file", error.to_string(), &[]);
        }
        let routes = work.routes(&models);
        let passthrough = work.passthrough();
        Wired {
            work,
            routes,
            passthrough,
        }
    }
}

/// What is known of a configuration that may have mistakes.
pub struct Surveyed {
    /// The mistakes.
    pub problems: Vec<Diagnostic>,
    /// The providers that could be set up.
    pub accounts: Accounts,
}

/// Providers, and what leads to them.
struct Wired<'w> {
    work: Work<'w>,
    routes: Routes,
    passthrough: Passthrough,
}

#[derive(Clone)]
struct Built {
    provider: Arc<dyn Provider>,
    kind: String,
}

struct Work<'a> {
    assembly: Assembly<'a>,
    loaded: &'a Loaded,
    catalog: Arc<Catalog>,
    providers: BTreeMap<String, Built>,
    problems: Vec<Diagnostic>,
}

impl Work<'_> {
    fn report(&mut self, path: &str, message: String, candidates: &[&str]) {
        self.problems
            .push(self.loaded.origins.diagnose(path, message, candidates));
    }

    fn build_provider(&mut self, name: &str, declared: &ProviderConfig) {
        if name == LOCAL {
            return self.check_local(declared);
        }
        let mut settings = declared.settings.expose().clone();
        let has_base_url = settings.contains_key("base_url");
        let found = add_from_environment(&declared.kind, &mut settings, self.assembly.env);
        if let Ok(provider) = tollward_providers::build(&declared.kind, settings.clone()) {
            let kind = declared.kind.clone();
            self.providers
                .insert(name.to_owned(), Built { provider, kind });
            return;
        }
        let context = Context {
            kind: &declared.kind,
            has_base_url,
            found: &found,
        };
        for error in mistakes(&declared.kind, settings) {
            let message = context.message(&error);
            match unwritten(self.loaded, name) {
                Some(place) => {
                    self.report(&place, format!("provider `{name}`: {message}"), &[]);
                }
                None => self.report(&path(name, &error), message, &candidates(&error)),
            }
        }
    }

    /// The engine is no vendor: a model may name it, and there is nothing to set.
    fn check_local(&mut self, declared: &ProviderConfig) {
        if declared.kind != LOCAL || !declared.settings.expose().is_empty() {
            let path = format!("providers.{LOCAL}");
            let message = format!(
                "`{LOCAL}` is the embedded engine and takes no settings here; give the provider another name"
            );
            self.report(&path, message, &[]);
        }
    }

    /// A declared provider, or a known kind whose key is in the environment.
    fn provider(&mut self, name: &str) -> Result<&Arc<dyn Provider>, String> {
        if !self.providers.contains_key(name) && !self.loaded.config.providers.contains_key(name) {
            let mut settings = Map::new();
            let found = add_from_environment(name, &mut settings, self.assembly.env);
            let context = Context {
                kind: name,
                has_base_url: false,
                found: &found,
            };
            let provider = tollward_providers::build(name, settings)
                .map_err(|error| context.message(&error))?;
            self.providers.insert(
                name.to_owned(),
                Built {
                    provider,
                    kind: name.to_owned(),
                },
            );
        }
        match self.providers.get(name) {
            Some(built) => Ok(&built.provider),
            None => Err(format!("provider `{name}` could not be set up")),
        }
    }

    /// What a model costs at a provider, and what it can do.
    fn listed(&self, provider: &str, model: &str) -> (Prices, Capabilities) {
        let written = self.loaded.config.pricing.find(provider, model);
        let (kind, model) = match self.providers.get(provider) {
            Some(built) => (&*built.kind, built.provider.listed_as(model)),
            None => (LOCAL, model),
        };
        (
            prices::prices(&self.catalog, written, kind, model),
            prices::capabilities(&self.catalog, kind, model),
        )
    }
}

/// Adds what is not written and has a variable: the key, unless a credential or an address is
/// written, and settings such as a region. Returns the settings that were added and their variables.
pub(crate) fn add_from_environment(
    kind: &str,
    settings: &mut Map<String, Value>,
    env: &[(String, String)],
) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let Some(row) = tollward_providers::kind(kind) else {
        return found;
    };
    let variable = |name: &str| {
        let found = env.iter().find(|(of, _)| of == name);
        found.map(|(_, value)| value).filter(|it| !it.is_empty())
    };
    let mut proofs = row.access.fields.iter().chain(&["credentials", "base_url"]);
    let is_proven = proofs.any(|it| settings.contains_key(*it));
    let key = row.key_variable.filter(|_| !is_proven);
    let wanted = key.map(|it| ("api_key", it));
    for (setting, name) in wanted.iter().chain(row.access.variables) {
        if let (Some(value), false) = (variable(name), settings.contains_key(*setting)) {
            settings.insert((*setting).to_owned(), Value::String(value.clone()));
            found.push((*setting, *name));
        }
    }
    found
}

fn auth_mode(config: &Config) -> AuthMode {
    match config.server.auth {
        ConfiguredAuth::Keys => AuthMode::Keys,
        ConfiguredAuth::Open => AuthMode::Open,
        ConfiguredAuth::Auto => AuthMode::WhenKeysExist,
    }
}

fn limits(config: &Config) -> Limits {
    let server = &config.server;
    Limits {
        max_body_bytes: usize::try_from(server.max_body_bytes).unwrap_or(usize::MAX),
        max_upload_bytes: usize::try_from(server.max_upload_bytes).unwrap_or(usize::MAX),
        max_in_flight: i64::from(server.max_in_flight),
        max_in_flight_bytes: i64::try_from(server.max_in_flight_bytes).unwrap_or(i64::MAX),
        keep_alive: server.keep_alive,
        tells_cost: config.pricing.usage_cost == UsageCost::On,
        drain: server.drain,
        drain_accept: server.drain_accept,
        on_ledger_error: config.store.on_error,
        retention: config.responses.retention,
        max_response_bytes_per_key: config.responses.max_bytes_per_key,
        idempotency: server.idempotency,
    }
}

fn retry_terms(config: &Config) -> RetryTerms {
    let retry = &config.retry;
    RetryTerms {
        extra_attempts: retry.attempts,
        backoff: Backoff {
            base: retry.base_delay,
            cap: retry.max_delay,
        },
        allowance: AllowanceTerms {
            percent: retry.budget_percent,
            per_second: retry.budget_min_per_second,
        },
    }
}
