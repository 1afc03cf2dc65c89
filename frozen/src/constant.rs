//! Tensors that several threads may share: the weights of a frozen network.

use std::ops::Deref;

use tch::Tensor;

/// A tensor of any shape whose numbers do not change any more: a weight of a frozen network. Threads may share it.
#[derive(Debug)]
pub struct Constant(Tensor);

// SAFETY: a `tch::Tensor` is a counted pointer to a C++ tensor, and its count is atomic. What keeps it from being `Sync` is that
// operations in place write through it while others read. A constant gives out shared references alone, nobody writes to a
// weight, and libtorch lets any number of threads read one tensor at a time.
unsafe impl Sync for Constant {}

impl Constant {
    /// Puts another tensor, made from this one, in its place; only whoever holds the constant alone can.
    pub(crate) fn map(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.0 = f(&self.0);
    }
}

impl From<Tensor> for Constant {
    fn from(tensor: Tensor) -> Constant {
        Constant(tensor)
    }
}

impl Deref for Constant {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.0
    }
}
