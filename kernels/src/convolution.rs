//! The convolution that mixes channels, as products of matrices of which neither is copied: the rows of one are the pixels under
//! the kernel where they lie (the "indirect" convolution of Dukhan 2019, "The Indirect Convolution Algorithm"), and what belongs to
//! the result (a bias, a sum, an activation function or the derivative of one) is done while it is in registers.
//!
//! The gradient with respect to the input of a convolution of stride 1 is one as well, of kernels that are turned.

use crate::bits::{Bits, Mask, SharedBits};
use crate::lanes::{Processor, for_each_processor, on_processor};
use crate::threads::{Shares, in_parts, parts, share};

/// A convolution of `[N,H,W,I]` to `[N,h,w,O]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pictures.
    pub pictures: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Step in both directions.
    pub stride: usize,
    /// Rows of zeros above and columns on the left.
    pub padding: [usize; 2],
}

/// Output channels computed together, of which a register of AVX-512 holds half.
const PANEL: usize = 32;

/// Weights as the loop reads them: output channels in panels of [`PANEL`], the last of which is half as wide where that is enough;
/// in each, `[rows,columns,I,panel]`.
#[derive(Clone, Debug)]
pub struct Weights {
    numbers: Vec<f32>,
    outputs: usize,
    inputs: usize,
    kernel: [usize; 2],
}

impl Weights {
    /// Of weights `[O,I,rows,columns]`, row by row.
    ///
    /// # Panics
    /// If there are not as many, or none.
    pub fn new(weights: &[f32], [outputs, inputs, rows, columns]: [usize; 4]) -> Weights {
        assert!(!weights.is_empty() && weights.len() == outputs * inputs * rows * columns, "weights of another size");
        let depth = rows * columns * inputs;
        let mut numbers = Vec::with_capacity(depth * outputs.next_multiple_of(PANEL / 2));
        for (first, width) in panels(outputs) {
            for (position, input) in (0..rows * columns).flat_map(|p| (0..inputs).map(move |i| (p, i))) {
                let of = |output: usize| match output < outputs {
                    true => weights[(output * inputs + input) * rows * columns + position],
                    false => 0.,
                };
                numbers.extend((first..first + width).map(of));
            }
        }
        Weights { numbers, outputs, inputs, kernel: [rows, columns] }
    }
}

/// First channel and width of each panel.
fn panels(outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..outputs).step_by(PANEL).map(move |first| {
        let narrow = outputs - first <= PANEL / 2;
        (first, if narrow { PANEL / 2 } else { PANEL })
    })
}

/// What is done to each result before it is written, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finish<'a> {
    /// Added by channel: `[O]`.
    pub bias: Option<&'a [f32]>,
    /// Added: `[N,h,w,O]`.
    pub sum: Option<&'a [f32]>,
    /// An activation function.
    pub activation: Option<Mask>,
    /// What does not pass becomes 0: the derivative of an activation function.
    pub passing: Option<&'a Bits>,
}

