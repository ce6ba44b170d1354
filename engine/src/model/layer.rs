//! One layer: attention, then the gated feed-forward part, each added to its input.

use rayon::prelude::*;

use super::{
    Place, Row, Segment,
    attention::attend,
    cache::Side,
    config::{Config, Norms},
    linear::{PARALLEL_ROWS, apply},
};
use crate::{
    error::LoadError,
    gguf::GgufFile,
    kernels,
    weights::{Matrix, Shape, load_vector},
};

#[derive(Debug)]
pub(super) struct Layer {
    attention_norm: Vec<f32>,
    /// Query, key and value stacked: `[(h + 2 g) k, d]`.
    query_key_value: Matrix,
    /// `[d, h k]`.
    attention_output: Matrix,
    feed_norm: Vec<f32>,
    /// Gate and up stacked: `[2 f, d]`.
    gate_up: Matrix,
    /// `[d, f]`.
    down: Matrix,
    around: Option<AroundNorms>,
}

/// The norms of [`Norms::Around`].
#[derive(Debug)]
struct AroundNorms {
    query: Vec<f32>,
    key: Vec<f32>,
    after_attention: Vec<f32>,
    after_feed: Vec<f32>,
}

impl Layer {
    pub(super) fn load(
        file: &mut GgufFile,
        config: &Config,
        index: usize,
    ) -> Result<Self, LoadError> {
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let shape = |rows, columns| Shape { rows, columns };
        let (d, f) = (config.width, config.feed_forward);
        let query = config.heads * config.head_size;
        let key = config.kv_heads * config.head_size;
        let around = match config.norms {
            Norms::Before => None,
            Norms::Around => Some(AroundNorms {
                query: load_vector(file, &name("attn_q_norm"), config.head_size)?,
                key: load_vector(file, &name("attn_k_norm"), config.head_size)?,
                after_attention: load_vector(file, &name("post_attention_norm"), d)?,
                after_feed: load_vector(file, &name("post_ffw_norm"), d)?,
            }),
        };
        let query_key_value = [
            (name("attn_q"), shape(query, d)),
            (name("attn_k"), shape(key, d)),
            (name("attn_v"), shape(key, d)),
        ];
        let gate_up = [
            (name("ffn_gate"), shape(f, d)),
            (name("ffn_up"), shape(f, d)),
        ];
        Ok(Self {
            attention_norm: load_vector(file, &name("attn_norm"), d)?,
            query_key_value: Matrix::load(file, &query_key_value)?,
            attention_output: Matrix::load(file, &[(name("attn_output"), shape(d, query))])?,
            feed_norm: load_vector(file, &name("ffn_norm"), d)?,
            gate_up: Matrix::load(file, &gate_up)?,
            down: Matrix::load(file, &[(name("ffn_down"), shape(d, f))])?,
            around,
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.query_key_value.bytes()
            + self.attention_output.bytes()
            + self.gate_up.bytes()
            + self.down.bytes()
    }

    /// Runs the layer on `x`, `[m, d]`, and stores the step's keys and values.
    pub(super) fn run(
        &self,
        config: &Config,
        place: &Place<'_>,
        segments: &mut [Segment<'_>],
        x: &mut [f32],
    ) {
        let rows = place.rows;
        let mut normed = x.to_vec(); // [m, d]
        normalize(&mut normed, &self.attention_norm, config.epsilon);
        let mut mixed = apply(&self.query_key_value, &normed); // [m, (h + 2 g) k]
        self.turn_heads(config, place, &mut mixed);
        let stride = self.query_key_value.rows;
        store(config, place.index, (rows, segments), (&mixed, stride));
        let attended = attend(config, place, rows, segments, (&mixed, stride)); // [m, h k]
        let mut output = apply(&self.attention_output, &attended); // [m, d]
        if let Some(around) = &self.around {
            normalize(&mut output, &around.after_attention, config.epsilon);
        }
        add(x, &output);

        let mut normed = x.to_vec(); // [m, d]
        normalize(&mut normed, &self.feed_norm, config.epsilon);
        let gate_up = apply(&self.gate_up, &normed); // [m, 2 f]
        let gated = gate(config, gate_up); // [m, f]
        let mut output = apply(&self.down, &gated); // [m, d]
        if let Some(around) = &self.around {
            normalize(&mut output, &around.after_feed, config.epsilon);
        }
        add(x, &output);
    }

    /// Norms (where the family has them) and rotates every query and key head.
    fn turn_heads(&self, config: &Config, place: &Place<'_>, mixed: &mut [f32]) {
        let heads = config.heads + config.kv_heads;
        let turn_row = |(row, values): (usize, &mut [f32])| {
            let values = values.chunks_exact_mut(config.head_size).take(heads);
            for (head, values) in values.enumerate() {
                if let Some(around) = &self.around {
                    let is_query = head < config.heads;
                    let weights = if is_query { &around.query } else { &around.key };
                    normalize_row(values, weights, config.epsilon);
                }
                place.rotation.turn(row, values);
            }
        };
        let stride = self.query_key_value.rows;
        if mixed.len() >= PARALLEL_ROWS * stride {
            mixed
                .par_chunks_exact_mut(stride)
                .enumerate()
                .for_each(turn_row);
        } else {
            mixed
                .chunks_exact_mut(stride)
                .enumerate()
                .for_each(turn_row);
        }
    }
}

/// Writes the step's keys and values into the caches.
fn store(
    config: &Config,
    layer: usize,
    (rows, segments): (&[Row], &mut [Segment<'_>]),
    (mixed, stride): (&[f32], usize),
) {
    for (row, values) in rows.iter().zip(mixed.chunks_exact(stride)) {
        let Some(segment) = segments.get_mut(row.segment) else {
            continue;
        };
        let heads = values.chunks_exact(config.head_size).skip(config.heads);
        for (index, values) in heads.enumerate() {
            let (side, head) = if index < config.kv_heads {
                (Side::Key, index)
            } else {
                (Side::Value, index - config.kv_heads)
            };
            segment
                .cache
                .write(layer, side, (row.position, head), values);
        }
    }
}

/// `activation(gate) * up`: `[m, 2 f]` to `[m, f]`.
fn gate(config: &Config, gate_up: Vec<f32>) -> Vec<f32> {
    let f = config.feed_forward;
    let gate_row = |row: &mut [f32]| {
        let (gate, up) = row.split_at_mut(f);
        kernels::gate(config.activation, gate, up);
    };
    let mut gate_up = gate_up;
    if gate_up.len() >= PARALLEL_ROWS * 2 * f {
        gate_up.par_chunks_exact_mut(2 * f).for_each(gate_row);
    } else {
        gate_up.chunks_exact_mut(2 * f).for_each(gate_row);
    }
    if gate_up.len() == 2 * f {
        gate_up.truncate(f);
        return gate_up;
    }
    gate_up
        .chunks_exact(2 * f)
        .flat_map(|row| row.iter().take(f))
        .copied()
        .collect()
}

/// Divides each row of `weights.len()` by its root mean square, then scales it.
pub(super) fn normalize(x: &mut [f32], weights: &[f32], epsilon: f32) {
    for row in x.chunks_exact_mut(weights.len()) {
        normalize_row(row, weights, epsilon);
    }
}

fn normalize_row(row: &mut [f32], weights: &[f32], epsilon: f32) {
    let squares: f32 = row.iter().map(|value| value * value).sum();
    #[expect(clippy::cast_precision_loss, reason = "a row is far below 2^24 long")]
    let factor = 1.0 / (squares / row.len() as f32 + epsilon).sqrt();
    for (value, weight) in row.iter_mut().zip(weights) {
        *value *= factor * weight;
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}
