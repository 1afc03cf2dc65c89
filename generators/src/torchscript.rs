//! Any generator, as the program that `torch.jit.save` wrote: its file is run, unlike every other file of weights.

use std::path::Path;

use frozen::load::LoadError;
use frozen::network::{Network, ProgramError, Script};
use serde::Deserialize;

use crate::built::Built;
use crate::code::{Code, Prior};
use crate::conditioning::{Classes, Conditioning};
use crate::entry::Entry;
use crate::output::Output;

/// What a manifest says of the program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Shape of a code of standard normal numbers: `[d]`, or `[C,h,w]`.
    pub code: Vec<i64>,
    /// Names of the classes that the generator is conditioned on, one-hot behind the code's numbers.
    #[serde(default)]
    pub classes: Vec<String>,
    /// What the numbers of its pictures mean.
    pub output: Range,
    /// Side of the picture in pixels.
    pub resolution: i64,
}

/// The range of a picture's numbers; what is outside of it is clamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Range {
    /// [-1,1]
    Signed,
    /// `[0,1]`
    Unit,
}

/// The most numbers of a code.
const MOST: i64 = 1 << 24;

impl Config {
    /// The generator whose network is a program of this configuration.
    pub(crate) fn built(self, network: Network) -> Built {
        let Config { code, classes, output, resolution } = self;
        let conditioning =
            (!classes.is_empty()).then(|| Conditioning { classes: Classes::Named(classes), embedding: None });
        let output = match output {
            Range::Signed => Output::SignedClamped,
            Range::Unit => Output::UnitClamped,
        };
        let code = Code { shape: code, prior: Prior::Normal, encoded_by: None };
        Built { network, code, mapping: None, conditioning, output, size: [resolution; 2] }
    }

    /// Refuses what cannot be.
    ///
    /// # Errors
    /// Says which key.
    pub fn check(&self) -> Result<(), String> {
        let numbers = self.code.iter().try_fold(1i64, |product, &size| product.checked_mul(size));
        let sound = self.code.iter().all(|&size| size >= 1) && numbers.is_some_and(|numbers| numbers <= MOST);
        if !matches!(self.code.len(), 1 | 3) || !sound {
            return Err(format!("config.code: {:?} is neither [d] nor [C, h, w]", self.code));
        }
        if !self.classes.is_empty() && self.code.len() == 3 {
            return Err("config.classes: they are for a code [d]".to_owned());
        }
        match (1..=2048).contains(&self.resolution) {
            true => Ok(()),
            false => Err(format!("config.resolution: {} is not between 1 and 2048", self.resolution)),
        }
    }
}

/// What the manifest and the program of an entry make.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program that makes pictures.
pub(crate) fn load(entry: &Entry) -> Result<Built, LoadError> {
    let config = entry.config(Config::check)?;
    let path = &entry.weights.path;
    build(config, path).map_err(|fault| LoadError::Script { path: path.clone(), fault })
}

/// The generator: codes `[N,C,h,w]`, or `[N, d + classes]`, to pictures `[N,3,S,S]`. Where the program returns several tensors,
/// the last is the picture and the others are layers.
///
/// # Errors
/// If the file is no program, or one with other outputs.
pub fn build(config: Config, path: &Path) -> Result<Built, ProgramError> {
    let Config { code, classes, output, resolution } = config;
    let mut input = code.clone();
    input[0] += classes.len() as i64;
    let network = Script::load(path)?.network(&input, None)?;
    let one: Vec<i64> = std::iter::once(1).chain(input).collect();
    let shapes = network.shapes(&one);
    let picture = shapes.last().map(|(_, shape)| shape.clone()).unwrap_or_default();
    if picture != [3, resolution, resolution] {
        return Err(ProgramError(format!(
            "its last output is {picture:?} for a code of {code:?}; a picture [3, {resolution}, {resolution}] is needed"
        )));
    }
    Ok(Config { code, classes, output, resolution }.built(network))
}
