//! One row of the tensor table, and the block formats it may name.

use std::io::Read;

use candle_core::quantized::GgmlDType;

use super::{malformed, reader::HeaderReader};
use crate::error::LoadError;

const MAX_DIMS: u32 = 4;
/// Most elements of one tensor: 2^40, far above any model that fits in memory.
const MAX_ELEMENTS: u64 = 1 << 40;

/// How a tensor's elements are stored.
pub(crate) type Kind = GgmlDType;

/// Where a tensor lies and what it holds.
#[derive(Debug, Clone)]
pub(crate) struct TensorInfo {
    /// Elements of one row: the format's first dimension.
    pub(crate) columns: usize,
    /// Product of the other dimensions.
    pub(crate) rows: usize,
    pub(crate) kind: Kind,
    /// From the start of the data part.
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl TensorInfo {
    pub(super) fn read<R: Read>(reader: &mut HeaderReader<R>) -> Result<(String, Self), LoadError> {
        let name = reader.name()?;
        let dims = reader.u32()?;
        if dims > MAX_DIMS {
            return Err(malformed(&format!("tensor `{name}` has {dims} dimensions")));
        }
        let mut shape = [1_u64; MAX_DIMS as usize];
        for length in shape.iter_mut().take(dims as usize) {
            *length = reader.u64()?;
        }
        let kind = parse_kind(reader.u32()?)?;
        let offset = reader.u64()?;
        let elements = shape
            .iter()
            .try_fold(1_u64, |product, &n| product.checked_mul(n))
            .filter(|&n| n > 0 && n <= MAX_ELEMENTS)
            .ok_or_else(|| malformed(&format!("tensor `{name}` has an impossible shape")))?;
        let block = kind.block_size() as u64;
        let [columns, ..] = shape;
        if columns % block != 0 {
            return Err(malformed(&format!(
                "tensor `{name}` has rows of {columns} elements in blocks of {block}"
            )));
        }
        let bytes = (elements / block)
            .checked_mul(kind.type_size() as u64)
            .ok_or_else(|| malformed(&format!("tensor `{name}` is too large")))?;
        let to_usize = |n: u64| {
            usize::try_from(n).map_err(|_| malformed(&format!("tensor `{name}` is too large")))
        };
        let tensor = Self {
            columns: to_usize(columns)?,
            rows: to_usize(elements / columns)?,
            kind,
            offset,
            bytes,
        };
        Ok((name, tensor))
    }

    /// A description without a place in a file.
    #[cfg(test)]
    pub(crate) fn for_test(rows: usize, columns: usize, kind: Kind) -> Self {
        Self {
            columns,
            rows,
            kind,
            offset: 0,
            bytes: 0,
        }
    }

    /// Checks that the tensor is aligned and lies inside the file.
    pub(super) fn check_place(
        &self,
        name: &str,
        alignment: u64,
        data_start: u64,
        file_bytes: u64,
    ) -> Result<(), LoadError> {
        if !self.offset.is_multiple_of(alignment) {
            return Err(malformed(&format!("tensor `{name}` is not aligned")));
        }
        let end = data_start
            .checked_add(self.offset)
            .and_then(|start| start.checked_add(self.bytes));
        if end.is_some_and(|end| end <= file_bytes) {
            Ok(())
        } else {
            Err(malformed(&format!(
                "tensor `{name}` runs past the end of the file; the file may be cut off"
            )))
        }
    }
}

/// The format's type numbers, as far as candle decodes them.
fn parse_kind(number: u32) -> Result<Kind, LoadError> {
    Ok(match number {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        30 => GgmlDType::BF16,
        other => {
            return Err(LoadError::Unsupported {
                what: "tensor type",
                found: other.to_string(),
                known: "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K",
            });
        }
    })
}
