//! What a weights file holds, whatever its format: tensors by name, as strided views of storages.

use tch::Kind;

/// A tensor of a weights file.
#[derive(Debug)]
pub struct TensorEntry {
    /// Its name; those of nested dictionaries are joined with dots.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<i64>,
    /// What its elements are.
    pub kind: Kind,
    pub(super) layout: Layout,
}

/// Where a tensor's elements lie in a storage, counted in elements.
#[derive(Debug)]
pub(super) struct Layout {
    /// Number of the storage.
    pub(super) storage: usize,
    pub(super) offset: i64,
    pub(super) stride: Vec<i64>,
}

/// Consecutive elements in the file.
pub(crate) struct Storage {
    /// First byte.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    pub(crate) kind: Kind,
    pub(crate) crc32: Option<u32>,
}

/// What a file holds.
pub(super) struct Contents {
    pub(super) tensors: Vec<TensorEntry>,
    pub(super) storages: Vec<Storage>,
}

/// More dimensions than any network's weights have.
pub(crate) const HIGHEST_RANK: u32 = 16;

/// Whether a tensor lies within a storage of `count` elements; otherwise what it does instead.
pub(crate) fn check_view(shape: &[i64], stride: &[i64], offset: i64, count: i64) -> Result<(), String> {
    /// Far more than any file has, and so few that libtorch can multiply it with an element's size.
    const MOST: i64 = 1 << 48;
    if shape.iter().chain(stride).any(|&number| number < 0) {
        return Err(format!("has a negative size or stride: {shape:?}, {stride:?}"));
    }
    let elements = shape.iter().try_fold(1, |product: i64, &size| product.checked_mul(size.max(1)));
    if elements.is_none_or(|elements| elements > MOST) || stride.iter().any(|&stride| stride > MOST) {
        return Err(format!("has an impossible size or stride: {shape:?}, {stride:?}"));
    }
    let beyond = || format!("reaches beyond its storage of {count} elements: {shape:?}, {stride:?} from {offset}");
    if offset < 0 || offset > count {
        return Err(beyond());
    }
    if shape.contains(&0) {
        return Ok(());
    }
    let last = shape.iter().zip(stride).try_fold(offset, |last, (size, stride)| {
        (size - 1).checked_mul(*stride).and_then(|extent| last.checked_add(extent))
    });
    if last.is_some_and(|last| last < count) { Ok(()) } else { Err(beyond()) }
}

/// A tensor's name without the key and its dot; none where it is not under the key.
pub(super) fn under_key<'a>(name: &'a str, key: Option<&str>) -> Option<&'a str> {
    match key {
        None => Some(name),
        Some(key) => name.strip_prefix(key)?.strip_prefix('.'),
    }
}
