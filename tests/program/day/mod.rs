//! A day's work: whole layers at a glance, stores that are looked into and cleaned, a run again, photographs ranked.

mod again;
mod atlas;
mod clusters;
mod embedding;
mod layers;
mod photographs;
mod stores;
mod walkthroughs;
mod watching;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use image::{Rgb, RgbImage};
use support::narrow;
use tempfile::TempDir;

/// A folder with narrow networks.
pub fn desk() -> TempDir {
    let folder = TempDir::new().unwrap();
    narrow::write(folder.path());
    folder
}

/// So many pictures in three folders within this one.
pub fn photographs(folder: &Path, count: u32) {
    for number in 0..count {
        let folder = folder.join((number % 3).to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let shade = |c: u32| (number * 37 + c * 91) as u8;
        let of = |x: u32, y: u32| Rgb([shade(0).wrapping_add(x as u8), shade(1).wrapping_mul(y as u8 | 1), shade(2)]);
        RgbImage::from_fn(40 + number % 7, 48, of).save(folder.join(format!("{number:03}.png"))).unwrap();
    }
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
