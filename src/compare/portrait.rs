//! A picture as a picture: its spectrum, and other figures that need no network.

use image::RgbImage;
use metrics::coding;
use metrics::luminance::luminance;
use metrics::niqe;
use metrics::spectrum::Spectrum;
use metrics::variation::total_variation;
use ndarray::Array3;

/// The lowest frequency of the band in which spectra are compared, in cycles a picture.
pub const LOWEST: usize = 10;

/// The quality of JPEG everywhere in a comparison.
pub const JPEG_QUALITY: u8 = coding::QUALITY;

/// Figures of one picture that need no network.
#[derive(Clone, Debug, PartialEq)]
pub struct Portrait {
    /// Its radial power spectrum (luminance, Hann window); none of a picture that is not square.
    pub spectrum: Option<Spectrum>,
    /// The highest frequency that is compared, in cycles a picture.
    pub highest: usize,
    /// Anisotropic total variation of values in `[0,1]` (Rudin, Osher & Fatemi 1992).
    pub variation: Option<f64>,
    /// PNG, bits a pixel.
    pub png: Option<f64>,
    /// JPEG, bits a pixel.
    pub jpeg: Option<f64>,
    /// NIQE features of its blocks; none of a picture that has no whole block.
    pub blocks: Vec<[f64; niqe::FEATURES]>,
}

impl Portrait {
    /// Of a picture; `own` is the side of its generator's pictures, above whose Nyquist frequency nothing is compared.
    pub fn of(picture: &RgbImage, own: Option<i64>) -> Portrait {
        let (width, height) = picture.dimensions();
        let bytes = picture.as_raw();
        let shape = (height as usize, width as usize, 3);
        let colours = Array3::from_shape_fn(shape, |(y, x, c)| f64::from(bytes[(y * shape.1 + x) * 3 + c]) / 255.);
        let luminance = luminance(colours.view());
        let side = own.map_or(i64::from(width), |own| own.min(i64::from(width)));
        Portrait {
            spectrum: luminance.as_ref().and_then(|luminance| Spectrum::of(luminance.view())),
            highest: (side / 2) as usize,
            variation: total_variation(colours.view()),
            png: coding::png_bits_per_pixel(picture).ok(),
            jpeg: coding::jpeg_bits_per_pixel(picture, JPEG_QUALITY).ok(),
            blocks: luminance.map(|luminance| niqe::features(luminance.view())).unwrap_or_default(),
        }
    }

    /// The exponent of its power law, f^-alpha, up to a frequency.
    pub fn slope(&self, highest: usize) -> Option<f64> {
        self.spectrum.as_ref()?.slope(LOWEST, highest)
    }
}
