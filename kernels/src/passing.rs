//! The derivatives of activation functions where no convolution takes them along: one pass over memory each.

use crate::bits::{Bits, Mask, SharedBits};
use crate::lanes::{Processor, for_each_processor, on_processor};
use crate::threads::{Shares, in_parts, parts, share};

/// Which gradients an activation function lets through, by its output `[positions,C]`. On so many threads.
///
/// # Panics
/// If the output has no whole number of positions.
pub fn marks(output: &[f32], channels: usize, mask: Mask, (processor, threads): (Processor, usize)) -> Bits {
    assert!(channels > 0 && output.len().is_multiple_of(channels), "an output of another size");
    let positions = output.len() / channels;
    let mut bits = Bits::none(positions, channels);
    let marks = bits.shared();
    let threads = if output.len() < FEW { 1 } else { threads };
    let parts = parts(threads, positions);
    in_parts(parts, threads, &|part| {
        let positions = share(positions, part, parts);
        on_processor!(processor, mark_positions(output, channels, mask, marks, positions.start, positions.end));
    });
    bits
}

/// Writes what passes of a gradient `[positions,C]` over `into`. On so many threads.
///
/// # Panics
/// If a slice is not of its size.
pub fn pass(
    gradient: &[f32],
    channels: usize,
    bits: &Bits,
    into: &mut [f32],
    (processor, threads): (Processor, usize),
) {
    assert!(channels > 0 && gradient.len() == into.len(), "a gradient of another size");
    let positions = gradient.len() / channels;
    assert!(positions * channels == into.len() && bits.are_for(positions, channels), "bits of another size");
    let into = &Shares::of(into);
    let threads = if gradient.len() < FEW { 1 } else { threads };
    let parts = parts(threads, positions);
    in_parts(parts, threads, &|part| {
        let positions = share(positions, part, parts);
        // Safe, since no other part has these positions.
        let into = unsafe { into.piece(positions.start * channels, positions.len() * channels) };
        on_processor!(processor, copy(into, gradient, positions.start, channels, bits));
    });
}

/// Fewer numbers than this are sooner computed than shared out.
const FEW: usize = 32_768;

macro_rules! loops {
    ($attribute:meta) => {
        use super::{Bits, Mask, SharedBits};
        use lanes::*;

        #[$attribute]
        pub unsafe fn mark_positions(
            output: &[f32],
            channels: usize,
            mask: Mask,
            marks: SharedBits,
            start: usize,
            end: usize,
        ) {
            for position in start..end {
                let numbers = output[position * channels..(position + 1) * channels].as_ptr();
                for c in (0..channels).step_by(WIDTH) {
                    let count = WIDTH.min(channels - c);
                    // Safe, since no other part has these positions.
                    unsafe { mark(marks.at(position), c, mask, load_some(numbers.add(c), count), count) };
                }
            }
        }

        #[$attribute]
        pub unsafe fn copy(into: &mut [f32], gradient: &[f32], position: usize, channels: usize, bits: &Bits) {
            unsafe { copy_passing(into, gradient, position, channels, Some(bits)) }
        }
    };
}

for_each_processor! { loops }
