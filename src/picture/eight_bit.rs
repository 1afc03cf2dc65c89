//! Pictures as files: 8-bit RGB PNG out; anything that the `image` crate reads in.

use std::path::Path;

use crate::error::{Context, Result, request};
use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use tch::{Kind, Tensor};

/// The 8-bit picture of a tensor `[3,H,W]` in `[0,1]`: the nearest of the 256 values.
///
/// # Errors
/// If the tensor is no such picture.
pub fn to_rgb8(picture: &Tensor) -> Result<RgbImage> {
    let (_, height, width) = picture.size3()?;
    let bytes = (picture.clamp(0., 1.) * 255.).round().permute([1, 2, 0]).to_kind(Kind::Uint8).contiguous();
    let mut data = vec![0u8; bytes.numel()];
    bytes.copy_data(&mut data, bytes.numel());
    RgbImage::from_raw(width as u32, height as u32, data).ok_or_else(|| request!("a picture has 3 channels"))
}

/// The tensor `[3,H,W]` in `[0,1]`, f32, of an 8-bit picture.
pub fn from_rgb8(picture: &RgbImage) -> Tensor {
    let (width, height) = picture.dimensions();
    let bytes = Tensor::from_slice(picture.as_raw().as_slice()).view([i64::from(height), i64::from(width), 3]);
    (bytes.permute([2, 0, 1]).to_kind(Kind::Float) / 255.).contiguous()
}

/// Reads a picture file: its kind is told by its content, transparency is dropped, colour profiles are ignored.
///
/// # Errors
/// A file that cannot be read, or is no picture; the error names it.
pub fn read(path: &Path) -> Result<RgbImage> {
    let file = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("{file}: cannot be read"))?;
    let format = image::guess_format(&bytes)
        .map_err(|_| request!("{file}: not a picture (PNG, JPEG, WebP, GIF, TIFF, BMP or PNM)"))?;
    let picture = image::load_from_memory_with_format(&bytes, format);
    Ok(picture.with_context(|| format!("{file}: not a whole picture"))?.to_rgb8())
}

/// The picture as JPEG, colour at half the resolution; `quality` is 1 to 100. Pictures of one size and quality begin with the same bytes.
///
/// # Errors
/// A side over 65535.
pub fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let side = |length: u32| u16::try_from(length).context("a JPEG has sides up to 65535");
    let mut bytes = vec![];
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    encoder.encode(picture.as_raw(), width, height, ColorType::Rgb).context("a picture cannot be a JPEG")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_survive_the_way_through_a_tensor() {
        let picture = RgbImage::from_fn(16, 8, |x, y| image::Rgb([(x * 16) as u8, (y * 32) as u8, (x * y) as u8]));
        assert_eq!(to_rgb8(&from_rgb8(&picture)).unwrap(), picture);
    }

    #[test]
    fn a_file_that_is_no_picture_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello").unwrap();
        let error = format!("{:#}", read(file.path()).unwrap_err());
        assert!(error.contains(file.path().to_str().unwrap()) && error.contains("not a picture"), "{error}");
    }
}
