//! Bilinear sampling whose gradient is the same sum each time.

use tch::{Kind, Tensor};

use super::pad::Fill;

/// What `grid_sampler_2d` without aligned corners gives: of `pictures`, [rows, channels, height, width], the points of `grid`,
/// [rows, height, width, 2]. On a GPU that adds up a picture's gradient in whatever order its threads come; here libtorch sorts what it
/// adds.
pub(super) fn look_up(pictures: &Tensor, grid: &Tensor, fill: Fill) -> Tensor {
    let (rows, channels, height, width) = pictures.size4().expect("four dimensions");
    let points = grid.size();
    let x = along(&grid.select(3, 0), width, fill);
    let y = along(&grid.select(3, 1), height, fill);
    let pixels = pictures.permute([0, 2, 3, 1]).reshape([rows * height * width, channels]);
    let first = (Tensor::arange(rows, (Kind::Int64, pictures.device())) * (height * width)).view([rows, 1, 1]);
    let corner = |right: f64, below: f64| {
        let (column, line) = (x.floor() + right, y.floor() + below);
        let weight = ((&x - &column).abs() - 1.) * ((&y - &line).abs() - 1.);
        let inside = |at: &Tensor, length: i64| at.ge(0.).logical_and(&at.le((length - 1) as f64));
        let weight = weight * inside(&column, width).logical_and(&inside(&line, height)).to_kind(pictures.kind());
        let whole = |at: &Tensor, length: i64| at.clamp(0., (length - 1) as f64).to_kind(Kind::Int64);
        let place = whole(&line, height) * width + whole(&column, width) + &first;
        pixels.index(&[Some(place.view(-1))]) * weight.view([-1, 1])
    };
    let shown = corner(0., 0.) + corner(1., 0.) + corner(0., 1.) + corner(1., 1.);
    shown.view([rows, points[1], points[2], channels]).permute([0, 3, 1, 2])
}

/// Coordinates in [-1, 1] from edge to edge as places of pixels, by their centres.
fn along(coordinates: &Tensor, length: i64, fill: Fill) -> Tensor {
    let at = ((coordinates + 1.) * length as f64 - 1.) / 2.;
    let last = (length - 1) as f64;
    match fill {
        Fill::Grey => at,
        Fill::Edge => at.clamp(0., last),
        Fill::Reflect => {
            // From the left edge there and back again.
            let there = (at + 0.5).abs().remainder(2. * length as f64);
            let back = 2. * length as f64 - &there;
            (there.minimum(&back) - 0.5).clamp(0., last)
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn points_and_their_gradients_are_those_of_libtorchs_sampler() {
        tch::manual_seed(4);
        let pictures = Tensor::rand([3, 3, 13, 17], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        // Far beyond the edges, too.
        let grid = Tensor::rand([3, 20, 11, 2], (Kind::Double, Device::Cpu)) * 7. - 3.5;
        let weights = Tensor::rand([3, 3, 20, 11], (Kind::Double, Device::Cpu));
        for (fill, number) in [(Fill::Grey, 0), (Fill::Edge, 1), (Fill::Reflect, 2)] {
            let gradient = |shown: &Tensor| {
                Tensor::run_backward(&[(shown * &weights).sum(Kind::Double)], &[&pictures], false, false).remove(0)
            };
            let expected = pictures.grid_sampler_2d(&grid, 0, number, false);
            let found = look_up(&pictures, &grid, fill);
            let differ = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
            assert!(differ(&found, &expected) < 1e-12, "{fill:?}");
            assert!(differ(&gradient(&found), &gradient(&expected)) < 1e-12, "{fill:?}");
        }
    }
}
