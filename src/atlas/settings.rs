//! What is asked of an atlas, and what is told while it is made.

use std::path::PathBuf;

/// Pictures up to which the page is one file.
pub const SINGLE: usize = 5000;

/// A viewer of picture collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// VIKUS Viewer (Pietsch, FH Potsdam): its folder of data.
    Vikus,
    /// Embedding Atlas (Apple): a Parquet file.
    EmbeddingAtlas,
    /// A manifest of IIIF's Presentation API 3.
    Iiif,
}

impl Export {
    /// All of them, by name.
    pub const NAMES: [(&'static str, Export); 3] =
        [("vikus", Export::Vikus), ("embedding-atlas", Export::EmbeddingAtlas), ("iiif", Export::Iiif)];
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A folder that `embed` wrote.
    pub embedded: PathBuf,
    /// A folder that `map` wrote, of the same pictures.
    pub map: Option<PathBuf>,
    /// Further tables, as CSV, joined by `sha256`, `name`, `file` or `row`.
    pub tables: Vec<PathBuf>,
    /// What the page is called; the name of the folder, if nothing else.
    pub title: Option<String>,
    /// Neighbours that are shown of a picture; 0 leaves them out.
    pub neighbours: usize,
    /// What other viewers read.
    pub exports: Vec<Export>,
    /// Where pictures will be served, as a URL that their names are appended to.
    pub base: Option<String>,
    /// Pictures up to which the page is one file, [`SINGLE`] if nobody knows better.
    pub single: usize,
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Neighbours were found of so many pictures, of so many.
    Neighbours(usize, usize),
    /// So many pictures were made small, of so many.
    Pictures(usize, usize),
}

/// Who is told, and says whether to go on.
pub type Watch<'w> = &'w (dyn Fn(Stage) -> bool + Sync);
