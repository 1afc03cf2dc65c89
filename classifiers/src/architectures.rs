//! The architectures by the names that manifests call them: one line each, here or in the table of torchvision's.

use frozen::load::{LoadError, unknown_architecture};

use crate::built::Built;
use crate::entry::Entry;
use crate::{
    bvlc_googlenet, caffenet, efficientnet_lite, imported, mobilenet_v1, mobilenet_v2_tf, squeezenet_caffe,
    torchscript, torchvision,
};

/// What makes the network of an entry.
type Loader = fn(&mut Entry) -> Result<Built, LoadError>;

/// Those that are not torchvision's ([`torchvision::ARCHITECTURES`]).
const ARCHITECTURES: &[(&str, Loader)] = &[
    ("bvlc_googlenet", bvlc_googlenet::load),
    ("caffenet", caffenet::load),
    ("efficientnet-lite", efficientnet_lite::load),
    ("exported", imported::exported),
    ("mobilenet_v1", mobilenet_v1::load),
    ("mobilenet_v2_tf", mobilenet_v2_tf::load),
    ("onnx", imported::onnx),
    ("squeezenet-caffe", squeezenet_caffe::load),
    ("torchscript", torchscript::load),
];

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let name = entry.manifest.architecture.as_deref().unwrap_or_default();
    if let Some((_, loader)) = ARCHITECTURES.iter().find(|(known, _)| *known == name) {
        return loader(entry);
    }
    match torchvision::find(name) {
        Some(architecture) => architecture.load(entry),
        None => {
            let ours = ARCHITECTURES.iter().map(|(name, _)| *name);
            let theirs = torchvision::ARCHITECTURES.iter().map(|architecture| architecture.name);
            Err(unknown_architecture(entry.manifest, &ours.chain(theirs).collect::<Vec<_>>()))
        }
    }
}
