//! The keys of an AWS identity, looked for where AWS's own tools look for them.
//!
//! In this order, as "Default credentials provider chain" of the AWS SDK for Rust has it (read
//! 2026-11): the environment, the profile in the shared files, a web identity, a container's
//! endpoint, the instance's metadata service. The first that is set up decides, also by failing.
//! A role that the settings name is taken with what is found. Not here: single sign-on,
//! `credential_process` and roles that a profile assumes.

mod document;
mod metadata;
mod profile;
mod sts;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tollward_providers::{AwsBase, AwsIdentity, AwsKeys, Key};

use crate::credentials::fetcher::{FetchError, Fetcher};
use crate::credentials::source::{Environment, Fetched, Source};

/// Keys in a file are read again this often: other tools renew them there.
const FILE_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Looks for the keys of an identity.
pub(super) struct Chain {
    identity: AwsIdentity,
    environment: Environment,
}

/// What files say.
enum Kept {
    Keys(Found),
    Vouched(sts::WebIdentity),
}

/// Keys, and how long they are good for.
struct Found {
    keys: AwsKeys,
    lifetime: Option<Duration>,
}

impl Source for Chain {
    fn fetch<'a>(&'a self, fetcher: &'a Fetcher) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async {
            let found = self.find(fetcher).await?;
            let Found { keys, lifetime } = match &self.identity.role {
                None => found,
                Some(role) => sts::take(self, fetcher, found.keys, role).await?,
            };
            let scope = self.identity.scope.clone();
            let key = Key::Aws { keys, scope };
            Ok(Fetched { key, lifetime })
        })
    }
}

impl Chain {
    pub(super) fn new(identity: AwsIdentity, environment: &Environment) -> Self {
        Self {
            identity,
            environment: Environment::clone(environment),
        }
    }

    async fn find(&self, fetcher: &Fetcher) -> Result<Found, FetchError> {
        let written = match &self.identity.base {
            AwsBase::Found => None,
            AwsBase::Profile(name) => Some(&**name),
            AwsBase::Written(keys) => {
                return Ok(Found {
                    keys: keys.clone(),
                    lifetime: None,
                });
            }
        };
        if let (None, Some(keys)) = (written, self.in_environment()?) {
            return Ok(keys);
        }
        match self.in_files(written).await? {
            Some(Kept::Keys(found)) => return Ok(found),
            Some(Kept::Vouched(identity)) => return sts::assume(self, fetcher, &identity).await,
            None => {}
        }
        if let Some(found) = metadata::of_container(self, fetcher).await {
            return found;
        }
        metadata::of_instance(self, fetcher).await
    }

    /// What the shared files and the environment say of keys, or of who vouches for them; `None` if
    /// nothing. `written` is the profile that the settings name.
    async fn in_files(&self, written: Option<&str>) -> Result<Option<Kept>, FetchError> {
        let named = written.or(self.variable("AWS_PROFILE"));
        let profile = profile::load(self, named.unwrap_or("default")).await?;
        if let Some(profile) = profile {
            if let Some(keys) = profile.keys()? {
                let lifetime = Some(FILE_LIFETIME);
                return Ok(Some(Kept::Keys(Found { keys, lifetime })));
            }
            if let Some(identity) = profile.web_identity()? {
                return Ok(Some(Kept::Vouched(identity)));
            }
        } else if let Some(name) = named {
            return Err(FetchError::Unusable(format!(
                "there is no AWS profile `{name}`"
            )));
        }
        if written.is_some() {
            let reason = "the AWS profile has no keys of its own, which is all that is supported";
            return Err(FetchError::Unusable(reason.to_owned()));
        }
        Ok(sts::WebIdentity::of_environment(self).map(Kept::Vouched))
    }

    /// Looks at the profile, and at the file of who vouches; nobody is asked.
    pub(super) async fn look(&self) -> Result<(), FetchError> {
        let written = match &self.identity.base {
            AwsBase::Found => None,
            AwsBase::Profile(name) => Some(&**name),
            AwsBase::Written(_) => return Ok(()),
        };
        if written.is_none() && self.in_environment()?.is_some() {
            return Ok(());
        }
        match self.in_files(written).await? {
            Some(Kept::Vouched(identity)) => identity.token().await.map(drop),
            Some(Kept::Keys(_)) | None => Ok(()),
        }
    }

    /// The keys in the environment.
    fn in_environment(&self) -> Result<Option<Found>, FetchError> {
        let pair = [
            self.variable("AWS_ACCESS_KEY_ID"),
            self.variable("AWS_SECRET_ACCESS_KEY"),
        ];
        let [Some(id), Some(secret)] = pair else {
            return Ok(None);
        };
        let keys = AwsKeys::new(id, secret, self.variable("AWS_SESSION_TOKEN"));
        let unusable =
            || FetchError::Unusable("AWS_ACCESS_KEY_ID and its like cannot be sent".to_owned());
        Ok(Some(Found {
            keys: keys.ok_or_else(unusable)?,
            lifetime: None,
        }))
    }

    /// A variable of the environment; an empty one is none.
    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(of, _)| of == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }
}

/// The text of a small file.
async fn text(path: &str, what: &'static str) -> Result<String, FetchError> {
    let read = tokio::fs::read_to_string(path).await;
    read.map_err(|error| FetchError::Unreachable {
        place: what,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
