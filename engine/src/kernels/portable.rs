//! What every kernel computes, in plain Rust; the reference for the vector versions.

use half::f16;

use super::{ActivationBlock, BLOCK, Quants, WeightRows};

pub(super) fn multiply(
    weights: WeightRows<'_>,
    activations: &[ActivationBlock],
    products: &mut [f32],
) {
    let width = weights.blocks_per_row;
    let count = activations.len() / width;
    for (row, products) in products.chunks_exact_mut(count).enumerate() {
        for (activation, product) in activations.chunks_exact(width).zip(products) {
            *product = row_product(weights, row, activation);
        }
    }
}

fn row_product(weights: WeightRows<'_>, row: usize, activation: &[ActivationBlock]) -> f32 {
    let first = row * weights.blocks_per_row;
    let scales = weights.scales.iter().skip(first);
    let mins = weights
        .mins
        .iter()
        .skip(first)
        .copied()
        .chain(std::iter::repeat(0.0));
    let mut total = 0.0;
    for ((index, x), (scale, min)) in (first..).zip(activation).zip(scales.zip(mins)) {
        let integers = match weights.quants {
            Quants::Bytes(quants) => quants.get(index).map_or(0, |q| dot_bytes(q, &x.quants)),
            Quants::Nibbles(quants) => quants.get(index).map_or(0, |q| dot_nibbles(q, &x.quants)),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "at most 32 * 128 * 127, exact in f32"
        )]
        let integers = integers as f32;
        total += integers * (scale * x.scale) + min * x.sum;
    }
    total
}

fn dot_bytes(weights: &[i8; BLOCK], x: &[i8; BLOCK]) -> i32 {
    weights
        .iter()
        .zip(x)
        .map(|(&w, &x)| i32::from(w) * i32::from(x))
        .sum()
}

fn dot_nibbles(weights: &[u8; BLOCK / 2], x: &[i8; BLOCK]) -> i32 {
    let (low, high) = x.split_at(BLOCK / 2);
    let pairs = weights.iter().zip(low.iter().zip(high));
    pairs
        .map(|(&w, (&low, &high))| {
            i32::from(w & 15) * i32::from(low) + i32::from(w >> 4) * i32::from(high)
        })
        .sum()
}

#[expect(
    clippy::inline_always,
    reason = "compiled again with wider registers in `avx2`"
)]
#[inline(always)]
pub(super) fn quantize_row(row: &[f32], blocks: &mut [ActivationBlock]) {
    for (values, block) in row.as_chunks::<BLOCK>().0.iter().zip(blocks) {
        let largest = values
            .iter()
            .fold(0.0_f32, |largest, v| largest.max(v.abs()));
        let scale = largest / 127.0;
        // A block of zeros, or of values too small to invert, is all zeros.
        let inverse = if scale > f32::MIN_POSITIVE {
            1.0 / scale
        } else {
            0.0
        };
        let mut sum = 0_i32;
        for (quant, value) in block.quants.iter_mut().zip(values) {
            #[expect(clippy::cast_possible_truncation, reason = "within ±127 by the scale")]
            let rounded = (value * inverse).round_ties_even() as i32 as i8;
            *quant = rounded;
            sum += i32::from(rounded);
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 32 * 127")]
        let sum = sum as f32 * scale;
        block.scale = scale;
        block.sum = sum;
    }
}

pub(super) fn score_keys(query: &[f32], keys: &[f16], scores: &mut [f32]) {
    for (key, score) in keys.chunks_exact(query.len()).zip(scores) {
        *score = query.iter().zip(key).map(|(q, k)| q * k.to_f32()).sum();
    }
}

pub(super) fn mix_values(shares: &[f32], values: &[f16], output: &mut [f32]) {
    for (share, value) in shares.iter().zip(values.chunks_exact(output.len())) {
        for (output, value) in output.iter_mut().zip(value) {
            *output += share * value.to_f32();
        }
    }
}

/// `x * sigmoid(x)`.
pub(crate) fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}

/// GELU in its tanh form, as the Gemma models were trained.
pub(crate) fn gelu_tanh(x: f32) -> f32 {
    // sqrt(2 / pi)
    const SLOPE: f32 = 0.797_884_6;
    let inner = SLOPE * x * (1.0 + 0.044_715 * x * x);
    // tanh(y) = 1 - 2 / (exp(2y) + 1)
    0.5 * x * (2.0 - 2.0 / ((2.0 * inner).exp() + 1.0))
}
