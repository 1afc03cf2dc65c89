//! The depthwise convolution (Howard et al. 2017, "MobileNets"), which does not mix channels, and its gradient with respect to the
//! input, each together with the activation functions around it.
//!
//! Of y[h,w,c] = sum over i and j of k[i,j,c] x[s h - a + i, s w - l + j, c] the gradient at x[r,q,c] is the sum of k[i,j,c] times
//! the gradient at y[(r + a - i) / s, (q + l - j) / s, c], over the i and j for which these are whole. A row of either is made of
//! as many rows of the other as the kernel has, which are kept in a window with zeros around them.

use crate::bits::{Bits, Mask, SharedBits};
use crate::lanes::{Processor, for_each_processor, on_processor};
use crate::threads::{Shares, in_parts, parts, share};

/// A depthwise convolution of square kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pictures.
    pub pictures: usize,
    /// Channels.
    pub channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Rows and columns of the kernel: 3, 5 or 7.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Rows of zeros above and columns on the left, fewer than the kernel has.
    pub padding: [usize; 2],
}

impl Shape {
    /// Whether there is a loop for it, and its sizes go together.
    pub fn is_known(&self) -> bool {
        let known = matches!((self.kernel, self.stride), (3 | 5 | 7, 1 | 2)) && self.channels > 0;
        let fits = (0..2).all(|side| {
            let [input, output, padding] = [self.input[side], self.output[side], self.padding[side]];
            let last = (input + padding).saturating_sub(1) / self.stride.max(1);
            // No window begins behind the input.
            let begins = output.saturating_sub(1) * self.stride < input + padding;
            input > 0 && output > 0 && padding < self.kernel && last < output + self.kernel && begins
        });
        known && fits
    }

    /// Positions of the input and of the output.
    fn positions(&self) -> [usize; 2] {
        [self.input, self.output].map(|[height, width]| self.pictures * height * width)
    }
}

/// What is done to each result before it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finish<'a> {
    /// Added by channel: `[C]`.
    pub bias: Option<&'a [f32]>,
    /// An activation function.
    pub activation: Option<Mask>,
}

/// Writes the convolution of `x` (`[N,H,W,C]`) over `into` (`[N,h,w,C]`), and over `marks`, if they are given, which gradients its
/// activation function lets through; `kernel` is `[rows,columns,C]`. On so many threads.
///
/// # Panics
/// If there is no loop for this shape, or a slice is not of its size.
pub fn convolve(
    shape: &Shape,
    kernel: &[f32],
    x: &[f32],
    finish: Finish,
    marks: Option<&mut Bits>,
    into: &mut [f32],
    how: (Processor, usize),
) {
    let ([inputs, outputs], channels) = (shape.positions(), shape.channels);
    assert!(shape.is_known(), "no loop for {shape:?}");
    assert!(kernel.len() == shape.kernel * shape.kernel * channels, "a kernel of another size");
    assert!(x.len() == inputs * channels && into.len() == outputs * channels, "pictures of another size");
    assert!(finish.bias.is_none_or(|bias| bias.len() == channels), "a bias of another size");
    assert!(marks.as_ref().is_none_or(|bits| bits.are_for(outputs, channels)), "bits of another size");
    let (into, marks) = (Shares::of(into), marks.map(Bits::shared));
    let work = Work { shape: *shape, kernel, from: x, seen_through: None, finish, marks, passing: None, into };
    work.on_threads(shape.output[0], true, how);
}

/// Writes the gradient of the input over `into` (`[N,H,W,C]`).
///
/// `kernel` is `[rows,columns,C]`, `gradient` `[N,h,w,C]`, of which only what passes `behind` the convolution counts; of the result
/// only what passes `before` it. On so many threads.
///
/// # Panics
/// If there is no loop for this shape, or a slice is not of its size.
pub fn pullback(
    shape: &Shape,
    kernel: &[f32],
    gradient: &[f32],
    behind: Option<&Bits>,
    before: Option<&Bits>,
    into: &mut [f32],
    how: (Processor, usize),
) {
    let ([inputs, outputs], channels) = (shape.positions(), shape.channels);
    assert!(shape.is_known(), "no loop for {shape:?}");
    assert!(kernel.len() == shape.kernel * shape.kernel * channels, "a kernel of another size");
    assert!(gradient.len() == outputs * channels && into.len() == inputs * channels, "pictures of another size");
    assert!(before.is_none_or(|bits| bits.are_for(inputs, channels)), "bits of another size");
    assert!(behind.is_none_or(|bits| bits.are_for(outputs, channels)), "bits of another size");
    let (into, finish) = (Shares::of(into), Finish::default());
    let work = Work {
        shape: *shape,
        kernel,
        from: gradient,
        seen_through: behind,
        finish,
        marks: None,
        passing: before,
        into,
    };
    work.on_threads(shape.input[0], false, how);
}

