//! An entry of the zoo with its weights file at hand: what an architecture is loaded from.

use frozen::load::LoadError;
use frozen::weights::Weights;
use zoo::{Checked, Manifest};

/// A manifest and its weights file.
pub(crate) struct Entry<'a> {
    /// What the model is.
    pub manifest: &'a Manifest,
    /// Its weights file, hashed and found right.
    pub weights: &'a Checked,
    /// What is done with the tensors before the network is built of them.
    pub change: &'a mut dyn FnMut(Weights) -> Weights,
}

impl Entry<'_> {
    /// The tensors of the weights file.
    ///
    /// # Errors
    /// If the file cannot be read, or is no file of weights.
    pub fn tensors(&mut self) -> Result<Weights, LoadError> {
        Ok((self.change)(Weights::load(&self.weights.path, &self.manifest.keys)?.renamed(&self.manifest.rename)))
    }

    /// The error that the manifest's configuration cannot be, for this reason.
    pub fn wrong(&self, reason: String) -> LoadError {
        LoadError::Config { manifest: self.manifest.file.clone(), reason }
    }
}
