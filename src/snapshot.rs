//! One immutable view of what is configured: routes, deployments, prices, limits.
//!
//! A call takes the snapshot once and keeps it to its end; a reload replaces
//! the whole. What must survive a reload (retry allowances, metrics,
//! connections, the engine) lives in the gateway and is only pointed at.

pub mod pattern;
pub mod route;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use tollward_config::catalog::Capabilities;
use tollward_config::{IdempotencyConfig, OnStoreError, OnUnsupported, ProbeAsk};
use tollward_providers::{Call, Provider, Service, Services};
use tollward_wire::chat::Traits;
use tollward_wire::operation::Operation;

use self::pattern::Pattern;
use self::route::{Guard, Route, Routes};
use crate::credentials::pool::Pool;
use crate::policy::allowance::{Allowance, AllowanceTerms};
use crate::policy::backoff::Backoff;
use crate::policy::breaker::BreakerTerms;
use crate::policy::canary::CanaryTerms;
use crate::policy::condition::Condition;
use crate::policy::obstacle::{Obstacle, Pause};
use crate::policy::price::Prices;
use crate::policy::probing::ProbeTerms;
use crate::telemetry::metric::DeploymentMeters;
use crate::upstream::count::LocalCount;
use crate::upstream::exchange::{self, LocalBody, Timeouts};
use crate::upstream::failure::AttemptFailure;
use crate::upstream::health::{Demand, Health, Vitals};

/// What is configured, validated and wired.
pub struct Snapshot {
    /// Counts loads; 1 is the first.
    pub generation: u64,
    /// Whether callers need a key.
    pub auth: AuthMode,
    /// What the gateway itself holds back.
    pub limits: Limits,
    /// How failed attempts are treated.
    pub retry: RetryTerms,
    /// Whose account may be reached, and by whom.
    pub passthrough: Passthrough,
    /// Names by which the admin API may be asked, besides addresses.
    pub admin_hosts: Vec<Box<str>>,
    /// What some calls ask of every deployment.
    pub guards: Vec<Guard>,
    /// Which calls can wait while places are scarce, besides those whose callers say so.
    pub batch: Option<Condition>,
    /// Whether answers of some model are given again.
    pub has_cache: bool,
    routes: HashMap<Arc<str>, Arc<Route>>,
    /// The public names in the order in which they were written.
    order: Vec<Arc<Route>>,
    /// Other names of them, in order.
    aliases: Vec<(Arc<str>, Arc<Route>)>,
    patterns: Vec<Pattern>,
    /// The deployments of patterns, with a `*` in their names.
    templates: Vec<Arc<Deployment>>,
    /// The deployments that are asked how they are.
    probed: Vec<Arc<Deployment>>,
}

/// Whose account may be reached with what is asked of no model, and by whom.
#[derive(Default)]
pub struct Passthrough {
    /// The accounts; the first one is asked unless the caller names another.
    pub accounts: Vec<Account>,
    /// Names of the keys that may; `*` for all of them.
    pub keys: Vec<String>,
}

/// An account at a provider.
pub struct Account {
    /// For requests that only look, which cost nothing.
    pub looking: Arc<Deployment>,
    /// For requests that change something; what follows from them may be billed, and is not known.
    pub changing: Arc<Deployment>,
}

/// Whether callers need a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Always.
    Keys,
    /// Never.
    Open,
    /// As soon as there is an active key.
    WhenKeysExist,
}

/// What the gateway itself holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Largest request body that is streamed on, in bytes.
    pub max_upload_bytes: usize,
    /// Calls that run at once.
    pub max_in_flight: i64,
    /// Bytes that the bodies of running calls may have together.
    pub max_in_flight_bytes: i64,
    /// Silence of a stream after which its client is told that it is alive; nothing: never.
    pub keep_alive: Duration,
    /// Whether answers tell what they cost.
    pub tells_cost: bool,
    /// How long running calls may finish at the end.
    pub drain: Duration,
    /// The part of it in which new connections are still taken.
    pub drain_accept: Duration,
    /// Whether calls go on while the ledger cannot be written.
    pub on_ledger_error: OnStoreError,
    /// How long responses are kept; nothing: none is.
    pub retention: Duration,
    /// Bytes of responses that a key may hold.
    pub max_response_bytes_per_key: u64,
    /// What is kept of answers that are given again to who repeats a call.
    pub idempotency: IdempotencyConfig,
}

