//! How the program was called: with which arguments, and by which words it is started again.

use std::ffi::OsString;
use std::sync::OnceLock;

use super::error::{Context, Result};

/// A call by another program: the words that start this one, and the arguments.
static CALL: OnceLock<(Vec<OsString>, Vec<OsString>)> = OnceLock::new();

/// Says once how it was called.
pub(super) fn set(program: Vec<OsString>, arguments: Vec<OsString>) {
    // A process has one command line: the first one holds.
    let _ = CALL.set((program, arguments));
}

/// The arguments, without the program's path.
pub(super) fn arguments() -> Vec<OsString> {
    CALL.get().map_or_else(|| std::env::args_os().skip(1).collect(), |(_, arguments)| arguments.clone())
}

/// The same as text.
pub(super) fn words() -> Vec<String> {
    arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The program, and the words that come before its arguments, for another process that does the same.
///
/// # Errors
/// If it cannot be found.
pub(super) fn program() -> Result<Vec<OsString>> {
    match CALL.get() {
        Some((program, _)) => Ok(program.clone()),
        None => Ok(vec![std::env::current_exe().context("this program cannot be found")?.into_os_string()]),
    }
}
