//! What searches without gradients measure codes by: deviations of the code's own prior.

use ndarray::{Array1, Array2, ArrayView2};
use tch::{Device, Kind, Tensor};

use crate::error::Result;
use crate::param::{Latent, Param};

/// What searches without gradients measure by: the prior's mean and standard deviation in each number of a code. Number by number,
/// a draw from the prior is white noise to them; what numbers have to do with each other (in w and w+ of a StyleGAN) they do not
/// know at first.
pub(super) struct Whitening {
    mean: Array1<f64>,
    deviation: Array1<f64>,
}

impl Whitening {
    /// That of a code's prior.
    pub(super) fn of(code: &Latent) -> Result<Whitening> {
        let (mut means, mut deviations) = (vec![], vec![]);
        for (tensor, (mean, deviation)) in code.tensors().iter().zip(code.moments()) {
            means.push(mean.expand_as(tensor));
            deviations.push(deviation.expand_as(tensor));
        }
        let row = |tensors: &[Tensor]| to_rows(tensors).map(|rows| rows.row(0).to_owned());
        Ok(Whitening { mean: row(&means)?, deviation: row(&deviations)? })
    }

    /// Codes `[n,d]` in deviations from the mean; 0 where the prior has none.
    pub(super) fn whitened(&self, codes: Array2<f64>) -> Array2<f64> {
        let mut codes = codes - &self.mean;
        for mut row in codes.rows_mut() {
            row.zip_mut_with(&self.deviation, |number, &deviation| {
                *number = if deviation > 0. { *number / deviation } else { 0. };
            });
        }
        codes
    }

    /// Codes `[n,d]` from deviations from the mean: undoes [`Whitening::whitened`].
    pub(super) fn coloured(&self, white: Array2<f64>) -> Array2<f64> {
        white * &self.deviation + &self.mean
    }
}

/// All numbers of each sample in a row.
pub(super) fn to_rows(tensors: &[Tensor]) -> Result<Array2<f64>> {
    let flat: Vec<Tensor> = tensors.iter().map(|tensor| tensor.flatten(1, -1)).collect();
    let flat = Tensor::cat(&flat, 1).to_kind(Kind::Double).to_device(Device::Cpu);
    let shape = (flat.size()[0] as usize, flat.size()[1] as usize);
    let mut values = vec![0.; flat.numel()];
    flat.contiguous().copy_data(&mut values, flat.numel());
    Ok(Array2::from_shape_vec(shape, values)?)
}

/// Writes rows of numbers into tensors `[N,…]`, one row a sample: undoes [`to_rows`].
pub(super) fn set_rows(tensors: &[Tensor], rows: ArrayView2<f64>) -> Result<()> {
    let values: Vec<f64> = rows.iter().copied().collect();
    let flat = Tensor::from_slice(&values).view([rows.nrows() as i64, rows.ncols() as i64]);
    let mut from = 0;
    for tensor in tensors {
        let shape = tensor.size();
        let width = shape[1..].iter().product::<i64>();
        tensor.shallow_clone().copy_(&flat.narrow(1, from, width).view(shape.as_slice()));
        from += width;
    }
    Ok(())
}
