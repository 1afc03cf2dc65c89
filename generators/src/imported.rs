//! Any generator or encoder, as ONNX (`architecture: onnx`) or as `torch.export.save` writes it (`architecture: exported`): files that are read
//! and never run.

use frozen::imported::{Format, Opened, Request, open};
use frozen::load::LoadError;
use serde::Deserialize;

use crate::built::{Built, Encoding};
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

/// What a manifest says of a program that encodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncoderConfig {
    /// Side of the picture in pixels.
    resolution: i64,
    /// What the numbers of the pictures that it takes mean.
    input: Range,
    /// The program's output that holds the code, where it has several.
    program_output: Option<String>,
}

/// The encoder of an ONNX file.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program that makes codes of pictures.
pub(crate) fn onnx_encoder(entry: &Entry) -> Result<Encoding, LoadError> {
    load_encoder(entry, Format::Onnx)
}

/// The encoder of an exported program.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program that makes codes of pictures.
pub(crate) fn exported_encoder(entry: &Entry) -> Result<Encoding, LoadError> {
    load_encoder(entry, Format::Exported)
}

fn load_encoder(entry: &Entry, format: Format) -> Result<Encoding, LoadError> {
    let check = |config: &EncoderConfig| match config.resolution {
        1..=8192 => Ok(()),
        side => Err(format!("config.resolution: {side} is not between 1 and 8192")),
    };
    let EncoderConfig { resolution, input, program_output } = entry.config(check)?;
    let path = entry.weights.path.clone();
    let shape = [3, resolution, resolution];
    let request = Request { format, input: &shape, classes: 0, output: program_output.as_deref() };
    let Opened { network, shape } = open(&path, &request).map_err(|fault| LoadError::Import { path, fault })?;
    if !matches!(shape.len(), 1 | 3) {
        let reason = format!("its program's output has the shape {shape:?}; a code [d] or [C,h,w] is needed");
        return Err(LoadError::Config { manifest: entry.manifest.file.clone(), reason });
    }
    let range = match input {
        Range::Signed => [2., -1.],
        Range::Unit => [1., 0.],
    };
    Ok(Encoding { network, range, size: [resolution; 2], code: shape })
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
