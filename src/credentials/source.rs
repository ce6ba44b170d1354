//! Where keys that expire come from.
//!
//! To add a kind of identity: describe it as a variant of [`Origin`] in
//! `providers/src/credentials.rs`, read its settings in the kinds that take it, write a
//! [`Source`] in a file beside this one, and name it in [`open`]. A source only fetches:
//! when it is asked, for how many callers, and what becomes of a failure is `refresh`'s
//! business. Its addresses are given the scope that fits them, see
//! [`HostScope`](tollward_providers::HostScope).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tollward_providers::{Key, Origin};

use crate::credentials::aws::Chain;
use crate::credentials::entra::Entra;
use crate::credentials::fetcher::{FetchError, Fetcher};
use crate::credentials::google::Google;

/// The variables of the environment, as they were at the start.
pub type Environment = Arc<[(String, String)]>;

/// Fetches the keys of one identity.
pub trait Source: Send + Sync + 'static {
    /// Fetches a key. Never called while an earlier call of the same source still runs.
    ///
    /// # Errors
    /// Nobody gave a key; the text must not hold a secret.
    ///
    /// # Cancellation
    /// Dropped at shutdown only.
    fn fetch<'a>(&'a self, fetcher: &'a Fetcher) -> BoxFuture<'a, Result<Fetched, FetchError>>;
}

/// A key that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The key.
    pub key: Key,
    /// How long it is valid from now on; `None` if it does not expire.
    pub lifetime: Option<Duration>,
}

/// How the key of a credential is had.
pub enum Opened {
    /// It is here.
    Written(Key),
    /// It has to be fetched.
    Fetched(Arc<dyn Source>),
}

/// Looks at what an identity names on this machine: files, and what they hold. Nobody is asked.
///
/// # Errors
/// A file is not there, or is not what it should be; the text holds no secret.
pub async fn look(origin: &Origin, environment: &Environment) -> Result<(), FetchError> {
    match origin {
        Origin::Written(_) => Ok(()),
        Origin::Aws(identity) => Chain::new(identity.clone(), environment).look().await,
        Origin::Google(identity) => Google::new(identity.clone(), environment).look().await,
        Origin::Entra(identity) => Entra::new(identity.clone(), environment).look().await,
    }
}

/// Finds out how the key of a credential is had; nothing is fetched yet.
pub fn open(origin: &Origin, environment: &Environment) -> Opened {
    match origin {
        Origin::Written(key) => Opened::Written(key.clone()),
        Origin::Aws(identity) => {
            Opened::Fetched(Arc::new(Chain::new(identity.clone(), environment)))
        }
        Origin::Google(identity) => {
            Opened::Fetched(Arc::new(Google::new(identity.clone(), environment)))
        }
        Origin::Entra(identity) => {
            Opened::Fetched(Arc::new(Entra::new(identity.clone(), environment)))
        }
    }
}
