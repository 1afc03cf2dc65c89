//! The build script of every crate here that links libtorch: what it needs so that the program and its tests find
//! libtorch without LD_LIBRARY_PATH. A dependency's own link arguments do not reach the crates that use it, so each
//! crate names this file.

use std::path::Path;

fn main() {
    // Set by torch-sys, wherever it found libtorch: .libtorch, LIBTORCH or Python's PyTorch.
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    // The canonical path lies in the user's cache, so that an installed binary outlives this clone.
    let lib = Path::new(&lib).canonicalize().unwrap_or_else(|_| lib.into());
    println!("cargo:rustc-link-search=native={}", lib.display());
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    // Nothing refers to a symbol of libtorch_cuda, so the linker would drop it, and CUDA would look absent.
    if lib.join("libtorch_cuda.so").exists() {
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch_cuda");
        println!("cargo:rustc-link-arg=-ltorch");
    }
}
