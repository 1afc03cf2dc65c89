//! Pictures and tensors as files.

mod eight_bit;
mod npy;
mod whole;

pub use eight_bit::{decode, from_rgb8, jpeg, read, to_rgb8};
pub use npy::read_npy;

/// How files of pictures end.
const ENDINGS: [&str; 9] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "ppm"];

/// Whether a file is called as pictures are.
pub fn is_picture(path: &std::path::Path) -> bool {
    let ending = path.extension().and_then(|of| of.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|of| ENDINGS.contains(&&*of))
}
