//! Whether a file holds what a network needs.

use frozen::load::LoadError;
use zoo::{Checked, Kind, Manifest};

/// Whether a file holds what the network of a manifest needs, tried by loading it.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn fits(manifest: &Manifest, file: &Checked) -> Result<(), String> {
    let loaded = match manifest.kind {
        Kind::Classifier => classifiers::Classifier::load(manifest, file).map(drop),
        Kind::Generator => generators::Generator::load(manifest, file).map(drop),
        Kind::Encoder => generators::Encoder::load(manifest, file).map(drop),
        Kind::Images => Ok(()),
    };
    loaded.map_err(|error| error.to_string())
}

/// Everything that does not fit, where that is it: without where the file lies.
pub(crate) fn misfit(error: &LoadError) -> String {
    match error {
        LoadError::Weights(error) => format!("{:#}", error.fault),
        other => other.to_string(),
    }
}
