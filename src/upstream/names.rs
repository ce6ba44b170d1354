//! The last addresses of the operator's own hosts, for as long as their names do not resolve.
//!
//! A company's resolver may be away for a minute while its servers are not. Names of public vendors
//! are not held: their addresses move, and who controls what a name resolves to could pin an old one
//! by breaking the resolver (faults U-03). A name that never resolved is asked for each time; leaving
//! its deployment alone is up to the breaker.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// For how long an address is used after the name resolved to it.
const LONGEST: Duration = Duration::from_secs(300);
/// A name that failed is not asked for again within this, while there is an address for it.
const PAUSE: Duration = Duration::from_secs(5);

/// What names resolved to.
#[derive(Default)]
pub(super) struct Names(Mutex<HashMap<String, Known>>);

struct Known {
    addresses: Vec<SocketAddr>,
    /// When the name resolved to them.
    at: Instant,
    /// When it failed since.
    failed: Option<Instant>,
}

impl Known {
    fn addresses(&self, now: Instant) -> Option<Vec<SocketAddr>> {
        let is_young = now.saturating_duration_since(self.at) <= LONGEST;
        is_young.then(|| self.addresses.clone())
    }
}

impl Names {
    /// The addresses of a name that failed a moment ago, at `now`; `None` where it is to be asked for.
    pub(super) fn without_asking(&self, name: &str, now: Instant) -> Option<Vec<SocketAddr>> {
        let known = self.0.lock();
        let known = known.get(name)?;
        let rests = now.saturating_duration_since(known.failed?) < PAUSE;
        known.addresses(now).filter(|_| rests)
    }

    /// A name resolved to these at `now`.
    pub(super) fn resolved(&self, name: &str, addresses: &[SocketAddr], now: Instant) {
        let known = Known {
            addresses: addresses.to_vec(),
            at: now,
            failed: None,
        };
        self.0.lock().insert(name.to_owned(), known);
    }

    /// A name did not resolve at `now`; its last addresses, if they are not too old.
    pub(super) fn failed(&self, name: &str, now: Instant) -> Option<Vec<SocketAddr>> {
        let mut known = self.0.lock();
        let known = known.get_mut(name)?;
        known.failed = Some(now);
        known.addresses(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const NAME: &str = "models.example";

    fn address(last: u8) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([10, 0, 0, last], 0))]
    }

    // faults U-03
    #[test]
    fn a_name_that_does_not_resolve_keeps_its_last_addresses_for_five_minutes() {
        let (names, start) = (Names::default(), clock::mono());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(names.failed(NAME, start), None);
        assert_eq!(names.without_asking(NAME, start), None);
        names.resolved(NAME, &address(1), start);
        assert_eq!(names.failed("another.example", after(1)), None);
        assert_eq!(names.failed(NAME, after(299)), Some(address(1)));
        assert_eq!(names.failed(NAME, after(301)), None);
        names.resolved(NAME, &address(2), after(302));
        assert_eq!(names.failed(NAME, after(303)), Some(address(2)));
    }

    // faults U-03
    #[test]
    fn a_name_that_failed_is_asked_for_again_after_five_seconds() {
        let (names, start) = (Names::default(), clock::mono());
        let after = |millis| start + Duration::from_millis(millis);
        names.resolved(NAME, &address(1), start);
        assert_eq!(names.without_asking(NAME, start), None);
        names.failed(NAME, after(1_000));
        assert_eq!(names.without_asking(NAME, after(5_999)), Some(address(1)));
        assert_eq!(names.without_asking(NAME, after(6_000)), None);
        names.resolved(NAME, &address(2), after(6_000));
        assert_eq!(names.without_asking(NAME, after(6_001)), None);
    }
}
