//! Whether every byte of a folder of records is what was written.

use std::path::Path;

use indicatif::HumanBytes;

use crate::cli::error::{OfRequest, Result};
use crate::cli::exit::FAILED;
use crate::cli::output::print_json;
use crate::cli::progress::{count, counting};
use metapicture::engine::store::Store;

pub(super) fn verify(folder: &Path, json: bool, quiet: bool) -> Result<u8> {
    // Nothing is made where there is nothing, so that a mistyped name is not answered with "sound".
    let reader = || Store::read(folder).of_request();
    if !folder.join("runs").is_dir() {
        return reader().map(|_| 0);
    }
    let bar = counting("records", quiet || json);
    let watch = |done: usize, of: usize| count(&bar, done, of);
    let store = match Store::open_watched(folder, &watch) {
        Err(error) if is_forbidden(&error) => Store::read(folder)?,
        store => store?,
    };
    let found = store.verify(&watch)?;
    bar.finish_and_clear();
    if json {
        print_json(&found)?;
    } else {
        for damage in &found.damage {
            println!("{damage}");
        }
        if !quiet {
            let failed = if found.failed > 0 { format!(" and {} of failed runs", found.failed) } else { String::new() };
            println!("{} records{failed} are sound, {}", found.done, HumanBytes(found.bytes));
        }
        if !found.damage.is_empty() {
            let count = found.damage.len();
            log::error!("{}: {count} damaged; the command that made them makes them again", folder.display());
        }
    }
    Ok(if found.damage.is_empty() { 0 } else { FAILED })
}

/// Whether it is only writing that is not allowed.
fn is_forbidden(error: &crate::cli::error::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.io(), Some(PermissionDenied | ReadOnlyFilesystem))
}

/// Says on stderr what a store found damaged and set aside: those runs are not done.
pub(in crate::cli) fn warn_of_damage(store: &Store) {
    for damage in store.take_damage() {
        log::warn!("{}: {damage}", store.root().display());
    }
}
