//! The whole configuration, one struct per concern.
//!
//! Each file under `schema/` holds one section: the struct with its defaults and the reader that
//! fills it from the parsed tree. Checks that need two sections live in `crate::references`.

pub(crate) mod engine;
pub(crate) mod idempotency;
pub(crate) mod log;
pub(crate) mod model;
pub(crate) mod passthrough;
pub(crate) mod pricing;
pub(crate) mod provider;
pub(crate) mod responses;
pub(crate) mod retry;
pub(crate) mod routing;
pub(crate) mod server;
pub(crate) mod store;
pub(crate) mod timeouts;
pub(crate) mod upstream;

use std::collections::BTreeMap;

use crate::node::Node;
use crate::reader::Reader;
use engine::EngineConfig;
use log::LogConfig;
use model::ModelConfig;
use passthrough::PassthroughConfig;
use pricing::PricingConfig;
use provider::ProviderConfig;
use responses::ResponsesConfig;
use retry::RetryConfig;
use routing::RoutingConfig;
use server::ServerConfig;
use store::StoreConfig;
use timeouts::TimeoutsConfig;
use upstream::UpstreamConfig;

/// Everything Tollward can be told, checked and complete.
///
/// The default is what runs without a file: loopback listeners, no providers, no models.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Listeners and what they accept. Section `server`.
    pub server: ServerConfig,
    /// How vendors are reached, by the name that deployments use. Section `providers`.
    /// A built-in kind that a deployment names without defining it is filled in here.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Public model names in the order they were written. Section `models`.
    pub models: Vec<(String, ModelConfig)>,
    /// What holds for the routes of all models. Section `routing`.
    pub routing: RoutingConfig,
    /// How connections to providers are made. Section `upstream`.
    pub upstream: UpstreamConfig,
    /// Limits on one upstream call. Section `timeouts`.
    pub timeouts: TimeoutsConfig,
    /// How often, and how fast, a failed attempt is repeated. Section `retry`.
    pub retry: RetryConfig,
    /// Where keys and the ledger are kept. Section `store`.
    pub store: StoreConfig,
    /// What is kept of answers so that callers can go on from them. Section `responses`.
    pub responses: ResponsesConfig,
    /// What of an account is passed through. Section `passthrough`.
    pub passthrough: PassthroughConfig,
    /// The embedded inference engine. Section `engine`.
    pub engine: EngineConfig,
    /// Prices that win over the catalog. Section `pricing`.
    pub pricing: PricingConfig,
    /// What is logged and how. Section `log`.
    pub log: LogConfig,
}

/// The names of the sections, in the order they are documented.
pub(crate) const SECTIONS: [&str; 13] = [
    "server",
    "providers",
    "models",
    "routing",
    "upstream",
    "timeouts",
    "retry",
    "store",
    "responses",
    "passthrough",
    "engine",
    "pricing",
    "log",
];

impl Config {
    /// Reads the whole tree; mistakes are in the reader, defaults in their place.
    pub(crate) fn read(root: &Node, known_kinds: &[String], reader: &mut Reader) -> Self {
        let mut table = reader.table(Some(root), "");
        let [
            server,
            providers,
            models,
            routing,
            upstream,
            timeouts,
            retry,
            store,
            responses,
            passthrough,
            engine,
            pricing,
            log,
        ] = SECTIONS.map(|section| table.field(section));
        let server = ServerConfig::read(server.table(reader), reader);
        let providers = providers
            .table(reader)
            .entries()
            .map(|(name, field)| {
                (
                    name.to_owned(),
                    ProviderConfig::read(name, &field, known_kinds, reader),
                )
            })
            .collect();
        let timeouts = TimeoutsConfig::read(timeouts.table(reader), reader);
        let models = models
            .table(reader)
            .entries()
            .map(|(name, field)| {
                (
                    name.to_owned(),
                    ModelConfig::read(name, &field, &timeouts, reader),
                )
            })
            .collect();
        let config = Self {
            server,
            providers,
            models,
            routing: RoutingConfig::read(routing.table(reader), reader),
            upstream: UpstreamConfig::read(upstream.table(reader), reader),
            timeouts,
            retry: RetryConfig::read(retry.table(reader), reader),
            store: StoreConfig::read(store.table(reader), reader),
            responses: ResponsesConfig::read(responses.table(reader), reader),
            passthrough: PassthroughConfig::read(passthrough.table(reader), reader),
            engine: EngineConfig::read(engine.table(reader), reader),
            pricing: PricingConfig::read(pricing.table(reader), reader),
            log: LogConfig::read(log.table(reader), reader),
        };
        table.finish(reader);
        config
    }

    /// The model of that public name, if it is configured.
    pub fn model(&self, name: &str) -> Option<&ModelConfig> {
        self.models
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, model)| model)
    }
}
