//! How fast fidelity falls with legibility within a unit: beta of ln F = c_u - beta ln L, least squares with an intercept
//! for each unit u (the within estimator of panel data; Mundlak 1978, "On the Pooling of Time Series and Cross Section
//! Data"). 1 is literal inverse proportionality, above 0 is a trade-off.

/// Beta over units of points (L, F). `None` if a number is not finite and positive, or if L varies in no unit.
pub fn within_unit_slope<G: AsRef<[[f64; 2]]>>(units: &[G]) -> Option<f64> {
    let (mut ll, mut lf) = (0., 0.);
    for unit in units {
        let points = unit.as_ref();
        if !points.iter().flatten().all(|value| value.is_finite() && *value > 0.) {
            return None;
        }
        let count = points.len() as f64;
        let mean = |axis: usize| points.iter().map(|point| point[axis].ln()).sum::<f64>() / count;
        let (l_mean, f_mean) = (mean(0), mean(1));
        // The mean of equal numbers can round to another one: that is no variation.
        if points.iter().all(|point| point[0] == points[0][0]) {
            continue;
        }
        for point in points {
            let (l, f) = (point[0].ln() - l_mean, point[1].ln() - f_mean);
            ll += l * l;
            lf += l * f;
        }
    }
    (ll > 0.).then(|| -lf / ll)
}
