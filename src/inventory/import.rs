//! Records of other folders come in.

use serde::Serialize;

use crate::error::Result;
use crate::store::{Damage, Store};

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Imported {
    /// Records that came in.
    pub runs: usize,
    /// Those that were there already.
    pub there: usize,
    /// Those that are damaged where they come from: they were left there.
    pub damaged: Vec<Damage>,
}

/// Copies the records of other folders that this one lacks, each hashed on its way; `watch` is told how many were looked at, and of how many.
///
/// # Errors
/// Storage: what cannot be read or written. What came in before stays.
pub fn import(to: &Store, from: &[Store], watch: &dyn Fn(usize, usize)) -> Result<Imported> {
    let all: Vec<_> = from.iter().flat_map(|store| store.ids().into_iter().map(move |id| (store, id))).collect();
    let mut imported = Imported::default();
    for (number, (store, id)) in all.iter().enumerate() {
        match to.entry(id).is_some() {
            true => imported.there += 1,
            false if to.take(store, id)? => imported.runs += 1,
            false => {}
        }
        watch(number + 1, all.len());
    }
    imported.damaged = from.iter().flat_map(Store::take_damage).collect();
    Ok(imported)
}
