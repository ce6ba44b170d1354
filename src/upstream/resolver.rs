//! The system's resolver, its answers classified.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::Name;
use tollward_providers::HostScope;
use tower::Service;

use crate::clock;
use crate::upstream::address::is_allowed;
use crate::upstream::names::Names;

/// A name must resolve within this.
pub(super) const DNS_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks the system where a host is.
#[derive(Clone)]
pub(super) struct Resolver {
    /// Which addresses it may have.
    pub(super) scope: HostScope,
    /// Its last ones, where they stand in for an answer.
    pub(super) names: Option<Arc<Names>>,
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// There is one that must not be connected to.
    #[error("{0} is not an address that this host may have")]
    Forbidden(IpAddr),
    /// There is none.
    #[error("resolving failed")]
    Failed(#[source] io::Error),
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { scope, names } = self.clone();
        Box::pin(async move {
            let Some(names) = names else {
                return Ok(resolve(scope, name.as_str()).await?.into_iter());
            };
            let name = name.as_str();
            if let Some(last) = names.without_asking(name, clock::mono()) {
                return Ok(last.into_iter());
            }
            match resolve(scope, name).await {
                Ok(found) => {
                    names.resolved(name, &found, clock::mono());
                    Ok(found.into_iter())
                }
                Err(error @ ResolveError::Forbidden(_)) => Err(error),
                Err(error) => match names.failed(name, clock::mono()) {
                    Some(last) => {
                        tracing::warn!(host = name, %error, "a name does not resolve; its last addresses are used");
                        Ok(last.into_iter())
                    }
                    None => Err(error),
                },
            }
        })
    }
}

async fn resolve(scope: HostScope, name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
    let lookup = tokio::net::lookup_host((name.to_owned(), 0));
    let found = tokio::time::timeout(DNS_TIMEOUT, lookup)
        .await
        .map_err(|_| ResolveError::Failed(io::Error::other("no answer in time")))?
        .map_err(ResolveError::Failed)?;
    let addresses: Vec<SocketAddr> = found.collect();
    // One forbidden answer spoils them all: a mixed answer is an attack or a mistake.
    let forbidden = addresses.iter().find(|it| !is_allowed(scope, it.ip()));
    match forbidden {
        Some(forbidden) => Err(ResolveError::Forbidden(forbidden.ip())),
        None if addresses.is_empty() => Err(ResolveError::Failed(io::Error::other("no addresses"))),
        None => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    // faults U-03
    #[tokio::test]
    async fn an_operators_host_is_where_it_was_while_its_name_does_not_resolve() {
        let names = Arc::<Names>::default();
        let last = SocketAddr::from(([10, 0, 0, 1], 0));
        names.resolved("models.invalid", &[last], clock::mono());
        let asked = async |names, scope, name: &str| {
            let mut resolver = Resolver { scope, names };
            let found = resolver.call(name.parse().unwrap()).await;
            found.map(Iterator::collect::<Vec<_>>).ok()
        };
        let known = || Some(Arc::clone(&names));
        let operator = HostScope::Operator;
        // The first one asks and waits, the second one does not.
        for _ in 0..2 {
            let found = asked(known(), operator, "models.invalid").await;
            assert_eq!(found, Some(vec![last]));
        }
        assert_eq!(asked(known(), operator, "other.invalid").await, None);
        assert_eq!(asked(None, HostScope::Public, "models.invalid").await, None);
        let found = asked(known(), operator, "localhost").await.unwrap();
        assert!(found.iter().all(|it| it.ip().is_loopback()), "{found:?}");
    }
}