/// How failed attempts are treated.
#[derive(Clone, Copy, Debug)]
pub struct RetryTerms {
    /// Attempts beyond the first, over all deployments of a call.
    pub extra_attempts: u32,
    /// Waits before the same deployment is tried again.
    pub backoff: Backoff,
    /// How many retries a provider may cause.
    pub allowance: AllowanceTerms,
}

impl RetryTerms {
    /// The same, with that many attempts if somebody says so.
    #[must_use]
    pub fn with_attempts(self, attempts: Option<u32>) -> Self {
        Self {
            extra_attempts: attempts.unwrap_or(self.extra_attempts),
            ..self
        }
    }
}

/// Provider + credentials + upstream model: what a call is sent to.
#[derive(Clone)]
pub struct Deployment {
    /// `provider/upstream-model`.
    pub id: Arc<str>,
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// The public name under which it is configured.
    pub model: Arc<str>,
    /// The vendor's name of the model.
    pub upstream_model: Arc<str>,
    /// Where calls go.
    pub target: Target,
    /// What becomes of fields that it does not take.
    pub on_unsupported: OnUnsupported,
    /// Time limits of calls.
    pub timeouts: Timeouts,
    /// What calls cost.
    pub prices: Prices,
    /// The provider's balance of retries.
    pub allowance: Arc<Allowance>,
    /// What the provider proves itself with.
    pub credentials: Arc<Pool>,
    /// Tells it apart from others, the same in every process.
    pub identity: u64,
    /// Its share of the calls, against the others' shares.
    pub weight: u32,
    /// Words that guards ask for.
    pub tags: Vec<Box<str>>,
    /// For which calls it is.
    pub when: Option<Arc<Condition>>,
    /// What its model can do, as far as somebody says so.
    pub capabilities: Capabilities,
    /// How it is.
    pub health: Arc<Health>,
    /// Of one to which a pattern leads: where it stands whether all of these are taken out.
    pub pattern: Option<Arc<Health>>,
    /// When it is left alone.
    pub breaker: BreakerTerms,
    /// It is on trial, and when that is over.
    pub canary: Option<CanaryTerms>,
    /// It is asked how it is.
    pub probe: Option<Probe>,
    /// The deployment's metrics.
    pub meters: DeploymentMeters,
    /// Its names as header values.
    pub headers: DeploymentHeaders,
}

/// The provider in a deployment's id: the account that it is called with.
pub fn provider_of(deployment: &str) -> &str {
    deployment.split('/').next().unwrap_or_default()
}

/// A deployment's names as header values.
#[derive(Clone)]
pub struct DeploymentHeaders {
    /// The public name.
    pub model: HeaderValue,
    /// The deployment's id.
    pub deployment: HeaderValue,
    /// The provider's name.
    pub provider: HeaderValue,
}

/// How a deployment is asked how it is.
#[derive(Clone, Copy)]
pub struct Probe {
    /// When it is.
    pub terms: ProbeTerms,
    /// What it is asked.
    pub ask: ProbeAsk,
}

/// Where a deployment's calls go.
#[derive(Clone)]
pub enum Target {
    /// A vendor's API.
    Http(Arc<dyn Provider>),
    /// The engine in this process.
    Local(Arc<dyn LocalModel>),
}

impl Deployment {
    /// How `operation` is answered, by a vendor's API; `None` if it is not, or by the engine.
    fn services(&self, operation: Operation) -> Option<Services> {
        match &self.target {
            Target::Http(provider) => provider.services(operation, &self.upstream_model),
            Target::Local(_) => None,
        }
    }

    /// Whether it serves `operation`.
    pub fn serves(&self, operation: Operation) -> bool {
        match self.target {
            Target::Http(_) => self.services(operation).is_some(),
            // The engine generates text, and nothing else.
            Target::Local(_) => operation.dialect().is_some(),
        }
    }

    /// Whether an operator takes it out, or all that a pattern leads to.
    pub fn is_drained(&self) -> bool {
        let of_pattern = self.pattern.as_ref().is_some_and(|it| it.is_drained());
        of_pattern || self.health.is_drained()
    }

