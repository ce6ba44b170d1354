//! How deployments are, read when somebody looks.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{DeploymentLabels, Metrics};
use crate::policy::breaker::Circuit;
use crate::policy::probing::Told;
use crate::snapshot::Deployment;
use crate::upstream::health::Vitals;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ProbeLabels {
    deployment: String,
    outcome: &'static str,
}

/// The metrics of all deployments' states.
#[derive(Default)]
pub(super) struct Deployments {
    circuit: Family<DeploymentLabels, Gauge>,
    in_flight: Family<DeploymentLabels, Gauge>,
    probes: Family<ProbeLabels, Counter>,
}

impl Deployments {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tollward_deployment_circuit",
            "0 where calls go through, 1 while one at a time tries, 2 while it is left alone",
            self.circuit.clone(),
        );
        registry.register(
            "tollward_deployment_in_flight",
            "Attempts that run",
            self.in_flight.clone(),
        );
        registry.register(
            "tollward_probes",
            "Deployments that were asked how they are",
            self.probes.clone(),
        );
    }

    /// Tells of these, and of no others any more.
    pub(super) fn read(&self, deployments: &[(Arc<Deployment>, Vitals)]) {
        self.circuit.clear();
        self.in_flight.clear();
        for (deployment, vitals) in deployments {
            let labels = DeploymentLabels {
                deployment: deployment.id.to_string(),
            };
            let circuit = match vitals.circuit {
                Circuit::Closed(_) => 0,
                Circuit::Trying => 1,
                Circuit::Open(_) => 2,
            };
            self.circuit.get_or_create_owned(&labels).set(circuit);
            let in_flight = i64::from(vitals.in_flight);
            self.in_flight.get_or_create_owned(&labels).set(in_flight);
        }
    }
}

impl Metrics {
    /// Counts a probe that has told something.
    pub fn count_probe(&self, deployment: &Deployment, told: Told) {
        let outcome = match told {
            Told::Answers => "answered",
            Told::Fails => "failed",
            Told::Nothing => return,
        };
        let labels = ProbeLabels {
            deployment: deployment.id.to_string(),
            outcome,
        };
        self.deployments.probes.get_or_create_owned(&labels).inc();
    }
}
