//! Any network, as the program that `torch.jit.save` wrote: its file is run, unlike every other file of weights.

use std::path::Path;

use frozen::load::LoadError;
use frozen::network::{Network, ProgramError, Script};

use crate::built::Built;
use crate::entry::Entry;
use crate::own::{Config, is_name};
use crate::parts::LOGITS;

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// A configuration that cannot be, or a file that is no program with logits.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let config: Config = entry.manifest.config()?;
    config.check().map_err(|reason| entry.wrong(reason))?;
    let path = &entry.weights.path;
    let (network, logits) = network(&config, path).map_err(|fault| LoadError::Script { path: path.clone(), fault })?;
    config.built(network, logits, entry)
}

/// The network, and the number of its logits: the program's own inputs to logits `[N,classes]`.
///
/// # Errors
/// If the file is no program, or one with other outputs.
fn network(config: &Config, path: &Path) -> Result<(Network, i64), ProgramError> {
    let input = config.input();
    let network = Script::load(path)?.network(&input, config.outputs.as_deref())?;
    let logits = logits_of(&network, &input)?;
    Ok((network, logits))
}

/// The number of a program's logits, its last output.
///
/// # Errors
/// If that has positions, or an output before it is called so.
pub(crate) fn logits_of(network: &Network, input: &[i64]) -> Result<i64, ProgramError> {
    let one: Vec<i64> = std::iter::once(1).chain(input.iter().copied()).collect();
    let shapes = network.shapes(&one);
    let wrong = |reason| Err(ProgramError(reason));
    if let Some((tap, _)) = shapes.iter().find(|(tap, _)| !is_name(&tap.name)) {
        return wrong(format!("output '{}' has a name with ':', '@' or a space", tap.name.escape_debug()));
    }
    let (last, inner) = shapes.split_last().ok_or_else(|| ProgramError("its program returns nothing".into()))?;
    if inner.iter().any(|(tap, _)| tap.name == LOGITS) {
        return wrong(format!("output '{}' must be the last", LOGITS));
    }
    let &[logits] = &last.1[..] else {
        return wrong(format!("output '{}', the last, has positions: logits [N,classes] are needed", last.0.name));
    };
    Ok(logits)
}
