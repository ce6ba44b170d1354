//! What outlives a reload: metrics, balances, credentials at work, engines.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use parking_lot::Mutex;
use tollward_config::catalog::Catalog;
use tollward_config::{Config, EngineMode};
use tollward_providers::Credential;

use crate::clock;
use crate::credentials::pool::Pool;
use crate::credentials::source::Environment;
use crate::policy::allowance::Allowance;
use crate::shelf::Shelf;
use crate::snapshot::LocalModel;
use crate::telemetry::metric::Metrics;
use crate::upstream::health::Health;
use crate::upstream::local;

/// Deployments that callers named, by patterns, of which the health is remembered.
const MAX_CALLED: usize = 4_096;

/// What outlives a reload.
pub struct Standing {
    pub(super) metrics: Arc<Metrics>,
    models_dir: PathBuf,
    shelf: Shelf,
    environment: Environment,
    allowances: Mutex<HashMap<String, Arc<Allowance>>>,
    healths: Mutex<Healths>,
    turns: Mutex<HashMap<String, Arc<AtomicU64>>>,
    pools: Mutex<HashMap<String, Arc<Pool>>>,
    engines: Mutex<HashMap<String, Arc<dyn LocalModel>>>,
    began: Instant,
    first_turn: fn() -> u64,
}

/// How deployments are, by their ids.
#[derive(Default)]
struct Healths {
    /// Those of the configuration.
    named: HashMap<Arc<str>, Arc<Health>>,
    /// Those that patterns lead to: callers choose these ids, so they are bounded.
    called: HashMap<Arc<str>, Arc<Health>>,
}

impl Healths {
    /// Of one that is configured.
    fn named(&mut self, id: &Arc<str>) -> Arc<Health> {
        let called = self.called.remove(id).unwrap_or_default();
        Arc::clone(self.named.entry(Arc::clone(id)).or_insert(called))
    }

    /// Of one that a pattern leads to.
    fn called(&mut self, id: &Arc<str>) -> Arc<Health> {
        if let Some(known) = self.named.get(id).or_else(|| self.called.get(id)) {
            return Arc::clone(known);
        }
        if self.called.len() >= MAX_CALLED {
            // Those of routes that are ready, and of calls that run, are held by these as well.
            // So is what an operator or a trial has taken out.
            let is_needed = |it: &Arc<Health>| Arc::strong_count(it) > 1 || it.is_drained();
            self.called.retain(|_, it| is_needed(it));
        }
        let health = Arc::default();
        if self.called.len() < MAX_CALLED {
            self.called.insert(Arc::clone(id), Arc::clone(&health));
        }
        health
    }
}

impl Standing {
    /// Nothing stands yet. `models_dir` is where weights are looked for, `shelf` where price tables
    /// are, `environment` holds the variables at the start.
    pub fn new(
        metrics: Arc<Metrics>,
        models_dir: PathBuf,
        shelf: Shelf,
        environment: &[(String, String)],
    ) -> Arc<Self> {
        // Counts begin anywhere, so that replicas do not go in step.
        Arc::new(Self::counting(
            clock::bits,
            metrics,
            models_dir,
            shelf,
            environment,
        ))
    }

    /// The same with counts that begin at nothing: what is played twice goes the same way.
    pub fn played(
        metrics: Arc<Metrics>,
        models_dir: PathBuf,
        shelf: Shelf,
        environment: &[(String, String)],
    ) -> Arc<Self> {
        let nothing = || 0;
        Arc::new(Self::counting(
            nothing,
            metrics,
            models_dir,
            shelf,
            environment,
        ))
    }

    /// When everything began.
    pub fn began(&self) -> Instant {
        self.began
    }

    fn counting(
        first_turn: fn() -> u64,
        metrics: Arc<Metrics>,
        models_dir: PathBuf,
        shelf: Shelf,
        environment: &[(String, String)],
    ) -> Self {
        Self {
            metrics,
            models_dir,
            shelf,
            environment: environment.into(),
            pools: Mutex::default(),
            allowances: Mutex::default(),
            healths: Mutex::default(),
            turns: Mutex::default(),
            engines: Mutex::default(),
            began: clock::mono(),
            first_turn,
        }
    }

    /// Starts to load every configured embedded model; says how each is.
    pub fn warm_engines(&self) -> Vec<String> {
        let engines: Vec<_> = self.engines.lock().values().cloned().collect();
        let warmed = engines.iter().map(|engine| {
            engine.warm();
            engine.status()
        });
        warmed.collect()
    }

