use proptest::prelude::*;

use super::*;

/// Weights, activations and shape of one product.
fn rows(width: usize, count: usize, values: &[f32]) -> Vec<ActivationBlock> {
    let empty = ActivationBlock {
        quants: [0; BLOCK],
        scale: 0.0,
        sum: 0.0,
    };
    let mut blocks = vec![empty; width * count];
    let source: Vec<f32> = values
        .iter()
        .copied()
        .cycle()
        .take(width * count * BLOCK)
        .collect();
    portable::quantize_row(&source, &mut blocks);
    blocks
}

fn close(left: f32, right: f32, scale: f32) -> bool {
    (left - right).abs() <= 1e-4 * scale.max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_fast_product_equals_the_portable_one(
        width in 1_usize..20,
        count in 1_usize..10,
        weight_rows in 1_usize..5,
        seed in prop::collection::vec(any::<i8>(), 97),
        values in prop::collection::vec(-8.0_f32..8.0, 101),
        has_mins: bool,
    ) {
        let blocks = weight_rows * width;
        let bytes: Vec<i8> = seed.iter().copied().cycle().take(blocks * BLOCK).collect();
        let halves: Vec<u8> = bytes.iter().map(|&b| b.cast_unsigned()).take(blocks * 16).collect();
        let scales: Vec<f32> = values.iter().map(|v| v / 64.0).cycle().take(blocks).collect();
        let mins = if has_mins { scales.clone() } else { Vec::new() };
        let activations = rows(width, count, &values);
        for quants in [
            Quants::Bytes(bytes.as_chunks().0),
            Quants::Nibbles(halves.as_chunks().0),
        ] {
            let weights = WeightRows { quants, scales: &scales, mins: &mins, blocks_per_row: width };
            let mut fast = vec![0.0; weight_rows * count];
            let mut plain = fast.clone();
            multiply(weights, &activations, &mut fast);
            portable::multiply(weights, &activations, &mut plain);
            for (fast, plain) in fast.iter().zip(&plain) {
                prop_assert!(close(*fast, *plain, 1e4), "{fast} {plain}");
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_a_batch(
        width in 1_usize..20,
        count in 2_usize..10,
        values in prop::collection::vec(-8.0_f32..8.0, 101),
    ) {
        let halves: Vec<u8> = (0..=255).cycle().take(width * 16).collect();
        let scales: Vec<f32> = values.iter().copied().cycle().take(width).collect();
        let weights = WeightRows {
            quants: Quants::Nibbles(halves.as_chunks().0),
            scales: &scales,
            mins: &scales,
            blocks_per_row: width,
        };
        let activations = rows(width, count, &values);
        let mut together = vec![0.0; count];
        multiply(weights, &activations, &mut together);
        for (row, together) in activations.chunks(width).zip(together) {
            let mut alone = [0.0];
            multiply(weights, row, &mut alone);
            prop_assert_eq!(alone.map(f32::to_bits), [together.to_bits()]);
        }
    }

    #[test]
    fn fast_attention_equals_the_portable_one(
        width in 1_usize..40,
        count in 1_usize..9,
        values in prop::collection::vec(-2.0_f32..2.0, 61),
    ) {
        let query: Vec<f32> = values.iter().copied().cycle().take(width).collect();
        let keys: Vec<f16> =
            values.iter().rev().cycle().take(width * count).map(|&v| f16::from_f32(v)).collect();
        let (mut fast, mut plain) = (vec![0.0; count], vec![0.0; count]);
        score_keys(&query, &keys, &mut fast);
        portable::score_keys(&query, &keys, &mut plain);
        prop_assert!(fast.iter().zip(&plain).all(|(f, p)| close(*f, *p, 10.0)));
        let (mut fast, mut plain) = (vec![0.5; width], vec![0.5; width]);
        mix_values(&plain_shares(count), &keys, &mut fast);
        portable::mix_values(&plain_shares(count), &keys, &mut plain);
        prop_assert!(fast.iter().zip(&plain).all(|(f, p)| close(*f, *p, 10.0)));
    }

    #[test]
    fn quantized_activations_are_within_half_a_step(
        values in prop::collection::vec(-100.0_f32..100.0, BLOCK),
    ) {
        let blocks = rows(1, 1, &values);
        for block in &blocks {
            for (quant, value) in block.quants.iter().zip(&values) {
                let error = (f32::from(*quant) * block.scale - value).abs();
                prop_assert!(error <= block.scale * 0.501);
            }
        }
    }
}

fn plain_shares(count: usize) -> Vec<f32> {
    (0_u8..).take(count).map(|i| f32::from(i) / 8.0).collect()
}
