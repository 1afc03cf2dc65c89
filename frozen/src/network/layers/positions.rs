//! Pictures as rows of positions, in blocks: attention and quantization compare every position with many partners, and go
//! sample by sample and block by block, so that the table of all pairs never exists at once and a sample's result does not
//! depend on its batch.

use tch::Tensor;

/// Numbers in the largest table of pairs.
const MOST: i64 = 1 << 22;

/// Positions of a block, each of which has `partners` numbers.
pub(super) fn block(partners: i64) -> i64 {
    (MOST / partners.max(1)).max(1)
}

/// One sample `[C,H,W]` as rows `[HW,C]`: a view where the sample is channels-last.
pub(super) fn rows(sample: &Tensor) -> Tensor {
    sample.permute([1, 2, 0]).reshape([-1, sample.size()[0]])
}
