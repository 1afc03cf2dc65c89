//! The program's own command line, in this process.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the program with these arguments and ends the process with its exit code. `program` are the words that start it again in another
/// process.
#[pyfunction]
pub fn run(py: Python<'_>, program: Vec<OsString>, arguments: Vec<OsString>) {
    keep_freed_memory();
    // The process ends in there, so that nothing comes back to the interpreter.
    py.detach(|| metapicture::cli::main_as(program, arguments))
}

/// libtorch frees and asks for the same large tensors in every step. The process is the program's alone here, so that its allocator may
/// keep them instead of giving them back to the system each time.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets two numbers of the allocator, which refuses those that are too large for it.
    unsafe {
        for threshold in [1 << 30, 32 << 20] {
            if libc::mallopt(libc::M_MMAP_THRESHOLD, threshold) == 1 {
                break;
            }
        }
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}
