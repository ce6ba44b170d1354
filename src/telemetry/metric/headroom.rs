//! What vendors say is left of their limits, by deployment and credential.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use http::HeaderMap;
use parking_lot::{Mutex, RwLock};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tollward_providers::headroom::{Headroom, Measure};

use crate::clock;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    deployment: String,
    credential: String,
    of: &'static str,
}

/// The metrics of all limits.
#[derive(Clone, Default)]
pub(super) struct Headrooms {
    limit: Family<Labels, Gauge>,
    remaining: Family<Labels, Gauge>,
    resets_at: Family<Labels, Gauge>,
    /// What is known of each deployment, as long as a model has it.
    known: Arc<Mutex<HashMap<Arc<str>, Weak<DeploymentHeadroom>>>>,
}

/// One deployment's limits, which may be others for each credential.
pub(super) struct DeploymentHeadroom {
    /// Its label; those that patterns lead to have one together.
    label: String,
    families: Headrooms,
    known: RwLock<Vec<Arc<Meters>>>,
}

/// Where one call notes the limits of its deployment and credential.
#[derive(Clone)]
pub struct CredentialHeadroom {
    deployment: Arc<DeploymentHeadroom>,
    credential: Arc<str>,
}

/// The limits of one deployment with one credential. There is no gauge of what was never told.
struct Meters {
    credential: Box<str>,
    gauges: [Gauges; Measure::ALL.len()],
}

#[derive(Default)]
struct Gauges {
    limit: Told,
    remaining: Told,
    resets_at: Told,
}

/// A number that a vendor may have told.
#[derive(Default)]
struct Told {
    /// The number itself: a gauge may show that of several deployments.
    last: AtomicI64,
    gauge: OnceLock<Gauge>,
}

impl Headrooms {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tollward_headroom_limit",
            "What a vendor allows within the window of its tightest limit, as last told",
            self.limit.clone(),
        );
        registry.register(
            "tollward_headroom_remaining",
            "What a vendor said was left of its tightest limit",
            self.remaining.clone(),
        );
        registry.register_with_unit(
            "tollward_headroom_resets_at",
            "When all of a vendor's tightest limit is there again, in Unix time",
            Unit::Seconds,
            self.resets_at.clone(),
        );
    }

    /// What is known of the deployment `id`, shared by all models that have it.
    pub(super) fn of(&self, id: &Arc<str>, label: &str) -> Arc<DeploymentHeadroom> {
        let mut known = self.known.lock();
        if let Some(shared) = known.get(id).and_then(Weak::upgrade) {
            return shared;
        }
        known.retain(|_, it| it.strong_count() > 0);
        let new = Arc::new(DeploymentHeadroom {
            label: label.to_owned(),
            families: self.clone(),
            known: RwLock::default(),
        });
        known.insert(Arc::clone(id), Arc::downgrade(&new));
        new
    }
}

impl Told {
    fn get(&self) -> Option<i64> {
        self.gauge.get()?;
        Some(self.last.load(Ordering::Relaxed))
    }

    fn set(&self, value: i64, new: impl FnOnce() -> Gauge) {
        self.last.store(value, Ordering::Relaxed);
        self.gauge.get_or_init(new).set(value);
    }
}

impl CredentialHeadroom {
    pub(super) fn new(deployment: Arc<DeploymentHeadroom>, credential: Arc<str>) -> Self {
        Self {
            deployment,
            credential,
        }
    }

    /// Takes what the head of an answer says.
    pub fn note(&self, headers: &HeaderMap) {
        self.deployment.note(&self.credential, headers);
    }
}

impl fmt::Debug for CredentialHeadroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CredentialHeadroom")
            .field(&self.credential)
            .finish()
    }
}

impl Meters {
    /// Thousandths that are left of the tightest limit.
    fn left(&self, at_unix_s: i64) -> Option<u32> {
        let shares = self.gauges.iter().filter_map(|it| it.left(at_unix_s));
        shares.min()
    }
}

impl Gauges {
    /// Thousandths that are left; all of them again once the vendor's time has passed.
    fn left(&self, at_unix_s: i64) -> Option<u32> {
        let limit = self.limit.get().filter(|it| *it > 0)?;
        let remaining = self.remaining.get()?;
        if self.resets_at.get().is_some_and(|it| it <= at_unix_s) {
            return Some(1_000);
        }
        u32::try_from(remaining.clamp(0, limit).saturating_mul(1_000) / limit).ok()
    }
}

impl DeploymentHeadroom {
    /// Takes what the head of an answer says to `credential`.
    fn note(&self, credential: &str, headers: &HeaderMap) {
        let Some(headroom) = Headroom::read(headers) else {
            return;
        };
        let meters = self.meters(credential);
        let now = clock::unix_ms() / 1_000;
        for (measure, gauges) in Measure::ALL.into_iter().zip(&meters.gauges) {
            let Some(limit) = headroom.of(measure) else {
                continue;
            };
            let count = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
            let seconds = limit.reset.map(|it| it.at(now));
            for (kept, family, value) in [
                (&gauges.limit, &self.families.limit, limit.limit.map(count)),
                (
                    &gauges.remaining,
                    &self.families.remaining,
                    limit.remaining.map(count),
                ),
                (&gauges.resets_at, &self.families.resets_at, seconds),
            ] {
                if let Some(value) = value {
                    let new = || family.get_or_create_owned(&self.labels(credential, measure));
                    kept.set(value, new);
                }
            }
        }
    }

    /// Thousandths that are left of the tightest limit of the credential that has most left, at a
    /// moment in Unix time; `None` if nobody told. `is_used`: whether a credential is still in use.
    pub(super) fn left(&self, at_unix_s: i64, is_used: impl Fn(&str) -> bool) -> Option<u32> {
        let known = self.known.read();
        let used = known.iter().filter(|it| is_used(&it.credential));
        used.filter_map(|it| it.left(at_unix_s)).max()
    }

    fn meters(&self, credential: &str) -> Arc<Meters> {
        let find = |known: &[Arc<Meters>]| {
            known
                .iter()
                .find(|it| *it.credential == *credential)
                .cloned()
        };
        let found = find(&self.known.read());
        found.unwrap_or_else(|| {
            let mut known = self.known.write();
            find(&known).unwrap_or_else(|| {
                let new = Arc::new(Meters {
                    credential: credential.into(),
                    gauges: Default::default(),
                });
                known.push(Arc::clone(&new));
                new
            })
        })
    }

    fn labels(&self, credential: &str, measure: Measure) -> Labels {
        Labels {
            deployment: self.label.clone(),
            credential: credential.to_owned(),
            of: measure.name(),
        }
    }
}