    /// Why it, or all of its credentials, should be left alone for now.
    pub fn rests(&self, vitals: &Vitals, now: Instant) -> Option<Obstacle> {
        let refused = || {
            let left = self.credentials.rests(&self.upstream_model, now);
            (left > Duration::ZERO).then_some(Obstacle::Refused(left))
        };
        vitals.obstacle().or_else(refused)
    }

    /// Why a call with that `demand` should leave it alone at `now`.
    pub fn pause(&self, demand: Demand, now: Instant) -> Option<Pause> {
        let vitals = self.health.at(now, &self.breaker, demand);
        self.rests(&vitals, now)?.pause()
    }

    /// Thousandths that are left of its vendor's tightest limit, at a moment in Unix time; `None` if
    /// it told none.
    pub fn headroom_left(&self, at_unix_s: i64) -> Option<u32> {
        let holders = self.credentials.holders();
        let is_used = |credential: &str| holders.iter().any(|it| **it.name() == *credential);
        self.meters.headroom_left(at_unix_s, is_used)
    }

    /// Whether calls of `operation` go there as they are, and so what is kept of them is kept there.
    pub fn relays(&self, operation: Operation) -> bool {
        self.services(operation) == Some(Services::always(Service::Relay))
    }

    /// How `operation` is answered, in a word: `relay`, the dialect it is put into, `embedded` or
    /// `none`; and how calls are whose model thinks with tools at hand.
    pub fn answers(&self, operation: Operation) -> (&'static str, &'static str) {
        match (self.services(operation), &self.target) {
            (Some(services), _) => (services.plain.name(), services.with_tools.name()),
            (None, Target::Local(_)) if operation.dialect().is_some() => ("embedded", "embedded"),
            (None, _) => ("none", "none"),
        }
    }
}

impl Target {
    /// What the model takes there.
    pub fn traits(&self, upstream_model: &str) -> Traits {
        match self {
            Self::Http(provider) => provider.traits(upstream_model),
            Self::Local(_) => exchange::local_traits(),
        }
    }
}

