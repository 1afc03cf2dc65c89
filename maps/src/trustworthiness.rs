//! How far neighbours on a map are neighbours (Venna & Kaski 2001, "Neighborhood Preservation in Nonlinear Projection Methods").

use ndarray::ArrayView2;

use crate::neighbours::{Distance, nearest};
use crate::spread::blocks;

/// The trustworthiness of a map `[N,2]` of `rows` `[N,D]` at `count` neighbours, 0 to 1: 1 where all neighbours on the map are neighbours. `None` where `nearest`
/// has none, or of fewer than two times as many points.
pub fn trustworthiness(rows: ArrayView2<f32>, map: ArrayView2<f32>, count: usize, distance: Distance) -> Option<f64> {
    let n = rows.nrows();
    if map.nrows() != n || n <= 2 * count {
        return None;
    }
    let on_map = nearest(map, count, Distance::Euclidean, &|_| ())?;
    let rows = rows.as_standard_layout();
    let of_rows = |range: std::ops::Range<usize>| -> Option<f64> {
        let mut sum = 0.;
        for row in range {
            let own = rows.row(row);
            let far = |other: usize| Some(distance.between(own.to_slice()?, rows.row(other).to_slice()?));
            let all: Vec<f32> = (0..n).map(far).collect::<Option<_>>()?;
            for other in on_map.places.row(row) {
                let other = *other as usize;
                let nearer = |place: &usize| (all[*place], *place) < (all[other], other) && *place != row;
                let rank = 1 + (0..n).filter(nearer).count();
                sum += rank.saturating_sub(count) as f64;
            }
        }
        Some(sum)
    };
    let sum: f64 = blocks(n, 64, of_rows, &|_| ()).into_iter().sum::<Option<f64>>()?;
    let (n, k) = (n as f64, count as f64);
    Some(1. - sum * 2. / (n * k * (2. * n - 3. * k - 1.)))
}
