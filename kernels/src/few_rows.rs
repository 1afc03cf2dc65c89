//! A matrix times the few rows of a batch, read once: a product of matrices lays the matrix out anew, which for a handful of rows
//! takes longer than the arithmetic, and rounds a row by how many others there are.

use crate::lanes::{Processor, for_each_processor, on_processor};
use crate::threads::{Shares, in_parts, parts, share};

/// Rows of the matrix, and of the batch, computed together.
const TILE: [usize; 2] = [4, 4];

/// Writes x w^T + b, `[N,O]`, over `into`; x is `[N,I]`, the matrix `[O,I]`, the bias `[O]`. On so many threads.
///
/// # Panics
/// If a slice is not of its size.
pub fn product(
    [rows, inputs, outputs]: [usize; 3],
    x: &[f32],
    matrix: &[f32],
    bias: &[f32],
    into: &mut [f32],
    (processor, threads): (Processor, usize),
) {
    assert!(x.len() == rows * inputs && into.len() == rows * outputs, "rows of another size");
    assert!(matrix.len() == outputs * inputs && bias.len() == outputs, "a matrix of another size");
    let all = &Product { sizes: [rows, inputs, outputs], x, matrix, bias, into: Shares::of(into) };
    let threads = if outputs * inputs < 65_536 { 1 } else { threads };
    let parts = parts(threads, outputs);
    in_parts(parts, threads, &|part| {
        let outputs = share(outputs, part, parts);
        let (start, end) = (outputs.start, outputs.end);
        on_processor!(processor, of_outputs(all, start, end));
    });
}

struct Product<'a> {
    sizes: [usize; 3],
    x: &'a [f32],
    matrix: &'a [f32],
    bias: &'a [f32],
    into: Shares,
}

macro_rules! loops {
    ($attribute:meta) => {
        use super::{Product, TILE};
        use lanes::*;

        #[inline]
        #[$attribute]
        pub unsafe fn of_outputs(all: &Product, start: usize, end: usize) {
            let [rows, ..] = all.sizes;
            let [outputs_at_once, rows_at_once] = TILE;
            for output in (start..end).step_by(outputs_at_once) {
                for row in (0..rows).step_by(rows_at_once) {
                    let whole = output + outputs_at_once <= end && row + rows_at_once <= rows;
                    unsafe {
                        match (whole, output + outputs_at_once <= end) {
                            (true, _) => tile::<4, 4>(all, output, row),
                            (_, true) => (row..rows).for_each(|row| tile::<4, 1>(all, output, row)),
                            _ => {
                                for output in output..end {
                                    (row..rows.min(row + rows_at_once)).for_each(|row| tile::<1, 1>(all, output, row));
                                }
                            }
                        }
                    }
                }
            }
        }

        /// Some products, each summed in the same order whichever others are beside it.
        #[inline]
        #[$attribute]
        unsafe fn tile<const OUTPUTS: usize, const ROWS: usize>(all: &Product, output: usize, row: usize) {
            let [_, inputs, outputs] = all.sizes;
            unsafe {
                // Held apart from what is finished below, so that nothing asks for them to be in memory.
                let mut held = [[splat(0.); ROWS]; OUTPUTS];
                let whole = inputs / WIDTH * WIDTH;
                for at in (0..whole).step_by(WIDTH) {
                    let mut x = [splat(0.); ROWS];
                    for r in 0..ROWS {
                        x[r] = load(all.x.as_ptr().add((row + r) * inputs + at));
                    }
                    for o in 0..OUTPUTS {
                        let weight = load(all.matrix.as_ptr().add((output + o) * inputs + at));
                        for r in 0..ROWS {
                            held[o][r] = plus_product(held[o][r], x[r], weight);
                        }
                    }
                }
                let sums = held;
                for (o, sums) in sums.into_iter().enumerate() {
                    for (r, sums) in sums.into_iter().enumerate() {
                        let mut rest = 0.;
                        for at in whole..inputs {
                            rest += all.x[(row + r) * inputs + at] * all.matrix[(output + o) * inputs + at];
                        }
                        let place = (row + r) * outputs + output + o;
                        // Safe, since no other part has these outputs.
                        all.into.piece(place, 1)[0] = sum(sums) + rest + all.bias[output + o];
                    }
                }
            }
        }
    };
}

for_each_processor! { loops }

/// Adds the rows of the matrix `[O,I]` to `into` `[I]`, each times its number of `row` `[O]`, in their order; where a number is 0
/// the matrix is not read.
///
/// # Panics
/// If a slice is not of its size.
pub fn add_rows(row: &[f32], matrix: &[f32], into: &mut [f32]) {
    let inputs = into.len();
    assert!(matrix.len() == row.len() * inputs, "a matrix of another size");
    for (&number, line) in row.iter().zip(matrix.chunks_exact(inputs.max(1))).filter(|(number, _)| **number != 0.) {
        for (sum, weight) in into.iter_mut().zip(line) {
            *sum += number * weight;
        }
    }
}
