//! Configuration → running gateway. The only place that wires things together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use arc_swap::ArcSwap;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tollward_config::{AccessLog as ConfiguredAccess, Config, Loaded, OnStoreError};
use tollward_store::{Backlog, Entry, Ledger, Location, Mode, RequestId, Store, StoreError};
use tollward_wire::chat::seal::Seal;

use crate::assembly::{Assembly, Standing};
use crate::bill::reports::Reports;
use crate::budgets::Budgets;
use crate::budgets::alerts::follow;
use crate::cache::AnswerCache;
use crate::clock;
use crate::credentials::fetcher::Fetcher;
use crate::detect::Detected;
use crate::http::server;
use crate::idempotency::Idempotency;
use crate::keyring::{BadKeys, Keyring};
use crate::limits::RateMeters;
use crate::pipeline::admit::places::Places;
use crate::pipeline::probe;
use crate::policy::probe::Probe;
use crate::responses::{Backlog as Unwritten, Bounds, Responses};
use crate::shelf::Shelf;
use crate::shutdown::StopSignal;
use crate::snapshot::{AuthMode, Snapshot};
use crate::task::Tasks;
use crate::telemetry::access::{AccessLog, Refusal};
use crate::telemetry::log::EventLog;
use crate::telemetry::metric::Metrics;
use crate::upstream::affinity::Affinity;
use crate::upstream::client::Client;
use crate::upstream::trust::Trust;
use crate::{http, reload, shutdown};

/// What the pipeline works with. It holds handles and no logic of its own.
pub struct Gateway {
    /// The upstream connections.
    pub client: Client,
    /// Asks for keys that expire.
    pub fetcher: Fetcher,
    /// The active keys.
    pub keyring: Arc<Keyring>,
    /// Where what is governed is kept: for who shows an admin token, not for calls.
    pub store: Store,
    /// What may be spent, and what is.
    pub budgets: Arc<Budgets>,
    /// What was spent, for those who ask.
    pub reports: Reports,
    /// How fast calls may come.
    pub meters: Arc<RateMeters>,
    /// Failures per address.
    pub bad_keys: BadKeys,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// One line per call.
    pub access: AccessLog,
    /// Cancelled when calls that outlive the drain time are to end.
    pub cut_calls: CancellationToken,
    /// Background work.
    pub tasks: Tasks,
    /// What callers go on from.
    pub responses: Responses,
    /// Calls that are made once.
    pub idempotency: Arc<Idempotency>,
    /// Answers that are given to who asks exactly the same.
    pub cache: AnswerCache,
    /// On the thoughts that callers keep.
    pub seal: Seal,
    /// Who answered which conversation.
    pub affinity: Affinity,
    /// The places for running calls.
    pub places: Arc<Places>,
    /// Those for their shadows.
    pub shadow_places: Arc<Places>,
    snapshot: ArcSwap<Snapshot>,
    ledger: Arc<dyn Ledger>,
    ledger_probe: Probe,
    is_draining: AtomicBool,
}

