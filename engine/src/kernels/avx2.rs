//! The kernels for x86-64 with AVX2, FMA and F16C.
//!
//! Loads go through `bytemuck` casts of arrays and the intrinsics used are safe inside
//! functions that enable their features. What remains unsafe is entering such a function;
//! each public function here does so behind [`is_available`], and nothing else.

#![expect(
    unsafe_code,
    reason = "calling a #[target_feature] function is unsafe; `is_available` is asserted first"
)]

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_add_ps, _mm_add_ss, _mm_and_si128, _mm_cvtss_f32, _mm_movehl_ps,
    _mm_set1_epi8, _mm_shuffle_ps, _mm_srli_epi16, _mm256_castps256_ps128, _mm256_cvtepi32_ps,
    _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set_m128i, _mm256_set1_epi16, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_sign_epi8,
};

use half::f16;

use super::{ActivationBlock, BLOCK, Quants, WeightRows, portable};

/// Activation rows that share one pass over a weight row.
const GROUP: usize = 4;

/// Whether this processor has what the functions below need. The answer is cached.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
}

pub(super) fn multiply(
    weights: WeightRows<'_>,
    activations: &[ActivationBlock],
    products: &mut [f32],
) {
    assert!(is_available());
    // SAFETY: the features were just found on this processor.
    unsafe { multiply_vectors(weights, activations, products) }
}

pub(super) fn quantize_row(row: &[f32], blocks: &mut [ActivationBlock]) {
    assert!(is_available());
    // SAFETY: the features were just found on this processor.
    unsafe { quantize_vectors(row, blocks) }
}

pub(super) fn score_keys(query: &[f32], keys: &[f16], scores: &mut [f32]) {
    assert!(is_available());
    // SAFETY: the features were just found on this processor.
    unsafe { score_vectors(query, keys, scores) }
}

pub(super) fn mix_values(shares: &[f32], values: &[f16], output: &mut [f32]) {
    assert!(is_available());
    // SAFETY: the features were just found on this processor.
    unsafe { mix_vectors(shares, values, output) }
}

/// The portable code, compiled with wider registers.
#[target_feature(enable = "avx2,fma,f16c")]
fn quantize_vectors(row: &[f32], blocks: &mut [ActivationBlock]) {
    portable::quantize_row(row, blocks);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn multiply_vectors(
    weights: WeightRows<'_>,
    activations: &[ActivationBlock],
    products: &mut [f32],
) {
    let width = weights.blocks_per_row;
    let count = activations.len() / width;
    let mut scales = weights.scales.chunks_exact(width);
    let mut mins = weights.mins.chunks_exact(width);
    match weights.quants {
        Quants::Bytes(quants) => {
            let rows = quants
                .chunks_exact(width)
                .zip(products.chunks_exact_mut(count));
            for (quants, products) in rows {
                let row = Row {
                    quants,
                    scales: scales.next().unwrap_or_default(),
                    mins: mins.next().unwrap_or_default(),
                };
                byte_row(row, activations, products);
            }
        }
        Quants::Nibbles(quants) => {
            let rows = quants
                .chunks_exact(width)
                .zip(products.chunks_exact_mut(count));
            for (quants, products) in rows {
                let row = Row {
                    quants,
                    scales: scales.next().unwrap_or_default(),
                    mins: mins.next().unwrap_or_default(),
                };
                nibble_row(row, activations, products);
            }
        }
    }
}

/// One weight row: `B` is how 32 integers are stored.
#[derive(Clone, Copy)]
struct Row<'a, B> {
    quants: &'a [B],
    scales: &'a [f32],
    mins: &'a [f32],
}

