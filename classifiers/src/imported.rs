//! Any network, as ONNX (`architecture: onnx`) or as `torch.export.save` writes it (`architecture: exported`): files that are read
//! and never run.

use frozen::imported::{Format, Opened, Request, open};
use frozen::load::LoadError;

use crate::built::Built;
use crate::entry::Entry;
use crate::own::Config;
use crate::parts::LOGITS;

/// The network of an ONNX file, and how pictures enter it.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program with logits.
pub(crate) fn onnx(entry: &mut Entry) -> Result<Built, LoadError> {
    load(entry, Format::Onnx)
}

/// The network of an exported program, and how pictures enter it.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program with logits.
pub(crate) fn exported(entry: &mut Entry) -> Result<Built, LoadError> {
    load(entry, Format::Exported)
}

fn load(entry: &mut Entry, format: Format) -> Result<Built, LoadError> {
    let config: Config = entry.manifest.config()?;
    config.check().map_err(|reason| entry.wrong(reason))?;
    let path = entry.weights.path.clone();
    let request = Request { format, input: &config.input(), classes: 0, output: config.program_output.as_deref() };
    let opened = open(&path, &request).map_err(|fault| LoadError::Import { path, fault })?;
    let Opened { network, shape } = opened;
    match shape[..] {
        [logits] => config.built(network, logits, entry),
        // Logits as a map of one place.
        [logits, 1, 1] => config.built(network.flattened(LOGITS), logits, entry),
        _ => Err(entry.wrong(format!(
            "its program's output has the shape [N, {}]; logits [N,classes] are needed",
            listed(&shape)
        ))),
    }
}

fn listed(shape: &[i64]) -> String {
    shape.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
