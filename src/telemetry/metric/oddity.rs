//! What is odd about answers and about what was asked, by deployment.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{DeploymentLabels, Metrics};
use crate::snapshot::Deployment;

/// The counters of what is odd.
#[derive(Default)]
pub(super) struct Oddities {
    usage_anomalies: Family<DeploymentLabels, Counter>,
    overruns: Family<DeploymentLabels, Counter>,
    fields_dropped: Family<DeploymentLabels, Counter>,
}

impl Oddities {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tollward_usage_anomalies",
            "Usage reports that cannot be true",
            self.usage_anomalies.clone(),
        );
        registry.register(
            "tollward_overruns",
            "Streams that were cut because they went on beyond the caller's bound on output",
            self.overruns.clone(),
        );
        registry.register(
            "tollward_fields_dropped",
            "Fields of requests that a deployment does not take and that were left out",
            self.fields_dropped.clone(),
        );
    }
}

impl Metrics {
    /// Counts a usage report that cannot be true; the call was booked by estimate.
    pub fn count_usage_anomaly(&self, deployment: &Deployment) {
        let labels = DeploymentLabels {
            deployment: deployment.meters.name.clone(),
        };
        self.oddities
            .usage_anomalies
            .get_or_create_owned(&labels)
            .inc();
    }

    /// Counts a stream that was cut because it went on beyond the caller's bound on output.
    pub fn count_overrun(&self, deployment: &Deployment) {
        let labels = DeploymentLabels {
            deployment: deployment.meters.name.clone(),
        };
        self.oddities.overruns.get_or_create_owned(&labels).inc();
    }

    /// Counts fields that were left out of a request.
    pub fn count_dropped(&self, deployment: &Deployment, fields: usize) {
        if fields > 0 {
            let labels = DeploymentLabels {
                deployment: deployment.meters.name.clone(),
            };
            let counter = self.oddities.fields_dropped.get_or_create_owned(&labels);
            counter.inc_by(fields as u64);
        }
    }
}
