//! Natural photographs that pictures are compared with.

mod photographs;
mod sets;
mod starts;

pub use photographs::{Broken, Photograph, below, file, in_folder, of_set, told, whole};
pub use sets::{MANIFESTS, image_sets, is_image_set};
pub use starts::StartPhotographs;
