//! What other viewers of picture collections read, one file a viewer.

mod embedding_atlas;
mod iiif;
mod vikus;

use std::path::{Path, PathBuf};

use super::collection::Collection;
use super::settings::{Export, Settings};
use crate::error::{Context, Result, bail};

/// Whether an export is possible, before anything is done.
pub(super) fn check(export: Export, settings: &Settings) -> Result<()> {
    match (export, &settings.base) {
        (Export::Iiif, None) => bail!("--export iiif needs --base URL, where the pictures will be served"),
        (Export::EmbeddingAtlas, _) if settings.map.is_none() => {
            bail!("--export embedding-atlas needs --map DIR, which `metapicture map` writes")
        }
        _ => Ok(()),
    }
}

/// Writes an export into `out`, and says where.
pub(super) fn write(export: Export, collection: &Collection, settings: &Settings, out: &Path) -> Result<PathBuf> {
    match export {
        Export::Vikus => vikus::write(collection, settings, &out.join("vikus")),
        Export::EmbeddingAtlas => embedding_atlas::write(collection, &out.join("embedding-atlas.parquet")),
        Export::Iiif => iiif::write(collection, settings, &out.join("manifest.json")),
    }
}

/// Writes a file aside, then moves it to its place.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("{}: cannot be written", path.display());
    let aside = path.with_extension("partial");
    std::fs::write(&aside, bytes).with_context(cannot)?;
    std::fs::rename(&aside, path).with_context(cannot)
}

/// The address of a picture: the base, and its name as addresses have it.
fn address(base: &str, name: &str) -> String {
    let mut address = format!("{}/", base.trim_end_matches('/'));
    for byte in name.trim_start_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => address.push(byte as char),
            _ => address += &format!("%{byte:02X}"),
        }
    }
    address
}
