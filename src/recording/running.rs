//! The calls whose answers are being recorded, by name: each name has one call, which others join.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Reader, Recording};

/// What a call is known by: a digest.
pub type Name = [u8; 32];

/// The calls that run.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<Name, Entry>>>);

struct Entry {
    /// What was asked, where one name could be given to several requests.
    fingerprint: Name,
    recording: Arc<Recording>,
}

/// What is to be done about a call.
pub enum Claimed {
    /// It is the caller's to make.
    Own(Claim),
    /// Somebody makes it.
    Running(Reader),
    /// Somebody makes it, and it cannot be joined.
    Alone,
    /// Somebody makes another one of that name.
    Other,
}

/// The right to make the call of a name; given back when dropped.
pub struct Claim {
    running: Running,
    name: Name,
}

impl Running {
    /// Claims the call of `name` that asks for `fingerprint` and whose answer will be in `recording`, or
    /// joins it where it runs.
    pub fn claim(&self, name: Name, fingerprint: Name, recording: &Arc<Recording>) -> Claimed {
        let mut running = self.0.lock();
        match running.get(&name) {
            Some(found) if found.fingerprint != fingerprint => Claimed::Other,
            Some(found) => found
                .recording
                .join()
                .map_or(Claimed::Alone, Claimed::Running),
            None => {
                let recording = Arc::clone(recording);
                running.insert(
                    name,
                    Entry {
                        fingerprint,
                        recording,
                    },
                );
                Claimed::Own(Claim {
                    running: self.clone(),
                    name,
                })
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.running.0.lock().remove(&self.name);
    }
}
