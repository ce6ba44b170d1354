//! From a file's blocks to ours.
//!
//! Block layouts: ggml `ggml-common.h` (read 2026-11). Formats that are not repacked
//! here exactly are decoded by candle and rounded.

use candle_core::{Device, quantized::ggml_file::qtensor_from_ggml};
use half::f16;

use super::{Kind, TensorInfo};
use crate::kernels::{BLOCK, Quants, WeightRows};

/// Rows of one tensor in the layout that the kernels read.
#[derive(Debug)]
pub(super) struct Packed {
    quants: QuantBuffer,
    /// One per block.
    scales: Vec<f32>,
    /// One per block; empty when all are zero.
    mins: Vec<f32>,
    pub(super) rows: usize,
    blocks_per_row: usize,
}

#[derive(Debug)]
pub(super) enum QuantBuffer {
    Bytes(Vec<[i8; BLOCK]>),
    Nibbles(Vec<[u8; BLOCK / 2]>),
}

impl Packed {
    pub(super) fn from_blocks(bytes: &[u8], info: &TensorInfo) -> candle_core::Result<Self> {
        let blocks = info.rows * info.columns / BLOCK;
        let mut packed = Self {
            quants: QuantBuffer::Nibbles(Vec::new()),
            scales: Vec::with_capacity(blocks),
            mins: Vec::new(),
            rows: info.rows,
            blocks_per_row: info.columns / BLOCK,
        };
        match info.kind {
            Kind::Q4_0 => packed.take_q4_0(bytes),
            Kind::Q4_1 => packed.take_q4_1(bytes),
            Kind::Q4K => packed.take_q4_k(bytes),
            Kind::Q5_0 => packed.take_q5_0(bytes),
            Kind::Q8_0 => packed.take_q8_0(bytes),
            _ => packed.round(&to_floats(bytes, info)?),
        }
        Ok(packed)
    }

    pub(super) fn bytes(&self) -> u64 {
        let quants = match &self.quants {
            QuantBuffer::Bytes(quants) => quants.len() * BLOCK,
            QuantBuffer::Nibbles(quants) => quants.len() * BLOCK / 2,
        };
        (quants + (self.scales.len() + self.mins.len()) * size_of::<f32>()) as u64
    }

