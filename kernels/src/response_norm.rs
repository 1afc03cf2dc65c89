//! Local response normalization (Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks") of
//! `[positions,C]` and its gradient: each position is read once, where operators for whole tensors read it a dozen times.

use crate::lanes::{Processor, for_each_processor, on_processor};
use crate::threads::{Shares, in_parts, parts, share};

/// x / (k + alpha / size * sum of x^2)^beta, the sum over `size` neighbouring channels, of which one more lies before the channel
/// where `size` is even.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Channels of a sum, at least one.
    pub size: usize,
    /// Times the mean of the squares.
    pub alpha: f32,
    /// The power.
    pub beta: f32,
    /// What is added.
    pub k: f32,
}

impl Norm {
    /// d^-beta.
    #[inline(always)]
    fn power(self, d: f32) -> f32 {
        if self.beta == 0.75 {
            // Roots are computed many at a time.
            let root = 1. / d.sqrt();
            root * root.sqrt()
        } else if self.beta == 0.5 {
            1. / d.sqrt()
        } else {
            d.powf(-self.beta)
        }
    }
}

/// Writes the normalized `x` (`[positions,C]`) over `into`. On so many threads.
///
/// # Panics
/// If a slice is not of its size.
pub fn normalize(norm: Norm, x: &[f32], channels: usize, into: &mut [f32], how: (Processor, usize)) {
    on_positions(norm, None, x, channels, into, how);
}

/// Writes the gradient of `x` over `into`. On so many threads.
///
/// # Panics
/// If a slice is not of its size.
pub fn pullback(norm: Norm, gradient: &[f32], x: &[f32], channels: usize, into: &mut [f32], how: (Processor, usize)) {
    assert!(gradient.len() == x.len(), "a gradient of another size");
    on_positions(norm, Some(gradient), x, channels, into, how);
}

fn on_positions(
    norm: Norm,
    gradient: Option<&[f32]>,
    x: &[f32],
    channels: usize,
    into: &mut [f32],
    (processor, threads): (Processor, usize),
) {
    assert!(channels > 0 && x.len() == into.len() && x.len().is_multiple_of(channels), "numbers of another size");
    assert!(norm.size > 0, "a sum of no channel");
    let (positions, into) = (x.len() / channels, &Shares::of(into));
    let threads = if x.len() < 32_768 { 1 } else { threads };
    let parts = parts(threads, positions);
    in_parts(parts, threads, &|part| {
        let positions = share(positions, part, parts);
        let numbers = positions.start * channels..positions.end * channels;
        // Safe, since no other part has these positions.
        let into = unsafe { into.piece(numbers.start, numbers.len()) };
        let gradient = gradient.map(|gradient| &gradient[numbers.clone()]);
        let x = &x[numbers.clone()];
        match gradient {
            None => on_processor!(processor, forward(norm, x, channels, into)),
            Some(gradient) => on_processor!(processor, backward(norm, gradient, x, channels, into)),
        }
    });
}

macro_rules! loops {
    ($attribute:meta) => {
        use super::Norm;

        /// The sums of as many numbers as there are in `sums`, each of it and of the `size` - 1 behind it.
        #[inline]
        #[$attribute]
        unsafe fn sums_of(sums: &mut [f32], numbers: &[f32], size: usize) {
            sums.copy_from_slice(&numbers[..sums.len()]);
            for behind in 1..size {
                let numbers = &numbers[behind..behind + sums.len()];
                sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
            }
        }

        #[$attribute]
        pub unsafe fn forward(norm: Norm, x: &[f32], channels: usize, into: &mut [f32]) {
            let before = norm.size / 2;
            let mut squares = vec![0.; channels + norm.size - 1];
            let mut sums = vec![0.; channels];
            let scale = norm.alpha / norm.size as f32;
            for (x, into) in x.chunks_exact(channels).zip(into.chunks_exact_mut(channels)) {
                squares[before..before + channels].iter_mut().zip(x).for_each(|(square, x)| *square = x * x);
                unsafe { sums_of(&mut sums, &squares, norm.size) };
                for ((y, x), sum) in into.iter_mut().zip(x).zip(&sums) {
                    *y = x * norm.power(norm.k + scale * sum);
                }
            }
        }

        /// With d the sum that is raised to the power: g d^-beta - 2 alpha beta x mean(g x d^(-beta-1)), the mean over the channels
        /// whose sums hold this one.
        #[$attribute]
        pub unsafe fn backward(norm: Norm, gradient: &[f32], x: &[f32], channels: usize, into: &mut [f32]) {
            let (before, behind) = (norm.size / 2, (norm.size - 1) / 2);
            let mut squares = vec![0.; channels + norm.size - 1];
            let mut through = vec![0.; channels + norm.size - 1];
            let (mut sums, mut powers) = (vec![0.; channels], vec![0.; channels]);
            let scale = norm.alpha / norm.size as f32;
            let back = 2. * norm.beta * scale;
            let rows = gradient.chunks_exact(channels).zip(x.chunks_exact(channels));
            for ((gradient, x), into) in rows.zip(into.chunks_exact_mut(channels)) {
                squares[before..before + channels].iter_mut().zip(x).for_each(|(square, x)| *square = x * x);
                unsafe { sums_of(&mut sums, &squares, norm.size) };
                let of_rows = gradient.iter().zip(x).zip(&sums);
                for (((g, x), sum), (power, through)) in
                    of_rows.zip(powers.iter_mut().zip(&mut through[behind..behind + channels]))
                {
                    let d = norm.k + scale * sum;
                    *power = norm.power(d);
                    *through = g * x * *power / d;
                }
                unsafe { sums_of(&mut sums, &through, norm.size) };
                let of_rows = gradient.iter().zip(x).zip(&sums);
                for (((g, x), sum), (power, into)) in of_rows.zip(powers.iter().zip(into)) {
                    *into = g * power - back * x * sum;
                }
            }
        }
    };
}

for_each_processor! { loops }
