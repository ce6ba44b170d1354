//! The accounts that requests are passed through to, as the configuration names them.

use std::sync::Arc;

use tollward_config::catalog::Capabilities;
use tollward_config::{DeploymentConfig, OnUnsupported};

use super::routes::{Terms, breaker, deployment, timeouts};
use super::{LOCAL, Work};
use crate::policy::price::Prices;
use crate::snapshot::{Account, Passthrough, Target};

impl Work<'_> {
    /// The accounts that requests are passed through to.
    pub(super) fn passthrough(&mut self) -> Passthrough {
        let config = &self.loaded.config.passthrough;
        let timeouts = timeouts(&self.loaded.config.timeouts);
        let mut accounts = Vec::new();
        for (index, name) in config.providers.iter().enumerate() {
            let path = format!("passthrough.providers[{index}]");
            if name == LOCAL {
                let message = format!("`{LOCAL}` is the embedded engine, which has no account");
                self.report(&path, message, &[]);
                continue;
            }
            let is_declared = self.loaded.config.providers.contains_key(name);
            if is_declared && !self.providers.contains_key(name) {
                // Its own settings were reported already.
                continue;
            }
            let provider = match self.provider(name) {
                Ok(provider) if provider.pass_through("files").is_some() => Arc::clone(provider),
                Ok(provider) => {
                    let kind = provider.kind();
                    let message = format!("`{kind}` has nothing of OpenAI's to pass through");
                    self.report(&path, message, &[]);
                    continue;
                }
                Err(message) => {
                    self.report(&path, message, &[]);
                    continue;
                }
            };
            let named = DeploymentConfig::of(name, "*");
            let account = |prices| {
                let terms = Terms {
                    timeouts,
                    prices,
                    capabilities: Capabilities::default(),
                    on_unsupported: OnUnsupported::default(),
                    when: None,
                    breaker: breaker(&self.loaded.config),
                };
                let target = Target::Http(Arc::clone(&provider));
                let model = format!("{name}/*");
                let standing = self.assembly.standing;
                Arc::new(deployment(standing, &model, &named, target, terms))
            };
            // No model is asked, so this only tells a bill that nobody knows from none at all.
            let changing = self.listed(name, "*").0;
            accounts.push(Account {
                looking: account(Prices::Free),
                changing: account(changing),
            });
        }
        Passthrough {
            accounts,
            keys: config.keys.clone(),
        }
    }
}
