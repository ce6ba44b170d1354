//! Attention of one query head of one row over its sequence's past.

use rayon::prelude::*;

use super::{
    Place, Row, Segment,
    cache::{KvCache, Side},
    config::Config,
};
use crate::kernels::{mix_values, score_keys};

/// Attention of every row: `queries` is `[m][h k of stride]`, the result `[m, h, k]`.
///
/// `stride` is the length of a row of `queries`, whose head part comes first.
pub(super) fn attend(
    config: &Config,
    place: &Place<'_>,
    rows: &[Row],
    segments: &[Segment<'_>],
    (queries, stride): (&[f32], usize),
) -> Vec<f32> {
    let size = config.head_size;
    let heads_per_key = config.heads / config.kv_heads;
    let mut output = vec![0.0; rows.len() * config.heads * size]; // [m, h, k]
    let attend_one = |(index, output): (usize, &mut [f32])| {
        let (row_index, head) = (index / config.heads, index % config.heads);
        let start = row_index * stride + head * size;
        let segment = rows
            .get(row_index)
            .and_then(|row| segments.get(row.segment));
        if let (Some(row), Some(segment), Some(query)) = (
            rows.get(row_index),
            segment,
            queries.get(start..start + size),
        ) {
            let first = place
                .window
                .map_or(0, |window| (row.position + 1).saturating_sub(window));
            let source = Source {
                cache: segment.cache,
                layer: place.index,
                head: head / heads_per_key,
                first,
                last: row.position,
            };
            source.attend(query, config.score_scale, output);
        }
    };
    let work: usize = rows.iter().map(|row| row.position).sum();
    // Waking other threads costs more than a short past.
    if work * config.heads * size > 1 << 16 {
        output
            .par_chunks_exact_mut(size)
            .enumerate()
            .for_each(attend_one);
    } else {
        output
            .chunks_exact_mut(size)
            .enumerate()
            .for_each(attend_one);
    }
    output
}

/// The past that one head may look at.
struct Source<'a> {
    cache: &'a KvCache,
    layer: usize,
    head: usize,
    first: usize,
    last: usize,
}

impl Source<'_> {
    fn attend(&self, query: &[f32], scale: f32, output: &mut [f32]) {
        let place = (self.layer, self.head);
        let mut shares = vec![0.0; self.last + 1 - self.first]; // [past]
        let mut rest = shares.as_mut_slice();
        for keys in self.cache.read(place, Side::Key, self.first, self.last) {
            let (scores, after) = rest.split_at_mut(keys.len() / query.len());
            score_keys(query, keys, scores);
            rest = after;
        }
        softmax(&mut shares, scale);
        let mut rest = shares.as_slice();
        for values in self.cache.read(place, Side::Value, self.first, self.last) {
            let (block, after) = rest.split_at(values.len() / query.len());
            mix_values(block, values, output);
            rest = after;
        }
    }
}

/// Turns scaled scores into shares that sum to 1.
fn softmax(scores: &mut [f32], scale: f32) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = ((*score - largest) * scale).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}
