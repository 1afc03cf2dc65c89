//! Pictures that are altered or drawn: squares cut out of photographs, the same with random phases, blurred noise, and what an activation
//! must survive.

use image::imageops::{FilterType, crop_imm};
use image::{DynamicImage, RgbImage};
use metrics::coding;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use tch::{Kind, Tensor};

use super::portrait::JPEG_QUALITY;
use crate::error::Context;
use crate::picture::{from_rgb8, to_rgb8};
use crate::random::{Purpose, Seed, normal, stream};

/// Width of the blur of noise, in pixels (standard deviation).
const BLUR: f64 = 4.;

/// Share of a picture's sides by which it is shifted.
const SHIFT: f64 = 0.04;

/// Share of the sides that is left of a picture that is cut.
const CROP: f64 = 0.9;

/// Noise as a share of a picture's contrast (standard deviations).
const NOISE: f64 = 0.1;

/// Spread of blurred noise around grey, in units of the picture's range (standard deviation).
const SPREAD: f64 = 0.2;

/// The central square of a picture, and `more` squares at random places whose sides are 0.6 to 1 of the shorter side; each scaled to
/// `side` pixels.
pub fn squares(picture: &RgbImage, more: usize, side: u32, seed: Seed, number: u64) -> Vec<RgbImage> {
    let mut rng = stream(seed, Purpose::Crop, number);
    let (width, height) = picture.dimensions();
    let shorter = width.min(height);
    let picture = DynamicImage::from(picture.clone());
    let cut = |x: u32, y: u32, size: u32| {
        let square = picture.crop_imm(x, y, size, size);
        match size == side {
            true => square.into_rgb8(),
            false => square.resize_exact(side, side, FilterType::CatmullRom).into_rgb8(),
        }
    };
    let mut squares = vec![cut((width - shorter) / 2, (height - shorter) / 2, shorter)];
    for _ in 0..more {
        let size = ((f64::from(shorter) * rng.random_range(0.6..=1.)) as u32).clamp(1, shorter);
        squares.push(cut(rng.random_range(0..=width - size), rng.random_range(0..=height - size), size));
    }
    squares
}

/// The picture with random phases, the same ones in all three channels: its power spectrum and its colours, and nothing of what
/// it shows (Oppenheim & Lim 1981; as a control of classifiers: Wichmann et al. 2010).
pub fn phase_scrambled(picture: &RgbImage, rng: &mut ChaCha12Rng) -> crate::error::Result<RgbImage> {
    let picture = from_rgb8(picture).to_kind(Kind::Double);
    let (_, height, width) = picture.size3()?;
    // The phases of real noise have the symmetry that keeps the picture real.
    let noise = Tensor::from_slice(&normal(rng, (height * width) as usize)).to_kind(Kind::Double).view([height, width]);
    let phases = noise.fft_fft2(None::<&[i64]>, &[-2, -1][..], "backward");
    let phases = &phases / phases.abs();
    let mean = picture.mean_dim([1i64, 2].as_slice(), true, Kind::Double);
    let spectrum = (&picture - &mean).fft_fft2(None::<&[i64]>, &[-2, -1][..], "backward") * phases;
    let scrambled = spectrum.fft_ifft2(None::<&[i64]>, &[-2, -1][..], "backward").real() + mean;
    to_rgb8(&scrambled.to_kind(Kind::Float))
}

/// White noise, blurred, around grey.
pub fn blurred_noise(side: i64, rng: &mut ChaCha12Rng) -> crate::error::Result<RgbImage> {
    let noise =
        Tensor::from_slice(&normal(rng, (3 * side * side) as usize)).to_kind(Kind::Double).view([3, side, side]);
    // In the frequency domain the blur wraps around, so that there is no edge.
    let axis = Tensor::fft_fftfreq(side, 1., (Kind::Double, tch::Device::Cpu));
    let squared = axis.square();
    let squared = squared.unsqueeze(0) + squared.unsqueeze(1);
    let gain = (squared * (-2. * std::f64::consts::PI.powi(2) * BLUR * BLUR)).exp();
    let blurred = noise.fft_fft2(None::<&[i64]>, &[-2, -1][..], "backward") * gain;
    let blurred = blurred.fft_ifft2(None::<&[i64]>, &[-2, -1][..], "backward").real();
    let spread = blurred.std(true);
    let mean = blurred.mean(Kind::Double);
    to_rgb8(&((blurred - mean) / spread * SPREAD + 0.5).to_kind(Kind::Float))
}

/// A picture with Gaussian noise of this standard deviation (in units of the picture's range).
pub fn noisy(picture: &RgbImage, deviation: f64, rng: &mut ChaCha12Rng) -> RgbImage {
    let noise = normal(rng, picture.as_raw().len());
    let mut noisy = picture.clone();
    for (byte, noise) in noisy.iter_mut().zip(noise) {
        *byte = (f64::from(*byte) + 255. * deviation * f64::from(noise)).round().clamp(0., 255.) as u8;
    }
    noisy
}