    /// The price table in use, or the shipped one when that cannot be read.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.shelf.current().unwrap_or_else(|error| {
            tracing::error!(%error, "the price table in use cannot be read, the shipped one is used");
            Catalog::embedded()
        })
    }

    /// The file that says which price table is in use, for whoever watches it.
    pub fn current_table(&self) -> PathBuf {
        self.shelf.current_file()
    }

    pub(super) fn allowance(&self, provider: &str) -> Arc<Allowance> {
        let mut allowances = self.allowances.lock();
        Arc::clone(
            allowances
                .entry(provider.to_owned())
                .or_insert_with(|| Arc::new(Allowance::new(self.began))),
        )
    }

    /// How the configured deployment of that id is.
    pub(super) fn health(&self, id: &Arc<str>) -> Arc<Health> {
        self.healths.lock().named(id)
    }

    /// How a deployment is that a caller named, by a pattern.
    pub(super) fn health_of_called(&self, id: &Arc<str>) -> Arc<Health> {
        self.healths.lock().called(id)
    }

    /// The count of a model's calls.
    pub(super) fn turns(&self, model: &str) -> Arc<AtomicU64> {
        let mut turns = self.turns.lock();
        let new = || Arc::new(AtomicU64::new((self.first_turn)()));
        Arc::clone(turns.entry(model.to_owned()).or_insert_with(new))
    }

    /// The credentials of a provider; what is known of those that stay is kept.
    pub(super) fn pool(&self, provider: &str, credentials: &[Credential]) -> Arc<Pool> {
        let mut pools = self.pools.lock();
        let before = pools.get(provider);
        if let Some(same) = before.filter(|it| it.holds(credentials)) {
            return Arc::clone(same);
        }
        let before = before.map(|it| &**it);
        let pool = Pool::new(
            provider,
            credentials,
            before,
            &self.environment,
            &self.metrics,
        );
        let pool = Arc::new(pool);
        pools.insert(provider.to_owned(), Arc::clone(&pool));
        pool
    }

    pub(super) fn engine(
        &self,
        model: &str,
        config: &Config,
    ) -> Result<Arc<dyn LocalModel>, String> {
        if config.engine.enabled == EngineMode::Off {
            return Err("the embedded engine is turned off by `engine.enabled`".to_owned());
        }
        let mut engines = self.engines.lock();
        if let Some(engine) = engines.get(model) {
            return Ok(Arc::clone(engine));
        }
        let engine = local::open(model, &self.models_dir, &config.engine)?;
        engines.insert(model.to_owned(), Arc::clone(&engine));
        Ok(engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Arc<str> {
        format!("a/{number}").into()
    }

    #[test]
    fn what_callers_name_is_bounded_and_keeps_nothing_from_being_remembered() {
        let mut healths = Healths::default();
        let kept = healths.called(&id(0));
        for number in 0..MAX_CALLED + 10 {
            healths.called(&id(number));
        }
        assert!(healths.called.len() <= MAX_CALLED);
        assert!(Arc::ptr_eq(&kept, &healths.called(&id(0))));
        let late = healths.called(&id(MAX_CALLED * 2));
        assert!(Arc::ptr_eq(&late, &healths.called(&id(MAX_CALLED * 2))));
    }

    #[test]
    fn what_was_taken_out_stays_out_whatever_callers_name() {
        let mut healths = Healths::default();
        healths.called(&id(0)).drain(true);
        for number in 1..MAX_CALLED + 10 {
            healths.called(&id(number));
        }
        assert!(healths.called(&id(0)).is_drained());
    }

    #[test]
    fn a_configured_deployment_has_one_health_whoever_names_it_first() {
        let mut healths = Healths::default();
        let called = healths.called(&id(1));
        let named = healths.named(&id(1));
        assert!(Arc::ptr_eq(&called, &named));
        assert!(Arc::ptr_eq(&named, &healths.called(&id(1))));
        let held: Vec<_> = (0..MAX_CALLED).map(|it| healths.called(&id(it))).collect();
        assert_eq!(held.len(), MAX_CALLED);
        let late = id(MAX_CALLED + 1);
        let named = healths.named(&late);
        assert!(Arc::ptr_eq(&named, &healths.called(&late)));
    }
}
