//! The comparison: how far pictures that a prior constrains drift from those of pixel space, and what legibility costs
//! (the question of Offert & Bell 2020).

pub mod comparison;
pub mod controls;
pub mod gather;
pub mod inversion;
pub mod look;
pub mod measure;
pub mod nature;
pub mod portrait;
