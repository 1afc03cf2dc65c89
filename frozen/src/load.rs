//! What can go wrong between a manifest and a network.

use std::path::PathBuf;

use crate::imported::ImportError;
use crate::network::ProgramError;
use crate::weights::WeightError;
use zoo::{Manifest, ZooError};

/// Why a manifest did not become a network.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nobody here builds that architecture.
    #[error("{manifest}: unknown architecture '{architecture}'; there are: {known}")]
    Architecture {
        /// The manifest's file.
        manifest: String,
        /// What it asks for.
        architecture: String,
        /// What there is.
        known: String,
    },
    /// The configuration cannot be.
    #[error("{manifest}: {reason}")]
    Config {
        /// The manifest's file.
        manifest: String,
        /// Which key, and why.
        reason: String,
    },
    /// The manifest's configuration is not the architecture's.
    #[error(transparent)]
    Manifest(#[from] ZooError),
    /// The weights file is not the architecture's.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The file is no program that can be a network.
    #[error("{}: {fault}", .path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ProgramError,
    },
    /// The file is no program that can be read as a network.
    #[error("{}: {fault}", .path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ImportError,
    },
}

/// The error for an architecture that is not among `known`.
pub fn unknown_architecture(manifest: &Manifest, known: &[&str]) -> LoadError {
    LoadError::Architecture {
        manifest: manifest.file.clone(),
        architecture: manifest.architecture.clone().unwrap_or_default(),
        known: known.join(", "),
    }
}
