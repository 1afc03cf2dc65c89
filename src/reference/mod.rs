//! Natural photographs that pictures are compared with.

mod photographs;
mod sets;

pub use photographs::{Photograph, below, in_folder, of_set};
pub use sets::{MANIFESTS, image_sets, is_image_set};