/// The central part of a picture, `share` of its sides.
pub fn central(picture: &RgbImage, share: f64) -> RgbImage {
    let (width, height) = picture.dimensions();
    let part = |side: u32| ((f64::from(side) * share).round() as u32).clamp(1, side);
    let (w, h) = (part(width), part(height));
    crop_imm(picture, (width - w) / 2, (height - h) / 2, w, h).to_image()
}

/// What a photograph survives and an adversarial picture does not: the picture shifted by 4 % of its sides, its central 90 %, with noise of a tenth of its
/// contrast, as JPEG of quality 75, and blurred by a pixel.
///
/// # Errors
/// None that a picture can cause.
pub fn changes(picture: &RgbImage, rng: &mut ChaCha12Rng) -> crate::error::Result<[RgbImage; 5]> {
    let bytes = picture.as_raw();
    let mean = bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / bytes.len() as f64;
    let variance = bytes.iter().map(|byte| (f64::from(*byte) - mean).powi(2)).sum::<f64>() / bytes.len() as f64;
    let contrast = variance.sqrt() / 255.;
    Ok([
        shifted(picture, rng),
        central(picture, CROP),
        noisy(picture, contrast * NOISE, rng),
        coding::jpeg(picture, JPEG_QUALITY).context("a picture cannot be written as JPEG")?,
        image::imageops::blur(picture, 1.),
    ])
}

/// Moved by 4 % of its sides, in one of the four diagonal directions; what comes in is the edge.
fn shifted(picture: &RgbImage, rng: &mut ChaCha12Rng) -> RgbImage {
    let (width, height) = picture.dimensions();
    let far = |side: u32| (f64::from(side) * SHIFT).round() as i64;
    let (dx, dy) =
        (far(width) * [-1, 1][rng.random_range(0..2usize)], far(height) * [-1, 1][rng.random_range(0..2usize)]);
    let at = |place: u32, off: i64, side: u32| (i64::from(place) - off).clamp(0, i64::from(side) - 1) as u32;
    RgbImage::from_fn(width, height, |x, y| *picture.get_pixel(at(x, dx, width), at(y, dy, height)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> RgbImage {
        RgbImage::from_fn(64, 64, |x, y| image::Rgb([128 + x as u8 / 4, 120 + ((x * y) % 16) as u8, 100 + y as u8 / 2]))
    }

    #[test]
    fn scrambled_phases_leave_the_magnitudes() {
        let picture = gradient();
        let scrambled = phase_scrambled(&picture, &mut stream(Seed(1), Purpose::Noise, 0)).unwrap();
        let magnitude = |picture: &RgbImage| {
            from_rgb8(picture).to_kind(Kind::Double).fft_fft2(None::<&[i64]>, &[-2, -1][..], "backward").abs()
        };
        let (before, after) = (magnitude(&picture), magnitude(&scrambled));
        let off =
            (&before - &after).abs().sum(None::<Kind>).double_value(&[]) / before.sum(None::<Kind>).double_value(&[]);
        assert!(off < 0.03, "8 bits and clamping alone: {off}");
        let changed = picture.iter().zip(scrambled.iter()).filter(|(a, b)| a.abs_diff(**b) > 4).count();
        assert!(changed > picture.as_raw().len() / 4);
    }

    #[test]
    fn blurred_noise_is_grey_on_average_and_smooth() {
        let noise = blurred_noise(64, &mut stream(Seed(2), Purpose::Noise, 0)).unwrap();
        let picture = from_rgb8(&noise);
        assert!((picture.mean(Kind::Float).double_value(&[]) - 0.5).abs() < 0.05);
        let step = (picture.narrow(2, 1, 63) - picture.narrow(2, 0, 63)).abs().mean(Kind::Float).double_value(&[]);
        assert!(step < 0.05, "neighbours differ by {step}");
    }

    #[test]
    fn changes_are_small_and_each_is_another_one() {
        let picture = gradient();
        let changed = changes(&picture, &mut stream(Seed(4), Purpose::Noise, 0)).unwrap();
        assert_eq!(changed[1].dimensions(), (58, 58));
        for one in changed.iter().filter(|one| one.dimensions() == picture.dimensions()) {
            let off: f64 = one.iter().zip(picture.iter()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
            let off = off / picture.as_raw().len() as f64;
            assert!(off > 0.1 && off < 10., "{off}");
        }
    }

    #[test]
    fn squares_are_inside_and_the_same_for_the_same_seed() {
        let picture = RgbImage::from_fn(100, 70, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let squares = |number| super::squares(&picture, 3, 32, Seed(5), number);
        assert_eq!(squares(1), squares(1));
        assert_ne!(squares(1)[1..], squares(2)[1..]);
        assert_eq!(squares(1)[0], squares(2)[0], "the first is the central one");
        assert!(squares(1).iter().all(|square| square.dimensions() == (32, 32)));
    }
}
