//! `metapicture models`: what the zoo holds, and what of it is on this machine.

mod bars;
mod command;
mod learn;
mod pull;
#[cfg(test)]
mod tests;
mod told;

pub use bars::Bars;
pub use command::{Models, run};
