//! What is measured of each credential.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tollward_wire::fault::Fault;

use crate::clock;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    provider: String,
    credential: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    provider: String,
    credential: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RenewalLabels {
    provider: String,
    credential: String,
    outcome: &'static str,
}

/// The metrics of all credentials.
#[derive(Default)]
pub(super) struct Credentials {
    refusals: Family<RefusalLabels, Counter>,
    rests_until: Family<Labels, Gauge>,
    renewals: Family<RenewalLabels, Counter>,
}

/// One credential's meters.
#[derive(Clone)]
pub struct CredentialMeters {
    labels: Labels,
    refusals: Family<RefusalLabels, Counter>,
    rests_until: Gauge,
    renewals: Family<RenewalLabels, Counter>,
}

impl Credentials {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tollward_credential_refusals",
            "Attempts whose credential was refused, spent or limited",
            self.refusals.clone(),
        );
        registry.register_with_unit(
            "tollward_credential_rests_until",
            "When the credential's longest rest ends, in Unix time; 0 if it does not rest",
            Unit::Seconds,
            self.rests_until.clone(),
        );
        registry.register(
            "tollward_credential_renewals",
            "Fetches of keys that expire",
            self.renewals.clone(),
        );
    }

    /// The meters of a credential; a server that asks for no proof has one without a name, which is
    /// not shown.
    pub(super) fn meters(&self, provider: &str, credential: &str) -> CredentialMeters {
        let labels = Labels {
            provider: provider.to_owned(),
            credential: credential.to_owned(),
        };
        let rests_until = if credential.is_empty() {
            Gauge::default()
        } else {
            self.rests_until.get_or_create_owned(&labels)
        };
        CredentialMeters {
            labels,
            refusals: self.refusals.clone(),
            rests_until,
            renewals: self.renewals.clone(),
        }
    }
}

impl CredentialMeters {
    /// It was refused, and rests this long for something.
    pub fn refused(&self, reason: Fault, longest: Duration) {
        let labels = RefusalLabels {
            provider: self.labels.provider.clone(),
            credential: self.labels.credential.clone(),
            reason: reason.code(),
        };
        self.refusals.get_or_create_owned(&labels).inc();
        self.rests_for(longest);
    }

    /// It rests this long for something; zero if for nothing.
    pub fn rests_for(&self, longest: Duration) {
        let seconds = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX);
        self.rests_until.set(if longest.is_zero() {
            0
        } else {
            (clock::unix_ms() / 1_000).saturating_add(seconds)
        });
    }

    /// Its key was fetched, or was not.
    pub fn renewed(&self, is_fetched: bool) {
        let labels = RenewalLabels {
            provider: self.labels.provider.clone(),
            credential: self.labels.credential.clone(),
            outcome: if is_fetched { "fetched" } else { "failed" },
        };
        self.renewals.get_or_create_owned(&labels).inc();
    }

    /// The provider's name and the credential's, for the log.
    pub fn names(&self) -> (&str, &str) {
        (&self.labels.provider, &self.labels.credential)
    }
}
