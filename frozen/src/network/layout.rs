//! Shapes and memory order of activations: channels-last, and products that round a sample the same whatever its batch.

use tch::Tensor;

/// A tensor in channels-last memory order (`[N,C,H,W]` in shape, NHWC in memory); other ranks are made contiguous.
///
/// tch has no call for memory formats; permuting, making contiguous and permuting back gives the same strides.
pub fn channels_last(tensor: &Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
        _ => tensor.contiguous(),
    }
}

/// Height and width of a picture `[N,C,H,W]`; 1 and 1 of a vector `[N,C]`.
pub(crate) fn height_and_width(tensor: &Tensor) -> [i64; 2] {
    match tensor.size()[..] {
        [.., height, width] => [height, width],
        _ => [1, 1],
    }
}

/// An uninitialised channels-last `[N,C,H,W]` for as many samples as `like` has, of its kind and on its device.
pub(crate) fn channels_last_empty(like: &Tensor, channels: i64, [height, width]: [i64; 2]) -> Tensor {
    let options = (like.kind(), like.device());
    Tensor::empty([like.size()[0], height, width, channels], options).permute([0, 3, 1, 2])
}

/// Zeros of this shape, channels-last if it is `[N,C,H,W]`, of the kind of `like` and on its device.
pub(crate) fn channels_last_zeros(size: &[i64], like: &Tensor) -> Tensor {
    let options = (like.kind(), like.device());
    match *size {
        [samples, channels, height, width] => {
            Tensor::zeros([samples, height, width, channels], options).permute([0, 3, 1, 2])
        }
        _ => Tensor::zeros(size, options),
    }
}

/// A copy in memory of its own, channels-last.
pub(crate) fn of_its_own(part: &Tensor) -> Tensor {
    let mut copy = channels_last_zeros(&part.size(), part);
    copy.copy_(part);
    copy
}

/// Numbers `[C,1,1]` in the shape that meets an activation of so many dimensions: `[C]` for `[N,C]`, else as they are.
pub(crate) fn per_channel(numbers: &Tensor, dimensions: usize) -> Tensor {
    if dimensions == 2 { numbers.view([-1]) } else { numbers.shallow_clone() }
}

/// Numbers `[N,C]` in the shape that meets an activation of so many dimensions: `[N,C,1,1]` for `[N,C,H,W]`, else as they are.
pub(crate) fn per_sample_and_channel(numbers: &Tensor, dimensions: usize) -> Tensor {
    match dimensions {
        4 => numbers.unsqueeze(-1).unsqueeze(-1),
        _ => numbers.shallow_clone(),
    }
}

/// Sums over height and width: `[N,C,H,W]` to `[N,C]`; a vector `[N,C]` stays what it is.
pub(crate) fn over_positions(tensor: Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.sum_dim_intlist([2i64, 3].as_slice(), false, None::<tch::Kind>),
        _ => tensor,
    }
}

/// The product of all sizes: how many numbers, or multiply-adds.
pub(crate) fn product(sizes: &[i64]) -> f64 {
    sizes.iter().map(|&n| n as f64).product()
}

/// Rows of one matrix product.
const BLOCK: i64 = 8;

/// A matrix product of the samples `[N,…]`, computed in blocks of [`BLOCK`] rows, the last one filled up with zeros: the
/// number of rows decides in which order libtorch sums, and a sample must not depend on how many others are in its batch.
pub(crate) fn by_blocks(samples: &Tensor, product: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let count = samples.size()[0];
    let filled = samples.constant_pad_nd([0, 0, 0, (BLOCK - count % BLOCK) % BLOCK]);
    let blocks: Vec<Tensor> = filled.split(BLOCK, 0).iter().map(product).collect();
    Tensor::cat(&blocks, 0).narrow(0, 0, count)
}
