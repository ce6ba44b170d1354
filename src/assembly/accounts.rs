//! The accounts behind a configuration, for those who look at them and not at a call.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use tollward_config::catalog::Catalog;
use tollward_config::{PricingConfig, ProviderConfig};
use tollward_providers::Provider;

use super::{Work, prices};
use crate::credentials::pool::Pool;
use crate::policy::price::Prices;
use crate::snapshot::Target;
use crate::snapshot::route::Route;

/// Every provider of a configuration, by name, and what their models cost.
pub struct Accounts {
    /// The providers that are reached over the network.
    pub remote: Vec<Account>,
    /// The embedded models that are configured.
    pub local: Vec<Arc<str>>,
    catalog: Arc<Catalog>,
    pricing: PricingConfig,
}

/// One provider with its credentials.
pub struct Account {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: String,
    /// How it is addressed and read.
    pub provider: Arc<dyn Provider>,
    /// What it proves itself with.
    pub credentials: Arc<Pool>,
    /// The vendor's names of the models that are configured there, and the public names of each.
    pub models: Vec<(Arc<str>, Vec<Arc<str>>)>,
    /// Where its key is written: a setting, or a variable of the environment.
    pub key_place: String,
    /// The settings that are written, those of several credentials among them.
    written: BTreeSet<String>,
}

impl Account {
    /// Where a setting of its credential is written; `variable` stands for one that is not.
    pub fn place_of(&self, setting: &str, variable: &str) -> String {
        let (name, is_listed) = (&self.name, self.lists_credentials());
        match (self.written.contains(setting), is_listed) {
            (true, true) => format!("`{setting}` in `providers.{name}.credentials`"),
            (true, false) => format!("`providers.{name}.{setting}`"),
            (false, _) => variable.to_owned(),
        }
    }

    /// Whether its credentials are listed, and do not stand beside its other settings.
    pub fn lists_credentials(&self) -> bool {
        self.written.contains("credentials")
    }

    /// The setting that has its address, if somebody wrote one.
    pub fn base_url(&self) -> Option<String> {
        let is_written = self.written.contains("base_url");
        is_written.then(|| format!("`providers.{}.base_url`", self.name))
    }
}

impl Accounts {
    /// What the model that the vendor calls `model` costs at `account`.
    pub fn prices(&self, account: &Account, model: &str) -> Prices {
        let written = self.pricing.find(&account.name, model);
        let listed = account.provider.listed_as(model);
        prices::prices(&self.catalog, written, &account.kind, listed)
    }
}

impl Work<'_> {
    pub(super) fn accounts(self, routes: &[Route]) -> Accounts {
        let deployments = || routes.iter().flat_map(Route::deployments);
        let mut local: Vec<Arc<str>> = Vec::new();
        for deployment in deployments() {
            let is_local = matches!(deployment.target, Target::Local(_));
            if is_local && !local.contains(&deployment.upstream_model) {
                local.push(Arc::clone(&deployment.upstream_model));
            }
        }
        let config = &self.loaded.config;
        let remote = self.providers.iter().map(|(name, built)| {
            let mut models: Vec<(Arc<str>, Vec<Arc<str>>)> = Vec::new();
            for it in deployments().filter(|it| *it.provider == **name) {
                let place = models.iter().position(|(of, _)| *of == it.upstream_model);
                match place.and_then(|place| models.get_mut(place)) {
                    Some((_, names)) if names.contains(&it.model) => {}
                    Some((_, names)) => names.push(Arc::clone(&it.model)),
                    None => {
                        models.push((Arc::clone(&it.upstream_model), vec![Arc::clone(&it.model)]));
                    }
                }
            }
            Account {
                name: name.as_str().into(),
                kind: built.kind.clone(),
                provider: Arc::clone(&built.provider),
                credentials: self
                    .assembly
                    .standing
                    .pool(name, built.provider.credentials()),
                models,
                key_place: key_place(name, &built.kind, config.providers.get(name)),
                written: config.providers.get(name).map(written).unwrap_or_default(),
            }
        });
        Accounts {
            remote: remote.collect(),
            local,
            catalog: Arc::clone(&self.catalog),
            pricing: config.pricing.clone(),
        }
    }
}

/// The names of the settings that are written, also those in a list of credentials.
fn written(declared: &ProviderConfig) -> BTreeSet<String> {
    let settings = declared.settings.expose();
    let listed = settings.get("credentials").and_then(Value::as_array);
    let entries = listed.into_iter().flatten().filter_map(Value::as_object);
    let names = settings.keys().chain(entries.flat_map(Map::keys));
    names.cloned().collect()
}

/// Where the key of a provider is written.
fn key_place(name: &str, kind: &str, declared: Option<&ProviderConfig>) -> String {
    let row = tollward_providers::kind(kind);
    let fields = row.map_or(&[][..], |row| row.access.fields);
    let settings = declared.map(|it| it.settings.expose());
    let mut written = std::iter::once("credentials").chain(fields.iter().copied());
    let written = written.find(|field| settings.is_some_and(|it| it.contains_key(*field)));
    let variable = row.and_then(|row| row.key_variable);
    let is_found = row.is_some_and(|row| !row.access.found_by.is_empty());
    match (written, variable) {
        (None, Some(variable)) if is_found => {
            format!("{variable}, or what else the environment has to prove it")
        }
        (Some(field), _) => format!("`providers.{name}.{field}`"),
        (None, Some(variable)) => variable.to_owned(),
        (None, None) => format!("`providers.{name}`"),
    }
}