/// Writes the convolution of `x` over `into`, and over `marks`, if they are given, which gradients its activation function lets
/// through. On so many threads.
///
/// # Panics
/// If a slice is not of its size.
pub fn convolve(
    shape: &Shape,
    weights: &Weights,
    x: &[f32],
    finish: Finish,
    marks: Option<&mut Bits>,
    into: &mut [f32],
    (processor, threads): (Processor, usize),
) {
    let Shape { pictures, input: [height, width], output: [out_height, out_width], stride, .. } = *shape;
    let rows = pictures * out_height * out_width;
    assert!(stride > 0 && x.len() == pictures * height * width * weights.inputs, "an input of another size");
    assert!(into.len() == rows * weights.outputs, "an output of another size");
    assert!(finish.bias.is_none_or(|bias| bias.len() == weights.outputs), "a bias of another size");
    assert!(finish.sum.is_none_or(|sum| sum.len() == into.len()), "a sum of another size");
    assert!(finish.passing.is_none_or(|bits| bits.are_for(rows, weights.outputs)), "bits of another size");
    assert!(marks.as_ref().is_none_or(|bits| bits.are_for(rows, weights.outputs)), "bits of another size");
    if rows == 0 {
        return;
    }
    let panels: Vec<(usize, usize)> = panels(weights.outputs).collect();
    let depth = weights.kernel[0] * weights.kernel[1] * weights.inputs;
    // A pixel of the result is one of the input.
    let flat = weights.kernel == [1, 1] && stride == 1 && shape.padding == [0, 0] && shape.input == shape.output;
    let all = &Convolution {
        shape: *shape,
        weights,
        x,
        finish,
        into: Shares::of(into),
        marks: marks.map(Bits::shared),
        zeros: vec![0.; weights.inputs],
        flat,
    };
    // Many rows are shared out by rows, which lie in a core's cache; few by channels.
    let tiles = rows.div_ceil(TALLEST);
    let threads = if rows * depth * weights.outputs < 100_000 { 1 } else { threads.max(1) };
    let parts = parts(threads, tiles * panels.len());
    let (of_rows, of_panels) = if tiles >= 2 * parts {
        (parts, 1)
    } else {
        let of_panels = parts.min(panels.len());
        ((parts / of_panels).min(tiles).max(1), of_panels)
    };
    in_parts(of_rows * of_panels, threads, &|part| {
        let rows_of = share(tiles, part / of_panels, of_rows);
        let panels = &panels[share(panels.len(), part % of_panels, of_panels)];
        let (first, last) = (rows_of.start * TALLEST, rows.min(rows_of.end * TALLEST));
        // Weights that stay in a core's cache pass once for each tile, so that rows are written from end to end; others for as many
        // rows as stay there.
        let small = weights.numbers.len() <= CACHE;
        let at_once = if small { last - first } else { (CACHE / weights.inputs / TALLEST).max(1) * TALLEST };
        let mut row = first;
        while row < last {
            let end = last.min(row + at_once);
            match small {
                true => on_processor!(processor, of_panels(all, panels, row, end)),
                false => panels.iter().for_each(|panel| {
                    on_processor!(processor, of_panels(all, std::slice::from_ref(panel), row, end));
                }),
            }
            row = end;
        }
    });
}

/// The rows of the tallest tile of all processors.
const TALLEST: usize = 14;

/// Numbers of the input that may lie in a core's cache.
const CACHE: usize = 65_536;

struct Convolution<'a> {
    shape: Shape,
    weights: &'a Weights,
    x: &'a [f32],
    finish: Finish<'a>,
    into: Shares,
    marks: Option<SharedBits>,
    /// What lies around the picture: `[I]`.
    zeros: Vec<f32>,
    /// Whether every pixel of the result is made of the one in its place.
    flat: bool,
}

impl Convolution<'_> {
    /// Where the pixels of an output's window begin: its picture, and the row and column of its first pixel, which may lie outside.
    fn window(&self, row: usize) -> (usize, isize, isize) {
        let Shape { output: [height, width], stride, padding: [above, left], .. } = self.shape;
        let (picture, y, x) = (row / (height * width), row / width % height, row % width);
        (picture, (y * stride) as isize - above as isize, (x * stride) as isize - left as isize)
    }

    /// The pixel at a place of a window.
    fn pixel(&self, (picture, y, x): (usize, isize, isize), i: usize, j: usize) -> *const f32 {
        let [height, width] = self.shape.input;
        let (y, x) = (y + i as isize, x + j as isize);
        let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        match inside {
            true => self.x[((picture * height + y as usize) * width + x as usize) * self.weights.inputs..].as_ptr(),
            false => self.zeros.as_ptr(),
        }
    }
}

