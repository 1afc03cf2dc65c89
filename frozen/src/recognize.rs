//! What kind of file somebody has brought, by its first bytes and its zip directory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::weights::zip::{Archive, MAGIC};

/// What kind of file this is, in the words of its users.
///
/// # Errors
/// If it cannot be read.
pub fn recognize(path: &Path) -> std::io::Result<&'static str> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = vec![];
    file.by_ref().take(256).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(if head.starts_with(MAGIC) {
        match Archive::open(&mut file, length) {
            Ok(zip) if zip.names().any(|name| name.starts_with("models/")) => "a program of torch.export.save",
            Ok(zip) if zip.names().any(|name| name == "constants.pkl") => "a program of TorchScript (torch.jit.save)",
            Ok(zip) if zip.names().any(|name| name == "data.pkl") => "weights of torch.save (zip)",
            Ok(_) => "a zip archive",
            Err(_) => "a zip archive that is damaged",
        }
    } else if head.starts_with(b"\x89HDF") {
        "weights in HDF5"
    } else if head.get(8) == Some(&b'{') {
        "weights in safetensors"
    } else if head.first() == Some(&0x80) {
        "weights of torch.save (legacy)"
    } else if head.first() == Some(&0x08) {
        "a network in ONNX"
    } else if head.first() == Some(&0x0a) {
        "weights of Caffe (.caffemodel)"
    } else {
        "a file of a kind that is not known here"
    })
}
