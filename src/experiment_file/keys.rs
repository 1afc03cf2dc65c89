//! What an experiment file may say: the keys of its document, and the ranges of its numbers, their ends included.

/// The keys of a document.
pub(super) const KEYS: [&str; 19] = [
    "name",
    "description",
    "extends",
    "classifier",
    "classifiers",
    "generator",
    "generators",
    "units",
    "methods",
    "seeds",
    "size",
    "steps",
    "facets",
    "device",
    "threads",
    "batch",
    "keep",
    "compare",
    "sweep",
];

/// The sides that pictures may have, in pixels.
pub(super) const SIZES: (u64, u64) = (8, 4096);
/// The steps that a method may have in each octave.
pub(super) const STEPS: (u64, u64) = (1, 10_000_000);
/// The facets that a method may have.
pub(super) const FACETS: (u64, u64) = (1, 64);
/// The threads of libtorch.
pub(super) const THREADS: (u64, u64) = (1, 65_535);
/// The runs of a batch.
pub(super) const BATCHES: (u64, u64) = (1, 65_535);
/// What is kept of a run; the record always is.
pub(super) const KEPT: [&str; 4] = ["record", "picture", "trace", "state"];
