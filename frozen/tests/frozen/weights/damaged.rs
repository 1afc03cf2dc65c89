//! Files whose bytes were altered: an error or tensors, never a panic, and no more memory than the file warrants.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use frozen::weights::{WeightError, WeightFile, Weights};

use super::{expected, file};
use crate::mutate::Mutator;

/// Counts what each thread has allocated; libtorch's own memory is not among it.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    ALLOCATED.set(ALLOCATED.get() + bytes);
    PEAK.set(PEAK.get().max(ALLOCATED.get()));
}

// SAFETY: all is handed to the system's allocator; counting does not allocate, as the cells are made without.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The memory beside the tensors themselves that a file of this length may cost.
fn allowed(length: usize) -> usize {
    4 * length + (1 << 20)
}

/// Does all that can be done with a file that holds these bytes; how it went, and the most memory that it took at once.
pub(super) fn read_counting(
    bytes: &[u8],
    key: Option<&str>,
    shapes: &[(String, Vec<i64>)],
) -> (Result<(), String>, usize) {
    thread_local! {
        static DIRECTORY: tempfile::TempDir = tempfile::tempdir().unwrap();
    }
    let path = DIRECTORY.with(|directory| directory.path().join("damaged.pth"));
    // Not fs::write: ext4 waits for the disk where a file is emptied and written again.
    let mut damaged = fs::File::options().create(true).truncate(false).write(true).open(&path).unwrap();
    damaged.write_all(bytes).unwrap();
    damaged.set_len(bytes.len() as u64).unwrap();
    drop(damaged);
    let before = ALLOCATED.get();
    PEAK.set(before);
    let outcome = (|| {
        let opened = WeightFile::open_at(&path, key)?;
        for (name, tensor) in opened.read_all()? {
            assert!(tensor.defined(), "{name}");
        }
        let mut weights = Weights::load(&path, &key.map(str::to_owned).into_iter().collect::<Vec<_>>())?;
        for (name, shape) in shapes {
            let _ = weights.take(name, shape);
        }
        weights.finish().map(|_| ())
    })();
    let outcome = outcome.map_err(|error: WeightError| {
        let message = error.to_string();
        assert!(message.starts_with(&format!("{}: ", path.display())), "{message}");
        message
    });
    (outcome, (PEAK.get() - before) as usize)
}

#[test]
fn damaged_files_give_errors_and_neither_panics_nor_floods() {
    // More for a thorough search: MUTATIONS=200000 cargo test -p frozen --test frozen damaged
    let mutations = std::env::var("MUTATIONS").ok().map_or(2000, |count| count.parse().unwrap());
    let files = [
        ("zip.pth", None, "tensors"),
        ("zip_without_checksums.pth", None, "tensors"),
        ("legacy.pth", None, "tensors"),
        ("safetensors", None, "tensors"),
        ("checkpoint.pth", Some("model.generator"), "checkpoint"),
    ];
    let others = ["keras.h5", "keras_model.h5", "caffe.caffemodel", "caffe_v1.caffemodel"];
    let files = files.into_iter().chain(others.map(|name| (name, None, "")));
    for (seed, (name, key, group)) in files.enumerate() {
        let original = fs::read(file(name)).unwrap();
        let shapes: Vec<(String, Vec<i64>)> = if group.is_empty() {
            let tensors = WeightFile::open(&file(name)).unwrap().read_all().unwrap();
            tensors.into_iter().map(|(name, tensor)| (name, tensor.size())).collect()
        } else {
            expected(group).into_iter().map(|(name, tensor)| (name, tensor.shape)).collect()
        };
        assert_eq!(read_counting(&original, key, &shapes).0, Ok(()));
        let mut mutator = Mutator::new(&original, seed as u64);
        let (mut refused, mut slowest, mut largest) = (0, Duration::ZERO, 0);
        for number in 0..mutations {
            let (description, bytes) = mutator.mutate();
            let start = Instant::now();
            let Ok((outcome, peak)) = catch_unwind(AssertUnwindSafe(|| read_counting(&bytes, key, &shapes))) else {
                panic!("{name}, mutation {number} panicked: {description}");
            };
            slowest = slowest.max(start.elapsed());
            largest = largest.max(peak);
            refused += usize::from(outcome.is_err());
            assert!(slowest < Duration::from_secs(10), "{name}, mutation {number} took {slowest:?}: {description}");
            assert!(peak <= allowed(bytes.len()), "{name}, mutation {number} took {peak} bytes: {description}");
        }
        println!("{name}: {refused} of {mutations} refused, at most {slowest:?} and {largest} bytes");
    }
}
