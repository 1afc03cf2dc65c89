//! Pictures as files: 8-bit RGB PNG out; anything that the `image` crate reads in.

use std::fmt::Display;
use std::io::Cursor;
use std::path::Path;

use super::whole::is_whole_jpeg;
use crate::error::{Context, Result, bail, request};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};
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

/// The most memory that a decoded picture may take, in bytes: some 350 million pixels of 8 bits.
const LARGEST: u64 = 1 << 30;

/// Reads a picture file, as a viewer shows it: its kind is told by its content, it is turned as its EXIF says, and what is transparent is laid
/// on white. Colour profiles are ignored; of an animation the first picture is taken; 16 bits and floats in `[0,1]` are brought to 8 bits.
///
/// # Errors
/// A file that cannot be read, is no picture, is cut off, or holds more than a gigabyte of pixels; the error names it.
pub fn read(path: &Path) -> Result<RgbImage> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    decode(&bytes, &path.display())
}

/// As [`read`], of a file's bytes; errors call it `file`.
///
/// # Errors
/// As those of [`read`].
pub fn decode(bytes: &[u8], file: &dyn Display) -> Result<RgbImage> {
    let format = image::guess_format(bytes)
        .map_err(|_| request!("{file}: not a picture (PNG, JPEG, WebP, GIF, TIFF, BMP or PNM)"))?;
    let not_whole = || format!("{file}: not a whole picture");
    if format == ImageFormat::Jpeg && !is_whole_jpeg(bytes) {
        bail!("{}: its end is missing", not_whole());
    }
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().with_context(not_whole)?;
    if decoder.total_bytes() > LARGEST {
        let (width, height) = decoder.dimensions();
        bail!("{file}: {width} x {height} pixels are more than fit into {LARGEST} bytes");
    }
    let orientation = decoder.orientation().with_context(not_whole)?;
    // Not by this decoder, whose code would be generated in this crate, and run as slowly as a debug build's.
    let mut picture = image::load_from_memory_with_format(bytes, format).with_context(not_whole)?;
    picture.apply_orientation(orientation);
    Ok(if picture.color().has_alpha() { on_white(&picture) } else { picture.into_rgb8() })
}

/// Laid on white, in the values of the file, as browsers do.
fn on_white(picture: &DynamicImage) -> RgbImage {
    let with_alpha = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = with_alpha.get_pixel(x, y).0.map(u32::from);
        image::Rgb([red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
    })
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

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    /// Wider than high, dark to the left.
    fn slope() -> RgbImage {
        RgbImage::from_fn(48, 16, |x, _| image::Rgb([x as u8 * 5; 3]))
    }

    /// The mean of a square of 8 pixels at this place.
    fn around(picture: &RgbImage, x: u32, y: u32) -> f64 {
        let square = image::imageops::crop_imm(picture, x, y, 8, 8).to_image();
        square.as_raw().iter().map(|value| f64::from(*value)).sum::<f64>() / 192.
    }

    #[test]
    fn a_photograph_that_a_camera_turned_is_read_as_it_is_seen() {
        let picture = slope();
        // EXIF with one entry: Orientation (0x112), a short, in the byte order of Intel.
        let turned = |orientation: u8| {
            let mut bytes = vec![];
            let mut encoder = Encoder::new(&mut bytes, 95);
            let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
            exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
            encoder.add_app_segment(1, exif).unwrap();
            encoder.encode(picture.as_raw(), 48, 16, ColorType::Rgb).unwrap();
            read(written(&bytes).path()).unwrap()
        };
        let (upright, mirrored, half_turn, quarter_turn, back) =
            (turned(1), turned(2), turned(3), turned(6), turned(8));
        for (wide, is_dark_to_the_left) in [(&upright, true), (&mirrored, false), (&half_turn, false)] {
            assert_eq!(wide.dimensions(), (48, 16));
            assert_eq!(around(wide, 0, 4) < around(wide, 40, 4), is_dark_to_the_left);
        }
        for (high, is_dark_above) in [(&quarter_turn, true), (&back, false)] {
            assert_eq!(high.dimensions(), (16, 48));
            assert_eq!(around(high, 4, 0) < around(high, 4, 40), is_dark_above);
        }
    }

    #[test]
    fn a_third_of_a_photograph_is_no_photograph() {
        let bytes = jpeg(&slope(), 90).unwrap();
        assert!(read(written(&bytes).path()).is_ok());
        for length in [bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let file = written(&bytes[..length]);
            let error = read(file.path()).unwrap_err().to_string();
            let name = file.path().to_str().unwrap();
            assert!(error.contains(name) && error.contains("not a whole picture"), "{length}: {error}");
        }
        // What cameras put behind the end is not the picture's.
        assert!(read(written(&[&bytes[..], b"a film"].concat()).path()).is_ok());
    }

    #[test]
    fn what_is_transparent_is_white() {
        let mut picture = image::RgbaImage::from_pixel(4, 4, image::Rgba([200, 0, 0, 0]));
        picture.put_pixel(1, 1, image::Rgba([200, 0, 0, 255]));
        picture.put_pixel(2, 2, image::Rgba([200, 0, 100, 51]));
        let mut bytes = Cursor::new(vec![]);
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let found = read(written(bytes.get_ref()).path()).unwrap();
        assert_eq!(found.get_pixel(0, 0).0, [255; 3]);
        assert_eq!(found.get_pixel(1, 1).0, [200, 0, 0]);
        // A fifth of it, and four of white.
        assert_eq!(found.get_pixel(2, 2).0, [244, 204, 224]);
        // The same in 16 bits, and in grey.
        let wide = image::DynamicImage::ImageRgba8(picture.clone()).into_rgba16();
        let grey = image::GrayAlphaImage::from_pixel(2, 2, image::LumaA([0, 51]));
        for (other, expected) in [(DynamicImage::from(wide), [244, 204, 224]), (DynamicImage::from(grey), [204; 3])] {
            let mut bytes = Cursor::new(vec![]);
            other.write_to(&mut bytes, ImageFormat::Png).unwrap();
            let found = read(written(bytes.get_ref()).path()).unwrap();
            assert_eq!(found.get_pixel(found.width() / 2, found.height() / 2).0, expected);
        }
    }

    #[test]
    fn a_file_that_is_no_picture_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello").unwrap();
        let error = format!("{:#}", read(file.path()).unwrap_err());
        assert!(error.contains(file.path().to_str().unwrap()) && error.contains("not a picture"), "{error}");
    }
}
