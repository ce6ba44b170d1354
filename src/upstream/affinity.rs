//! Who answered which conversation, so that its next turn finds the vendor's cache of prompts.
//!
//! A table of fixed size: a new conversation may push out an old one, and nothing is ever counted,
//! swept or locked for long. What is forgotten costs one turn without a cache.

use parking_lot::Mutex;

/// Conversations that are remembered at most; a power of two. One takes 16 bytes.
const PLACES: usize = 1 << 16;
/// Places that are locked together.
const SHARD: usize = 1 << 10;

/// Who answered which conversation.
pub struct Affinity {
    shards: Vec<Mutex<Box<[Place]>>>,
}

/// A beginning of a conversation, and who has it in its cache.
#[derive(Clone, Copy, Default)]
struct Place {
    beginning: u64,
    deployment: u64,
}

impl Default for Affinity {
    fn default() -> Self {
        let shard = || Mutex::new(vec![Place::default(); SHARD].into());
        Self {
            shards: (0..PLACES / SHARD).map(|_| shard()).collect(),
        }
    }
}

impl Affinity {
    /// The deployment with that identity has answered the conversation.
    pub fn remember(&self, beginning: u64, deployment: u64) {
        self.with(beginning, |place| {
            *place = Place {
                beginning,
                deployment,
            };
        });
    }

    /// Who answered it.
    pub fn find(&self, beginning: u64) -> Option<u64> {
        let found = self.with(beginning, |place| *place)?;
        (found.beginning == beginning && found.deployment != 0).then_some(found.deployment)
    }

    fn with<T>(&self, beginning: u64, act: impl FnOnce(&mut Place) -> T) -> Option<T> {
        let bits = usize::try_from(beginning % PLACES as u64).ok()?;
        let mut shard = self.shards.get(bits / SHARD)?.lock();
        shard.get_mut(bits % SHARD).map(act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::routing::mix;

    #[test]
    fn a_conversation_is_known_until_another_one_takes_its_place() {
        let affinity = Affinity::default();
        assert_eq!(affinity.find(7), None);
        affinity.remember(7, 1);
        affinity.remember(8, 2);
        assert_eq!((affinity.find(7), affinity.find(8)), (Some(1), Some(2)));
        affinity.remember(7, 3);
        assert_eq!(affinity.find(7), Some(3));
        affinity.remember(7 + PLACES as u64, 4);
        assert_eq!(affinity.find(7), None);
    }

    #[test]
    fn of_a_thousand_conversations_hardly_one_is_forgotten() {
        let affinity = Affinity::default();
        for beginning in 0..1_000 {
            affinity.remember(mix(beginning), 1);
        }
        let known = (0..1_000).filter(|it| affinity.find(mix(*it)).is_some());
        assert!(known.count() > 985);
    }
}
