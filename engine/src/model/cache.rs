//! Keys and values of past tokens, in blocks that sequences may share.
//!
//! A block holds 32 tokens of every layer. Blocks are shared by reference count and
//! copied on the first write, so several answers to one prompt cost one prompt. A cache
//! grows block by block and never moves what it holds.

use std::sync::Arc;

use half::f16;

use super::config::Config;

/// Tokens per block.
pub(crate) const BLOCK_TOKENS: usize = 32;

/// Sizes of a block's parts.
#[derive(Debug, Clone, Copy)]
struct Layout {
    layers: usize,
    kv_heads: usize,
    head_size: usize,
}

/// The past of one sequence. A clone is cheap and independent.
#[derive(Debug, Clone)]
pub(crate) struct KvCache {
    layout: Layout,
    /// Each `[layer, key or value, kv head, 32 tokens, head size]` f16.
    blocks: Vec<Arc<[f16]>>,
    tokens: usize,
}

/// Which half of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Key = 0,
    Value = 1,
}

impl KvCache {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            layout: Layout {
                layers: config.layers,
                kv_heads: config.kv_heads,
                head_size: config.head_size,
            },
            blocks: Vec::new(),
            tokens: 0,
        }
    }

    /// Bytes of one block for a model.
    pub(crate) fn block_bytes(config: &Config) -> usize {
        let layers = config.layers * 2 * config.kv_heads;
        layers * BLOCK_TOKENS * config.head_size * size_of::<f16>()
    }

    /// Tokens held.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Makes room for `count` more tokens, whose entries must then be written.
    pub(super) fn grow(&mut self, count: usize) {
        let first_written = self.tokens / BLOCK_TOKENS;
        self.tokens += count;
        let layers = self.layout.layers * 2 * self.layout.kv_heads;
        let length = layers * BLOCK_TOKENS * self.layout.head_size;
        while self.blocks.len() * BLOCK_TOKENS < self.tokens {
            self.blocks
                .push(std::iter::repeat_n(f16::ZERO, length).collect());
        }
        for block in self.blocks.iter_mut().skip(first_written) {
            // Copies a block that another sequence still reads.
            Arc::make_mut(block);
        }
    }

    /// Stores one head's entry of one token.
    pub(super) fn write(
        &mut self,
        layer: usize,
        side: Side,
        (position, head): (usize, usize),
        values: &[f32],
    ) {
        let start =
            self.head_start(layer, side, head) + position % BLOCK_TOKENS * self.layout.head_size;
        // `grow` has made the block unshared; a shared one would be a lost write.
        let target = self
            .blocks
            .get_mut(position / BLOCK_TOKENS)
            .and_then(Arc::get_mut)
            .and_then(|block| block.get_mut(start..start + self.layout.head_size));
        for (target, value) in target.into_iter().flatten().zip(values) {
            *target = f16::from_f32(*value);
        }
    }

    /// The entries of one head from token `first` to token `last`, both included, block
    /// by block: `[tokens of this block, head size]`.
    pub(super) fn read(
        &self,
        (layer, head): (usize, usize),
        side: Side,
        first: usize,
        last: usize,
    ) -> impl Iterator<Item = &[f16]> {
        let start = self.head_start(layer, side, head);
        let length = self.layout.head_size;
        (first / BLOCK_TOKENS..=last / BLOCK_TOKENS).filter_map(move |index| {
            let from = first.saturating_sub(index * BLOCK_TOKENS);
            let to = (last + 1 - index * BLOCK_TOKENS).min(BLOCK_TOKENS);
            self.blocks
                .get(index)?
                .get(start + from * length..start + to * length)
        })
    }

    fn head_start(&self, layer: usize, side: Side, head: usize) -> usize {
        let heads = (layer * 2 + side as usize) * self.layout.kv_heads + head;
        heads * BLOCK_TOKENS * self.layout.head_size
    }
}

#[cfg(test)]
mod tests;
