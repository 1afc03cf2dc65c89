//! The program; the work is in the library. See `metapicture --help`.

/// libtorch frees and asks for the same large tensors in every step. glibc maps and faults them in anew each time; jemalloc
/// without decay keeps them, and serves libtorch's C++ too, since it replaces `malloc` for the whole process.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// jemalloc reads this symbol when it starts: a pointer to a C string.
#[cfg(target_os = "linux")]
#[unsafe(export_name = "malloc_conf")]
pub static ALLOCATOR_OPTIONS: Option<&'static std::ffi::c_char> = {
    let options: &'static std::ffi::CStr = c"dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0";
    // SAFETY: the pointer of a static C string is valid for ever.
    Some(unsafe { &*options.as_ptr() })
};

fn main() {
    metapicture::cli::main()
}
