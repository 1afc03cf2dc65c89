//! Who follows a batch while it runs.

use tch::Tensor;

use crate::error::Error;

/// Who follows a batch while it runs.
pub trait Watch {
    /// `done` of `steps` steps are done; `activation` is the batch's mean at the last one that was read.
    fn step(&self, done: usize, steps: usize, activation: f64);

    /// `done` of `codes` random codes are screened.
    fn screened(&self, done: usize, codes: usize) {
        let _ = (done, codes);
    }

    /// Whether the pictures that step `step` sees are to be shown: of a search of codes by gradients they are there, of one without
    /// they take a pass of the generator. Starts that are only tried are not shown.
    fn wants(&self, step: usize, steps: usize) -> bool {
        let _ = (step, steps);
        false
    }

    /// The pictures of a step that was wanted: `[N,3,H,W]`, one a run, on the device of the batch; in `[0,1]`, unless the method leaves
    /// pixels unbounded.
    fn pictures(&self, step: usize, steps: usize, pictures: &Tensor) {
        let _ = (step, steps, pictures);
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

/// One who sees how starts are tried, and not their pictures.
pub(super) struct OfTrials<'w>(pub(super) &'w dyn Watch);

impl Watch for OfTrials<'_> {
    fn step(&self, done: usize, steps: usize, activation: f64) {
        self.0.step(done, steps, activation);
    }
}
