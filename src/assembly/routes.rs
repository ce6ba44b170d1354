//! The routes, as the configuration names them.
//!
//! Own deployments of every model first; then each route gets its fallbacks' groups. A model with a
//! `*` in its name becomes a pattern whose routes are made when they are asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::HeaderValue;
use tollward_config::catalog::{Capabilities, Catalog};
use tollward_config::{
    Config, DeploymentConfig, HedgeConfig, ModelConfig, OnUnsupported, Origins, PricingConfig,
    RuleConfig, ShadowConfig, TimeoutsConfig,
};

use tollward_store::NanoUsd;

use super::{Built, LOCAL, Standing, Work, prices};
use crate::clock;
use crate::policy::breaker::BreakerTerms;
use crate::policy::canary::CanaryTerms;
use crate::policy::condition::Condition;
use crate::policy::price::Prices;
use crate::policy::routing::{POLICIES, RoutingPolicy, fingerprint, policy};
use crate::snapshot::pattern::Pattern;
use crate::snapshot::route::{Group, Guard, Hedge, Route, Routes, Rule, Shadow};
use crate::snapshot::{Deployment, DeploymentHeaders, Target};
use crate::upstream::exchange::Timeouts;

/// The tag that every deployment of the embedded engine has.
pub(super) const LOCAL_TAG: &str = "local";

/// On which terms a deployment is used.
pub(super) struct Terms {
    pub(super) timeouts: Timeouts,
    pub(super) prices: Prices,
    pub(super) capabilities: Capabilities,
    pub(super) on_unsupported: OnUnsupported,
    pub(super) when: Option<Condition>,
    pub(super) breaker: BreakerTerms,
}

