//! Which deployments are asked how they are.

use tollward_config::DeploymentConfig;

use super::Work;
use crate::policy::probing::ProbeTerms;
use crate::snapshot::{Deployment, Probe, Target};

impl Work<'_> {
    /// `deployment`, which is asked how it is if `config` says so.
    pub(super) fn probed(
        &mut self,
        deployment: Deployment,
        config: &DeploymentConfig,
        path: &str,
    ) -> Deployment {
        let Some(probe) = config.probe else {
            return deployment;
        };
        if let Some(message) = unanswerable(&deployment) {
            self.report(&format!("{path}.probe"), message.to_owned(), &[]);
        }
        let terms = ProbeTerms {
            between: deployment.breaker.pause,
            every: probe.every,
        };
        Deployment {
            probe: Some(Probe {
                terms,
                ask: probe.ask,
            }),
            ..deployment
        }
    }
}

/// Why nothing would come of asking, if nothing would.
fn unanswerable(deployment: &Deployment) -> Option<&'static str> {
    match deployment.target {
        Target::Local(_) => Some("the embedded engine is in this process, and is not probed"),
        Target::Http(_) if deployment.upstream_model.contains('*') => {
            Some("only a deployment whose model is named can be probed")
        }
        Target::Http(_) => None,
    }
}
