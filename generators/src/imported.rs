//! Any generator, as ONNX (`architecture: onnx`) or as `torch.export.save` writes it (`architecture: exported`): files that are read
//! and never run.

use frozen::imported::{Format, Opened, Request, open};
use frozen::load::LoadError;
use serde::Deserialize;

use crate::built::Built;
use crate::entry::Entry;
use crate::torchscript::{self, Range};

/// What a manifest says of the program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Shape of a code of standard normal numbers: `[d]`, or `[C,h,w]`.
    code: Vec<i64>,
    /// Names of the classes whose number is the program's second input.
    #[serde(default)]
    classes: Vec<String>,
    /// What the numbers of its pictures mean.
    output: Range,
    /// Side of the picture in pixels.
    resolution: i64,
    /// The program's output that holds the picture, where it has several.
    program_output: Option<String>,
}

/// The generator of an ONNX file.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program that makes pictures.
pub(crate) fn onnx(entry: &Entry) -> Result<Built, LoadError> {
    load(entry, Format::Onnx)
}

/// The generator of an exported program.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program that makes pictures.
pub(crate) fn exported(entry: &Entry) -> Result<Built, LoadError> {
    load(entry, Format::Exported)
}

fn check(config: &Config) -> Result<(), String> {
    let Config { code, classes, output, resolution, .. } = config.clone();
    torchscript::Config { code, classes, output, resolution }.check()
}

fn load(entry: &Entry, format: Format) -> Result<Built, LoadError> {
    let Config { code, classes, output, resolution, program_output } = entry.config(check)?;
    let path = entry.weights.path.clone();
    let request = Request { format, input: &code, classes: classes.len() as i64, output: program_output.as_deref() };
    let Opened { network, shape } = open(&path, &request).map_err(|fault| LoadError::Import { path, fault })?;
    if shape != [3, resolution, resolution] {
        let reason = format!(
            "its program's output has the shape {shape:?} for a code of {code:?}; a picture [3, {resolution}, {resolution}] is needed"
        );
        return Err(LoadError::Config { manifest: entry.manifest.file.clone(), reason });
    }
    Ok(torchscript::Config { code, classes, output, resolution }.built(network))
}
