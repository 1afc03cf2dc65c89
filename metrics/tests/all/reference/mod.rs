//! The inputs and the expected numbers of `make.py`, which lies beside.

use ndarray::Array2;
use serde_json::Value;

mod uniform;

pub use uniform::uniform;

pub fn rows(seed: u64, n: usize, d: usize, shift: f64) -> Array2<f64> {
    let values = uniform(seed, n * d).iter().map(|u| u * 2. - 1. + shift).collect();
    Array2::from_shape_vec((n, d), values).unwrap()
}

/// Waves and noise, about 0.1 to 0.9.
pub fn luminance(side: usize, seed: u64) -> Array2<f64> {
    let noise = uniform(seed, side * side);
    Array2::from_shape_fn((side, side), |(y, x)| {
        let (fx, fy) = (x as f64, y as f64);
        let waves = 0.25 * (0.11 * fx + 0.07 * fy).sin() + 0.1 * (0.53 * fx).sin() * (0.31 * fy).cos();
        0.5 + waves + 0.1 * (noise[y * side + x] - 0.5)
    })
}

pub struct Expected(Value);

pub fn expected() -> Expected {
    Expected(serde_json::from_str(include_str!("expected.json")).unwrap())
}

impl Expected {
    pub fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or_else(|| panic!("no number {name}"))
    }

    pub fn numbers(&self, name: &str) -> Vec<f64> {
        flatten(&self.0[name])
    }
}

fn flatten(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flatten).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

/// Fails unless the two agree to `tolerance`, relative where they are above 1.
#[track_caller]
pub fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.), "{found} is not {expected}");
}

#[track_caller]
pub fn all_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let bound = tolerance * expected.abs().max(1.);
        assert!((found - expected).abs() <= bound, "at {i}, {found} is not {expected}");
    }
}