impl Gateway {
    /// What is configured now; a call keeps what it took.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Replaces what is configured; calls that run keep what they have.
    pub fn replace_snapshot(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Writes a ledger row.
    pub fn book(&self, entry: &Entry) {
        self.is_recorded(entry.request, self.ledger.record(entry));
    }

    /// Writes down what is held for an attempt that is about to be sent; `false` if that cannot be done.
    pub fn hold(&self, entry: &Entry) -> bool {
        self.is_recorded(entry.request, self.ledger.hold(entry))
    }

    /// Writes down that nothing is held any more for an attempt that has no row.
    pub fn release(&self, request: RequestId, attempt: u32) {
        self.is_recorded(request, self.ledger.release(request, attempt));
    }

    fn is_recorded(&self, request: RequestId, recorded: Result<(), StoreError>) -> bool {
        match recorded {
            Ok(()) => self.ledger_probe.succeeded(),
            Err(error) => {
                self.metrics.ledger_failures.inc();
                if self.ledger_probe.failed(clock::mono()) {
                    tracing::error!(%error, request.id = %request, "the ledger cannot be written");
                }
                return false;
            }
        }
        true
    }

    /// Whether a call may start. While the ledger cannot be written, one a second
    /// is let through to see whether it works again, unless calls are to go on unbooked.
    pub fn may_book(&self, on_error: OnStoreError) -> bool {
        match on_error {
            OnStoreError::Allow => true,
            OnStoreError::Deny => {
                self.ledger_probe.is_well() || self.ledger_probe.may_try(clock::mono())
            }
        }
    }

    /// Counts and logs a request that never became a call.
    pub fn refused(&self, refusal: &Refusal<'_>) {
        self.metrics.count_refusal(refusal.operation, refusal.code);
        self.access.refuse(refusal);
    }

    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// New work should go elsewhere.
    pub fn start_draining(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// What is booked and not in the database yet.
    pub fn ledger_backlog(&self) -> Backlog {
        self.ledger.backlog()
    }

    /// Every row that was booked is in the database when this returns.
    ///
    /// # Errors
    /// The store's.
    pub async fn close_ledger(&self) -> Result<(), StoreError> {
        self.ledger.close().await
    }
}

/// What a start is given.
pub struct Start {
    /// The configuration, loaded.
    pub loaded: Loaded,
    /// The file it came from, to be watched.
    pub file: Option<PathBuf>,
    /// How to load it again.
    pub reload: Box<dyn Fn() -> Result<Loaded, tollward_config::Report> + Send + Sync>,
    /// What was found when nothing was configured.
    pub detected: Option<Detected>,
    /// Where the database, the pepper and the journal live.
    pub state_dir: PathBuf,
    /// Where model weights live.
    pub models_dir: PathBuf,
    /// Environment variables, for providers that take their key from there.
    pub env: Vec<(String, String)>,
    /// The event log, ended with the app.
    pub events: EventLog,
}

/// A running gateway.
pub struct App {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Where the public API listens.
    pub public: SocketAddr,
    /// Where the operator's side listens.
    pub admin: SocketAddr,
    standing: Arc<Standing>,
    stop_accepting: CancellationToken,
    /// The operator's listener, which outlives the calls.
    operator: Tasks,
    /// Dropped last: what was logged on the way out is written.
    _events: EventLog,
}

impl App {
    /// Binds the listeners, opens the store, wires everything and serves.
    ///
    /// # Errors
    /// A port is taken, the store refuses, the configuration does not hold
    /// together, or a public address was asked for without any key.
    pub async fn start(start: Start) -> anyhow::Result<Self> {
        let config = &start.loaded.config;
        let public = bind(config.server.listen, "server.listen").await?;
        let admin = bind(config.server.admin_listen, "server.admin_listen").await?;
        let store = open_store(config, &start.state_dir).await?;
        let metrics = Arc::new(Metrics::new());
        let standing = Standing::new(
            Arc::clone(&metrics),
            start.models_dir.clone(),
            Shelf::new(&start.state_dir),
            &start.env,
        );
        let assembly = Assembly {
            standing: &standing,
            env: &start.env,
            detected: start.detected.as_ref(),
        };
        let snapshot = assembly.snapshot(&start.loaded, 1)?;
        let (gateway, unwritten) = gateway(config, &store, metrics, snapshot).await?;
        let gateway = Arc::new(gateway);
        guard_public_bind(&gateway, public.local_addr()?)?;
        guard_admin_bind(&gateway, admin.local_addr()?)?;

        let app = Self {
            public: public.local_addr()?,
            admin: admin.local_addr()?,
            stop_accepting: CancellationToken::new(),
            operator: Tasks::new(gateway.metrics.panics.clone()),
            standing: Arc::clone(&standing),
            gateway: Arc::clone(&gateway),
            _events: start.events,
        };
        let configured = Arc::clone(&gateway);
        gateway
            .responses
            .start(unwritten, move || Bounds::of(&configured.snapshot().limits));
        app.listen(public, admin);
        probe::follow(&gateway);
        app.follow_store();
        if start.detected.is_none() {
            let Start {
                file,
                reload: load,
                env,
                loaded,
                ..
            } = start;
            reload::follow(
                &gateway,
                reload::Source {
                    file,
                    started: loaded.config,
                    load,
                    standing,
                    env,
                },
            );
        }
        Ok(app)
    }

    /// Takes up new keys, and deletes what is not to be kept any more.
    fn follow_store(&self) {
        let (gateway, tasks) = (&self.gateway, &self.gateway.tasks);
        let following = Arc::clone(&gateway.keyring).follow(tasks.stopping());
        tasks.spawn("keyring", following);
        let alerts = gateway.metrics.budget_alerts.clone();
        let budgets = Arc::clone(&gateway.budgets);
        tasks.spawn("alerts", follow(budgets, alerts, tasks.stopping()));
        let budgets = Arc::clone(&gateway.budgets);
        let meters = Arc::clone(&gateway.meters);
        tasks.spawn("parts", budgets.follow(meters, tasks.stopping()));
        if let Some(pool) = gateway.meters.pool() {
            tasks.spawn("limits", Arc::clone(pool).follow(tasks.stopping()));
        }
        let configured = Arc::clone(gateway);
        let sweeping = Arc::clone(&gateway.idempotency).sweep(tasks.stopping(), move || {
            configured.snapshot().limits.idempotency
        });
        tasks.spawn("idempotency", sweeping);
    }

    /// Serves on both listeners; the operator's one has tasks of its own.
    fn listen(&self, public: TcpListener, admin: TcpListener) {
        let (gateway, tasks) = (&self.gateway, &self.gateway.tasks);
        for (listener, router, tasks, stop) in [
            (
                public,
                http::public(gateway),
                tasks,
                self.stop_accepting.clone(),
            ),
            (
                admin,
                http::operator(gateway),
                &self.operator,
                self.operator.stopping(),
            ),
        ] {
            tasks.spawn(
                "listener",
                server::serve(listener, router, tasks.clone(), stop),
            );
        }
    }

    /// Starts to load the embedded models, behind the calls; a line about each.
    pub fn local_models(&self) -> Vec<String> {
        self.standing.warm_engines()
    }

    /// Serves until `signal` resolves for the first time, then drains; a second signal cuts short.
    ///
    /// # Errors
    /// The last ledger rows could not be written.
    pub async fn run(self, signal: impl AsyncFnMut() -> StopSignal) -> anyhow::Result<()> {
        shutdown::run(&self.gateway, &self.stop_accepting, &self.operator, signal).await
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}; is something else running there? `{key}` sets another address"))
}

async fn open_store(config: &Config, state_dir: &std::path::Path) -> anyhow::Result<Store> {
    let location = location(config, state_dir);
    Store::open(&location, Mode::Gateway)
        .await
        .with_context(|| format!("cannot open the store at {location}"))
}

/// Where the database is.
pub fn location(config: &Config, state_dir: &std::path::Path) -> Location {
    let store = &config.store;
    let path = store.path.clone();
    Location {
        path: path.unwrap_or_else(|| state_dir.join("tollward.db")),
        postgres: store.postgres.clone().map(|it| it.0),
        redis: store.redis.clone().map(|it| it.0),
        pepper: store.pepper.clone().map(|it| it.0),
    }
}

async fn gateway(
    config: &Config,
    store: &Store,
    metrics: Arc<Metrics>,
    snapshot: Snapshot,
) -> anyhow::Result<(Gateway, Unwritten)> {
    let access = match &config.log.access {
        ConfiguredAccess::Off => AccessLog::off(),
        ConfiguredAccess::On => AccessLog::open(None, metrics.log_dropped.clone())?,
        ConfiguredAccess::File(path) => AccessLog::open(Some(path), metrics.log_dropped.clone())
            .with_context(|| format!("cannot open the access log {}", path.display()))?,
    };
    let budgets = Budgets::load(store)
        .await
        .context("cannot read the budgets")?;
    let budgets = Arc::new(budgets);
    let meters = RateMeters::load(store)
        .await
        .context("cannot read the limits")?;
    meters.share(budgets.gateways());
    let meters = Arc::new(meters);
    let keyring = Keyring::load(store, Arc::clone(&budgets), Arc::clone(&meters))
        .await
        .context("cannot read the keys")?;
    let trust =
        Trust::load(config.upstream.ca_file.as_deref()).context("`upstream.ca_file` is wrong")?;
    let tasks = Tasks::new(metrics.panics.clone());
    let (unstored, panics) = (metrics.responses_unstored.clone(), metrics.panics.clone());
    let seal = Seal::new(store.pepper.key_for("seal of thoughts"));
    let (responses, unwritten) =
        Responses::new(Arc::clone(&store.responses), seal.clone(), unstored, panics);
    let idempotency = Idempotency::new(Arc::clone(&store.answers), Arc::clone(&store.pepper));
    let idempotency = Arc::new(idempotency);
    let client = Client::new(config.timeouts.connect, trust);
    let gateway = Gateway {
        fetcher: Fetcher::new(client.clone(), tasks.clone()),
        client,
        keyring: Arc::new(keyring),
        budgets,
        reports: Reports::new(store),
        meters,
        bad_keys: BadKeys::new(),
        places: Places::new(metrics.in_flight.clone(), metrics.in_flight_bytes.clone()),
        shadow_places: Places::new(metrics.shadows.clone(), Gauge::default()),
        metrics,
        access,
        cut_calls: CancellationToken::new(),
        tasks,
        snapshot: ArcSwap::from_pointee(snapshot),
        ledger: Arc::clone(&store.ledger),
        store: store.clone(),
        ledger_probe: Probe::new(clock::mono()),
        is_draining: AtomicBool::new(false),
        responses,
        idempotency,
        cache: AnswerCache::new(config.server.cache_bytes),
        seal,
        affinity: Affinity::default(),
    };
    Ok((gateway, unwritten))
}

/// A gateway that anybody can reach must not be open (faults P-28).
fn guard_public_bind(gateway: &Gateway, address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    if gateway.keyring.has_keys() {
        if gateway.snapshot().auth == AuthMode::Open {
            tracing::warn!(
                "{address} is open to everybody who reaches it: `server.auth` is `open`"
            );
        }
        return Ok(());
    }
    anyhow::bail!(
        "refusing to listen on {address}: others can reach it and there is no virtual key yet.\n\
         Create one with `tollward key create NAME`, or listen on 127.0.0.1."
    )
}

/// Nor must an admin listener that anybody can reach (faults P-28).
fn guard_admin_bind(gateway: &Gateway, address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_loopback() || gateway.keyring.roster.is_required() {
        return Ok(());
    }
    anyhow::bail!(
        "refusing to listen on {address} for the admin API: others can reach it and there is no admin token yet.\n\
         Issue one with `tollward token create NAME --role owner`, or let `server.admin_listen` be on 127.0.0.1."
    )
}