impl Work<'_> {
    /// Everything that a name leads to.
    pub(super) fn routes(&mut self, models: &[(String, ModelConfig)]) -> Routes {
        let mut groups: HashMap<&str, Arc<Group>> = HashMap::new();
        for (name, config) in models {
            groups.insert(name, Arc::new(self.group(name, config)));
        }
        let mut routes = Routes::default();
        for (name, config) in models {
            let Some(own) = groups.get(name.as_str()) else {
                continue;
            };
            let of = |names: &[String]| {
                let found = names.iter().filter_map(|it| groups.get(it.as_str()));
                found.cloned().collect()
            };
            let route = Route {
                model: name.as_str().into(),
                own: Arc::clone(own),
                fallbacks: of(&config.fallbacks),
                context_fallbacks: of(&config.context_fallbacks),
                filter_fallbacks: of(&config.filter_fallbacks),
                attempts: config.attempts,
                hedge: config.hedge.as_ref().map(hedge),
                cache: config.cache,
                shadow: config.shadow.as_ref().map(shadow),
                max_cost: config
                    .max_cost_usd
                    .map(|it| NanoUsd(i64::try_from(it).unwrap_or(i64::MAX))),
                rules: self.rules(name, &config.rules),
            };
            routes.has_cache |= route.cache.is_some();
            if name.contains('*') {
                let leads_to = route.deployments().filter(|it| it.id.contains('*'));
                routes.templates.extend(leads_to.cloned());
                routes.patterns.push(self.pattern(route));
            } else {
                routes.named.push(route);
            }
        }
        let patterns = &mut routes.patterns;
        patterns.sort_by_key(|it| std::cmp::Reverse(it.specificity()));
        let aliases = self.loaded.config.routing.aliases.iter();
        let aliases = aliases.map(|(alias, name)| (alias.as_str().into(), name.as_str().into()));
        routes.aliases = aliases.collect();
        routes.guards = self.guards();
        let batch = self.loaded.config.routing.batch.as_ref();
        routes.batch = batch.and_then(|it| self.condition("routing.batch", it));
        routes
    }

    fn group(&mut self, model: &str, config: &ModelConfig) -> Group {
        let deployments = config.deployments.iter().enumerate();
        let deployments = deployments.filter_map(|(index, deployment)| {
            self.deployment(model, index, deployment, config.on_unsupported)
        });
        let deployments = deployments.map(Arc::new).collect();
        let policies = self.policies(model, &config.policy);
        Group {
            model: model.into(),
            deployments,
            policies,
            spread_by: config.spread_by,
            turns: self.assembly.standing.turns(model),
        }
    }

    /// The policies of those names. Calls that all of them place alike are shared out by weight,
    /// unless their order is the written one.
    fn policies(&mut self, model: &str, names: &[String]) -> Vec<&'static dyn RoutingPolicy> {
        let mut policies = Vec::new();
        for (index, name) in names.iter().enumerate() {
            if let Some(policy) = policy(name) {
                policies.push(policy);
            } else {
                self.report_policy(model, index, name);
            }
        }
        if !policies.iter().any(|it| it.is_total()) {
            policies.extend(policy("weighted"));
        }
        policies
    }

    /// There is no such policy.
    fn report_policy(&mut self, model: &str, index: usize, name: &str) {
        let path = Origins::model_path(model, "policy");
        let item = format!("{path}[{index}]");
        let origins = &self.loaded.origins;
        // One that is alone may be written without a list.
        let is_listed = origins.location(&item).is_some();
        let place = if is_listed { &item } else { &path };
        let known = POLICIES.iter().map(|it| it.name());
        let names: Vec<&str> = known.clone().collect();
        let message = format!("no policy is named `{name}`");
        let diagnostic = origins.diagnose(place, message, &[]);
        let help = format!("the policies are: {}", names.join(", "));
        let diagnostic = diagnostic.with_candidates(name, known).with_help(help);
        self.problems.push(diagnostic);
    }

    fn rules(&mut self, model: &str, rules: &[RuleConfig]) -> Arc<[Rule]> {
        let mut compiled = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let rules = Origins::model_path(model, "rules");
            let path = format!("{rules}[{index}].when");
            if let Some(when) = self.condition(&path, &rule.when) {
                compiled.push(Rule {
                    name: rule.name.as_str().into(),
                    when,
                    model: rule.model.as_str().into(),
                });
            }
        }
        compiled.into()
    }

    fn guards(&mut self) -> Vec<Guard> {
        let mut compiled = Vec::new();
        for (index, guard) in self.loaded.config.routing.guards.iter().enumerate() {
            let path = format!("routing.guards[{index}].when");
            if let Some(when) = self.condition(&path, &guard.when) {
                compiled.push(Guard {
                    name: guard.name.as_str().into(),
                    when,
                    only: guard.only.iter().map(|it| it.as_str().into()).collect(),
                });
            }
        }
        compiled
    }

    fn condition(&mut self, path: &str, text: &str) -> Option<Condition> {
        match Condition::compile(text) {
            Ok(condition) => Some(condition),
            Err(error) => {
                let mut diagnostic = self.loaded.origins.diagnose(path, error.to_string(), &[]);
                diagnostic.suggestion = error.suggestion().map(str::to_owned);
                diagnostic.help = error.help();
                self.problems.push(diagnostic);
                None
            }
        }
    }

    fn deployment(
        &mut self,
        model: &str,
        index: usize,
        config: &DeploymentConfig,
        on_unsupported: OnUnsupported,
    ) -> Option<Deployment> {
        let path = Origins::deployment_path(model, index);
        let is_declared = self.loaded.config.providers.contains_key(&config.provider);
        if is_declared && config.provider != LOCAL && !self.providers.contains_key(&config.provider)
        {
            // Its own settings were reported already.
            return None;
        }
        let when = match &config.when {
            None => None,
            Some(text) => Some(self.condition(&format!("{path}.when"), text)?),
        };
        let target = if config.provider == LOCAL && config.model.contains('*') {
            Err("the embedded engine answers for models that are named".to_owned())
        } else if config.provider == LOCAL {
            self.assembly
                .standing
                .engine(&config.model, &self.loaded.config)
                .map(Target::Local)
        } else {
            self.provider(&config.provider)
                .map(|provider| Target::Http(Arc::clone(provider)))
        };
        match target {
            Ok(target) => {
                let written = config.timeouts.as_ref();
                let (prices, capabilities) = self.listed(&config.provider, &config.model);
                let terms = Terms {
                    timeouts: timeouts(written.unwrap_or(&self.loaded.config.timeouts)),
                    prices,
                    capabilities,
                    on_unsupported,
                    when,
                    breaker: breaker(&self.loaded.config),
                };
                let standing = self.assembly.standing;
                let deployed = deployment(standing, model, config, target, terms);
                Some(self.probed(deployed, config, &path))
            }
            Err(message) => {
                // The engine is none of them, whatever is wrong with it.
                let known = self.providers.keys().filter(|_| config.provider != LOCAL);
                let known: Vec<String> = known.cloned().collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.report(&path, message, &known);
                None
            }
        }
    }

    /// A route whose name has a `*`. What is in its place is put in the place of that of its
    /// deployments.
    fn pattern(&self, template: Route) -> Pattern {
        let name = Arc::clone(&template.model);
        let leads_to = template.deployments().map(|it| Arc::clone(&it.id));
        let leads_to = leads_to.filter(|it| it.contains('*')).collect();
        let making = Making {
            standing: Arc::clone(self.assembly.standing),
            catalog: Arc::clone(&self.catalog),
            pricing: self.loaded.config.pricing.clone(),
            providers: self.providers.clone(),
        };
        let build = move |name: &str, star: &str| {
            let of =
                |groups: &[Arc<Group>]| groups.iter().map(|it| making.group(it, star)).collect();
            Route {
                model: name.into(),
                own: making.group(&template.own, star),
                fallbacks: of(&template.fallbacks),
                context_fallbacks: of(&template.context_fallbacks),
                filter_fallbacks: of(&template.filter_fallbacks),
                attempts: template.attempts,
                hedge: template.hedge.clone(),
                cache: template.cache,
                shadow: template.shadow.clone(),
                max_cost: template.max_cost,
                rules: Arc::clone(&template.rules),
            }
        };
        Pattern::new(&name, leads_to, Box::new(build))
    }
}

/// What the routes of a pattern are made with.
struct Making {
    standing: Arc<Standing>,
    catalog: Arc<Catalog>,
    pricing: PricingConfig,
    providers: BTreeMap<String, Built>,
}

