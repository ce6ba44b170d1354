//! Settings of routes that do nothing: each is worth a warning, since whoever wrote it expects something.

use tollward_config::{Diagnostic, Loaded, ModelConfig, Origins, SpreadBy};

use super::LOCAL;
use super::routes::LOCAL_TAG;
use crate::policy::routing::policy;

/// A warning for each of them.
pub fn idle(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut found = Found {
        origins: &loaded.origins,
        warnings: Vec::new(),
    };
    for (name, model) in &loaded.config.models {
        found.policies(name, model);
        found.shares(name, model);
        found.rules(name, model);
    }
    found.guards(loaded);
    found.warnings
}

struct Found<'a> {
    origins: &'a Origins,
    warnings: Vec<Diagnostic>,
}

impl Found<'_> {
    fn warn(&mut self, path: &str, message: String, help: &str) {
        let diagnostic = self.origins.diagnose(path, message, &[]);
        self.warnings.push(diagnostic.with_help(help).as_warning());
    }

    /// Policies that never decide.
    fn policies(&mut self, model: &str, config: &ModelConfig) {
        let mut total: Option<&str> = None;
        for (index, name) in config.policy.iter().enumerate() {
            let path = format!("{}[{index}]", Origins::model_path(model, "policy"));
            if config.policy.iter().take(index).any(|it| it == name) {
                let message = format!("the policy `{name}` is listed twice");
                self.warn(
                    &path,
                    message,
                    "the second time it has nothing left to decide",
                );
            } else if let Some(total) = total {
                let message = format!("the policy `{name}` decides nothing after `{total}`");
                let help = format!("`{total}` ranks no two alike; write it last");
                self.warn(&path, message, &help);
            }
            let is_total =
                policy(name).is_some_and(super::super::policy::routing::RoutingPolicy::is_total);
            total = total.or_else(|| is_total.then_some(name));
        }
    }

    /// Weights and what is kept together, where no policy looks at them.
    fn shares(&mut self, model: &str, config: &ModelConfig) {
        let decides = |name: &&String| {
            policy(name).is_some_and(super::super::policy::routing::RoutingPolicy::is_total)
        };
        let last = config.policy.iter().find(decides);
        // Where none ranks all, what is alike is shared out by weight.
        let by_weight = last.is_none_or(|it| it == "weighted");
        let is_weighed = by_weight || config.policy.iter().any(|it| it == "least_busy");
        let last = last.map_or("weighted", String::as_str);
        let help = "write `policy: weighted`, or another one before it";
        let mut weights = config.deployments.iter().map(|it| it.weight);
        if !config.deployments.is_empty() && weights.clone().all(|it| it == 0) {
            let message = format!("no deployment of `{model}` has a weight");
            let path = Origins::model_path(model, "deployments");
            self.warn(
                &path,
                message,
                "a weight of 0 is for when no other one is left",
            );
        } else if let Some(index) = weights.position(|it| it > 1).filter(|_| !is_weighed) {
            let path = format!("{}.weight", Origins::deployment_path(model, index));
            let message = format!("this weight does nothing under the policy `{last}`");
            self.warn(&path, message, help);
        }
        if config.spread_by != SpreadBy::Call && !by_weight {
            let path = Origins::model_path(model, "spread_by");
            let message = format!("`spread_by` does nothing under the policy `{last}`");
            self.warn(&path, message, help);
        }
    }

    /// Rules that headers and the ledger cannot tell apart.
    fn rules(&mut self, model: &str, config: &ModelConfig) {
        for (index, rule) in config.rules.iter().enumerate() {
            if config
                .rules
                .iter()
                .take(index)
                .any(|it| it.name == rule.name)
            {
                let path = format!("{}[{index}].name", Origins::model_path(model, "rules"));
                let message = format!("a rule before it is called `{}` as well", rule.name);
                self.warn(
                    &path,
                    message,
                    "headers and the ledger tell rules apart by name",
                );
            }
        }
    }

    /// Guards that let nobody through.
    fn guards(&mut self, loaded: &Loaded) {
        let config = &loaded.config;
        let models = config.models.iter();
        let deployments: Vec<_> = models.flat_map(|(_, it)| &it.deployments).collect();
        for (index, guard) in config.routing.guards.iter().enumerate() {
            let lets = deployments.iter().any(|deployment| {
                let is_local = deployment.provider == LOCAL;
                let has =
                    |tag: &String| deployment.tags.contains(tag) || (is_local && tag == LOCAL_TAG);
                guard.only.iter().all(has)
            });
            if !lets && !deployments.is_empty() {
                let path = format!("routing.guards[{index}].only");
                let message = format!("no deployment has {}", guard.only.join(" and "));
                let help = "whatever it holds for is refused; deployments get `tags`";
                self.warn(&path, message, help);
            }
        }
    }
}
