//! Checks across sections: names that must exist, and fallbacks that must end.

mod routes;

use std::collections::BTreeSet;

use crate::path;
use crate::reader::Reader;
use crate::report::{Diagnostic, list, quote};
use crate::schema::Config;
use crate::schema::provider::ProviderConfig;
use crate::schema::server::AuthMode;

/// Checks every name, and adds the built-in providers that are named without being defined.
pub(crate) fn check(config: &mut Config, known_kinds: &[String], reader: &mut Reader) {
    check_providers(config, known_kinds, reader);
    check_passthrough(config, known_kinds, reader);
    routes::check(config, reader);
    check_prices(config, known_kinds, reader);
    warn_of_open_listener(config, reader);
}

fn check_providers(config: &mut Config, known_kinds: &[String], reader: &mut Reader) {
    let mut bare = BTreeSet::new();
    for (name, model) in &config.models {
        for (index, deployment) in model.deployments.iter().enumerate() {
            let provider = &deployment.provider;
            if config.providers.contains_key(provider) {
                continue;
            }
            if known_kinds.contains(provider) {
                bare.insert(provider.clone());
                continue;
            }
            let at = deployment_path(name, index, reader);
            let message = format!("no provider is named {}", quote(provider));
            let known = provider_names(config, known_kinds);
            let diagnostic = reader
                .origins
                .diagnose(&at, message, &[])
                .with_candidates(provider, known.iter().copied())
                .with_help(format!("the providers are: {}", list(known)));
            reader.diagnostics.push(diagnostic);
        }
    }
    for kind in bare {
        let provider = ProviderConfig::bare(&kind);
        config.providers.insert(kind, provider);
    }
}

/// What is passed through goes to a provider that exists; a kind without settings is filled in.
fn check_passthrough(config: &mut Config, known_kinds: &[String], reader: &mut Reader) {
    for (index, provider) in config.passthrough.providers.clone().iter().enumerate() {
        if config.providers.contains_key(provider) {
            continue;
        }
        if known_kinds.contains(provider) {
            let bare = ProviderConfig::bare(provider);
            config.providers.insert(provider.clone(), bare);
            continue;
        }
        let at = path::item("passthrough.providers", index);
        let message = format!("no provider is named {}", quote(provider));
        let known = provider_names(config, known_kinds);
        let diagnostic = reader.origins.diagnose(&at, message, &[]);
        let diagnostic = diagnostic
            .with_candidates(provider, known.iter().copied())
            .with_help(format!("the providers are: {}", list(known)));
        reader.diagnostics.push(diagnostic);
    }
}

/// The path that points at the provider's name as closely as it was written.
fn deployment_path(model: &str, index: usize, reader: &Reader) -> String {
    let model = path::join("models", model);
    let item = path::item(&path::join(&model, "deployments"), index);
    let named = path::join(&item, "provider");
    if reader.origins.place(&named).is_some() {
        return named;
    }
    if reader.origins.place(&item).is_some() {
        item
    } else {
        model
    }
}

/// Defined providers, then the kinds that need no definition.
fn provider_names<'c>(config: &'c Config, known_kinds: &'c [String]) -> Vec<&'c str> {
    let kinds = known_kinds
        .iter()
        .filter(|kind| !config.providers.contains_key(*kind));
    config
        .providers
        .keys()
        .chain(kinds)
        .map(String::as_str)
        .collect()
}

fn check_prices(config: &Config, known_kinds: &[String], reader: &mut Reader) {
    for (index, price) in config.pricing.overrides.iter().enumerate() {
        let provider = &price.provider;
        let is_known = provider.is_empty()
            || config.providers.contains_key(provider)
            || known_kinds.contains(provider);
        if !is_known {
            let at = format!("{}.provider", path::item("pricing.overrides", index));
            let known = provider_names(config, known_kinds);
            let message = format!("no provider is named {}", quote(provider));
            let diagnostic = reader.origins.diagnose(&at, message, &[]);
            reader
                .diagnostics
                .push(diagnostic.with_candidates(provider, known));
        }
    }
}

fn warn_of_open_listener(config: &Config, reader: &mut Reader) {
    let server = &config.server;
    if server.auth == AuthMode::Open && !server.listen.ip().is_loopback() {
        let message = format!("anyone who reaches {} may spend your money", server.listen);
        let diagnostic: Diagnostic = reader.origins.diagnose("server.auth", message, &[]);
        let help = "set `auth: keys` and create keys, or listen on 127.0.0.1";
        reader
            .diagnostics
            .push(diagnostic.with_help(help).as_warning());
    }
}

#[cfg(test)]
mod tests;
