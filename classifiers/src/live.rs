//! A network that another program holds in memory: a module of PyTorch, for one. Nothing is read; what it computes is asked of it.

use frozen::load::LoadError;
use frozen::network::{Program, ProgramError, of_program};
use zoo::{Checked, Manifest};

use crate::built::Built;
use crate::classifier::Classifier;
use crate::entry::Entry;
use crate::own::Config;
use crate::torchscript::logits_of;

/// A program that runs elsewhere, and what is known of it.
#[derive(Debug)]
pub struct Live<'l> {
    /// Its outputs are the layers, in the order of the forward pass, the logits `[N,classes]` last.
    pub program: Box<dyn Program>,
    /// Other names of layers: the first is the name that the program gives.
    pub aliases: &'l [(String, String)],
    /// What decides what it computes beside its weights: a sha256 of its code, say.
    pub code: &'l str,
}

impl Classifier {
    /// The classifier of a program that runs elsewhere. The manifest says how pictures enter it and what its classes are, as that of a TorchScript
    /// program does; of `weights` the sha256 counts, by which runs are told from those of other weights.
    ///
    /// # Errors
    /// A configuration that cannot be, or a program without logits or without one number for one picture.
    pub fn live(manifest: &Manifest, weights: &Checked, live: Live<'_>) -> Result<Classifier, LoadError> {
        let Live { program, aliases, code } = live;
        let entry = Entry { manifest, weights, change: &mut |tensors| tensors };
        let config: Config = manifest.config()?;
        config.check().map_err(|reason| entry.wrong(reason))?;
        let input = config.input();
        let wrong = |ProgramError(reason)| LoadError::Config { manifest: manifest.file.clone(), reason };
        let mut network = of_program(program, &input, None).map_err(wrong)?;
        let logits = logits_of(&network, &input).map_err(wrong)?;
        for (name, alias) in aliases {
            if let Some(point) = network.taps().iter().find(|tap| tap.name == *name).map(|tap| tap.point) {
                network.alias(point, alias);
            }
        }
        let built: Built = config.built(network, logits, &entry)?;
        let mut definition = manifest.definition();
        definition["code"] = code.into();
        Ok(Classifier::built(built, manifest, weights, definition))
    }
}
