//! Whether a search had arrived: what the second half of its steps still brought.

use std::path::Path;

/// The share of a trace about its middle and at its end that is averaged: single steps are noisy under transforms.
const AROUND: usize = 10;

/// How much of the activation at the end of a trace (`trace.csv`) came in the second half of its steps: 0 where the search had arrived, negative where
/// it fell. None of a trace that cannot be read, is too short, or ends where nothing fires.
pub fn late_gain(trace: &Path) -> Option<f64> {
    let mut reader = csv::Reader::from_path(trace).ok()?;
    let column = |name: &str, header: &csv::StringRecord| header.iter().position(|of| of == name);
    let header = reader.headers().ok()?.clone();
    let (step, activation) = (column("step", &header)?, column("activation", &header)?);
    let mut rows: Vec<(f64, f64)> = vec![];
    for row in reader.records() {
        let row = row.ok()?;
        rows.push((row.get(step)?.parse().ok()?, row.get(activation)?.parse().ok()?));
    }
    gain(&rows)
}

/// Of steps and activations, ascending by steps.
fn gain(rows: &[(f64, f64)]) -> Option<f64> {
    let last = rows.last().filter(|_| rows.len() >= 2 * AROUND)?.0;
    let wide = last / AROUND as f64;
    let about = |from: f64, to: f64| {
        let within: Vec<f64> = rows.iter().filter(|(step, _)| (from..=to).contains(step)).map(|(_, a)| *a).collect();
        (!within.is_empty()).then(|| within.iter().sum::<f64>() / within.len() as f64)
    };
    let (middle, end) = (about(last / 2. - wide / 2., last / 2. + wide / 2.)?, about(last - wide, last)?);
    (end > 0.).then(|| 1. - middle / end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_goes_on_rising_has_not_arrived() {
        let trace =
            |of: fn(f64) -> f64| (0..=100).map(|step| (f64::from(step), of(f64::from(step)))).collect::<Vec<_>>();
        assert!(gain(&trace(|step| 50. * (1. - (-step / 5.).exp()))).unwrap().abs() < 0.001);
        assert!((gain(&trace(|step| step)).unwrap() - 0.474).abs() < 0.01);
        assert_eq!(gain(&trace(|_| -1.)), None);
        assert_eq!(gain(&[(0., 1.), (1., 2.)]), None);
    }
}
