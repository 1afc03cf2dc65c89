//! `metapicture sweep`: every run that an experiment file asks for and that is not there yet.

mod command;
mod job;
mod queue;
mod run;
mod slurm;
mod told;
mod workers;

pub use command::SweepCommand;
pub use run::run;
