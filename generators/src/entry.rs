//! An entry of the zoo with its weights file at hand: what an architecture is loaded from.

use frozen::load::LoadError;
use frozen::weights::Weights;
use serde::de::DeserializeOwned;
use zoo::{Checked, Manifest};

/// A manifest and its weights file.
pub(crate) struct Entry<'a> {
    /// What the model is.
    pub manifest: &'a Manifest,
    /// Its weights file, hashed and found right.
    pub weights: &'a Checked,
}

impl Entry<'_> {
    /// The configuration in the manifest, of values that its architecture can have, as `check` says.
    ///
    /// # Errors
    /// A configuration that is not the architecture's own, or that `check` refuses.
    pub fn config<C: DeserializeOwned>(&self, check: fn(&C) -> Result<(), String>) -> Result<C, LoadError> {
        let config: C = self.manifest.config()?;
        check(&config).map_err(|reason| LoadError::Config { manifest: self.manifest.file.clone(), reason })?;
        Ok(config)
    }

    /// The tensors of the weights file.
    ///
    /// # Errors
    /// If the file cannot be read, or is no file of weights.
    pub fn tensors(&self) -> Result<Weights, LoadError> {
        Ok(Weights::load(&self.weights.path, &self.manifest.keys)?.renamed(&self.manifest.rename))
    }
}
