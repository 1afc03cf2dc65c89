//! Exit codes: 0 done; 1 something failed (the rest is done and kept); 2 wrong usage, a wrong file or an unknown name; 130 interrupted, 75 ended by SIGTERM
//! (what is finished is kept). An error's code follows from its kind (`main` in `cli/mod.rs`); a subcommand that has done part of its work
//! returns 1 or 130 itself.

/// Something went wrong in the work itself.
pub(super) const FAILED: u8 = 1;
/// The request cannot be meant.
pub(super) const USAGE: u8 = 2;
/// Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;
/// SIGTERM: the work was left at a checkpoint, and the same command goes on with it (`EX_TEMPFAIL` of sysexits.h).
pub(super) const TERMINATED: u8 = 75;

/// Ends the program at once. What libtorch takes apart when a process ends (its tables of operators) takes longer than most commands do,
/// and the system takes the memory back anyway.
pub(crate) fn leave(code: u8) -> ! {
    use std::io::Write;
    // Where nobody reads them, nobody is left to tell.
    let _ = (std::io::stdout().flush(), std::io::stderr().flush());
    #[cfg(unix)]
    // SAFETY: it returns to nobody. Files are whole or not there at any moment, so that nothing waits for a handler at the end.
    unsafe {
        libc::_exit(code.into())
    }
    #[cfg(not(unix))]
    std::process::exit(code.into())
}
