//! Every metric, by name. Labels never hold keys or users: their number is not ours to bound.
//!
//! Names follow the `OpenTelemetry` conventions for generative AI where there
//! is one (`gen_ai_client_*`), else `tollward_*`. Units are base units.

mod cache;
mod credential;
mod deployment;
mod headroom;
mod oddity;
mod repetition;
mod running;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tollward_store::{Backlog, CostSource, Entry};
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;

pub use self::cache::CacheResult;
use self::cache::Lookups;
pub use self::credential::CredentialMeters;
use self::credential::Credentials;
use self::deployment::Deployments;
pub use self::headroom::CredentialHeadroom;
use self::headroom::{DeploymentHeadroom, Headrooms};
use self::oddity::Oddities;
pub use self::repetition::Repetition;
use self::repetition::Repetitions;
use crate::snapshot::Deployment;
use crate::upstream::health::Vitals;

/// Labels of a finished call.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct CallLabels {
    operation: &'static str,
    model: String,
    deployment: String,
    status: u16,
}

/// Labels of what is counted per deployment.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DeploymentLabels {
    deployment: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    deployment: String,
    gen_ai_token_type: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct UnpricedLabels {
    model: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HedgeLabels {
    deployment: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FallbackLabels {
    from: String,
    to: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenCountLabels {
    deployment: String,
    source: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    operation: &'static str,
    code: String,
}

type Seconds = Family<DeploymentLabels, Histogram, fn() -> Histogram>;

/// The metrics of one gateway.
pub struct Metrics {
    registry: Registry,
    oddities: Oddities,
    repetitions: Repetitions,
    lookups: Lookups,
    /// Calls that have a slot: from their admission to their settlement.
    pub in_flight: Gauge,
    /// Bytes of the bodies that running calls hold.
    pub in_flight_bytes: Gauge,
    /// Shadows of calls that run.
    pub shadows: Gauge,
    /// Streams that are being delivered.
    pub streams: Gauge,
    /// 1 after a good configuration load, 0 after a refused one.
    pub reload_success: Gauge,
    /// Panics caught in handlers and background tasks.
    pub panics: Counter,
    /// Access log lines that were dropped.
    pub log_dropped: Counter,
    /// Ledger rows that could not be written.
    pub ledger_failures: Counter,
    /// Responses that were served and not stored.
    pub responses_unstored: Counter,
    /// Alerts about budgets.
    pub budget_alerts: Counter,
    ledger_pending: Gauge,
    ledger_journal: Gauge,
    token_counts: Family<TokenCountLabels, Counter>,
    requests: Family<CallLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    fallbacks: Family<FallbackLabels, Counter>,
    hedges: Family<HedgeLabels, Counter>,
    unpriced: Family<UnpricedLabels, Counter>,
    cost: Family<DeploymentLabels, Counter<f64, AtomicU64>>,
    tokens: Family<TokenLabels, Counter>,
    credentials: Credentials,
    headrooms: Headrooms,
    deployments: Deployments,
    duration: Seconds,
    first_chunk: Seconds,
}

/// One deployment's meters, looked up once.
#[derive(Clone)]
pub struct DeploymentMeters {
    /// The deployment's label: its id, unless callers choose that freely.
    name: String,
    ok: [(Operation, OnceLock<Counter>); Operation::ALL.len()],
    /// Made with the first call: hundreds of deployments that nobody calls are no metrics.
    used: OnceLock<Used>,
    headroom: Arc<DeploymentHeadroom>,
}

/// What calls used and how long they took.
#[derive(Clone)]
struct Used {
    input: Counter,
    output: Counter,
    cost: Counter<f64, AtomicU64>,
    duration: Histogram,
    first_chunk: Histogram,
}

fn seconds() -> Histogram {
    // 10 ms to 82 s: the buckets that the semantic conventions ask for.
    Histogram::new(exponential_buckets(0.01, 2.0, 14))
}

impl DeploymentMeters {
    /// The vendor's limits for the deployment with `credential`.
    pub fn headroom(&self, credential: &Arc<str>) -> CredentialHeadroom {
        CredentialHeadroom::new(Arc::clone(&self.headroom), Arc::clone(credential))
    }

    /// Thousandths that are left of the vendor's tightest limit, at a moment in Unix time; `None`
    /// if it told none. `is_used`: whether a credential is still in use.
    pub fn headroom_left(&self, at_unix_s: i64, is_used: impl Fn(&str) -> bool) -> Option<u32> {
        self.headroom.left(at_unix_s, is_used)
    }
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Self {
        let mut metrics = Self {
            oddities: Oddities::default(),
            repetitions: Repetitions::default(),
            lookups: Lookups::default(),
            registry: Registry::default(),
            in_flight: Gauge::default(),
            in_flight_bytes: Gauge::default(),
            shadows: Gauge::default(),
            streams: Gauge::default(),
            reload_success: Gauge::default(),
            panics: Counter::default(),
            log_dropped: Counter::default(),
            ledger_failures: Counter::default(),
            responses_unstored: Counter::default(),
            budget_alerts: Counter::default(),
            ledger_pending: Gauge::default(),
            ledger_journal: Gauge::default(),
            token_counts: Family::default(),
            requests: Family::default(),
            refusals: Family::default(),
            fallbacks: Family::default(),
            hedges: Family::default(),
            unpriced: Family::default(),
            cost: Family::default(),
            tokens: Family::default(),
            credentials: Credentials::default(),
            headrooms: Headrooms::default(),
            deployments: Deployments::default(),
            duration: Family::new_with_constructor(seconds as fn() -> Histogram),
            first_chunk: Family::new_with_constructor(seconds as fn() -> Histogram),
        };
        metrics.register();
        metrics.reload_success.set(1);
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("tollward_build", "The running build", build);
        registry.register(
            "tollward_config_reload_success",
            "1 after a good configuration load, 0 after a refused one",
            self.reload_success.clone(),
        );
        registry.register(
            "tollward_panics",
            "Panics caught in handlers and background tasks",
            self.panics.clone(),
        );
        registry.register(
            "tollward_log_dropped",
            "Access log lines dropped because the log is stuck",
            self.log_dropped.clone(),
        );
        registry.register(
            "tollward_ledger_failures",
            "Ledger rows that could not be written",
            self.ledger_failures.clone(),
        );
        registry.register_with_unit(
            "tollward_ledger_pending",
            "Booked rows that are not in the database yet",
            Unit::Bytes,
            self.ledger_pending.clone(),
        );
        registry.register_with_unit(
            "tollward_ledger_journal",
            "The ledger's journal on the disk",
            Unit::Bytes,
            self.ledger_journal.clone(),
        );
        registry.register(
            "tollward_responses_unstored",
            "Responses that were to be stored and were only served",
            self.responses_unstored.clone(),
        );
        registry.register(
            "tollward_budget_alerts",
            "Parts of budgets that were spent and told of",
            self.budget_alerts.clone(),
        );
        self.credentials.register(registry);
        self.headrooms.register(registry);
        self.deployments.register(registry);
        self.oddities.register(registry);
        self.repetitions.register(registry);
        self.lookups.register(registry);
        self.register_running();
        self.register_calls();
    }

    /// The meters of a provider's credential.
    pub fn credential(&self, provider: &str, name: &str) -> CredentialMeters {
        self.credentials.meters(provider, name)
    }

    fn register_calls(&mut self) {
        let registry = &mut self.registry;
        registry.register("tollward_requests", "Finished calls", self.requests.clone());
        registry.register(
            "tollward_refusals",
            "Requests refused before they had a plan",
            self.refusals.clone(),
        );
        registry.register(
            "tollward_token_counts",
            "Requests whose tokens were only counted",
            self.token_counts.clone(),
        );
        registry.register(
            "tollward_fallbacks",
            "Attempts made because the one before failed",
            self.fallbacks.clone(),
        );
        registry.register(
            "tollward_hedges",
            "Slow calls that were asked of a second deployment",
            self.hedges.clone(),
        );
        registry.register(
            "tollward_unpriced_requests",
            "Calls whose cost is unknown",
            self.unpriced.clone(),
        );
        registry.register(
            "tollward_cost_usd",
            "Booked cost in US dollars",
            self.cost.clone(),
        );
        registry.register(
            "gen_ai_client_token_usage",
            "Tokens used",
            self.tokens.clone(),
        );
        registry.register_with_unit(
            "gen_ai_client_operation_duration",
            "Calls from request to settlement",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register_with_unit(
            "gen_ai_client_operation_time_to_first_chunk",
            "Calls from request to first content",
            Unit::Seconds,
            self.first_chunk.clone(),
        );
    }

    /// The meters of the deployment `id`. `deployment` is its label: its id, unless callers choose that
    /// freely.
    pub fn meters(&self, deployment: &str, id: &Arc<str>) -> DeploymentMeters {
        DeploymentMeters {
            name: deployment.to_owned(),
            ok: Operation::ALL.map(|operation| (operation, OnceLock::new())),
            used: OnceLock::new(),
            headroom: self.headrooms.of(id, deployment),
        }
    }

    /// What calls of `deployment` used.
    fn used<'d>(&self, deployment: &'d Deployment) -> &'d Used {
        let deployment = &deployment.meters;
        deployment.used.get_or_init(|| {
            let labels = DeploymentLabels {
                deployment: deployment.name.clone(),
            };
            let tokens = |kind| {
                self.tokens.get_or_create_owned(&TokenLabels {
                    deployment: deployment.name.clone(),
                    gen_ai_token_type: kind,
                })
            };
            Used {
                input: tokens("input"),
                output: tokens("output"),
                cost: self.cost.get_or_create_owned(&labels),
                duration: self.duration.get_or_create_owned(&labels),
                first_chunk: self.first_chunk.get_or_create_owned(&labels),
            }
        })
    }

    /// Counts a settled call.
    pub fn observe(&self, deployment: &Deployment, operation: Operation, entry: &Entry) {
        let meters = &deployment.meters;
        let counter = || {
            self.requests.get_or_create_owned(&CallLabels {
                operation: operation.name(),
                model: deployment.model.to_string(),
                deployment: meters.name.clone(),
                status: entry.status,
            })
        };
        let mut ok = meters.ok.iter();
        match ok.find(|(of, _)| *of == operation && entry.status == 200) {
            Some((_, kept)) => kept.get_or_init(counter).inc(),
            None => counter().inc(),
        };
        let used = self.used(deployment);
        used.duration
            .observe(f64::from(entry.duration_ms) / 1_000.0);
        if let Some(first) = entry.first_content_ms {
            used.first_chunk.observe(f64::from(first) / 1_000.0);
        }
        self.count_usage(deployment, entry);
    }

    /// Counts what an attempt used: the one that was answered, or one that was given up and may be billed.
    pub fn count_usage(&self, deployment: &Deployment, entry: &Entry) {
        let used = self.used(deployment);
        used.input.inc_by(entry.tokens.input);
        used.output.inc_by(entry.tokens.output);
        match entry.cost {
            // A gauge for dashboards; the ledger has the integer.
            #[expect(clippy::cast_precision_loss, reason = "a metric, not the books")]
            Some(cost) => {
                used.cost.inc_by(cost.0 as f64 / 1e9);
            }
            None => {
                self.unpriced
                    .get_or_create_owned(&UnpricedLabels {
                        model: deployment.model.to_string(),
                        // Only what lacks a price can be mended by writing one.
                        reason: match entry.cost_source {
                            CostSource::Unmeasured => "unmeasured",
                            _ => "no_price",
                        },
                    })
                    .inc();
            }
        }
    }

    /// Counts a request that was only counted; `source` says by whom.
    pub fn count_token_count(&self, deployment: &Deployment, source: &'static str) {
        let labels = TokenCountLabels {
            deployment: deployment.meters.name.clone(),
            source,
        };
        self.token_counts.get_or_create_owned(&labels).inc();
    }

    /// Counts a fallback or retry.
    pub fn count_fallback(&self, from: &Deployment, to: &Deployment, reason: Fault) {
        let labels = FallbackLabels {
            from: from.meters.name.clone(),
            to: to.meters.name.clone(),
            reason: reason.code(),
        };
        self.fallbacks.get_or_create_owned(&labels).inc();
    }

    /// Counts a slow call that `rival` was asked as well, and whether it answered first.
    pub fn count_hedge(&self, rival: &Deployment, has_won: bool) {
        let labels = HedgeLabels {
            deployment: rival.meters.name.clone(),
            outcome: if has_won { "won" } else { "outrun" },
        };
        self.hedges.get_or_create_owned(&labels).inc();
    }

    /// Counts a request that never became a call.
    pub fn count_refusal(&self, operation: Operation, code: &str) {
        self.refusals
            .get_or_create_owned(&RefusalLabels {
                operation: operation.name(),
                code: code.to_owned(),
            })
            .inc();
    }

    /// All metrics as `OpenMetrics` text; how far the ledger is behind is read now, as `backlog`, and
    /// so is how `deployments` are.
    ///
    /// # Errors
    /// The encoder refuses a name; names are constants, so a test would see it.
    pub fn render(
        &self,
        backlog: &Backlog,
        deployments: &[(Arc<Deployment>, Vitals)],
    ) -> Result<String, std::fmt::Error> {
        self.deployments.read(deployments);
        let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.ledger_pending.set(bytes(backlog.pending_bytes));
        self.ledger_journal.set(bytes(backlog.journal_bytes));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
