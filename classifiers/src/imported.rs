//! Any network, as ONNX (`architecture: onnx`) or as `torch.export.save` writes it (`architecture: exported`): files that are read
//! and never run.

use frozen::imported::{Format, Opened, Request, open};
use frozen::load::LoadError;
use serde::Deserialize;

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::{LOGITS, check_moments, check_resolution};

/// What a manifest says of the program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Side of the input in pixels.
    resolution: i64,
    /// Subtracted from each channel of a picture in `[0,1]`.
    mean: [f64; 3],
    /// What each channel is divided by after that.
    std: [f64; 3],
    /// The program's output that holds the logits, where it has several.
    program_output: Option<String>,
}

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
    let checked = check_resolution(config.resolution, 1).and_then(|()| check_moments(config.mean, config.std));
    checked.map_err(|reason| entry.wrong(reason))?;
    let path = entry.weights.path.clone();
    let input = [3, config.resolution, config.resolution];
    let request = Request { format, input: &input, classes: 0, output: config.program_output.as_deref() };
    let opened = open(&path, &request).map_err(|fault| LoadError::Import { path, fault })?;
    let Opened { mut network, shape, .. } = opened;
    let &[classes] = &shape[..] else {
        return Err(entry.wrong(format!("its program's output has the shape [N, {}]; logits [N,classes] are needed", listed(&shape))));
    };
    network.alias(network.output(), LOGITS);
    Ok(Built { network, classes, size: config.resolution, mean: config.mean, std: config.std })
}

fn listed(shape: &[i64]) -> String {
    shape.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
