//! Who follows a batch while it runs.

use crate::error::Error;

/// Who follows a batch while it runs.
pub trait Watch {
    /// `done` of `steps` steps are done; `activation` is the batch's mean at the last one that was read.
    fn step(&self, done: usize, steps: usize, activation: f64);

    /// `done` of `codes` random codes are screened.
    fn screened(&self, done: usize, codes: usize) {
        let _ = (done, codes);
    }

    /// A checkpoint could not be written. The batch goes on; this is told once.
    fn unsaved(&self, error: &Error) {
        let _ = error;
    }
}

impl<F: Fn(usize, usize, f64)> Watch for F {
    fn step(&self, done: usize, steps: usize, activation: f64) {
        self(done, steps, activation);
    }
}
