//! Experiment files as a researcher writes them: what they expand to, and what is said of those that are wrong.

mod files;
mod mangled;
mod read;
mod schema;
mod wrong;
