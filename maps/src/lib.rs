//! Where pictures lie relative to each other, from a row of numbers each: neighbours, principal components, and UMAP with the graph of umap-learn and a
//! layout that a seed decides. A map is for looking; no statement may rest on distances in it. Pure Rust on `ndarray`.
//!
//! ```text
//! rows ─┬─> neighbours ─> graph ─┐
//!       └─> pca ─┬───── start ──┴─> layout ─> trustworthiness
//!                └─> clusters
//! ```

pub mod clusters;
pub mod graph;
pub mod layout;
pub mod neighbours;
pub mod pca;
mod spread;
pub mod trustworthiness;
