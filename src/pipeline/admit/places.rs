//! The places for running calls: how many there are, whose they are, and how long their bodies.
//!
//! A place is taken before the body is read, so that bodies cannot fill the memory that the limits
//! stand for, and in one step, so that a burst cannot pass them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tollward_store::KeyId;

use super::AdmitError;
use crate::limits::Permit;
use crate::policy::share::{Priority, Room, is_scarce};

/// The places of one gateway.
pub struct Places {
    /// Calls that run.
    running: Gauge,
    /// Bytes of the bodies that they hold.
    bytes: Gauge,
    /// Calls of each key; those without one are together.
    owned: Mutex<HashMap<Option<KeyId>, i64>>,
}

impl Places {
    /// All free; what is taken shows in these numbers.
    pub fn new(running: Gauge, bytes: Gauge) -> Arc<Self> {
        Arc::new(Self {
            running,
            bytes,
            owned: Mutex::default(),
        })
    }

    /// Takes one of `limit` places for a call of `key`.
    ///
    /// # Errors
    /// All are taken, or the key has its share of them.
    pub fn take(self: &Arc<Self>, key: Option<KeyId>, limit: i64) -> Result<Slot, AdmitError> {
        self.take_as(Priority::Interactive, key, limit)
    }

    /// The same for a call that may be one that can wait.
    ///
    /// # Errors
    /// As of [`Self::take`], or it can wait and places are scarce.
    pub fn take_as(
        self: &Arc<Self>,
        priority: Priority,
        key: Option<KeyId>,
        limit: i64,
    ) -> Result<Slot, AdmitError> {
        let mut owned = self.owned.lock();
        // Before it has a place: for a moment it would be in the way of one that cannot wait.
        if priority == Priority::Batch && is_scarce(limit, self.running.get()) {
            return Err(AdmitError::Deferred);
        }
        let own = owned.get(&key).copied().unwrap_or(0);
        let room = Room {
            limit,
            all: self.running.get(),
            own,
            callers: owned.len() + usize::from(own == 0),
        };
        if !room.has_place() {
            let is_full = room.all >= limit;
            return Err(if is_full {
                AdmitError::Overloaded
            } else {
                AdmitError::Crowded
            });
        }
        self.running.inc();
        *owned.entry(key).or_default() += 1;
        drop(owned);
        Ok(Slot {
            places: Arc::clone(self),
            key,
            bytes: 0,
            permit: Permit::default(),
        })
    }
}

/// A place among the running calls; given back when it is dropped.
pub struct Slot {
    places: Arc<Places>,
    key: Option<KeyId>,
    bytes: i64,
    /// What the call took of the limits of those above it.
    pub permit: Permit,
}

impl Slot {
    /// Whether so many of `limit` places are taken by others that calls which can wait get none.
    pub fn is_scarce(&self, limit: i64) -> bool {
        is_scarce(limit, self.places.running.get() - 1)
    }

    /// The call holds so many bytes from now on; all calls together may hold `limit`.
    ///
    /// # Errors
    /// They would hold more.
    pub fn hold(&mut self, bytes: usize, limit: i64) -> Result<(), AdmitError> {
        let more = i64::try_from(bytes)
            .unwrap_or(i64::MAX)
            .saturating_sub(self.bytes);
        let held = self.places.bytes.inc_by(more).saturating_add(more);
        self.bytes = self.bytes.saturating_add(more);
        if more > 0 && held > limit {
            return Err(AdmitError::Full);
        }
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.places.running.dec();
        self.places.bytes.dec_by(self.bytes);
        let mut owned = self.places.owned.lock();
        if let Some(own) = owned.get_mut(&self.key) {
            *own -= 1;
            if *own == 0 {
                owned.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn places() -> (Arc<Places>, Gauge, Gauge) {
        let (running, bytes) = (Gauge::default(), Gauge::default());
        (Places::new(running.clone(), bytes.clone()), running, bytes)
    }

    #[test]
    fn a_place_is_given_back_and_a_refused_one_takes_none() {
        let (places, running, _) = places();
        let first = places.take(None, 2).unwrap();
        let second = places.take(None, 2).unwrap();
        assert!(matches!(places.take(None, 2), Err(AdmitError::Overloaded)));
        assert_eq!(running.get(), 2);
        drop(first);
        assert!(places.take(None, 2).is_ok());
        drop(second);
        assert_eq!(running.get(), 0);
        assert!(places.owned.lock().is_empty());
    }

    #[test]
    fn who_has_its_share_waits_for_the_others() {
        let (places, ..) = places();
        let (greedy, modest) = (Some(KeyId::new(1)), Some(KeyId::new(2)));
        let _many: Vec<Slot> = (0..6).map(|_| places.take(greedy, 10).unwrap()).collect();
        let _one = places.take(modest, 10).unwrap();
        assert!(matches!(places.take(greedy, 10), Err(AdmitError::Crowded)));
        assert!(places.take(modest, 10).is_ok());
    }

    #[test]
    fn what_can_wait_leaves_half_of_the_places_to_what_cannot() {
        let (places, running, _) = places();
        let wait = || places.take_as(Priority::Batch, None, 4);
        let first = wait().unwrap();
        let second = wait().unwrap();
        assert!(matches!(wait(), Err(AdmitError::Deferred)));
        assert_eq!(running.get(), 2, "who is refused takes none");
        assert!(!second.is_scarce(4), "it is one of the two itself");
        let third = places.take_as(Priority::Interactive, None, 4).unwrap();
        assert!(third.is_scarce(4));
        let fourth = places.take(None, 4).unwrap();
        assert!(matches!(places.take(None, 4), Err(AdmitError::Overloaded)));
        assert!(matches!(wait(), Err(AdmitError::Deferred)));
        drop((first, second, third, fourth));
        assert_eq!(running.get(), 0);
    }

    #[test]
    fn bodies_are_counted_once_and_forgotten_with_their_call() {
        let (places, _, bytes) = places();
        let mut slot = places.take(None, 9).unwrap();
        slot.hold(60, 100).unwrap();
        slot.hold(70, 100).unwrap();
        assert_eq!(bytes.get(), 70);
        let mut other = places.take(None, 9).unwrap();
        assert!(matches!(other.hold(40, 100), Err(AdmitError::Full)));
        drop(other);
        assert_eq!(bytes.get(), 70);
        drop(slot);
        assert_eq!(bytes.get(), 0);
    }
}
