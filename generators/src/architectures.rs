//! The architectures by the names that manifests call them, one line each.

use frozen::load::{LoadError, unknown_architecture};

use crate::built::Built;
use crate::entry::Entry;
use crate::{biggan, biggan_deep, dcgan, deepsim, imported, pgan, sagan, sngan, stylegan2, taesd, torchscript, vqgan};

/// What makes a generator of an entry.
type Loader = fn(&Entry) -> Result<Built, LoadError>;

/// In the order of their names, as errors list them.
const ARCHITECTURES: &[(&str, Loader)] = &[
    ("biggan", |entry| Ok(biggan::build(entry.config(biggan::Config::check)?, entry.tensors()?)?)),
    ("biggan-deep", |entry| Ok(biggan_deep::build(entry.config(biggan_deep::Config::check)?, entry.tensors()?)?)),
    ("dcgan", |entry| Ok(dcgan::build(entry.config(dcgan::Config::check)?, entry.tensors()?)?)),
    ("deepsim", |entry| Ok(deepsim::build(entry.manifest.config()?, entry.tensors()?)?)),
    ("exported", imported::exported),
    ("onnx", imported::onnx),
    ("pgan", |entry| Ok(pgan::build(entry.config(pgan::Config::check)?, entry.tensors()?)?)),
    ("sagan", |entry| Ok(sagan::build(entry.config(sagan::Config::check)?, entry.tensors()?)?)),
    ("sngan", |entry| Ok(sngan::build(entry.config(sngan::Config::check)?, entry.tensors()?)?)),
    ("stylegan2", stylegan2::load),
    ("taesd", |entry| Ok(taesd::build(entry.config(taesd::Config::check)?, entry.tensors()?)?)),
    ("torchscript", torchscript::load),
    ("vqgan", |entry| Ok(vqgan::build(entry.config(vqgan::Config::check)?, entry.tensors()?)?)),
];

/// What an entry's architecture makes of it.
///
/// # Errors
/// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
pub(crate) fn load(entry: &Entry) -> Result<Built, LoadError> {
    let name = entry.manifest.architecture.as_deref();
    match ARCHITECTURES.iter().find(|(known, _)| name == Some(known)) {
        Some((_, loader)) => loader(entry),
        None => {
            let known: Vec<&str> = ARCHITECTURES.iter().map(|(known, _)| *known).collect();
            Err(unknown_architecture(entry.manifest, &known))
        }
    }
}
