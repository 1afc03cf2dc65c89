//! Taking away what is wanted no more.

use std::collections::HashSet;

use serde::Serialize;

use crate::error::Result;
use crate::store::{Entry, NUMERIC_VERSION, RunId, Status, Store};

/// Which runs are wanted no more; those of any kind that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Unwanted<'a> {
    /// Those that are none of these.
    pub not_in: Option<&'a HashSet<RunId>>,
    /// Those of an older numeric version.
    pub older: bool,
    /// Those that failed.
    pub failed: bool,
}

/// What was taken away, or would be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pruned {
    /// How many runs.
    pub runs: usize,
    /// Bytes of their records.
    pub bytes: u64,
    /// How many stay.
    pub stay: usize,
}

/// The runs that are wanted no more.
pub fn unwanted(store: &Store, which: &Unwanted) -> Vec<Entry> {
    let is_unwanted = |entry: &Entry| {
        which.not_in.is_some_and(|wanted| !wanted.contains(&entry.run_id))
            || (which.older && entry.numeric_version < NUMERIC_VERSION)
            || (which.failed && entry.status == Status::Failed)
    };
    store.entries().into_iter().filter(is_unwanted).collect()
}

/// Takes runs away, for good; `watch` is told how many are gone.
///
/// # Errors
/// Storage: a record that cannot be removed. What was removed before stays so.
pub fn prune(store: &Store, entries: &[Entry], watch: &dyn Fn(usize)) -> Result<Pruned> {
    let ids: Vec<RunId> = entries.iter().map(|entry| entry.run_id.clone()).collect();
    store.remove(&ids, watch)?;
    let bytes = entries.iter().map(|entry| entry.bytes).sum();
    Ok(Pruned { runs: ids.len(), bytes, stay: store.entries().len() })
}
