//! The one resize of the project: antialiased linear interpolation, differentiable, the same in the optimization loop, in
//! scoring and for photographs.
//!
//! Each output pixel is a weighted mean of input pixels under a triangle that is as wide as the larger of the two pixel
//! pitches, so that shrinking averages instead of skipping. These are the weights of Pillow's `BILINEAR` and of
//! PyTorch's `interpolate(mode="bilinear", antialias=True)`; enlarging is ordinary bilinear interpolation. The result
//! stays within the range of the input. Written as two matrix products, it runs and differentiates everywhere.

use tch::{Device, Kind, Tensor};

/// The `[to, from]` matrix that resizes one axis; rows sum to 1.
fn axis_matrix(from: i64, to: i64) -> Tensor {
    let ratio = from as f64 / to as f64;
    let radius = ratio.max(1.);
    let mut matrix = vec![0f64; (from * to) as usize];
    for (o, row) in matrix.chunks_exact_mut(from as usize).enumerate() {
        let centre = (o as f64 + 0.5) * ratio;
        let first = ((centre - radius + 0.5).floor().max(0.)) as usize;
        let last = ((centre + radius + 0.5).floor().min(from as f64)) as usize;
        for (i, weight) in row.iter_mut().enumerate().take(last).skip(first) {
            *weight = (1. - ((i as f64 + 0.5 - centre) / radius).abs()).max(0.);
        }
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|weight| *weight /= sum);
    }
    Tensor::from_slice(&matrix).view([to, from])
}

/// A resize between two fixed sizes, its matrices ready on a device.
#[derive(Debug)]
pub struct Resize {
    from: [i64; 2],
    to: [i64; 2],
    /// Transposed, `[from, to]`: rows, then columns.
    matrices: Option<[Tensor; 2]>,
}

impl Resize {
    /// From `[height, width]` to `[height, width]`.
    pub fn new(from: [i64; 2], to: [i64; 2], kind: Kind, device: Device) -> Resize {
        let axis = |i: usize| axis_matrix(from[i], to[i]).to_kind(kind).to_device(device).transpose(0, 1).contiguous();
        let matrices = (from != to).then(|| [axis(0), axis(1)]);
        Resize { from, to, matrices }
    }

    /// The picture `[N,C,H,W]` at its new size; differentiable with autograd. Equal sizes are passed through untouched.
    pub fn apply(&self, picture: &Tensor) -> Tensor {
        let Some([rows, columns]) = &self.matrices else { return picture.shallow_clone() };
        let (n, c) = (picture.size()[0], picture.size()[1]);
        let wide = picture.reshape([-1, self.from[1]]).mm(columns).view([n * c, self.from[0], self.to[1]]);
        let high = wide.transpose(1, 2).reshape([-1, self.from[0]]).mm(rows);
        high.view([n, c, self.to[1], self.to[0]]).transpose(2, 3)
    }

    /// Carries a gradient with respect to the resized picture back to the picture, without autograd.
    pub fn pullback(&self, gradient: &Tensor) -> Tensor {
        let Some([rows, columns]) = &self.matrices else { return gradient.shallow_clone() };
        let (n, c) = (gradient.size()[0], gradient.size()[1]);
        let narrow = gradient.reshape([-1, self.to[1]]).mm(&columns.transpose(0, 1));
        let narrow = narrow.view([n * c, self.to[0], self.from[1]]).transpose(1, 2).reshape([-1, self.to[0]]);
        narrow.mm(&rows.transpose(0, 1)).view([n, c, self.from[1], self.from[0]]).transpose(2, 3)
    }
}

/// Scales a picture `[N,C,H,W]` until its shorter side is `size` (the longer one rounded), and cuts the central square.
pub fn to_square(picture: &Tensor, size: i64) -> Tensor {
    let (height, width) = (picture.size()[2], picture.size()[3]);
    let long = |side: i64| (side as f64 * size as f64 / height.min(width) as f64).round() as i64;
    let to = if height <= width { [size, long(width)] } else { [long(height), size] };
    let resized = Resize::new([height, width], to, picture.kind(), picture.device()).apply(picture);
    resized.narrow(2, (to[0] - size) / 2, size).narrow(3, (to[1] - size) / 2, size)
}