macro_rules! loops {
    ($attribute:meta) => {
        use super::{Convolution, Finish};
        use lanes::*;

        /// The rows from `first` to `last` of some panels of output channels, all panels of a tile before the next tile.
        #[$attribute]
        pub unsafe fn of_panels(all: &Convolution, panels: &[(usize, usize)], first: usize, last: usize) {
            let mut row = first;
            while row < last {
                let rest = last - row;
                unsafe {
                    row += match rest {
                        14.. if TALL >= 14 => of_tile::<14>(all, panels, row),
                        7.. if TALL >= 7 => of_tile::<7>(all, panels, row),
                        6.. if TALL == 6 => of_tile::<6>(all, panels, row),
                        4.. => of_tile::<4>(all, panels, row),
                        2.. => of_tile::<2>(all, panels, row),
                        _ => of_tile::<1>(all, panels, row),
                    };
                }
            }
        }

        /// Some rows of some panels. Gives their number.
        #[$attribute]
        unsafe fn of_tile<const ROWS: usize>(all: &Convolution, panels: &[(usize, usize)], row: usize) -> usize {
            let mut windows = [(0, 0, 0); ROWS];
            if !all.flat {
                windows.iter_mut().enumerate().for_each(|(at, window)| *window = all.window(row + at));
            }
            let depth = all.weights.kernel[0] * all.weights.kernel[1] * all.weights.inputs;
            for &(channel, panel) in panels {
                // All panels before this one are whole.
                let weights = all.weights.numbers[channel * depth..].as_ptr();
                unsafe { tile::<ROWS>(all, weights, channel, panel, row, &windows) };
            }
            ROWS
        }

        /// Some rows of a panel, by one or two registers of channels at a time.
        #[inline]
        #[$attribute]
        unsafe fn tile<const ROWS: usize>(
            all: &Convolution,
            weights: *const f32,
            channel: usize,
            panel: usize,
            row: usize,
            windows: &[(usize, isize, isize); ROWS],
        ) {
            let mut at = 0;
            while at < panel && channel + at < all.weights.outputs {
                let (weights, channel) = (unsafe { weights.add(at) }, channel + at);
                unsafe {
                    if at + 2 * WIDTH <= panel {
                        registers::<ROWS, 2>(all, weights, panel, channel, row, windows);
                    } else {
                        registers::<ROWS, 1>(all, weights, panel, channel, row, windows);
                    }
                }
                at += 2 * WIDTH;
            }
        }

        #[inline]
        #[$attribute]
        unsafe fn registers<const ROWS: usize, const VECTORS: usize>(
            all: &Convolution,
            mut weights: *const f32,
            panel: usize,
            channel: usize,
            row: usize,
            windows: &[(usize, isize, isize); ROWS],
        ) {
            let inputs = all.weights.inputs;
            unsafe {
                // Held apart from what is finished below, so that nothing asks for them to be in memory.
                let mut held = [[splat(0.); VECTORS]; ROWS];
                for i in 0..all.weights.kernel[0] {
                    for j in 0..all.weights.kernel[1] {
                        let mut pixels = [all.zeros.as_ptr(); ROWS];
                        for at in 0..ROWS {
                            pixels[at] = match all.flat {
                                true => all.x.as_ptr().add((row + at) * inputs),
                                false => all.pixel(windows[at], i, j),
                            };
                        }
                        held = multiply(held, &pixels, weights, panel, inputs);
                        weights = weights.add(inputs * panel);
                    }
                }
                let (sums, into) = (held, all.into.start());
                for v in 0..VECTORS {
                    let channel = channel + v * WIDTH;
                    if channel >= all.weights.outputs {
                        return;
                    }
                    let count = WIDTH.min(all.weights.outputs - channel);
                    let Finish { bias, sum, activation, passing } = all.finish;
                    let bias = match bias {
                        Some(bias) => load_some(bias.as_ptr().add(channel), count),
                        None => splat(0.),
                    };
                    for at in 0..ROWS {
                        let place = (row + at) * all.weights.outputs + channel;
                        let mut result = plus(sums[at][v], bias);
                        if let Some(sum) = sum {
                            result = plus(result, load_some(sum.as_ptr().add(place), count));
                        }
                        if let Some(activation) = activation {
                            result = activated(activation, result);
                            if let Some(marks) = all.marks {
                                mark(marks.at(row + at), channel, activation, result, count);
                            }
                        }
                        if let Some(bits) = passing {
                            result = where_bits(result, bits.from(row + at), channel);
                        }
                        // Safe, since no other part has these channels of these rows.
                        store_some(into.add(place), result, count);
                    }
                }
            }
        }

        /// Adds the products of some pixels with the weights of one place of the kernel.
        #[inline]
        #[$attribute]
        unsafe fn multiply<const ROWS: usize, const VECTORS: usize>(
            mut sums: [[Lanes; VECTORS]; ROWS],
            pixels: &[*const f32; ROWS],
            mut weights: *const f32,
            panel: usize,
            inputs: usize,
        ) -> [[Lanes; VECTORS]; ROWS] {
            unsafe {
                for input in 0..inputs {
                    let mut of = [splat(0.); VECTORS];
                    for v in 0..VECTORS {
                        of[v] = load(weights.add(v * WIDTH));
                    }
                    for at in 0..ROWS {
                        let x = splat(*pixels[at].add(input));
                        for v in 0..VECTORS {
                            sums[at][v] = plus_product(sums[at][v], x, of[v]);
                        }
                    }
                    weights = weights.add(panel);
                }
            }
            sums
        }
    };
}

for_each_processor! { loops }
