//! Names of models that other models lead to.

use std::collections::{BTreeMap, BTreeSet};

use crate::path;
use crate::reader::Reader;
use crate::report::{list, quote};
use crate::schema::Config;
use crate::schema::model::ModelConfig;

/// Checks that every name leads to a model, and that fallbacks end.
pub(super) fn check(config: &Config, reader: &mut Reader) {
    for (name, model) in &config.models {
        let at = path::join("models", name);
        for (key, targets) in [
            ("fallbacks", &model.fallbacks),
            ("context_fallbacks", &model.context_fallbacks),
            ("filter_fallbacks", &model.filter_fallbacks),
        ] {
            check_list(config, name, &path::join(&at, key), targets, reader);
        }
        for (index, rule) in model.rules.iter().enumerate() {
            let at = path::item(&path::join(&at, "rules"), index);
            let at = path::join(&at, "use");
            if rule.model == *name {
                let message = format!("{} leads to itself", quote(name));
                reader.report(&at, message, None);
            } else {
                check_target(config, name, &rule.model, &at, reader);
            }
        }
        if let Some(shadow) = &model.shadow {
            let at = path::join(&path::join(&at, "shadow"), "use");
            if shadow.model == *name {
                let message = format!("{} leads to itself", quote(name));
                reader.report(&at, message, None);
            } else {
                check_known(config, name, &shadow.model, &at, reader);
            }
        }
        check_stars(name, model, reader);
    }
    check_aliases(config, reader);
    check_loops(config, reader);
}

/// A list of other models, each of them once.
fn check_list(config: &Config, name: &str, at: &str, targets: &[String], reader: &mut Reader) {
    for (index, target) in targets.iter().enumerate() {
        let place = path::item(at, index);
        if target == name {
            reader.report(
                &place,
                format!("{} falls back to itself", quote(name)),
                None,
            );
        } else if targets.iter().take(index).any(|it| it == target) {
            reader.report(&place, format!("{} is listed twice", quote(target)), None);
        } else if name.contains('*') {
            // One that has a `*` as well answers for the same text.
            check_known(config, name, target, &place, reader);
        } else {
            check_target(config, name, target, &place, reader);
        }
    }
}

/// `target`, to which the model or alias `from` leads for whatever request: it must be one model.
fn check_target(config: &Config, from: &str, target: &str, at: &str, reader: &mut Reader) {
    check_known(config, from, target, at, reader);
    if target.contains('*') && config.model(target).is_some() {
        let message = format!("{} stands for many models", quote(target));
        let help = "name a model without a `*`; only fallbacks of a model that has one itself may \
                    have it, for the same text";
        reader.report(at, message, Some(help.to_owned()));
    }
}

/// `target`, to which the model or alias `from` leads.
fn check_known(config: &Config, from: &str, target: &str, at: &str, reader: &mut Reader) {
    if config.model(target).is_some() {
        return;
    }
    let names = config.models.iter().map(|(name, _)| name.as_str());
    let known = names.filter(|it| *it != from);
    let message = format!("no model is named {}", quote(target));
    let diagnostic = reader.origins.diagnose(at, message, &[]);
    let mut aliases = config.routing.aliases.iter();
    let provider = target.split_once('/').map(|(provider, _)| provider);
    let diagnostic = if let Some((_, model)) = aliases.find(|(alias, _)| alias == target) {
        let help = format!("it is an alias of {0}; write {0}", quote(model));
        diagnostic.with_help(help)
    } else if provider.is_some_and(|it| config.providers.contains_key(it)) {
        diagnostic.with_help("this takes models, not deployments: give it a name under `models`")
    } else {
        let help = format!("the models are: {}", list(known.clone()));
        diagnostic.with_candidates(target, known).with_help(help)
    };
    reader.diagnostics.push(diagnostic);
}

/// A `*` in a deployment stands for what the one in the public name does.
fn check_stars(name: &str, model: &ModelConfig, reader: &mut Reader) {
    for (index, deployment) in model.deployments.iter().enumerate() {
        if deployment.model.contains('*') && !name.contains('*') {
            let at = super::deployment_path(name, index, reader);
            let message = format!(
                "{} has a `*`, and {} has none",
                quote(&deployment.name()),
                quote(name)
            );
            let help =
                "a `*` stands for what the one in the public name does: \"openai/*\": openai/*";
            reader.report(&at, message, Some(help.to_owned()));
        }
    }
}

fn check_aliases(config: &Config, reader: &mut Reader) {
    for (alias, target) in &config.routing.aliases {
        let at = path::join("routing.aliases", alias);
        if alias.contains('*') {
            let message = format!("{} has a `*`, and an alias is one name", quote(alias));
            let diagnostic = reader.origins.diagnose_key(&at, message);
            let help = "a model may have one in its name: \"gpt-*\": openai/gpt-*";
            reader.diagnostics.push(diagnostic.with_help(help));
        }
        if config.model(alias).is_some() {
            let message = format!("{} is the name of a model already", quote(alias));
            let diagnostic = reader.origins.diagnose_key(&at, message);
            reader.diagnostics.push(diagnostic);
        }
        check_target(config, alias, target, &at, reader);
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