#[target_feature(enable = "avx2,fma,f16c")]
fn byte_row(row: Row<'_, [i8; BLOCK]>, activations: &[ActivationBlock], products: &mut [f32]) {
    let width = row.quants.len();
    let groups = activations
        .chunks(width * GROUP)
        .zip(products.chunks_mut(GROUP));
    for (group, products) in groups {
        if let (Some(group), Ok(products)) = (split::<GROUP>(group, width), products.try_into()) {
            bytes_times::<GROUP>(row, group, products);
            continue;
        }
        for (one, product) in group.chunks_exact(width).zip(products) {
            bytes_times::<1>(row, [one], std::array::from_mut(product));
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn nibble_row(row: Row<'_, [u8; 16]>, activations: &[ActivationBlock], products: &mut [f32]) {
    let width = row.quants.len();
    let groups = activations
        .chunks(width * GROUP)
        .zip(products.chunks_mut(GROUP));
    for (group, products) in groups {
        if let (Some(group), Ok(products)) = (split::<GROUP>(group, width), products.try_into()) {
            nibbles_times::<GROUP>(row, group, products);
            continue;
        }
        for (one, product) in group.chunks_exact(width).zip(products) {
            nibbles_times::<1>(row, [one], std::array::from_mut(product));
        }
    }
}

/// Exactly `R` rows of `width` blocks, or `None`.
fn split<const R: usize>(
    rows: &[ActivationBlock],
    width: usize,
) -> Option<[&[ActivationBlock]; R]> {
    let mut each = rows.chunks_exact(width);
    let mut parts: [&[ActivationBlock]; R] = [&[]; R];
    for part in &mut parts {
        *part = each.next()?;
    }
    Some(parts)
}

#[target_feature(enable = "avx2,fma,f16c")]
fn bytes_times<const R: usize>(
    row: Row<'_, [i8; BLOCK]>,
    rows: [&[ActivationBlock]; R],
    products: &mut [f32; R],
) {
    let mut blocks = rows.map(<[ActivationBlock]>::iter);
    let mut sums = [_mm256_setzero_ps(); R];
    let mut offsets = [0.0_f32; R];
    let mut mins = row.mins.iter();
    for (quants, &scale) in row.quants.iter().zip(row.scales) {
        let weights: __m256i = bytemuck::must_cast(*quants);
        // maddubs wants one unsigned side: |w| times x with w's sign is w times x.
        // |w| is at most 128 and |x| at most 127, so a pair stays below 2^15.
        let magnitudes = _mm256_sign_epi8(weights, weights);
        let min = mins.next().copied().unwrap_or(0.0);
        for ((sum, offset), x) in sums.iter_mut().zip(&mut offsets).zip(&mut blocks) {
            let Some(x) = x.next() else { return };
            let signed = _mm256_sign_epi8(bytemuck::must_cast(x.quants), weights);
            *sum = accumulate(*sum, magnitudes, signed, scale * x.scale);
            *offset += min * x.sum;
        }
    }
    for ((product, sum), offset) in products.iter_mut().zip(sums).zip(offsets) {
        *product = total(sum) + offset;
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn nibbles_times<const R: usize>(
    row: Row<'_, [u8; 16]>,
    rows: [&[ActivationBlock]; R],
    products: &mut [f32; R],
) {
    let mut blocks = rows.map(<[ActivationBlock]>::iter);
    let mut sums = [_mm256_setzero_ps(); R];
    let mut offsets = [0.0_f32; R];
    let mut mins = row.mins.iter();
    let low_half = _mm_set1_epi8(15);
    for (quants, &scale) in row.quants.iter().zip(row.scales) {
        let packed: __m128i = bytemuck::must_cast(*quants);
        let low = _mm_and_si128(packed, low_half);
        let high = _mm_and_si128(_mm_srli_epi16::<4>(packed), low_half);
        let weights = _mm256_set_m128i(high, low);
        let min = mins.next().copied().unwrap_or(0.0);
        for ((sum, offset), x) in sums.iter_mut().zip(&mut offsets).zip(&mut blocks) {
            let Some(x) = x.next() else { return };
            *sum = accumulate(
                *sum,
                weights,
                bytemuck::must_cast(x.quants),
                scale * x.scale,
            );
            *offset += min * x.sum;
        }
    }
    for ((product, sum), offset) in products.iter_mut().zip(sums).zip(offsets) {
        *product = total(sum) + offset;
    }
}

/// Adds `scale * (unsigned · signed)` to eight partial sums.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn accumulate(sum: __m256, unsigned: __m256i, signed: __m256i, scale: f32) -> __m256 {
    let pairs = _mm256_maddubs_epi16(unsigned, signed);
    let fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    _mm256_fmadd_ps(_mm256_cvtepi32_ps(fours), _mm256_set1_ps(scale), sum)
}

/// Sum of the eight lanes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn total(lanes: __m256) -> f32 {
    let four = _mm_add_ps(
        _mm256_castps256_ps128(lanes),
        _mm256_extractf128_ps::<1>(lanes),
    );
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

#[target_feature(enable = "avx2,fma,f16c")]
fn score_vectors(query: &[f32], keys: &[f16], scores: &mut [f32]) {
    let (query_lanes, query_rest) = query.as_chunks::<8>();
    for (key, score) in keys.chunks_exact(query.len()).zip(scores) {
        let (key_lanes, key_rest) = key.as_chunks::<8>();
        let mut sum = _mm256_setzero_ps();
        for (q, k) in query_lanes.iter().zip(key_lanes) {
            sum = _mm256_fmadd_ps(bytemuck::must_cast(*q), widen(k), sum);
        }
        let rest: f32 = query_rest
            .iter()
            .zip(key_rest)
            .map(|(q, k)| q * k.to_f32())
            .sum();
        *score = total(sum) + rest;
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn mix_vectors(shares: &[f32], values: &[f16], output: &mut [f32]) {
    for (share, value) in shares.iter().zip(values.chunks_exact(output.len())) {
        let (value_lanes, value_rest) = value.as_chunks::<8>();
        let (output_lanes, output_rest) = output.as_chunks_mut::<8>();
        let factor = _mm256_set1_ps(*share);
        for (output, value) in output_lanes.iter_mut().zip(value_lanes) {
            let sum = _mm256_fmadd_ps(factor, widen(value), bytemuck::must_cast(*output));
            *output = bytemuck::must_cast(sum);
        }
        for (output, value) in output_rest.iter_mut().zip(value_rest) {
            *output += share * value.to_f32();
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen(halves: &[f16; 8]) -> __m256 {
    _mm256_cvtph_ps(bytemuck::must_cast(halves.map(f16::to_bits)))
}
