//! A day's work: whole layers at a glance, stores that are looked into and cleaned, a run again, photographs ranked.

mod again;
mod layers;
mod photographs;
mod stores;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::narrow;
use tempfile::TempDir;

/// A folder with narrow networks.
pub fn desk() -> TempDir {
    let folder = TempDir::new().unwrap();
    narrow::write(folder.path());
    folder
}

pub fn run(at: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
    command.current_dir(at).args(arguments).stdin(Stdio::null()).env("OMP_WAIT_POLICY", "passive");
    command.output().unwrap()
}

/// Runs to a good end; what it said.
pub fn said(at: &Path, arguments: &[&str]) -> String {
    let output = run(at, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs to an end of the request's fault; the one line that it says.
pub fn refused(at: &Path, arguments: &[&str]) -> String {
    let output = run(at, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{arguments:?}: {error}");
    error
}
