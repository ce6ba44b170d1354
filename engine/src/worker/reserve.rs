//! Memory for keys and values: who may start is decided by blocks, before any is taken.

use crate::model::{
    cache::{BLOCK_TOKENS, KvCache},
    config::Config,
};

/// Keys and values of all requests together, unless one full context needs more.
const CACHE_BYTES: usize = 1 << 30;

/// Blocks that are not promised to anyone.
#[derive(Debug)]
pub(super) struct Reserve {
    free: usize,
}

impl Reserve {
    pub(super) fn new(config: &Config) -> Self {
        // One request over the whole context must always fit, its fork included.
        let least = blocks(config.context) + 2;
        Self {
            free: (CACHE_BYTES / KvCache::block_bytes(config)).max(least),
        }
    }

    /// Takes the blocks, or none and returns false.
    pub(super) fn take(&mut self, blocks: usize) -> bool {
        match self.free.checked_sub(blocks) {
            Some(free) => {
                self.free = free;
                true
            }
            None => false,
        }
    }

    pub(super) fn give_back(&mut self, blocks: usize) {
        self.free += blocks;
    }
}

/// Blocks that hold this many tokens.
pub(super) fn blocks(tokens: usize) -> usize {
    tokens.div_ceil(BLOCK_TOKENS)
}
