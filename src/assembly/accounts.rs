//! The accounts behind a configuration, for those who look at them and not at a call.

use std::sync::Arc;

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
