//! The bars that are shown, and what is written above them.

use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

/// All bars that are shown, so that whatever is written comes above them.
static ALL: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A bar of an unknown length, shown unless `quiet`.
pub(super) fn bar(quiet: bool) -> ProgressBar {
    match quiet {
        true => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        false => ALL.add(ProgressBar::no_length()),
    }
}

/// Writes above all bars.
pub(super) fn above<R>(write: impl FnOnce() -> R) -> R {
    ALL.suspend(write)
}
