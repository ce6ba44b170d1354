//! Rotary position embedding: each pair of dimensions turns by an angle that grows with
//! the position. Angles of a step are computed once and used by every layer.

use super::{
    Row,
    config::{Pairing, RopeConfig},
};

/// Angle per position of each pair.
#[derive(Debug)]
pub(super) struct Rope {
    /// Radians per position, `[dims / 2]`.
    steps: Vec<f64>,
    pairing: Pairing,
}

/// Sines and cosines for the rows of one step.
#[derive(Debug)]
pub(super) struct Rotation {
    /// `[m, dims / 2]` of (cosine, sine).
    turns: Vec<(f32, f32)>,
    pairs: usize,
    pairing: Pairing,
}

impl Rope {
    /// `factors` divide the angles of single pairs (long-context llama models).
    pub(super) fn new(config: &RopeConfig, factors: Option<&[f32]>) -> Self {
        let factors = factors
            .unwrap_or(&[])
            .iter()
            .copied()
            .chain(std::iter::repeat(1.0));
        #[expect(clippy::cast_precision_loss, reason = "at most 4096 dimensions")]
        let steps = (0..config.dims / 2)
            .zip(factors)
            .map(|(pair, factor)| {
                let exponent = -2.0 * pair as f64 / config.dims as f64;
                config.base.powf(exponent) / config.stretch / f64::from(factor)
            })
            .collect();
        Self {
            steps,
            pairing: config.pairing,
        }
    }

    pub(super) fn rotation(&self, rows: &[Row]) -> Rotation {
        let turns = rows
            .iter()
            .flat_map(|row| {
                self.steps.iter().map(|step| {
                    #[expect(clippy::cast_precision_loss, reason = "positions are below 2^24")]
                    let (sine, cosine) = (row.position as f64 * step).sin_cos();
                    #[expect(clippy::cast_possible_truncation, reason = "within ±1")]
                    let turn = (cosine as f32, sine as f32);
                    turn
                })
            })
            .collect();
        Rotation {
            turns,
            pairs: self.steps.len(),
            pairing: self.pairing,
        }
    }
}

impl Rotation {
    /// Rotates one head of one row in place.
    pub(super) fn turn(&self, row: usize, head: &mut [f32]) {
        let turns = self.turns.iter().skip(row * self.pairs).take(self.pairs);
        match self.pairing {
            Pairing::Neighbours => {
                for ([a, b], turn) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                    rotate(a, b, *turn);
                }
            }
            Pairing::Halves => {
                let Some((first, rest)) = head.split_at_mut_checked(self.pairs) else {
                    return;
                };
                for ((a, b), turn) in first.iter_mut().zip(rest).zip(turns) {
                    rotate(a, b, *turn);
                }
            }
        }
    }
}

fn rotate(a: &mut f32, b: &mut f32, (cosine, sine): (f32, f32)) {
    (*a, *b) = (*a * cosine - *b * sine, *a * sine + *b * cosine);
}
