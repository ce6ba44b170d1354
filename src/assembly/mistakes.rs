//! What is wrong with a provider's settings, in words of the configuration.

use tollward_config::{Loaded, Origins};
use tollward_providers::BuildError;

/// What is known of a provider that cannot be built.
pub(super) struct Context<'a> {
    /// Its kind.
    pub(super) kind: &'a str,
    /// Whether its address is written.
    pub(super) has_base_url: bool,
    /// The settings that come from the environment, and their variables.
    pub(super) found: &'a [(&'static str, &'static str)],
}

impl Context<'_> {
    /// What is wrong, and where it is not obvious, what to do.
    pub(super) fn message(&self, error: &BuildError) -> String {
        let row = tollward_providers::kind(self.kind);
        let variable = row.and_then(|row| row.key_variable);
        let has_resource = row.is_some_and(|row| row.settings.contains(&"resource"));
        match (error, variable) {
            // The names that would have been right are told apart.
            (BuildError::UnknownField { field, .. }, _) => format!("unknown setting `{field}`"),
            // The variable is the vendor's own; it is not sent to an address that somebody wrote.
            (BuildError::Missing { field: "api_key" }, Some(variable)) if self.has_base_url => {
                format!("{error}: write `api_key: ${{{variable}}}`")
            }
            (BuildError::Missing { field: "api_key" }, Some(variable)) => {
                format!("{error}: write `api_key`, or set {variable}")
            }
            (BuildError::Missing { field: "base_url" }, _) if has_resource => {
                format!("{error}: write it, or the name of the `resource`")
            }
            _ => match self.found.iter().find(|(it, _)| error.field() == Some(*it)) {
                Some((_, variable)) => format!("{error} (from the variable {variable})"),
                None => error.to_string(),
            },
        }
    }
}

/// The key that a mistake is about; one that is missing is told of at the provider's name.
pub(super) fn path(provider: &str, error: &BuildError) -> String {
    let place = Origins::provider_path(provider);
    match error.field() {
        Some(field) => format!("{place}.{field}"),
        None => place,
    }
}

/// Where a model names a provider about which nothing is written; `None` if something is.
pub(super) fn unwritten(loaded: &Loaded, provider: &str) -> Option<String> {
    let place = Origins::provider_path(provider);
    if loaded.origins.location(&place).is_some() {
        return None;
    }
    loaded.config.models.iter().find_map(|(model, config)| {
        let mut deployments = config.deployments.iter();
        let index = deployments.position(|it| it.provider == provider)?;
        Some(Origins::deployment_path(model, index))
    })
}

/// The names that would have been right.
pub(super) fn candidates(error: &BuildError) -> Vec<&'static str> {
    match error {
        BuildError::UnknownField { expected, .. } => expected.clone(),
        BuildError::UnknownKind { known, .. } => known.clone(),
        BuildError::Missing { .. } | BuildError::Invalid { .. } => Vec::new(),
    }
}
