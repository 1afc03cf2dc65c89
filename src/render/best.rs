//! The best that each run has come to so far.

use tch::Tensor;

use crate::method::Keep;

/// The tensors of each sample's best step, kept on the device.
pub(super) struct Best {
    pub(super) found: Option<(Tensor, Vec<Tensor>)>,
}

impl Best {
    pub(super) fn new(keep: Keep, tensors: &[Tensor]) -> Best {
        let found = (keep == Keep::Best).then(|| {
            let count = tensors[0].size()[0];
            let lowest = Tensor::full([count], f64::NEG_INFINITY, (tensors[0].kind(), tensors[0].device()));
            (lowest, tensors.iter().map(Tensor::copy).collect())
        });
        Best { found }
    }

    pub(super) fn see(&mut self, activations: &Tensor, tensors: &[Tensor]) {
        let Some((highest, kept)) = &mut self.found else { return };
        let better = activations.gt_tensor(highest);
        *highest = activations.where_self(&better, highest);
        for (kept, tensor) in kept.iter_mut().zip(tensors) {
            let rows: Vec<i64> = std::iter::once(-1).chain(tensor.size()[1..].iter().map(|_| 1)).collect();
            *kept = tensor.where_self(&better.view(rows.as_slice()), kept);
        }
    }

    pub(super) fn restore(self, tensors: &[Tensor]) {
        for (kept, tensor) in self.found.iter().flat_map(|(_, kept)| kept).zip(tensors) {
            tensor.shallow_clone().copy_(kept);
        }
    }
}
