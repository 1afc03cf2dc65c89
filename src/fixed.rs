//! Documents that must not change unnoticed: JSON files that hold the sha256 of all else in them.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Context, OfRequest, Result, bail};
use crate::store::Hash;

/// A document with a version of its fields and the sha256 of all else in it.
pub trait Fixed: Clone + Serialize + DeserializeOwned {
    /// The version that this program writes and reads.
    const SCHEMA_VERSION: u32;

    /// The version that it has.
    fn schema_version(&self) -> u32;

    /// Where its sha256 stands.
    fn hash(&mut self) -> &mut String;

    /// It with its sha256, which is computed as if none stood there.
    ///
    /// # Errors
    /// None that these documents can cause.
    fn fixed(mut self) -> Result<Self> {
        self.hash().clear();
        let hash = Hash::of(&serde_json::to_vec(&self)?).to_string();
        *self.hash() = hash;
        Ok(self)
    }

    /// Writes it; the folder is made where it is not there.
    ///
    /// # Errors
    /// Storage: a file that cannot be written.
    fn write(&self, path: &Path) -> Result<()> {
        let cannot = || format!("{}: cannot be written", path.display());
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).with_context(cannot)?;
        std::fs::write(path, serde_json::to_vec_pretty(self)?).with_context(cannot)
    }

    /// Reads one, which `what` calls what it is.
    ///
    /// # Errors
    /// A request: a file that cannot be read, is no such document or one of another version, or is not as it was written.
    fn read(path: &Path, what: &str) -> Result<Self> {
        let named = path.display();
        let text = std::fs::read(path).of_request().with_context(|| format!("{named}: cannot be read"))?;
        let mut found: Self =
            serde_json::from_slice(&text).of_request().with_context(|| format!("{named}: is no {what}"))?;
        if found.schema_version() != Self::SCHEMA_VERSION {
            bail!("{named}: has version {}, and this program reads {}", found.schema_version(), Self::SCHEMA_VERSION);
        }
        let told = found.hash().clone();
        let mut again = found.fixed()?;
        if *again.hash() != told {
            bail!("{named}: is not as it was written");
        }
        Ok(again)
    }
}
