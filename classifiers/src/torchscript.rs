//! Any network, as the program that `torch.jit.save` wrote: its file is run, unlike every other file of weights.

use std::path::Path;

use frozen::load::LoadError;
use frozen::network::{Network, Script, ScriptError};
use serde::Deserialize;

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::{LOGITS, check_moments, check_resolution};

/// What a manifest says of the program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the input in pixels.
    pub resolution: i64,
    /// Subtracted from each channel of a picture in `[0,1]`.
    pub mean: [f64; 3],
    /// What each channel is divided by after that.
    pub std: [f64; 3],
    /// Names of the outputs, the logits last. Not needed where the program returns one tensor or a dictionary.
    pub outputs: Option<Vec<String>>,
}

impl Config {
    /// Refuses what cannot be.
    ///
    /// # Errors
    /// Says which key.
    pub fn check(&self) -> Result<(), String> {
        check_resolution(self.resolution, 1)?;
        check_moments(self.mean, self.std)?;
        match &self.outputs {
            Some(outputs) if outputs.is_empty() || outputs.iter().any(|name| !is_name(name)) => {
                Err(format!("config.outputs: [{}] are no names without ':', '@' and spaces", outputs.join(", ")))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a unit can be written with this layer.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == ':' || c == '@' || c.is_whitespace() || c.is_control())
}

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program with logits.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let config: Config = entry.manifest.config()?;
    config.check().map_err(|reason| entry.wrong(reason))?;
    let path = &entry.weights.path;
    let (network, classes) = network(&config, path).map_err(|fault| LoadError::Script { path: path.clone(), fault })?;
    Ok(Built { network, classes, size: config.resolution, mean: config.mean, std: config.std })
}

/// The network, and the number of its classes: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`.
///
/// # Errors
/// If the file is no program, or one with other outputs.
pub fn network(config: &Config, path: &Path) -> Result<(Network, i64), ScriptError> {
    let input = [3, config.resolution, config.resolution];
    let mut network = Script::load(path)?.network(&input, config.outputs.as_deref())?;
    let shapes = network.shapes(&[1, 3, config.resolution, config.resolution]);
    let wrong = |reason| Err(ScriptError(reason));
    if let Some((tap, _)) = shapes.iter().find(|(tap, _)| !is_name(&tap.name)) {
        return wrong(format!("output '{}' has a name with ':', '@' or a space", tap.name.escape_debug()));
    }
    let (last, inner) = shapes.split_last().ok_or_else(|| ScriptError("its program returns nothing".into()))?;
    if inner.iter().any(|(tap, _)| tap.name == LOGITS) {
        return wrong(format!("output '{}' must be the last", LOGITS));
    }
    let &[classes] = &last.1[..] else {
        return wrong(format!("output '{}', the last, has positions: logits [N,classes] are needed", last.0.name));
    };
    network.alias(network.output(), LOGITS);
    Ok((network, classes))
}
