//! Weight matrices in memory, packed from whatever blocks the file uses.
//!
//! Formats whose values are `integer * scale + minimum` per 32 columns keep their exact
//! values: `Q4_0`, `Q4_1` and `Q4_K` as 4-bit integers, `Q5_0` and `Q8_0` as 8-bit ones. Everything
//! else (K-quants with blocks of 16, halves, floats) is rounded to 8 bits per block of
//! 32, as `Q8_0` is: an error of at most 1/254 of the block's largest weight.

mod pack;

use crate::{
    error::LoadError,
    gguf::{GgufFile, Kind, TensorInfo},
    kernels::{BLOCK, Quants, WeightRows},
};
use pack::Packed;

/// A weight matrix, `[rows][columns]`, of one or more tensors stacked on each other.
#[derive(Debug)]
pub(crate) struct Matrix {
    parts: Vec<Packed>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// What a tensor must look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Matrix {
    /// Loads tensors of equal width and stacks their rows, so that one product computes
    /// all of them.
    pub(crate) fn load(
        file: &mut GgufFile,
        tensors: &[(String, Shape)],
    ) -> Result<Self, LoadError> {
        let mut matrix = Self {
            parts: Vec::new(),
            rows: 0,
            columns: 0,
        };
        for (name, shape) in tensors {
            let info = checked(file, name, *shape)?;
            if shape.columns % BLOCK != 0 {
                return Err(LoadError::Unusable(format!(
                    "tensor `{name}` has {} columns, not a multiple of {BLOCK}",
                    shape.columns
                )));
            }
            let bytes = file.tensor_bytes(&info)?;
            let packed = Packed::from_blocks(&bytes, &info)
                .map_err(|error| LoadError::Unusable(format!("tensor `{name}`: {error}")))?;
            matrix.parts.push(packed);
            matrix.rows += shape.rows;
            matrix.columns = shape.columns;
        }
        Ok(matrix)
    }

    /// Memory taken, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.iter().map(Packed::bytes).sum()
    }

    /// Up to `limit` rows from `first` on that lie in one tensor.
    pub(crate) fn rows_from(&self, first: usize, limit: usize) -> Option<(usize, WeightRows<'_>)> {
        let mut first = first;
        for part in &self.parts {
            if first < part.rows {
                let count = limit.min(part.rows - first);
                return part.rows_from(first, count).map(|rows| (count, rows));
            }
            first -= part.rows;
        }
        None
    }

    /// Writes one row as floats: how a token is embedded.
    pub(crate) fn read_row(&self, row: usize, output: &mut [f32]) {
        let Some((_, rows)) = self.rows_from(row, 1) else {
            output.fill(0.0);
            return;
        };
        let mins = rows.mins.iter().copied().chain(std::iter::repeat(0.0));
        let facts = rows.scales.iter().zip(mins);
        for ((index, output), (scale, min)) in output
            .as_chunks_mut::<BLOCK>()
            .0
            .iter_mut()
            .enumerate()
            .zip(facts)
        {
            for (place, value) in output.iter_mut().enumerate() {
                *value = quant(rows.quants, index, place) * scale + min;
            }
        }
    }
}

fn quant(quants: Quants<'_>, block: usize, place: usize) -> f32 {
    match quants {
        Quants::Bytes(bytes) => bytes
            .get(block)
            .and_then(|block| block.get(place))
            .map_or(0.0, |&quant| f32::from(quant)),
        Quants::Nibbles(nibbles) => nibbles
            .get(block)
            .and_then(|block| block.get(place % (BLOCK / 2)))
            .map_or(0.0, |&pair| {
                f32::from(if place < BLOCK / 2 {
                    pair & 15
                } else {
                    pair >> 4
                })
            }),
    }
}

/// Loads a small tensor, such as a norm's weights, as floats.
pub(crate) fn load_vector(
    file: &mut GgufFile,
    name: &str,
    length: usize,
) -> Result<Vec<f32>, LoadError> {
    let shape = Shape {
        rows: 1,
        columns: length,
    };
    let info = checked(file, name, shape)?;
    let bytes = file.tensor_bytes(&info)?;
    pack::to_floats(&bytes, &info)
        .map_err(|error| LoadError::Unusable(format!("tensor `{name}`: {error}")))
}

fn checked(file: &GgufFile, name: &str, shape: Shape) -> Result<TensorInfo, LoadError> {
    let info = file
        .header
        .tensor(name)
        .ok_or_else(|| LoadError::Unusable(format!("tensor `{name}` is missing")))?;
    if (info.rows, info.columns) != (shape.rows, shape.columns) {
        return Err(LoadError::Unusable(format!(
            "tensor `{name}` is {} x {}, expected {} x {}",
            info.rows, info.columns, shape.rows, shape.columns
        )));
    }
    Ok(info.clone())
}

#[cfg(test)]
mod tests;
