//! The program as a user meets it: what it leaves, what it says, how it ends.

mod annotate;
mod cli;
mod compare;
mod critique;
mod day;
mod front_door;
mod manual;
mod report;
mod schema;
mod slurm;
mod snapshots;
mod store;
mod study;
mod sweep;
mod verdict;
