//! The zoo as its users meet it: manifests that are wrong, servers that are wrong, files that are wrong, and several
//! processes at once. Nothing here leaves this machine.

mod at_once;
mod damage;
mod definitions;
mod fixtures;
mod manifests;
mod names;
mod own_files;
mod pulling;
mod server;
mod unpublished;
mod wheels;