impl Making {
    /// The group of a pattern, in which `star` stands for the `*`; another one is as it is.
    fn group(&self, template: &Arc<Group>, star: &str) -> Arc<Group> {
        if !template.model.contains('*') {
            return Arc::clone(template);
        }
        let name = template.model.replacen('*', star, 1);
        let deployments = template.deployments.iter();
        let deployments = deployments.map(|it| self.deployment(it, &name, star));
        Arc::new(Group {
            deployments: deployments.collect(),
            policies: template.policies.clone(),
            spread_by: template.spread_by,
            turns: Arc::clone(&template.turns),
            model: name.into(),
        })
    }

    /// The deployment of a pattern for a name in which `star` stands for the `*`.
    fn deployment(&self, template: &Arc<Deployment>, name: &str, star: &str) -> Arc<Deployment> {
        if !template.upstream_model.contains('*') {
            return Arc::clone(template);
        }
        let provider = &*template.provider;
        let upstream_model = template.upstream_model.replacen('*', star, 1);
        let id: Arc<str> = format!("{provider}/{upstream_model}").into();
        let (kind, listed) = match self.providers.get(provider) {
            Some(built) => (&*built.kind, built.provider.listed_as(&upstream_model)),
            None => (LOCAL, &*upstream_model),
        };
        let written = self.pricing.find(provider, &upstream_model);
        Arc::new(Deployment {
            headers: DeploymentHeaders {
                model: header(name),
                deployment: header(&id),
                provider: template.headers.provider.clone(),
            },
            // Metrics get one name for them all: these are the callers' own.
            meters: self.standing.metrics.meters(&template.id, &id),
            identity: fingerprint(id.as_bytes()),
            health: self.standing.health_of_called(&id),
            pattern: Some(Arc::clone(&template.health)),
            prices: prices::prices(&self.catalog, written, kind, listed),
            capabilities: prices::capabilities(&self.catalog, kind, listed),
            provider: Arc::clone(&template.provider),
            model: Arc::clone(&template.model),
            upstream_model: upstream_model.into(),
            id,
            target: template.target.clone(),
            on_unsupported: template.on_unsupported,
            timeouts: template.timeouts,
            allowance: Arc::clone(&template.allowance),
            credentials: Arc::clone(&template.credentials),
            weight: template.weight,
            tags: template.tags.clone(),
            when: template.when.clone(),
            breaker: template.breaker,
            canary: template.canary,
            probe: None,
        })
    }
}

pub(super) fn deployment(
    standing: &Standing,
    model: &str,
    config: &DeploymentConfig,
    target: Target,
    terms: Terms,
) -> Deployment {
    let id: Arc<str> = format!("{}/{}", config.provider, config.model).into();
    let is_local = matches!(target, Target::Local(_)).then_some(LOCAL_TAG);
    let tags = config.tags.iter().map(String::as_str).chain(is_local);
    Deployment {
        meters: standing.metrics.meters(&id, &id),
        headers: DeploymentHeaders {
            model: header(model),
            deployment: header(&id),
            provider: header(&config.provider),
        },
        allowance: standing.allowance(&config.provider),
        credentials: match &target {
            Target::Http(provider) => standing.pool(&config.provider, provider.credentials()),
            Target::Local(_) => standing.pool(LOCAL, &[]),
        },
        identity: fingerprint(id.as_bytes()),
        weight: config.weight,
        tags: tags.map(Box::from).collect(),
        when: terms.when.map(Arc::new),
        capabilities: terms.capabilities,
        health: standing.health(&id),
        pattern: None,
        breaker: terms.breaker,
        canary: config.canary.map(|it| CanaryTerms {
            percent: it.percent,
            calls: it.calls,
        }),
        probe: None,
        provider: config.provider.as_str().into(),
        model: model.into(),
        upstream_model: config.model.as_str().into(),
        id,
        target,
        on_unsupported: terms.on_unsupported,
        timeouts: terms.timeouts,
        prices: terms.prices,
    }
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}

/// When calls are asked of another deployment as well.
fn hedge(config: &HedgeConfig) -> Arc<Hedge> {
    let now = clock::mono();
    Arc::new(Hedge::new(
        config.after,
        config.whole_after,
        config.percent,
        now,
    ))
}

/// Who is asked as well.
fn shadow(config: &ShadowConfig) -> Arc<Shadow> {
    Arc::new(Shadow {
        model: config.model.as_str().into(),
        percent: config.percent,
    })
}

/// When deployments are left alone.
pub(super) fn breaker(config: &Config) -> BreakerTerms {
    let breaker = &config.routing.breaker;
    BreakerTerms {
        failures: breaker.failures,
        percent: breaker.percent,
        pause: breaker.pause,
        longest_pause: breaker.longest_pause,
        recovery: breaker.recovery,
    }
}

pub(super) fn timeouts(config: &TimeoutsConfig) -> Timeouts {
    Timeouts {
        first_byte: config.first_byte,
        whole_first_byte: config.first_byte_plain,
        first_content: config.first_content,
        idle: config.idle,
        total: config.total,
    }
}
