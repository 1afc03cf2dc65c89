//! Sweeps as a user meets them: killed, on a full disk, shared out, resumed; their tables and how they end. The measure is always
//! the same: an undisturbed sweep's `record.json` and `image.png`, byte for byte.
//!
//! Tests that take minutes, or measure, are ignored: `cargo test --test program sweep -- --ignored --nocapture --test-threads 1`.
//!
//! Tests that take minutes are ignored: `cargo test --test program sweep -- --ignored --nocapture --test-threads 1`.

mod bench;
mod gpu;
mod killed;
mod shared;
