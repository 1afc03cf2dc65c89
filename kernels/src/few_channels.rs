//! The gradient of a network's first convolution with respect to the picture, which has three channels where others have dozens.
//!
//! Each position of the output gives the product of its gradient `[O]` with the kernels seen as a matrix `[O, k k I]` back to the
//! k x k pixels that it was made of, where the products of overlapping positions are added: a transposed convolution with the
//! few numbers of a window side by side in a register.

use crate::bits::Bits;
use crate::lanes::{Processor, for_each_processor, on_processor};
use crate::threads::{Shares, in_parts, parts, share};

/// A convolution from few channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pictures.
    pub pictures: usize,
    /// Channels of the input.
    pub few: usize,
    /// Channels of the output.
    pub channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Rows of zeros above and columns on the left.
    pub padding: [usize; 2],
}

impl Shape {
    /// Whether the loop suits it: at most four channels, and sizes that go together.
    pub fn is_known(&self) -> bool {
        (1..=4).contains(&self.few)
            && (1..=11).contains(&self.kernel)
            && self.stride > 0
            && self.input.iter().chain(&self.output).all(|&side| side > 0)
    }

    fn sizes(&self) -> [usize; 2] {
        let [[height, width], [out_height, out_width]] = [self.input, self.output];
        [self.pictures * height * width * self.few, self.pictures * out_height * out_width * self.channels]
    }
}

/// Numbers of a window, filled up.
const UNIT: usize = 32;

/// Positions computed together.
const AT_ONCE: usize = 6;

/// Kernels as the loop reads them.
#[derive(Clone, Debug)]
pub struct Kernels {
    /// `[O, k k I]`, each row filled up with zeros to a multiple of [`UNIT`].
    numbers: Vec<f32>,
    row: usize,
}

impl Kernels {
    /// Of weights `[O,I,k,k]`, row by row.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn new(weights: &[f32], [channels, few, kernel]: [usize; 3]) -> Kernels {
        assert_eq!(weights.len(), channels * few * kernel * kernel, "weights of another size");
        let row = (kernel * kernel * few).next_multiple_of(UNIT);
        let mut numbers = vec![0.; channels * row];
        for (at, &weight) in weights.iter().enumerate() {
            let (channel, in_few, position) =
                (at / (few * kernel * kernel), at / (kernel * kernel) % few, at % (kernel * kernel));
            numbers[channel * row + position * few + in_few] = weight;
        }
        Kernels { numbers, row }
    }
}

/// Writes the gradient of the input over `into` (`[N,H,W,I]`); `gradient` is `[N,h,w,O]`, seen through the function `behind` the
/// convolution, if any. On so many threads.
///
/// # Panics
/// If the loop does not suit this shape, or a slice is not of its size.
pub fn pullback(
    shape: &Shape,
    kernels: &Kernels,
    gradient: &[f32],
    behind: Option<&Bits>,
    into: &mut [f32],
    (processor, threads): (Processor, usize),
) {
    let [inputs, outputs] = shape.sizes();
    assert!(shape.is_known(), "no loop for {shape:?}");
    assert!(kernels.numbers.len() == shape.channels * kernels.row, "kernels of another size");
    assert!(kernels.row >= shape.kernel * shape.kernel * shape.few, "kernels of another size");
    assert!(into.len() == inputs, "an input of another size");
    assert!(
        gradient.len() == outputs && behind.is_none_or(|bits| bits.are_for(outputs / shape.channels, shape.channels)),
        "an output of another size"
    );
    if inputs == 0 {
        return;
    }
    let (into, rows) = (&Shares::of(into), shape.pictures * shape.input[0]);
    let all = &Pullback { shape: *shape, kernels, gradient, behind, into };
    let threads = if outputs < 16_384 { 1 } else { threads };
    let parts = parts(threads, rows);
    in_parts(parts, threads, &|part| {
        let rows = share(rows, part, parts);
        let (start, end) = (rows.start, rows.end);
        on_processor!(processor, of_rows(all, start, end));
    });
}

struct Pullback<'a> {
    shape: Shape,
    kernels: &'a Kernels,
    gradient: &'a [f32],
    behind: Option<&'a Bits>,
    into: &'a Shares,
}

