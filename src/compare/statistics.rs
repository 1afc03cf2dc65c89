//! Figures of a set of pictures with their intervals: units are what is sampled, seeds are nested in them.

use std::collections::BTreeMap;

use metrics::bootstrap::{Bootstrap, LEAST_UNITS};

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
        0..LEAST_UNITS => format!("no interval: {units} units, and {LEAST_UNITS} are the least to resample"),
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

/// Units by their mean of a method's values, for tests of pairs.
pub fn unit_means(values: &[Valued]) -> BTreeMap<usize, f64> {
    by_unit(values).into_iter().map(|(unit, of)| (unit, of.iter().sum::<f64>() / of.len() as f64)).collect()
}

/// The mean over units of a method's strength: its activation between the median photograph and the mean of the baseline's pictures. Each unit is a
/// list of its seeds' activations, the method's and the baseline's of the same number, which are drawn together: the baseline is as uncertain as the
/// method.
pub fn strength(units: &[(f64, Vec<[f64; 2]>)], bootstrap: Bootstrap) -> Measured {
    let seeds: Vec<Vec<(f64, [f64; 2])>> =
        units.iter().map(|(median, seeds)| seeds.iter().map(|pair| (*median, *pair)).collect()).collect();
    let of = |drawn: &[Vec<&(f64, [f64; 2])>]| {
        let one = |seeds: &Vec<&(f64, [f64; 2])>| {
            let median = seeds.first()?.0;
            let side = |which: usize| mean(seeds.iter().map(|(_, pair)| pair[which])) - median;
            (side(1) > 0.).then(|| side(0) / side(1))
        };
        let values: Vec<f64> = drawn.iter().filter_map(one).collect();
        (!values.is_empty()).then(|| mean(values.iter().copied()))
    };
    let all: Vec<Vec<&(f64, [f64; 2])>> = seeds.iter().map(|unit| unit.iter().collect()).collect();
    let Some(value) = of(&all) else { return absent("the baseline has no picture of these units") };
    let interval = bootstrap.hierarchical(&seeds, of);
    Measured {
        value: Some(value),
        interval: interval.map(|interval| [interval.low, interval.high]),
        units: seeds.len(),
        pictures: seeds.iter().map(Vec::len).sum(),
        why_not: interval.is_none().then(|| few(seeds.len())),
    }
}
