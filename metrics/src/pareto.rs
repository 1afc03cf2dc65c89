//! The trade-off of two goals, more of each being better: which points are not beaten in both, and the area that they
//! dominate (Zitzler & Thiele 1998, "Multiobjective Optimization Using Evolutionary Algorithms").

/// The places of the points that no other point beats (at least as good in both coordinates and better in one), by rising
/// first coordinate. Equal points do not beat each other, and stay in their order. Points with a NaN are left out.
pub fn front(points: &[[f64; 2]]) -> Vec<usize> {
    let valid = |index: &usize| !points[*index].iter().any(|value| value.is_nan());
    // `+ 0.` makes minus zero zero, which `total_cmp` would tell apart.
    let by = |index: usize, axis: usize| points[index][axis] + 0.;
    let mut order: Vec<usize> = (0..points.len()).filter(valid).collect();
    order.sort_by(|a, b| by(*b, 0).total_cmp(&by(*a, 0)).then(by(*b, 1).total_cmp(&by(*a, 1))).then(b.cmp(a)));
    let mut front: Vec<usize> = Vec::new();
    for index in order {
        let beaten = front.last().is_some_and(|last| points[*last][1] >= points[index][1]);
        if !beaten || front.last().is_some_and(|last| points[*last] == points[index]) {
            front.push(index);
        }
    }
    front.reverse();
    front
}

/// The area between (0, 0) and the points, each coordinate clipped to [0, 1]: 1 if a point has all of both, 0.5 for a
/// straight front from (0, 1) to (1, 0) of ever more points. Points with a NaN are left out; 0 if there are none.
pub fn hypervolume(points: &[[f64; 2]]) -> f64 {
    let clipped: Vec<[f64; 2]> = points.iter().map(|point| point.map(|value| value.clamp(0., 1.))).collect();
    let mut left = 0.;
    let mut area = 0.;
    for index in front(&clipped) {
        let [right, height] = clipped[index];
        area += (right - left) * height;
        left = right;
    }
    area
}
