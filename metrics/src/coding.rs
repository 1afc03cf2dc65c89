//! How many bits a picture takes, as PNG and as JPEG (after Donderi 2006, "Visual Complexity: A Review", on compressed size
//! as a measure of complexity), and what JPEG leaves of it. Bits are diagnostics only: a flat picture wins them. They are
//! comparable between pictures of one size only, and depend on the encoder, the `image` crate's.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageFormat, ImageResult, RgbImage};

/// The quality at which pictures are compared.
pub const QUALITY: u8 = 75;

fn bits_per_pixel(file: &[u8], picture: &RgbImage) -> f64 {
    8. * file.len() as f64 / (f64::from(picture.width()) * f64::from(picture.height()))
}

/// Bits per pixel as a PNG file, at the best compression and with the filter chosen row by row. An error if the picture
/// has no pixels.
pub fn png_bits_per_pixel(picture: &RgbImage) -> ImageResult<f64> {
    let mut file = Vec::new();
    picture.write_with_encoder(PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::Adaptive))?;
    Ok(bits_per_pixel(&file, picture))
}

/// Bits per pixel as a JPEG file of a `quality` from 1 to 100. An error if the picture has no pixels or is wider or higher
/// than 65,535.
pub fn jpeg_bits_per_pixel(picture: &RgbImage, quality: u8) -> ImageResult<f64> {
    Ok(bits_per_pixel(&jpeg_file(picture, quality)?, picture))
}

/// What JPEG at a `quality` from 1 to 100 leaves of the picture. Errors as for [`jpeg_bits_per_pixel`].
pub fn jpeg(picture: &RgbImage, quality: u8) -> ImageResult<RgbImage> {
    let file = jpeg_file(picture, quality)?;
    Ok(image::load(Cursor::new(file), ImageFormat::Jpeg)?.into_rgb8())
}

fn jpeg_file(picture: &RgbImage, quality: u8) -> ImageResult<Vec<u8>> {
    let mut file = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100)))?;
    Ok(file)
}
