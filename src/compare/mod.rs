//! The comparison: who can read pictures, what they tell of their unit, and what legibility costs
//! (the question of Offert & Bell 2020).
//!
//! ```text
//! folders of records, tables ─> gather ─> looks (one forward pass of every network a picture) ─> two-choice task ─> figures of pictures
//!                  photographs ─> looks ─┘                              controls ─┘                                  │
//!                                comparison.json, tables, features <─ trade-offs <─ figures of methods <─────────────┘
//! ```

pub mod about;
pub mod altered;
pub mod cautions;
pub mod choice;
mod chosen;
pub mod compute;
pub mod controls;
pub mod convergence;
pub mod definitions;
pub mod dials;
pub mod evidence;
mod features;
pub mod findings;
pub mod follow;
pub mod gather;
pub mod inversion;
mod iso;
pub mod job;
pub mod judges;
pub mod least;
pub mod manipulations;
pub mod measure;
mod measured;
pub mod methods;
pub mod nature;
pub mod nearest;
mod observations;
mod of_layers;
mod of_picture;
mod of_set;
mod path;
pub mod portrait;
pub mod statistics;
pub mod study;
pub mod tables;
pub mod tradeoff;
mod trials;

pub use chosen::Chosen;
pub use compute::compare;
pub use features::PHOTOGRAPHS;
pub use findings::{EXEMPLARS, Findings};
pub use follow::FollowComparison;
pub use gather::Gathered;
pub use job::{Job, Options, Prior};
