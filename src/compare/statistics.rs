//! Figures of a set of pictures with their intervals: units are what is sampled, seeds are nested in them.

use std::collections::BTreeMap;

use metrics::bootstrap::Bootstrap;

use super::findings::Measured;

/// A value of a picture: its unit, and the value.
pub type Valued = (usize, f64);

/// Values by unit, in the order of the units.
pub fn by_unit(values: &[Valued]) -> BTreeMap<usize, Vec<f64>> {
    let mut units: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (unit, value) in values.iter().filter(|(_, value)| value.is_finite()) {
        units.entry(*unit).or_default().push(*value);
    }
    units
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The mean over units of the means over their pictures, with the hierarchical bootstrap's interval.
pub fn mean_of(values: &[Valued], bootstrap: Bootstrap, missing: &str) -> Measured {
    let units: Vec<Vec<f64>> = by_unit(values).into_values().collect();
    let pictures = units.iter().map(Vec::len).sum();
    if units.is_empty() {
        return absent(missing);
    }
    let of = |drawn: &[Vec<&f64>]| Some(mean(drawn.iter().map(|seeds| mean(seeds.iter().map(|value| **value)))));
    let value = mean(units.iter().map(|seeds| mean(seeds.iter().copied())));
    let interval = bootstrap.hierarchical(&units, of);
    let why_not = interval.is_none().then(|| few(units.len()));
    Measured {
        value: Some(value),
        interval: interval.map(|interval| [interval.low, interval.high]),
        units: units.len(),
        pictures,
        why_not,
    }
}

/// Why there is no interval.
pub fn few(units: usize) -> String {
    match units {
        0..3 => format!("no interval: {units} units, and 3 are the least to resample"),
        _ => "no interval: resampled, it is mostly undefined".to_owned(),
    }
}

/// A figure that was not computed.
pub fn absent(why: &str) -> Measured {
    Measured { why_not: Some(why.to_owned()), ..Measured::default() }
}

/// A figure without an interval.
pub fn bare(value: Option<f64>, units: usize, pictures: usize, why_not: &str) -> Measured {
    let value = value.filter(|value| value.is_finite());
    Measured { value, interval: None, units, pictures, why_not: Some(why_not.to_owned()) }
}
