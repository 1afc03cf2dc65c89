//! Work shared out to the threads that libtorch computes with. A pool of one's own would fight with them for the cores: OpenMP's
//! threads wait for the next piece of work by spinning.

use std::cell::Cell;
use std::ffi::{c_uint, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// OpenMP's entry for compilers: calls a function with its argument on so many threads (flags: 0).
type Region = unsafe extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, c_uint, c_uint);

/// That of the runtime which came into this process with libtorch, if there is one.
fn region() -> Option<Region> {
    static FOUND: OnceLock<Option<Region>> = OnceLock::new();
    *FOUND.get_or_init(find)
}

#[cfg(unix)]
fn find() -> Option<Region> {
    let name = c"GOMP_parallel".as_ptr();
    let found = unsafe {
        // In what libtorch was linked with, whatever its runtime's file is called.
        let libtorch = libc::dlopen(c"libtorch_cpu.so".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        let there = if libtorch.is_null() { libtorch } else { libc::dlsym(libtorch, name) };
        if there.is_null() { libc::dlsym(libc::RTLD_DEFAULT, name) } else { there }
    };
    // Safe to call as what the runtime documents it to be.
    (!found.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Region>(found) })
}

#[cfg(not(unix))]
fn find() -> Option<Region> {
    None
}

struct Shared<'w> {
    work: &'w (dyn Fn(usize) + Sync),
    next: AtomicUsize,
    parts: usize,
}

thread_local! {
    /// Whether this thread is one of several that share work out, each of which has enough to do.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether there are threads to share work out to: OpenMP's runtime is there, and this is none of its threads at work.
pub fn can_share() -> bool {
    region().is_some() && !INSIDE.get()
}

/// Calls `work` once for each of so many parts, each on a thread of its own where there are as many. What libtorch and the loops
/// of this crate are asked for in there they compute on that thread alone.
pub fn on_threads(parts: usize, threads: usize, work: &(dyn Fn(usize) + Sync)) {
    in_parts(parts, threads, &|part| {
        let before = INSIDE.replace(true);
        work(part);
        INSIDE.set(before);
    });
}

/// Calls `work` once for each of so many parts, at the same time on so many threads where there are as many.
pub(crate) fn in_parts(parts: usize, threads: usize, work: &(dyn Fn(usize) + Sync)) {
    let threads = if INSIDE.get() { 1 } else { threads.min(parts) };
    extern "C" fn on_one_thread(shared: *mut c_void) {
        let Shared { work, next, parts } = unsafe { &*shared.cast::<Shared>() };
        // Counted, since the runtime may give fewer threads than were asked for.
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= *parts {
                return;
            }
            work(part);
        }
    }
    match region().filter(|_| threads > 1) {
        Some(region) => {
            let shared = Shared { work, next: AtomicUsize::new(0), parts };
            unsafe { region(on_one_thread, (&raw const shared).cast_mut().cast(), threads as c_uint, 0) }
        }
        None => (0..parts).for_each(work),
    }
}

/// Memory of which each part of the work writes a piece of its own.
pub(crate) struct Shares(*mut f32, usize);

unsafe impl Sync for Shares {}

impl Shares {
    pub fn of(numbers: &mut [f32]) -> Shares {
        Shares(numbers.as_mut_ptr(), numbers.len())
    }

    /// Where they begin. No two parts may write the same ones.
    pub fn start(&self) -> *mut f32 {
        self.0
    }

    /// The numbers from `start` on.
    ///
    /// # Safety
    /// No other part may hold any of them at the same time.
    ///
    /// # Panics
    /// If they are not among the numbers.
    #[allow(clippy::mut_from_ref, reason = "that no two parts hold the same numbers is what the caller answers for")]
    pub unsafe fn piece(&self, start: usize, length: usize) -> &mut [f32] {
        assert!(start + length <= self.1, "a piece beyond the end");
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

/// Parts into which work for so many threads is cut, at most `most`: several for each, since one may be held up.
pub(crate) fn parts(threads: usize, most: usize) -> usize {
    const FOR_EACH: usize = 4;
    if threads <= 1 { 1 } else { (threads * FOR_EACH).clamp(1, most.max(1)) }
}

/// The part of `count` things that falls to a part.
pub(crate) fn share(count: usize, part: usize, parts: usize) -> std::ops::Range<usize> {
    count * part / parts..count * (part + 1) / parts
}