    pub(super) fn rows_from(&self, first: usize, count: usize) -> Option<WeightRows<'_>> {
        let blocks = first * self.blocks_per_row..(first + count) * self.blocks_per_row;
        let quants = match &self.quants {
            QuantBuffer::Bytes(quants) => Quants::Bytes(quants.get(blocks.clone())?),
            QuantBuffer::Nibbles(quants) => Quants::Nibbles(quants.get(blocks.clone())?),
        };
        let mins = if self.mins.is_empty() {
            &[]
        } else {
            self.mins.get(blocks.clone())?
        };
        Some(WeightRows {
            quants,
            scales: self.scales.get(blocks)?,
            mins,
            blocks_per_row: self.blocks_per_row,
        })
    }

    /// `{ f16 d; u8 qs[16] }`: weight = (q - 8) * d.
    fn take_q4_0(&mut self, bytes: &[u8]) {
        let mut quants = Vec::with_capacity(self.scales.capacity());
        for &[low, high, ref nibbles @ ..] in bytes.as_chunks::<18>().0 {
            let scale = half_at(low, high);
            quants.push(*nibbles);
            self.scales.push(scale);
            self.mins.push(-8.0 * scale);
        }
        self.quants = QuantBuffer::Nibbles(quants);
    }

    /// `{ f16 d, m; u8 qs[16] }`: weight = q * d + m.
    fn take_q4_1(&mut self, bytes: &[u8]) {
        let mut quants = Vec::with_capacity(self.scales.capacity());
        for &[d0, d1, m0, m1, ref nibbles @ ..] in bytes.as_chunks::<20>().0 {
            quants.push(*nibbles);
            self.scales.push(half_at(d0, d1));
            self.mins.push(half_at(m0, m1));
        }
        self.quants = QuantBuffer::Nibbles(quants);
    }

    /// `{ f16 d, dmin; u8 scales[12]; u8 qs[128] }`, eight blocks of 32:
    /// weight = q * (d * scale) - dmin * min, with 6-bit scales and minimums.
    fn take_q4_k(&mut self, bytes: &[u8]) {
        let mut quants = Vec::with_capacity(self.scales.capacity());
        for &[d0, d1, m0, m1, ref rest @ ..] in bytes.as_chunks::<144>().0 {
            let (d, dmin) = (half_at(d0, d1), half_at(m0, m1));
            let Some((factors, nibbles)) = rest.split_first_chunk::<12>() else {
                continue;
            };
            for (scale, min) in six_bit_pairs(factors) {
                self.scales.push(d * f32::from(scale));
                self.mins.push(-(dmin * f32::from(min)));
            }
            // Each 32 bytes hold two blocks: one in the low halves, one in the high.
            for pair in nibbles.as_chunks::<32>().0 {
                quants.push(repack_halves(pair, |byte| byte & 15));
                quants.push(repack_halves(pair, |byte| byte >> 4));
            }
        }
        self.quants = QuantBuffer::Nibbles(quants);
    }

    /// `{ f16 d; u32 qh; u8 qs[16] }`: weight = (q - 16) * d, the fifth bit in `qh`.
    fn take_q5_0(&mut self, bytes: &[u8]) {
        let mut quants = Vec::with_capacity(self.scales.capacity());
        for &[d0, d1, h0, h1, h2, h3, ref nibbles @ ..] in bytes.as_chunks::<22>().0 {
            let high_bits = u32::from_le_bytes([h0, h1, h2, h3]);
            let halves = nibbles
                .iter()
                .map(|b| b & 15)
                .chain(nibbles.iter().map(|b| b >> 4));
            let mut block = [0; BLOCK];
            for ((place, quant), low) in (0_u32..).zip(&mut block).zip(halves) {
                let bit = u8::from(high_bits >> place & 1 == 1);
                *quant = (low | bit << 4).cast_signed() - 16;
            }
            quants.push(block);
            self.scales.push(half_at(d0, d1));
        }
        self.quants = QuantBuffer::Bytes(quants);
    }

    /// `{ f16 d; i8 qs[32] }`: weight = q * d.
    fn take_q8_0(&mut self, bytes: &[u8]) {
        let mut quants = Vec::with_capacity(self.scales.capacity());
        for &[d0, d1, ref block @ ..] in bytes.as_chunks::<34>().0 {
            quants.push(block.map(u8::cast_signed));
            self.scales.push(half_at(d0, d1));
        }
        self.quants = QuantBuffer::Bytes(quants);
    }

    /// Rounds floats to 8 bits per block.
    fn round(&mut self, values: &[f32]) {
        let mut quants = Vec::with_capacity(self.scales.capacity());
        for values in values.as_chunks::<BLOCK>().0 {
            let largest = values
                .iter()
                .fold(0.0_f32, |largest, v| largest.max(v.abs()));
            let scale = largest / 127.0;
            let inverse = if scale > f32::MIN_POSITIVE {
                1.0 / scale
            } else {
                0.0
            };
            #[expect(clippy::cast_possible_truncation, reason = "within ±127 by the scale")]
            quants.push(values.map(|value| (value * inverse).round_ties_even() as i8));
            self.scales.push(scale);
        }
        self.quants = QuantBuffer::Bytes(quants);
    }
}

/// Decodes blocks of any format to floats.
pub(super) fn to_floats(bytes: &[u8], info: &TensorInfo) -> candle_core::Result<Vec<f32>> {
    let shape = vec![info.rows, info.columns];
    qtensor_from_ggml(info.kind, bytes, shape, &Device::Cpu)?
        .dequantize(&Device::Cpu)?
        .flatten_all()?
        .to_vec1()
}

fn half_at(low: u8, high: u8) -> f32 {
    f16::from_le_bytes([low, high]).to_f32()
}

/// Our order of halves (first 16 low, last 16 high) from 32 bytes that hold one each.
fn repack_halves(bytes: &[u8; 32], pick: impl Fn(u8) -> u8) -> [u8; 16] {
    let mut packed = [0; 16];
    let (first, last) = bytes.split_at(16);
    for ((packed, &first), &last) in packed.iter_mut().zip(first).zip(last) {
        *packed = pick(first) | pick(last) << 4;
    }
    packed
}

/// The eight scale and minimum pairs of a K-quant, 6 bits each in 12 bytes.
fn six_bit_pairs(packed: &[u8; 12]) -> [(u8, u8); 8] {
    let [s0, s1, s2, s3, m0, m1, m2, m3, x0, x1, x2, x3] = *packed;
    let low = |scale: u8, min: u8| (scale & 63, min & 63);
    let high =
        |scale: u8, min: u8, mixed: u8| (mixed & 15 | scale >> 6 << 4, mixed >> 4 | min >> 6 << 4);
    [
        low(s0, m0),
        low(s1, m1),
        low(s2, m2),
        low(s3, m3),
        high(s0, m0, x0),
        high(s1, m1, x1),
        high(s2, m2, x2),
        high(s3, m3, x3),
    ]
}
