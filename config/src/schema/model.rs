//! Section `models`: public names, the deployments behind them, and their fallbacks.

use crate::schema::timeouts::TimeoutsConfig;

/// What a public model name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelConfig {
    /// Where requests go, in order of preference; never empty.
    /// Reload: applies to the next request.
    pub deployments: Vec<DeploymentConfig>,
    /// Models to try when every deployment failed, in order. Default none.
    /// Reload: applies to the next request.
    pub fallbacks: Vec<String>,
}

/// One provider with the name the model has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentConfig {
    /// Name of an entry in `providers`.
    pub provider: String,
    /// The model's name at that provider, sent as it is.
    pub model: String,
    /// Limits for this deployment: the section `timeouts` with the keys written here replaced.
    /// `None`: the section holds. Reload: applies to the next request.
    pub timeouts: Option<TimeoutsConfig>,
}