/// A convolution or its gradient.
struct Work<'a> {
    shape: Shape,
    kernel: &'a [f32],
    from: &'a [f32],
    seen_through: Option<&'a Bits>,
    finish: Finish<'a>,
    marks: Option<SharedBits>,
    passing: Option<&'a Bits>,
    into: Shares,
}

impl Work<'_> {
    /// All rows, of which a picture has so many.
    fn on_threads(&self, of_picture: usize, forward: bool, (processor, threads): (Processor, usize)) {
        let rows = self.shape.pictures * of_picture;
        // Fewer numbers than this are sooner computed than shared out.
        let threads = if self.from.len() < 16_384 { 1 } else { threads };
        // A part begins with rows of its own for its window: none is less than a few of them.
        let parts = parts(threads, (rows / 4).max(threads).min(rows));
        in_parts(parts, threads, &|part| {
            let rows = share(rows, part, parts);
            match forward {
                true => on_processor!(processor, forward_rows(self, rows.start, rows.end)),
                false => on_processor!(processor, pullback_rows(self, rows.start, rows.end)),
            }
        });
    }
}

/// Rows of pictures that a row of the result is made of, with columns of zeros on both sides, and a row of zeros behind them.
struct Window {
    numbers: Vec<f32>,
    /// How many rows it holds, and numbers of a row.
    rows: usize,
    row: usize,
    /// Columns of zeros with which a row begins.
    empty: usize,
    /// The picture whose rows these are, and the first row that is not there yet.
    picture: usize,
    next: usize,
}

impl Window {
    fn new(rows: usize, channels: usize, [empty, columns, behind]: [usize; 3]) -> Window {
        let row = (empty + columns + behind) * channels;
        Window { numbers: vec![0.; (rows + 1) * row], rows, row, empty, picture: usize::MAX, next: 0 }
    }

    /// Row y of the picture, which must be there, or zeros.
    fn at(&self, y: Option<usize>) -> &[f32] {
        let place = y.map_or(self.rows, |y| y % self.rows);
        &self.numbers[place * self.row..(place + 1) * self.row]
    }
}

/// Where a row of the result goes, and what it is made of.
struct Line<'a, const K: usize> {
    work: &'a Work<'a>,
    /// By row of the kernel, the row of the window that it meets.
    meets: [&'a [f32]; K],
    empty: usize,
    width: usize,
    /// Its first position.
    position: usize,
}

/// Columns computed together.
const AT_ONCE: usize = 4;

