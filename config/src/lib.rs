//! What people write: files and environment to validated values, all errors at once.
//!
//! [`load`] takes one file (YAML, TOML or JSON), the environment and the command line, and
//! answers with a [`Config`] plus the [`Origins`] of each value, or with a [`Report`] that lists
//! every mistake with its place. [`catalog`] holds the price table that ships in the binary.
//!
//! Nothing here reads the environment, a clock or the network: variables are passed in, and the
//! only files touched are the configuration file and the secrets it names with `${file:…}`.
//! This crate knows no provider: it carries their settings as it found them and lends
//! [`Origins::diagnose`] to whoever understands them.

pub mod catalog;
mod interpolate;
mod layers;
mod load;
mod node;
mod origins;
mod path;
mod reader;
mod references;
mod report;
mod schema;
mod source;
mod syntax;

pub use load::{Loaded, Sources, load, load_sections, survey};
pub use origins::{OriginEntry, Origins};
pub use report::{Diagnostic, Location, Report, Severity, closest};
pub use schema::Config;
pub use schema::engine::{EngineConfig, EngineMode};
pub use schema::idempotency::IdempotencyConfig;
pub use schema::log::{AccessLog, LogConfig, LogFormat, LogLevel};
pub use schema::model::cache::{CacheConfig, Share};
pub use schema::model::canary::CanaryConfig;
pub use schema::model::deployment::DeploymentConfig;
pub use schema::model::hedge::HedgeConfig;
pub use schema::model::probe::{ProbeAsk, ProbeConfig};
pub use schema::model::rule::RuleConfig;
pub use schema::model::shadow::ShadowConfig;
pub use schema::model::{ModelConfig, OnUnsupported, SpreadBy};
pub use schema::pricing::{OverriddenPrice, OverrideTerms, PricingConfig, UsageCost};
pub use schema::provider::{ProviderConfig, Settings};
pub use schema::responses::ResponsesConfig;
pub use schema::retry::RetryConfig;
pub use schema::routing::{BreakerConfig, GuardConfig, RoutingConfig};
pub use schema::server::{AuthMode, ServerConfig};
pub use schema::store::{OnStoreError, StoreConfig};
pub use schema::timeouts::TimeoutsConfig;
pub use schema::upstream::UpstreamConfig;