macro_rules! loops {
    ($attribute:meta) => {
        use super::{AT_ONCE, Kernels, Pullback, Shape};
        use lanes::*;

        /// The rows from `start` to `end` of all pictures' rows.
        #[inline]
        #[$attribute]
        pub unsafe fn of_rows(all: &Pullback, start: usize, end: usize) {
            let Shape { channels, input: [height, _], output: [_, out_width], .. } = all.shape;
            let mut row = vec![0.; out_width.next_multiple_of(AT_ONCE) * channels];
            let mut windows = vec![0.; AT_ONCE * all.kernels.row];
            let mut at = start;
            while at < end {
                let picture = at / height;
                let until = end.min((picture + 1) * height);
                unsafe {
                    of_picture(all, picture, at - picture * height..until - picture * height, &mut row, &mut windows)
                };
                at = until;
            }
        }

        /// Some rows of one picture.
        #[inline]
        #[$attribute]
        unsafe fn of_picture(
            all: &Pullback,
            picture: usize,
            rows: std::ops::Range<usize>,
            row: &mut [f32],
            windows: &mut [f32],
        ) {
            let Shape { few, channels, input: [height, width], output: [out_height, out_width], .. } = all.shape;
            let Shape { kernel, stride, padding: [above, left], .. } = all.shape;
            let line = width * few;
            // Safe, since no other part has these rows.
            let into = unsafe { all.into.piece((picture * height + rows.start) * line, rows.len() * line) };
            into.fill(0.);
            let first = (rows.start + above).saturating_sub(kernel - 1).div_ceil(stride);
            let last = ((rows.end - 1 + above) / stride).min(out_height - 1);
            for y in first..=last {
                let from = (picture * out_height + y) * out_width;
                unsafe { copy_passing(&mut row[..out_width * channels], all.gradient, from, channels, all.behind) };
                for x in (0..out_width).step_by(AT_ONCE) {
                    unsafe { products(&row[x * channels..(x + AT_ONCE) * channels], all.kernels, channels, windows) };
                    for i in 0..kernel {
                        // Row i of the windows lies on this row of the picture.
                        let Some(r) = (y * stride + i).checked_sub(above).filter(|r| rows.contains(r)) else {
                            continue;
                        };
                        let line = &mut into[(r - rows.start) * line..(r - rows.start + 1) * line];
                        for at in 0..AT_ONCE.min(out_width - x) {
                            let column = (x + at) * stride;
                            // Columns of the window that lie in the picture.
                            let (skipped, end) =
                                (left.saturating_sub(column), (width + left).saturating_sub(column).min(kernel));
                            if skipped >= end {
                                continue;
                            }
                            let of_window = at * all.kernels.row + i * kernel * few;
                            let added = &windows[of_window + skipped * few..of_window + end * few];
                            let place = (column + skipped - left) * few;
                            for (sum, product) in line[place..place + added.len()].iter_mut().zip(added) {
                                *sum += product;
                            }
                        }
                    }
                }
            }
        }

        /// The products of [`AT_ONCE`] positions' gradients with the kernels.
        #[inline]
        #[$attribute]
        unsafe fn products(gradients: &[f32], kernels: &Kernels, channels: usize, windows: &mut [f32]) {
            let Kernels { numbers, row } = kernels;
            assert!(
                gradients.len() == AT_ONCE * channels && windows.len() == AT_ONCE * row,
                "positions of another size"
            );
            for at in (0..*row).step_by(2 * WIDTH) {
                unsafe {
                    // Held apart from what is written below, so that nothing asks for them to be in memory.
                    let mut held = [[splat(0.); 2]; AT_ONCE];
                    for channel in 0..channels {
                        let weights = numbers.as_ptr().add(channel * row + at);
                        let [first, second] = [load(weights), load(weights.add(WIDTH))];
                        for position in 0..AT_ONCE {
                            let gradient = splat(*gradients.get_unchecked(position * channels + channel));
                            held[position][0] = plus_product(held[position][0], gradient, first);
                            held[position][1] = plus_product(held[position][1], gradient, second);
                        }
                    }
                    let sums = held;
                    for (position, sums) in sums.into_iter().enumerate() {
                        let into = windows.as_mut_ptr().add(position * row + at);
                        let [first, second] = sums;
                        store(into, first);
                        store(into.add(WIDTH), second);
                    }
                }
            }
        }
    };
}

for_each_processor! { loops }
