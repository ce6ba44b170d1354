//! Checks across sections: names that must exist, and fallbacks that must end.

use std::collections::{BTreeMap, BTreeSet};

use crate::path;
use crate::reader::Reader;
use crate::report::{Diagnostic, list, quote};
use crate::schema::Config;
use crate::schema::model::ModelConfig;
use crate::schema::provider::ProviderConfig;
use crate::schema::server::AuthMode;

/// Checks every name, and adds the built-in providers that are named without being defined.
pub(crate) fn check(config: &mut Config, known_kinds: &[String], reader: &mut Reader) {
    check_providers(config, known_kinds, reader);
    check_passthrough(config, known_kinds, reader);
    check_fallbacks(config, reader);
    check_loops(config, reader);
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

fn check_fallbacks(config: &Config, reader: &mut Reader) {
    let models = by_name(config);
    for (name, model) in &config.models {
        for (index, fallback) in model.fallbacks.iter().enumerate() {
            let is_repeated = model
                .fallbacks
                .iter()
                .take(index)
                .any(|earlier| earlier == fallback);
            let is_known = models.contains_key(fallback.as_str());
            let message = match (is_known, is_repeated, fallback == name) {
                (true, false, false) => continue,
                (_, _, true) => format!("{} falls back to itself", quote(name)),
                (false, _, _) => format!("no model is named {}", quote(fallback)),
                (true, true, false) => format!("{} is listed twice", quote(fallback)),
            };
            let at = fallback_path(name, index);
            let known = config
                .models
                .iter()
                .map(|(known, _)| known.as_str())
                .filter(|n| n != name);
            let mut diagnostic = reader.origins.diagnose(&at, message, &[]);
            if !is_known {
                diagnostic = diagnostic
                    .with_candidates(fallback, known.clone())
                    .with_help(format!("the models are: {}", list(known)));
            }
            reader.diagnostics.push(diagnostic);
        }
    }
}

fn by_name(config: &Config) -> BTreeMap<&str, &ModelConfig> {
    config
        .models
        .iter()
        .map(|(name, model)| (name.as_str(), model))
        .collect()
}

fn fallback_path(model: &str, index: usize) -> String {
    path::item(
        &path::join(&path::join("models", model), "fallbacks"),
        index,
    )
}

/// Reports each loop of fallbacks once, at the step that closes it.
fn check_loops(config: &Config, reader: &mut Reader) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let models = by_name(config);
    for (name, _) in &config.models {
        let mut search = Search {
            models: &models,
            trail: Vec::new(),
            found: Vec::new(),
        };
        search.follow(name, &mut done);
        for Loop {
            model,
            index,
            steps,
        } in search.found
        {
            let message = format!("fallbacks run in a circle: {}", steps.join(" → "));
            let diagnostic = reader
                .origins
                .diagnose(&fallback_path(model, index), message, &[]);
            let help = "a request would come back to a model that failed it; end the list earlier";
            reader.diagnostics.push(diagnostic.with_help(help));
        }
    }
}

/// A depth-first walk over the fallbacks.
struct Search<'s, 'c> {
    models: &'s BTreeMap<&'c str, &'c ModelConfig>,
    /// The models between the start and here.
    trail: Vec<&'c str>,
    found: Vec<Loop<'c>>,
}

/// The fallback `index` of `model` leads back into `steps`.
struct Loop<'c> {
    model: &'c str,
    index: usize,
    steps: Vec<&'c str>,
}

impl<'c> Search<'_, 'c> {
    /// Walks without recursion, so that a chain of many models cannot exhaust the stack.
    fn follow(&mut self, start: &'c str, done: &mut BTreeSet<&'c str>) {
        let mut next = vec![0];
        self.trail.push(start);
        while let (Some(model), Some(index)) = (self.trail.last().copied(), next.last_mut()) {
            let fallbacks = self.models.get(model).map(|model| &model.fallbacks);
            let target = fallbacks
                .and_then(|names| names.get(*index))
                .map(String::as_str);
            let taken = *index;
            *index += 1;
            match target {
                None => {
                    done.insert(model);
                    self.trail.pop();
                    next.pop();
                }
                Some(target) if target == model => {}
                Some(target) => match self.trail.iter().position(|step| *step == target) {
                    Some(from) => {
                        let mut steps: Vec<_> = self.trail.iter().skip(from).copied().collect();
                        steps.push(target);
                        self.found.push(Loop {
                            model,
                            index: taken,
                            steps,
                        });
                    }
                    None if done.contains(target) => {}
                    None => {
                        self.trail.push(target);
                        next.push(0);
                    }
                },
            }
        }
    }
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
