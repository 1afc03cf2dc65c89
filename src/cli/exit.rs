//! Exit codes: 0 done; 1 something failed (the rest is done and kept); 2 wrong usage, a wrong file or an unknown name; 130 interrupted
//! (what is finished is kept). An error's code follows from its kind (`main` in `cli/mod.rs`); a subcommand that has done part of its work
//! returns 1 or 130 itself.

/// Something went wrong in the work itself.
pub(super) const FAILED: u8 = 1;
/// The request cannot be meant.
pub(super) const USAGE: u8 = 2;
/// Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;