macro_rules! loops {
    ($attribute:meta) => {
        use super::{AT_ONCE, Line, Shape, Window, Work};
        use lanes::*;

        /// The rows from `start` to `end` of all pictures' rows of the convolution.
        #[$attribute]
        pub unsafe fn forward_rows(work: &Work, start: usize, end: usize) {
            unsafe {
                match (work.shape.kernel, work.shape.stride) {
                    (3, 1) => forward::<3, 1>(work, start, end),
                    (3, 2) => forward::<3, 2>(work, start, end),
                    (5, 1) => forward::<5, 1>(work, start, end),
                    (5, 2) => forward::<5, 2>(work, start, end),
                    (7, 1) => forward::<7, 1>(work, start, end),
                    _ => forward::<7, 2>(work, start, end),
                }
            }
        }

        /// The rows from `start` to `end` of all pictures' rows of the gradient.
        #[$attribute]
        pub unsafe fn pullback_rows(work: &Work, start: usize, end: usize) {
            unsafe {
                match (work.shape.kernel, work.shape.stride) {
                    (3, 1) => pullback::<3, 1>(work, start, end),
                    (3, 2) => pullback::<3, 2>(work, start, end),
                    (5, 1) => pullback::<5, 1>(work, start, end),
                    (5, 2) => pullback::<5, 2>(work, start, end),
                    (7, 1) => pullback::<7, 1>(work, start, end),
                    _ => pullback::<7, 2>(work, start, end),
                }
            }
        }

        /// Brings the rows from `first` to `last` of a picture of this height and width into the window.
        #[inline]
        #[$attribute]
        unsafe fn fill(
            window: &mut Window,
            work: &Work,
            [picture, height, width]: [usize; 3],
            [first, last]: [usize; 2],
        ) {
            let channels = work.shape.channels;
            if window.picture != picture {
                (window.picture, window.next) = (picture, first);
            }
            for y in window.next.max(first)..last + 1 {
                let to = (y % window.rows) * window.row + window.empty * channels;
                let position = (picture * height + y) * width;
                let into = &mut window.numbers[to..to + width * channels];
                unsafe { copy_passing(into, work.from, position, channels, work.seen_through) };
            }
            window.next = window.next.max(last + 1);
        }

        #[$attribute]
        unsafe fn forward<const K: usize, const S: usize>(work: &Work, start: usize, end: usize) {
            let Shape { channels, input: [height, width], output: [out_height, out_width], .. } = work.shape;
            let [above, left] = work.shape.padding;
            let behind = ((out_width - 1) * S + K).saturating_sub(left + width);
            let mut window = Window::new(K, channels, [left, width, behind]);
            for at in start..end {
                let (picture, r) = (at / out_height, at % out_height);
                // Rows r S - above + i of the input.
                let first = (r * S).saturating_sub(above);
                let last = (r * S + K - 1).saturating_sub(above).min(height - 1);
                unsafe { fill(&mut window, work, [picture, height, width], [first, last]) };
                let mut meets = [window.at(None); K];
                for i in 0..K {
                    let y = (r * S + i).checked_sub(above).filter(|y| (first..=last).contains(y));
                    meets[i] = window.at(y);
                }
                let (empty, width, position) = (window.empty, out_width, at * out_width);
                let line = Line::<K> { work, meets, empty, width, position };
                for column in (0..width).step_by(AT_ONCE) {
                    unsafe {
                        match width - column {
                            1 => forward_columns::<K, S, 1>(&line, column),
                            2 => forward_columns::<K, S, 2>(&line, column),
                            3 => forward_columns::<K, S, 3>(&line, column),
                            _ => forward_columns::<K, S, AT_ONCE>(&line, column),
                        }
                    }
                }
            }
        }

        /// Some columns of all channels.
        #[$attribute]
        unsafe fn forward_columns<const K: usize, const S: usize, const COUNT: usize>(line: &Line<K>, column: usize) {
            let channels = line.work.shape.channels;
            for c in (0..channels).step_by(WIDTH) {
                let count = WIDTH.min(channels - c);
                unsafe {
                    // Held apart from what is finished below, so that nothing asks for them to be in memory.
                    let mut held = [splat(0.); COUNT];
                    for i in 0..K {
                        // The window begins with as many zeros as the input is padded with.
                        let row = line.meets[i].as_ptr().add(column * S * channels + c);
                        let weights = line.work.kernel.as_ptr().add(i * K * channels + c);
                        for j in 0..K {
                            let weight = load_some(weights.add(j * channels), count);
                            for at in 0..COUNT {
                                let met = load_some(row.add((at * S + j) * channels), count);
                                held[at] = plus_product(held[at], met, weight);
                            }
                        }
                    }
                    let sums = held;
                    for at in 0..COUNT {
                        finish(line, column + at, c, count, sums[at]);
                    }
                }
            }
        }

        #[$attribute]
        unsafe fn pullback<const K: usize, const S: usize>(work: &Work, start: usize, end: usize) {
            let Shape { channels, input: [height, width], output: [out_height, out_width], .. } = work.shape;
            let [above, left] = work.shape.padding;
            let empty = (K - 1 - left).div_ceil(S);
            let behind = ((width - 1 + left) / S + 1).saturating_sub(out_width);
            let mut window = Window::new(K, channels, [empty, out_width, behind]);
            for at in start..end {
                let (picture, r) = (at / height, at % height);
                // Rows (r + above - i) / S of the output, for the i that leave no rest.
                let first = (r + above).saturating_sub(K - 1).div_ceil(S);
                let last = ((r + above) / S).min(out_height - 1);
                unsafe { fill(&mut window, work, [picture, out_height, out_width], [first, last]) };
                let down = (r + above) % S;
                let mut meets = [window.at(None); K];
                for i in (down..K.min(r + above + 1)).step_by(S) {
                    meets[i] = window.at(Some((r + above - i) / S).filter(|y| (first..=last).contains(y)));
                }
                let line = Line::<K> { work, meets, empty, width, position: at * width };
                // Which rows of the kernel are met goes by the rest of the division by the stride, known to the compiler.
                unsafe {
                    match down {
                        0 => pullback_line::<K, S, 0>(&line),
                        _ => pullback_line::<K, S, 1>(&line),
                    }
                }
            }
        }

        /// `DOWN` is the first row of the kernel that is met.
        #[inline]
        #[$attribute]
        unsafe fn pullback_line<const K: usize, const S: usize, const DOWN: usize>(line: &Line<K>) {
            // Columns before channels: a processor fetches ahead what is read in the order of memory.
            for nth in (0..line.width.div_ceil(S)).step_by(AT_ONCE) {
                // Every S-th column meets the same columns of the kernel.
                for phase in 0..S {
                    let count = ((line.width + S - 1 - phase) / S).saturating_sub(nth);
                    unsafe {
                        match (phase + line.work.shape.padding[1]) % S {
                            0 => pullback_some::<K, S, DOWN, 0>(line, phase, nth, count),
                            _ => pullback_some::<K, S, DOWN, 1>(line, phase, nth, count),
                        }
                    }
                }
            }
        }

        /// Up to [`AT_ONCE`] of the columns phase, phase + S, ..., from the `nth` on, of which `count` are left. `ACROSS` is the
        /// first column of the kernel that they meet.
        #[inline]
        #[$attribute]
        unsafe fn pullback_some<const K: usize, const S: usize, const DOWN: usize, const ACROSS: usize>(
            line: &Line<K>,
            phase: usize,
            nth: usize,
            count: usize,
        ) {
            unsafe {
                match count {
                    0 => {}
                    1 => pullback_columns::<K, S, DOWN, ACROSS, 1>(line, phase, nth),
                    2 => pullback_columns::<K, S, DOWN, ACROSS, 2>(line, phase, nth),
                    3 => pullback_columns::<K, S, DOWN, ACROSS, 3>(line, phase, nth),
                    _ => pullback_columns::<K, S, DOWN, ACROSS, AT_ONCE>(line, phase, nth),
                }
            }
        }

        /// Some columns of all channels.
        #[$attribute]
        unsafe fn pullback_columns<
            const K: usize,
            const S: usize,
            const DOWN: usize,
            const ACROSS: usize,
            const COUNT: usize,
        >(
            line: &Line<K>,
            phase: usize,
            nth: usize,
        ) {
            let Shape { channels, padding: [_, left], .. } = line.work.shape;
            let x = line.empty + (phase + left - ACROSS) / S + nth;
            for c in (0..channels).step_by(WIDTH) {
                let count = WIDTH.min(channels - c);
                unsafe {
                    let mut held = [splat(0.); COUNT];
                    let mut i = DOWN;
                    while i < K {
                        let row = line.meets[i].as_ptr().add(x * channels + c);
                        let weights = line.work.kernel.as_ptr().add(i * K * channels + c);
                        let mut j = ACROSS;
                        while j < K {
                            let weight = load_some(weights.add(j * channels), count);
                            for at in 0..COUNT {
                                let met = load_some(row.add(at * channels).sub((j - ACROSS) / S * channels), count);
                                held[at] = plus_product(held[at], met, weight);
                            }
                            j += S;
                        }
                        i += S;
                    }
                    let sums = held;
                    for at in 0..COUNT {
                        finish(line, phase + (nth + at) * S, c, count, sums[at]);
                    }
                }
            }
        }

        #[inline]
        #[$attribute]
        unsafe fn finish<const K: usize>(line: &Line<K>, column: usize, c: usize, count: usize, sum: Lanes) {
            let (work, position) = (line.work, line.position + column);
            let mut result = sum;
            unsafe {
                if let Some(bias) = work.finish.bias {
                    result = plus(result, load_some(bias.as_ptr().add(c), count));
                }
                if let Some(activation) = work.finish.activation {
                    result = activated(activation, result);
                    if let Some(marks) = work.marks {
                        mark(marks.at(position), c, activation, result, count);
                    }
                }
                if let Some(bits) = work.passing {
                    result = where_bits(result, bits.from(position), c);
                }
                // Safe, since no other part has this row.
                store_some(work.into.start().add(position * work.shape.channels + c), result, count);
            }
        }
    };
}

for_each_processor! { loops }
