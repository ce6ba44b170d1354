//! The inner loops: quantized matrix products and attention over half-precision keys.
//!
//! Weights are small integers in blocks of 32 with a scale and sometimes a minimum;
//! activations are quantized to 8 bits per block, so a product is integer arithmetic with
//! one float step per block. `portable` states what each loop computes; `avx2` computes
//! the same with vectors and is chosen at run time. For one row and for many, a result
//! has the same bits: batching changes nothing.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use half::f16;

pub(crate) use portable::{gelu_tanh, silu};

/// Weights and activations share one scale per this many columns.
pub(crate) const BLOCK: usize = 32;

/// A row of activations, quantized, one entry per 32 columns.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct ActivationBlock {
    pub(crate) quants: [i8; BLOCK],
    /// `value = quant * scale`.
    pub(crate) scale: f32,
    /// Sum of the block's values, for weights that have a minimum.
    pub(crate) sum: f32,
}

/// The integers of some weight rows. `weight = quant * scale + min`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Quants<'a> {
    /// 32 bytes per block, each in `[-128, 127]`.
    Bytes(&'a [[i8; BLOCK]]),
    /// 16 bytes per block: the first 16 weights in the low halves, the others in the high.
    Nibbles(&'a [[u8; BLOCK / 2]]),
}

/// Some rows of a weight matrix, stored block by block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightRows<'a> {
    pub(crate) quants: Quants<'a>,
    /// One per block.
    pub(crate) scales: &'a [f32],
    /// One per block, or empty when every minimum is zero.
    pub(crate) mins: &'a [f32],
    pub(crate) blocks_per_row: usize,
}

/// Products of every weight row with every activation row.
///
/// `activations` is `[m][blocks_per_row]`; `products` is `[weight rows][m]` and decides
/// how many weight rows are read.
pub(crate) fn multiply(
    weights: WeightRows<'_>,
    activations: &[ActivationBlock],
    products: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    if avx2::is_available() {
        return avx2::multiply(weights, activations, products);
    }
    portable::multiply(weights, activations, products);
}

/// Quantizes one row; `row` is a multiple of 32 long, `blocks` one entry per 32.
pub(crate) fn quantize_row(row: &[f32], blocks: &mut [ActivationBlock]) {
    #[cfg(target_arch = "x86_64")]
    if avx2::is_available() {
        return avx2::quantize_row(row, blocks);
    }
    portable::quantize_row(row, blocks);
}

/// `scores[i] = query · keys[i]`; `keys` is `[scores][query]` long.
pub(crate) fn score_keys(query: &[f32], keys: &[f16], scores: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if avx2::is_available() {
        return avx2::score_keys(query, keys, scores);
    }
    portable::score_keys(query, keys, scores);
}

/// `output += Σ shares[i] * values[i]`; `values` is `[shares][output]` long.
pub(crate) fn mix_values(shares: &[f32], values: &[f16], output: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if avx2::is_available() {
        return avx2::mix_values(shares, values, output);
    }
    portable::mix_values(shares, values, output);
}

/// Replaces `gate[i]` by `activation(gate[i]) * up[i]`.
pub(crate) fn gate(activation: fn(f32) -> f32, gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = activation(*gate) * up;
    }
}

#[cfg(test)]
mod tests;
