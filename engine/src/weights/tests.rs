#![expect(clippy::unwrap_used, reason = "tests")]

use candle_core::{Device, Tensor, quantized::QTensor};

use super::*;

/// Packs a quantized ramp and reads it back through `Matrix::read_row`.
fn largest_error(kind: Kind) -> f32 {
    let (rows, columns) = (2, 512);
    let values: Vec<f32> = (0_u16..1024)
        .map(|i| (f32::from(i) * 0.37).sin() * (1.0 + f32::from(i % 96) / 32.0))
        .collect();
    let tensor = Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap();
    let quantized = QTensor::quantize(&tensor, kind).unwrap();
    let expected: Vec<f32> = quantized
        .dequantize(&Device::Cpu)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    let bytes = quantized.data().unwrap().into_owned();
    let info = TensorInfo::for_test(rows, columns, kind);
    let matrix = Matrix {
        parts: vec![Packed::from_blocks(&bytes, &info).unwrap()],
        rows,
        columns,
    };
    let mut error = 0.0_f32;
    for (row, expected) in expected.chunks(columns).enumerate() {
        let mut found = vec![0.0; columns];
        matrix.read_row(row, &mut found);
        for (found, expected) in found.iter().zip(expected) {
            error = error.max((found - expected).abs());
        }
    }
    error
}

#[test]
fn formats_with_blocks_of_32_keep_their_values() {
    for kind in [Kind::Q4_0, Kind::Q4_1, Kind::Q4K, Kind::Q5_0, Kind::Q8_0] {
        assert!(largest_error(kind) < 1e-5, "{kind:?}");
    }
}

#[test]
fn other_formats_are_rounded_to_eight_bits() {
    for kind in [
        Kind::F32,
        Kind::F16,
        Kind::BF16,
        Kind::Q5_1,
        Kind::Q5K,
        Kind::Q6K,
    ] {
        assert!(largest_error(kind) < 4.0 / 254.0, "{kind:?}");
    }
}
