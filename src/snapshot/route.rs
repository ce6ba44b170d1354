//! Where calls of a public name may go, and by which rules.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tollward_config::{CacheConfig, SpreadBy};
use tollward_store::NanoUsd;

use super::Deployment;
use super::pattern::Pattern;
use crate::policy::allowance::{Allowance, AllowanceTerms};
use crate::policy::condition::Condition;
use crate::policy::routing::{Look, RoutingPolicy};

/// All that a name may lead to.
#[derive(Default)]
pub struct Routes {
    /// In the order in which they were written.
    pub named: Vec<Route>,
    /// Other names of them.
    pub aliases: Vec<(Arc<str>, Arc<str>)>,
    /// Names with a part that may be any text; the one with the longest rest is first.
    pub patterns: Vec<Pattern>,
    /// The deployments of these that have such a name too.
    pub templates: Vec<Arc<Deployment>>,
    /// What some calls ask of every deployment.
    pub guards: Vec<Guard>,
    /// Which calls can wait, besides those whose callers say so.
    pub batch: Option<Condition>,
    /// Whether answers of some model are given again.
    pub has_cache: bool,
}

/// A public model name, and who may answer for it.
pub struct Route {
    /// The public name.
    pub model: Arc<str>,
    /// Its own deployments.
    pub own: Arc<Group>,
    /// Those of other models, asked after its own ones, in order.
    pub fallbacks: Vec<Arc<Group>>,
    /// Those asked when a request is too long.
    pub context_fallbacks: Vec<Arc<Group>>,
    /// Those asked when a filter refuses a request.
    pub filter_fallbacks: Vec<Arc<Group>>,
    /// Attempts beyond the first; `None`: as for all models.
    pub attempts: Option<u32>,
    /// When a call that is slow is asked of another one as well.
    pub hedge: Option<Arc<Hedge>>,
    /// Another model that a share of the calls is asked as well.
    pub shadow: Option<Arc<Shadow>>,
    /// How long its answers are given to who asks exactly the same.
    pub cache: Option<CacheConfig>,
    /// The most that a call may be expected to cost.
    pub max_cost: Option<NanoUsd>,
    /// Requests that go where another model's do; the first that holds decides.
    pub rules: Arc<[Rule]>,
}

/// The deployments of one model, and how they are put in order.
pub struct Group {
    /// The public name under which they are configured: what a key must allow.
    pub model: Arc<str>,
    /// The deployments, as written.
    pub deployments: Vec<Arc<Deployment>>,
    /// What orders them.
    pub policies: Vec<&'static dyn RoutingPolicy>,
    /// What is kept together when they are shared out by weight.
    pub spread_by: SpreadBy,
    /// Counts the calls that were put in order; outlives a reload.
    pub turns: Arc<AtomicU64>,
}

/// Slow calls are asked of a second deployment as well.
pub struct Hedge {
    after: Duration,
    whole_after: Option<Duration>,
    terms: AllowanceTerms,
    saved: Allowance,
}

/// A share of the calls is asked of another model as well.
pub struct Shadow {
    /// That model.
    pub model: Arc<str>,
    /// Of a hundred calls so many.
    pub percent: u32,
}

/// Requests of some kind go where another model's do.
pub struct Rule {
    /// What headers and the ledger call it.
    pub name: Arc<str>,
    /// For which requests it holds.
    pub when: Condition,
    /// The model.
    pub model: Arc<str>,
}

/// Requests of some kind go only to deployments with certain tags.
pub struct Guard {
    /// What it is called.
    pub name: Arc<str>,
    /// For which requests it holds.
    pub when: Condition,
    /// The tags, all of which a deployment must have.
    pub only: Vec<Box<str>>,
}

impl Route {
    /// Its own deployments, then those of its fallbacks.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.groups().flat_map(|it| &it.deployments)
    }

    /// Its own group, then those of its fallbacks.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        std::iter::once(&self.own).chain(&self.fallbacks)
    }
}

impl Hedge {
    /// A stream's call is slow after `after`, a whole answer's after `whole_after`. At most `percent`
    /// of the calls from `now` on are asked twice.
    pub fn new(after: Duration, whole_after: Option<Duration>, percent: u32, now: Instant) -> Self {
        Self {
            after,
            whole_after,
            terms: AllowanceTerms {
                percent,
                per_second: 0,
            },
            saved: Allowance::empty(now),
        }
    }

    /// When a call is slow; `None` if such calls never are.
    pub fn after(&self, is_stream: bool) -> Option<Duration> {
        if is_stream {
            Some(self.after)
        } else {
            self.whole_after
        }
    }

    /// There is another call.
    pub fn earn(&self) {
        self.saved.earn(self.terms);
    }

    /// Whether a call may be asked twice at `now`; it is then counted as that.
    pub fn spend(&self, now: Instant) -> bool {
        self.saved.spend(self.terms, now)
    }
}

impl Group {
    /// The number of the next call.
    pub fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// The number that the next call will have.
    pub fn turn(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Whether one of the policies looks at that.
    pub fn looks_at(&self, look: Look) -> bool {
        self.policies.iter().any(|it| it.look() == Some(look))
    }
}

impl Guard {
    /// Whether `deployment` has all the tags.
    pub fn lets(&self, deployment: &Deployment) -> bool {
        self.only.iter().all(|it| deployment.tags.contains(it))
    }
}