/// The embedded engine as an upstream; implemented where the engine is compiled in.
pub trait LocalModel: Send + Sync {
    /// Starts to answer `call`; the answer is in the dialect of the operation.
    ///
    /// # Errors
    /// The call asks for what the engine cannot do, or its queue is full.
    fn open(&self, call: &Call<'_>) -> Result<LocalBody, Box<AttemptFailure>>;

    /// How the tokens of a chat are counted.
    ///
    /// # Errors
    /// The call asks for what the engine cannot do, or the weights are not there.
    fn count(&self, call: &Call<'_>) -> Result<LocalCount, Box<AttemptFailure>>;

    /// Starts to load the weights, if they are there.
    fn warm(&self);

    /// How the engine is, in a line for people.
    fn status(&self) -> String;
}

impl Snapshot {
    /// Puts a snapshot together. `routes` are in the order in which they were written.
    pub fn new(
        generation: u64,
        auth: AuthMode,
        limits: Limits,
        retry: RetryTerms,
        routes: Routes,
    ) -> Self {
        let order: Vec<Arc<Route>> = routes.named.into_iter().map(Arc::new).collect();
        let named = order
            .iter()
            .map(|route| (Arc::clone(&route.model), Arc::clone(route)));
        let mut by_name: HashMap<_, _> = named.collect();
        let aliases = routes.aliases.into_iter();
        let aliases: Vec<_> = aliases
            .filter_map(|(alias, model)| Some((alias, Arc::clone(by_name.get(&model)?))))
            .collect();
        by_name.extend(aliases.iter().cloned());
        Self {
            generation,
            auth,
            limits,
            retry,
            passthrough: Passthrough::default(),
            admin_hosts: Vec::new(),
            guards: routes.guards,
            batch: routes.batch,
            has_cache: routes.has_cache,
            routes: by_name,
            order,
            aliases,
            patterns: routes.patterns,
            templates: routes.templates,
            probed: Vec::new(),
        }
        .with_probed()
    }

    fn with_probed(mut self) -> Self {
        let mut seen = HashSet::new();
        let all = self.order.iter().flat_map(|it| it.deployments());
        let probed = all.filter(|it| it.probe.is_some() && seen.insert(&*it.id));
        self.probed = probed.cloned().collect();
        self
    }

    /// The deployments of named models that are asked how they are, each once.
    pub fn probed(&self) -> &[Arc<Deployment>] {
        &self.probed
    }

    /// Passes requests through to accounts.
    #[must_use]
    pub fn with_passthrough(self, passthrough: Passthrough) -> Self {
        Self {
            passthrough,
            ..self
        }
    }

    /// Lets the admin API be asked by some names.
    #[must_use]
    pub fn with_admin_hosts(self, admin_hosts: Vec<Box<str>>) -> Self {
        Self {
            admin_hosts,
            ..self
        }
    }

    /// The route of a public name, or of the pattern that it fits.
    pub fn resolve(&self, model: &str) -> Option<Arc<Route>> {
        match self.routes.get(model) {
            Some(route) => Some(Arc::clone(route)),
            None => self.patterns.iter().find_map(|it| it.route(model)),
        }
    }

    /// The same for somebody who may use the models of which `may_use` says so; for others no route
    /// of a pattern is made.
    pub fn resolve_for(&self, model: &str, may_use: impl Fn(&str) -> bool) -> Option<Arc<Route>> {
        let is_pattern = !self.routes.contains_key(model);
        if is_pattern && !may_use(model) {
            return None;
        }
        self.resolve(model).filter(|it| may_use(&it.model))
    }

    /// The route of a name, and how the name leads there: `name`, `alias` or `pattern`.
    pub fn way(&self, model: &str) -> Option<(Arc<Route>, &'static str)> {
        let way = match self.routes.get(model) {
            Some(route) if *route.model == *model => "name",
            Some(_) => "alias",
            None => "pattern",
        };
        Some((self.resolve(model)?, way))
    }

    /// The deployment of that id, or another with the same account.
    pub fn deployment(&self, id: &str) -> Option<Arc<Deployment>> {
        let deployments = || self.order.iter().flat_map(|it| it.deployments());
        let exact = deployments().find(|it| *it.id == *id);
        let found = exact.or_else(|| deployments().find(|it| *it.provider == *provider_of(id)));
        match found {
            Some(deployment) => Some(Arc::clone(deployment)),
            None => self.resolve(id)?.deployments().next().cloned(),
        }
    }

    /// The deployments of all named models, each once, in the order in which they were written.
    pub fn deployments(&self) -> Vec<Arc<Deployment>> {
        let mut seen = HashSet::new();
        let all = self.order.iter().flat_map(|it| it.deployments());
        let once = all.filter(|it| seen.insert(Arc::clone(&it.id)));
        once.cloned().collect()
    }

    /// Those that patterns lead to and that were asked for lately, each once, callers choose which;
    /// and those of patterns that are taken out as a whole.
    pub fn called(&self) -> Vec<Arc<Deployment>> {
        let named = self.deployments();
        let mut seen: HashSet<_> = named.iter().map(|it| Arc::clone(&it.id)).collect();
        let routes = self.patterns.iter().flat_map(Pattern::kept);
        let all = routes.flat_map(|it| it.deployments().cloned().collect::<Vec<_>>());
        let whole = self.templates.iter().filter(|it| it.is_drained());
        let all = all.chain(whole.cloned());
        let called = all.filter(|it| seen.insert(Arc::clone(&it.id)));
        let mut called: Vec<_> = called.collect();
        called.sort_by(|a, b| a.id.cmp(&b.id));
        called
    }

    /// The deployment of that id, of a named model or where a pattern leads; with a `*`, all of those.
    pub fn exactly(&self, id: &str) -> Option<Arc<Deployment>> {
        let in_route = |route: &Arc<Route>| route.deployments().find(|it| *it.id == *id).cloned();
        let led = || {
            let routes = self.patterns.iter().filter_map(|it| it.route_to(id));
            routes.into_iter().find_map(|it| in_route(&it))
        };
        let whole = || self.templates.iter().find(|it| *it.id == *id).cloned();
        let named = self.order.iter().find_map(in_route);
        named.or_else(whole).or_else(led)
    }

    /// What a caller may call models, if it `may_use` them: their names, then the other ones.
    pub fn names(
        &self,
        may_use: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&str, &Arc<Route>)> {
        let models = self.order.iter().map(|it| (&*it.model, it));
        let aliases = self.aliases.iter().map(|(alias, it)| (&**alias, it));
        let names = models.chain(aliases);
        names.filter(move |(_, route)| may_use(&route.model))
    }

    /// All routes, in the order in which they were written.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.order.iter()
    }
}
