//! Radial power spectrum of a picture, and how natural it is: photographs' power falls as about f^-2 (Field 1987,
//! "Relations between the statistics of natural images and the response properties of cortical cells"; Tolhurst, Tadmor &
//! Chao 1992, "Amplitude spectra of natural images", for how much it varies). Never a verdict alone: photographs whose
//! phases are scrambled have a perfect spectrum.

use std::f64::consts::TAU;

use ndarray::{Array2, ArrayView2};
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// The power of a square picture by frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// The picture's side N in pixels.
    pub side: usize,
    /// Mean power at frequencies 1 to N/2 in cycles an image: of the coefficients whose distance from frequency 0 rounds
    /// to that number.
    pub power: Vec<f64>,
    /// The share of all power (of every direction, the corners beyond N/2 included, the mean excluded) at frequencies above
    /// 0.25 cycles a pixel, 0 to 1; 0 for a flat picture.
    pub fine: f64,
}

impl Spectrum {
    /// The spectrum of a luminance `[N,N]`: its mean is removed, a Hann window (periodic) is laid over both axes. `None` if
    /// it is not square, if N is below 4, or if a value or the sum of all power is not finite.
    pub fn of(luminance: ArrayView2<f64>) -> Option<Spectrum> {
        let side = luminance.nrows();
        if luminance.ncols() != side || side < 4 || !luminance.iter().all(|value| value.is_finite()) {
            return None;
        }
        let powers = windowed_power(luminance);
        let frequency = |i: usize| i.min(side - i) as f64;
        let (mut sums, mut counts) = (vec![0.; side / 2 + 1], vec![0.; side / 2 + 1]);
        let (mut all, mut fine) = (0., 0.);
        for ((y, x), power) in powers.indexed_iter().skip(1) {
            let radius = frequency(y).hypot(frequency(x));
            all += power;
            fine += if radius > side as f64 / 4. { *power } else { 0. };
            // Halves round away from zero, though no radius is one: its square would not be an integer.
            if let Some(sum) = sums.get_mut(radius.round() as usize) {
                *sum += power;
                counts[radius.round() as usize] += 1.;
            }
        }
        if !all.is_finite() {
            return None;
        }
        let power = sums.iter().zip(counts).skip(1).map(|(sum, count)| sum / count).collect();
        Some(Spectrum { side, power, fine: if all > 0. { fine / all } else { 0. } })
    }

    /// The geometric mean of spectra of one size, in which each picture counts alike whatever its contrast; `fine` is the
    /// plain mean. `None` if there are none, if sizes differ, or if a power is 0.
    pub fn mean(spectra: &[Spectrum]) -> Option<Spectrum> {
        let first = spectra.first()?;
        if spectra.iter().any(|spectrum| spectrum.power.len() != first.power.len() || spectrum.side != first.side) {
            return None;
        }
        let count = spectra.len() as f64;
        let mean = |i: usize| (spectra.iter().map(|spectrum| spectrum.power[i].ln()).sum::<f64>() / count).exp();
        let power: Vec<f64> = (0..first.power.len()).map(mean).collect();
        let fine = spectra.iter().map(|spectrum| spectrum.fine).sum::<f64>() / count;
        power.iter().all(|power| *power > 0.).then_some(Spectrum { side: first.side, power, fine })
    }

    /// ln f and ln P at the frequencies from `low` to `high` in cycles an image. `None` if these are not within 1 to N/2, if
    /// there are fewer than 2, or if a power is 0.
    fn logarithms(&self, low: usize, high: usize) -> Option<Vec<(f64, f64)>> {
        if low < 1 || high <= low {
            return None;
        }
        let band = self.power.get(low - 1..high)?;
        let points = band.iter().zip(low..).map(|(power, f)| ((f as f64).ln(), power.ln()));
        band.iter().all(|power| *power > 0.).then(|| points.collect())
    }

    /// Alpha of P ~ f^-alpha, positive where power falls with frequency: least squares of ln P on ln f over the integer
    /// frequencies from `low` to `high`, in cycles an image. `None` if these are not within 1 to N/2, if there are fewer
    /// than 2, or if a power is 0.
    pub fn slope(&self, low: usize, high: usize) -> Option<f64> {
        let points = self.logarithms(low, high)?;
        let count = points.len() as f64;
        let f_mean = points.iter().map(|(f, _)| f).sum::<f64>() / count;
        let covariance: f64 = points.iter().map(|(f, p)| (f - f_mean) * p).sum();
        let variance: f64 = points.iter().map(|(f, _)| (f - f_mean).powi(2)).sum();
        Some(-covariance / variance)
    }

    /// The root of the mean square of ln P - ln P_reference over the integer frequencies from `low` to `high`, in cycles an
    /// image, after both were given the same mean of ln P: contrast does not count. 0 for the same spectrum. Sizes may
    /// differ: frequencies count in cycles an image. `None` as for [`Spectrum::slope`].
    pub fn distance(&self, reference: &Spectrum, low: usize, high: usize) -> Option<f64> {
        let (own, other) = (self.logarithms(low, high)?, reference.logarithms(low, high)?);
        let differences: Vec<f64> = own.iter().zip(&other).map(|((_, p), (_, q))| p - q).collect();
        let count = differences.len() as f64;
        let level = differences.iter().sum::<f64>() / count;
        Some((differences.iter().map(|difference| (difference - level).powi(2)).sum::<f64>() / count).sqrt())
    }
}

/// The squared magnitudes of the Fourier transform, `[N,N]`, frequency 0 first, its own set to 0.
fn windowed_power(luminance: ArrayView2<f64>) -> Array2<f64> {
    let side = luminance.nrows();
    // Measured from one of its pixels, a flat picture has mean 0 exactly, and no power by rounding.
    let luminance = luminance.mapv(|value| value - luminance[[0, 0]]);
    let mean = luminance.sum() / (side * side) as f64;
    let window: Vec<f64> = (0..side).map(|i| 0.5 - 0.5 * (TAU * i as f64 / side as f64).cos()).collect();
    let weighted = luminance.indexed_iter().map(|((y, x), v)| Complex::new((v - mean) * window[y] * window[x], 0.));
    let mut values: Vec<Complex<f64>> = weighted.collect();
    let transform = FftPlanner::new().plan_fft_forward(side);
    transform.process(&mut values);
    // Columns next: as rows of the transposed picture. Radii do not mind that it stays transposed.
    let mut turned: Vec<Complex<f64>> = (0..side * side).map(|i| values[i % side * side + i / side]).collect();
    transform.process(&mut turned);
    turned[0] = Complex::ZERO;
    Array2::from_shape_fn((side, side), |(y, x)| turned[y * side + x].norm_sqr())
}
