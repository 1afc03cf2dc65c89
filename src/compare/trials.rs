//! Whether measures notice what they must, and do not notice what they must not: every measure of legibility and capacity under every manipulation.

use std::collections::BTreeMap;

use super::findings::{Direction, Expected, MethodFindings, MetricGroup, Trial};
use super::manipulations::{MANIPULATED, UNTOUCHED, expected};
use super::methods::Parts;
use super::statistics::{mean_of, unit_means};

/// Every measure that has a value for single units, under every manipulation; nothing where nothing was manipulated.
pub fn trials(parts: &Parts, methods: &[MethodFindings]) -> Vec<Trial> {
    let place = |name: &str| methods.iter().position(|method| method.name == name);
    let (Some(untouched), noise) = (place(UNTOUCHED), place("blurred noise")) else { return vec![] };
    let mut found = vec![];
    let measures = parts.metrics.iter().filter(|metric| {
        let of_pictures = matches!(metric.group, MetricGroup::Legibility | MetricGroup::Capacity);
        of_pictures && metric.not_computed.is_none() && metric.direction != Direction::None
    });
    for metric in measures {
        let sign = if metric.direction == Direction::Down { -1. } else { 1. };
        let of = |method: usize| -> BTreeMap<usize, f64> { unit_means(&parts.values(method, &metric.key)) };
        let own = of(untouched);
        if own.is_empty() {
            continue;
        }
        let difference = |other: &BTreeMap<usize, f64>| {
            let pairs = own.iter().filter_map(|(unit, own)| Some((*unit, sign * (other.get(unit)? - own))));
            mean_of(&pairs.collect::<Vec<_>>(), parts.evidence.bootstrap, "no unit has both")
        };
        // A measure that does not tell exemplars from noise has nothing that could fall.
        let can_fall =
            noise.map(|noise| difference(&of(noise))).and_then(|less| less.interval).is_some_and(|[_, high]| high < 0.);
        for method in methods.iter().filter(|method| method.name.starts_with(MANIPULATED)) {
            let (Some(expected), Some(place)) = (expected(&method.name), place(&method.name)) else { continue };
            let change = difference(&of(place));
            let falls = change.interval.map(|[_, high]| high < 0.).filter(|_| can_fall);
            found.push(Trial {
                metric: metric.key.clone(),
                manipulation: method.name.trim_start_matches(MANIPULATED).to_owned(),
                expected,
                passed: falls.map(|falls| falls == (expected == Expected::Falls)),
                change,
            });
        }
    }
    found
}
