//! A matrix applied to the rows of a step, split over the pool's threads.

use rayon::prelude::*;

use crate::{
    kernels::{ActivationBlock, BLOCK, multiply, quantize_row},
    weights::Matrix,
};

/// Rows of a step from which per-row work is worth splitting over threads.
pub(super) const PARALLEL_ROWS: usize = 8;
/// Fewest weight rows of one task.
const MIN_TASK_ROWS: usize = 32;
/// Tasks per thread, so that a thread that was interrupted does not hold up the rest.
const TASKS_PER_THREAD: usize = 4;

/// `x` is `[m, columns]`, the result `[m, rows]`.
pub(super) fn apply(matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    let rows = x.len() / matrix.columns;
    let activations = quantize(x, matrix.columns, rows); // [m, columns / 32]
    let tasks = rayon::current_num_threads() * TASKS_PER_THREAD;
    let task_rows = matrix.rows.div_ceil(tasks).max(MIN_TASK_ROWS);
    let mut products = vec![0.0; matrix.rows * rows]; // [matrix rows, m]
    products
        .par_chunks_mut(task_rows * rows)
        .enumerate()
        .for_each(|(task, products)| {
            multiply_from(matrix, task * task_rows, &activations, products, rows);
        });
    if rows == 1 {
        return products;
    }
    transpose(&products, matrix.rows, rows)
}

/// Fills `products` from weight row `first` on; a task may span stacked tensors.
fn multiply_from(
    matrix: &Matrix,
    first: usize,
    activations: &[ActivationBlock],
    products: &mut [f32],
    rows: usize,
) {
    let (mut first, mut rest) = (first, products);
    while let Some((count, weights)) = matrix.rows_from(first, rest.len() / rows) {
        if count == 0 {
            return;
        }
        let (now, after) = rest.split_at_mut(count * rows);
        multiply(weights, activations, now);
        (first, rest) = (first + count, after);
    }
}

fn quantize(x: &[f32], columns: usize, rows: usize) -> Vec<ActivationBlock> {
    let empty = ActivationBlock {
        quants: [0; BLOCK],
        scale: 0.0,
        sum: 0.0,
    };
    let width = columns / BLOCK;
    let mut blocks = vec![empty; rows * width];
    if rows >= PARALLEL_ROWS {
        x.par_chunks_exact(columns)
            .zip(blocks.par_chunks_exact_mut(width))
            .for_each(|(x, blocks)| quantize_row(x, blocks));
    } else {
        quantize_row(x, &mut blocks);
    }
    blocks
}

/// `[outer, inner]` to `[inner, outer]`.
fn transpose(values: &[f32], outer: usize, inner: usize) -> Vec<f32> {
    let mut turned = vec![0.0; values.len()];
    turned
        .par_chunks_exact_mut(outer)
        .enumerate()
        .for_each(|(row, turned)| {
            let column = values.iter().skip(row).step_by(inner);
            for (turned, value) in turned.iter_mut().zip(column) {
                *turned = *value;
            }
        });
    turned
}
